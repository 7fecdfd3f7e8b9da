/* SPDX-License-Identifier: MIT */
/* Windows of no machine (arch/common/window.h). */
#ifndef BARE_CPU_H
#define BARE_CPU_H

#include "arch.h"

#define KMAP_BASE    0xf0000000
#define KMAP_BYTES   0x100000
#define WINDOW_BASE  0xf8000000
#define WINDOW_BYTES 0x100000

static inline uint32_t window_entry(quire_pfn pfn)
{
	return (uint32_t)pfn.n;
}

static inline void window_changed(uintptr_t va)
{
}

#endif
