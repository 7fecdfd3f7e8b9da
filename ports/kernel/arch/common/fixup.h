/* SPDX-License-Identifier: MIT */
/* The table that uaccess.S writes: pairs of the instruction that may fault and where its copy goes on. */
#ifndef KERNEL_FIXUP_H
#define KERNEL_FIXUP_H

#include <stdint.h>

/* Where a copy that faulted at `pc` goes on; 0: nothing is said of it. */
static inline uint64_t fixup_find(const uint64_t (*row)[2], const uint64_t (*end)[2], uint64_t pc)
{
	for (; row < end; row++) {
		if ((*row)[0] == pc)
			return (*row)[1];
	}
	return 0;
}

#endif
