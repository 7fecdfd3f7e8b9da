/* SPDX-License-Identifier: MIT */
/* Tags: a number of the port's that keeps mappings apart, such as the memory policy that mbind(2) gives a range. */
#ifndef QUIRE_TAG_H
#define QUIRE_TAG_H

#include <quire/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct quire_mm;

/* Gives the mappings of [addr, addr + length) this tag; 0, which every new mapping has, is none. Mappings with different
 * tags are never one, and equal neighbours become one, as with any other property. A tag goes with mremap, and to the
 * child of a fork; it changes nothing else.
 * `length`: bytes, rounded up to pages. Holes are passed over.
 * Returns    QUIRE_OK; QUIRE_EINVAL: unaligned, or the range wraps; QUIRE_ENOMEM: too many mappings, or no memory: those
 *            below have the tag.
 * Context    may sleep for the mm lock, pages. Stack: middle. Locks: none may be held. */
enum quire_status quire_mm_set_tag(struct quire_mm *mm, quire_va addr, uint64_t length,
				   uint8_t tag) QUIRE_MUST_USE;

/* *out_tag: the tag of the mapping that has `va`.
 * Returns    QUIRE_OK; QUIRE_ENOENT: nothing is mapped there.
 * Context    may sleep for the mm lock. Stack: small. Locks: none may be held. */
enum quire_status quire_mm_tag(struct quire_mm *mm, quire_va va, uint8_t *out_tag) QUIRE_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
