/* SPDX-License-Identifier: MIT */
/* This kernel as the library's host: see docs of the contract in <quire/port/host.h>. */
#ifndef KERNEL_HOST_H
#define KERNEL_HOST_H

#include "kern/kernel.h"

extern const struct quire_host kernel_host;
void host_init(void);

#endif
