/* SPDX-License-Identifier: MIT */
/* The self-test at boot. */
#ifndef KERNEL_SELFTEST_H
#define KERNEL_SELFTEST_H

#include <stdbool.h>

/* Every part says what it did in the log. False: one failed. */
bool selftest_run(void);

#endif
