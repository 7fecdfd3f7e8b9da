/* SPDX-License-Identifier: MIT */
/* The one system of this kernel, and which of its address spaces a CPU uses. */
#ifndef KERNEL_SYSTEM_H
#define KERNEL_SYSTEM_H

#include "kern/kernel.h"

/* Made by system_create() before anything else runs. */
extern struct quire_system *the_system;
/* Programs have the addresses below; set with the_system, from the library's table of the architecture. */
extern uint64_t user_end;

/* Gives the library its configuration and its RAM; panics when it refuses. */
void system_create(void);
/* Nothing runs any more: panics unless what the library believes is what the tables and lists say. */
void system_check(void);

/* This CPU goes to an address space; NULL: to the kernel's own tables. => interrupts are off. */
void mm_switch(struct quire_mm *mm);

#endif
