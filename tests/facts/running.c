/* SPDX-License-Identifier: MIT */
/* facts-running [PROFILE]: measures the running Linux, or the kernel that runs this program, whose rules are
 * PROFILE's (linux-6). Static, so that it runs in any kernel. */
#include "facts.h"

#include <string.h>

int main(int argc, char **argv)
{
	const char *profile = argc > 1 ? argv[1] : "linux-6", *why;
	struct facts f = {.to = stdout};
	struct facts_machine *machine;

	for (unsigned i = 0; i < facts_column_count; i++)
		if (strcmp(facts_columns[i].profile, profile) == 0 &&
		    strcmp(facts_columns[i].arch, "x86_64") == 0)
			f.column = &facts_columns[i];
	if (!f.column) {
		fputs("usage: facts-running [PROFILE]\n", stderr);
		return 2;
	}
	machine = facts_linux_open(&why);
	if (!machine) {
		fprintf(stderr, "facts-running: %s\n", why);
		return 2;
	}
	f.machine = machine;
	facts_measure(&f);
	facts_linux_close(machine);
	return 0;
}
