/* SPDX-License-Identifier: MIT */
/* Core files: core(5). */
#ifndef KERNEL_CORE_H
#define KERNEL_CORE_H

#include "kern/kernel.h"

/* The calling process dies of the signal: its other threads are ended, and its memory is written to a file, if its limit
 * and core_pattern let it. The wait status that it ends with. */
int core_dump(int signal);

#endif
