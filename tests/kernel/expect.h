/* SPDX-License-Identifier: MIT */
/* For programs that go on after what was otherwise: they count it, and end with `failures != 0`. */
#ifndef EXPECT_H
#define EXPECT_H

#include <stdio.h>

static int failures;

static void expect(const char *what, long got, long wanted)
{
	if (got == wanted)
		return;
	printf("%s: %ld, not %ld\n", what, got, wanted);
	failures++;
}
#define EXPECT(call, wanted) expect(#call, (long)(call), (wanted))

#endif
