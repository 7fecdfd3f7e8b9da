/* SPDX-License-Identifier: MIT */
/* Swap areas on a disk, and the thread that frees memory in advance. */
#ifndef KERNEL_SWAP_H
#define KERNEL_SWAP_H

#include <stdbool.h>
#include <stdint.h>

/* After the devices: /dev/vda, if there is a disk; attached at once if the command line says "swapon". */
void swap_init(void);

/* An allocation of the kernel's own failed, `tries` times before. Whether pages of programs have left memory, so that it
 * may be tried again. False at once where the task must not sleep. */
bool pages_left(unsigned tries);

#endif
