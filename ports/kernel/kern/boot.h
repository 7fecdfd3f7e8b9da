/* SPDX-License-Identifier: MIT */
/* What the boot loader gave: command line, initramfs, RAM. The architecture fills it in before
 * kernel_main(). */
#ifndef KERNEL_BOOT_H
#define KERNEL_BOOT_H

#include "kern/kernel.h"

struct boot_info {
	char cmdline[2048];    /* "name=value" words, with blanks between; see boot_option() */
	const uint8_t *initrd; /* linear address of the initramfs, NULL when there is none; stays for good */
	size_t initrd_size;
	uint64_t initrd_pa; /* physical, where a device tree tells of it */
	uint64_t ram_bytes; /* what was given to the library; ram_give() counts it */
};
extern struct boot_info boot_info;

/* The value of "name=value" on the command line into `value`; "" for a bare "name". False: not there. */
bool boot_option(const char *name, char *value, size_t size);
/* The bytes of "name=16M", with K, M or G; 0: not there, or no size. */
uint64_t boot_size(const char *name);

/* RAM at physical [start, end), what is in use included. */
void ram_add(uint64_t start, uint64_t end);
/* [start, end) is in use: the image, boot tables, the initramfs, firmware. => after ram_add(). */
void ram_reserve(uint64_t start, uint64_t end);

/* Something that the boot loader placed, by its linear address. */
struct ram_loaded {
	const void **at;
	uint64_t pa;
	size_t bytes;
};
/* Moves what was loaded down to physical `to`, one behind the other; `loaded` is ordered by `pa`. What lies below, or has
 * no room there, stays and is reserved. Returns the end of what is used from `to` on. => after ram_add() */
uint64_t ram_gather(const struct ram_loaded *loaded, unsigned count, uint64_t to);

/* No range goes on across physical `at`, which one may begin at. */
void ram_cut(uint64_t at);
/* The highest end of RAM so far: how far a linear map must reach. */
uint64_t ram_top(void);
/* The lowest start of RAM so far. */
uint64_t ram_bottom(void);
/* What is left goes to the library, at most what "mem=64M" says. */
void ram_give(struct quire_config *config);

#endif
