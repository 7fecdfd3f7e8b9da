/* SPDX-License-Identifier: MIT */
/* Flattened device trees, for architectures whose boot loader gives one (Devicetree Specification 0.4,
 * chapter 5).
 *
 * Nothing is allocated, and the blob is only read. It may be unaligned, and it is not trusted: a value that
 * points outside it reads as absent. */
#ifndef KERNEL_FDT_H
#define KERNEL_FDT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A node on a walk through the tree. Zeroed: before the first. */
struct fdt_node {
	size_t at;      /* of what follows the name, in the structure block */
	unsigned depth; /* the root's is 1 */
	const char *name;
};

/* The size of the blob; 0: this is none, or of a version that is not known. */
size_t fdt_size(const void *blob);
/* The next node, in the order of the blob: parents before their children. False: there is none. */
bool fdt_next(const void *blob, struct fdt_node *node);
/* The value of a property of the node; NULL: it has none of that name. */
const void *fdt_property(const void *blob, const struct fdt_node *node, const char *name, size_t *out_bytes);
/* `count` cells of 32 bits, big-endian, as one number: its lowest 64 bits. */
uint64_t fdt_cells(const void *cells, unsigned count);

/* RAM by ram_add(), the reserved ranges by ram_reserve(), the command line and the initramfs in boot_info. False: the
 * blob is none, or has no memory. */
bool fdt_read_memory(const void *blob);
/* The blob, which lies at physical `pa`, and the initramfs go to physical `to`, behind the image: in the midst of RAM
 * they would make two ranges of it. Returns where they end. => RAM is known, and has its linear addresses */
uint64_t fdt_gather(const void **blob, uint64_t pa, uint64_t to);
/* The `reg` of each CPU that may be started. Returns how many, at most `max`. */
unsigned fdt_cpus(const void *blob, uint64_t *out_ids, unsigned max);

#endif
