/* SPDX-License-Identifier: MIT */
/* facts PROFILE ARCH: measures the simulated machine. facts --list: the columns that have a kernel. */
#include "facts.h"

#include <string.h>

static const struct facts_column *find(const char *profile, const char *arch)
{
	for (unsigned i = 0; i < facts_column_count; i++)
		if (strcmp(facts_columns[i].profile, profile) == 0 &&
		    strcmp(facts_columns[i].arch, arch) == 0)
			return &facts_columns[i];
	return NULL;
}

static void measure(struct facts *f)
{
	facts_of_counts(f);
	facts_of_files(f);
	facts_of_signals(f);
	facts_of_stack(f);
	facts_of_calls(f);
	facts_of_limits(f);
	facts_of_kernel(f);
}

int main(int argc, char **argv)
{
	struct facts f = {.to = stdout};
	struct facts_machine *machine;
	const char *why;

	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		for (unsigned i = 0; i < facts_column_count; i++)
			printf("%s\t%s\t%s\n", facts_columns[i].profile, facts_columns[i].arch,
			       facts_columns[i].kernel);
		return 0;
	}
	f.column = argc == 3 ? find(argv[1], argv[2]) : NULL;
	if (!f.column) {
		fputs("usage: facts PROFILE ARCH | facts --list\n", stderr);
		return 2;
	}
	machine = facts_sim_open(f.column, &why);
	if (!machine) {
		fprintf(stderr, "facts: %s\n", why);
		return 2;
	}
	f.machine = machine;
	measure(&f);
	return facts_sim_close(machine) ? 1 : 0;
}
