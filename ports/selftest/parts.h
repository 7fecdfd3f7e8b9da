/* SPDX-License-Identifier: MIT */
/* What the parts of the self-test share. Public headers only. */
#ifndef SELFTEST_PARTS_H
#define SELFTEST_PARTS_H

#include "selftest.h"

struct selftest_run {
	const struct quire_selftest *test;
	const char *part;
	unsigned failures;
};

/* Says what is wrong, and counts it, unless `right`. Returns `right`. */
bool selftest_check(struct selftest_run *run, bool right, const char *wrong);

void selftest_tables(struct selftest_run *run); /* tables.c */

#endif
