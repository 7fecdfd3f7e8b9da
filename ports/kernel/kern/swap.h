/* SPDX-License-Identifier: MIT */
/* Swap areas on a disk, and the thread that frees memory in advance. */
#ifndef KERNEL_SWAP_H
#define KERNEL_SWAP_H

#include <stdint.h>

/* After the devices: /dev/vda, if there is a disk; attached at once if the command line says "swapon". */
void swap_init(void);

#endif
