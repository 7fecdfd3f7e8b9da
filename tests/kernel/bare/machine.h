/* SPDX-License-Identifier: MIT */
/* The least architecture that arch.h allows: nothing is inline, and everything optional is asked for. */
#ifndef BARE_MACHINE_H
#define BARE_MACHINE_H

#include <stdint.h>

#define MAX_CPUS           4
#define KERNEL_STACK_PAGES 2
#define ARCH_FRAME_MAP
#define ARCH_PTE_SYNC
#define ARCH_ICACHE_SYNC

#define ARCH_DWARF_REGISTERS 33
#define ARCH_DWARF_SP        31
#define ARCH_DWARF_RA        30
#define ARCH_CALL_PUSHES     0

struct arch_task {
	uint32_t windows;
};

struct arch_cpu {
	char nothing;
};

#endif
