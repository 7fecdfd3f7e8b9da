/* SPDX-License-Identifier: MIT */
/* What a run says of its operations: how often, and the last. */
#ifndef TESTS_SCENARIO_SAID_H
#define TESTS_SCENARIO_SAID_H

#include <stdio.h>

struct said {
	unsigned count;
	char text[600];
};

static void remember(void *context, unsigned index, const char *text)
{
	struct said *said = context;

	said->count++;
	snprintf(said->text, sizeof(said->text), "%u: %s", index, text);
}

#endif
