/* SPDX-License-Identifier: MIT */
/* Windows: addresses for frames that have none for good. For architectures of 32 bits, with ARCH_FRAME_MAP.
 *
 * cpu.h of each says where kernel mappings and windows are, KMAP_BASE, KMAP_BYTES, WINDOW_BASE, WINDOW_BYTES, and has
 *   window_entry()     the entry of a frame: the kernel alone reads and writes it
 *   window_changed()   an entry was stored: this CPU's next access to that page goes by it
 * struct arch_task has `windows`, 0 when the task begins. */
#ifndef KERNEL_WINDOW_H
#define KERNEL_WINDOW_H

#include <stdint.h>

struct task;

/* `entries`: of all windows in order, clear, in tables that every root has. Without it there are no windows. */
void windows_start(uint32_t *entries);
/* This CPU is about to continue `next`. => interrupts are off. */
void windows_switch(const struct task *next);

#endif
