/* SPDX-License-Identifier: MIT */
/* Files of huge pages, of which there are none. */
#ifndef KERNEL_HUGE_H
#define KERNEL_HUGE_H

#include "kern/kernel.h"

struct file;
struct file_ops;

unsigned huge_shift(void); /* the size of one, as a power of two */
/* For a file of pages of 1 << size bytes; 0: the only size. NULL: there is none such. */
const struct file_ops *huge_file_ops(unsigned size);
unsigned huge_file_shift(const struct file *file); /* 0: another kind of file */

#endif
