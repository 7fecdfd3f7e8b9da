/* SPDX-License-Identifier: MIT */
/* The programs of this architecture. */
#ifndef KERNEL_USER_ABI_H
#define KERNEL_USER_ABI_H

#include "abi/riscv64.h"

#endif
