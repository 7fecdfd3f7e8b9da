/* SPDX-License-Identifier: MIT */
/* The group that the program of the boot is put in, with all its children. */
#ifndef KERNEL_GROUP_H
#define KERNEL_GROUP_H

#include "kern/kernel.h"

/* Makes the group, if the command line has memlimit=SIZE. */
void group_init(void);

/* A new address space joins the group of the calling task's; the boot's first program, the one of memlimit. */
void group_join(struct quire_mm *mm);

#endif
