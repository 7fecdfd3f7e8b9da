/* SPDX-License-Identifier: MIT */
/* facts PROFILE ARCH: measures the simulated machine. facts --list: the columns. */
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

static int run_sim(struct facts *f)
{
	struct facts_machine *machine;
	const char *why;

	machine = facts_sim_open(f->column, &why);
	if (!machine) {
		fprintf(stderr, "facts: %s\n", why);
		return 2;
	}
	f->machine = machine;
	facts_measure(f);
	return facts_sim_close(machine) ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct facts f = {.to = stdout};

	if (argc == 2 && strcmp(argv[1], "--list") == 0) {
		for (unsigned i = 0; i < facts_column_count; i++)
			printf("%s\t%s\t%s\n", facts_columns[i].profile, facts_columns[i].arch,
			       facts_columns[i].kernel);
		return 0;
	}
	f.column = argc == 3 ? find(argv[1], argv[2]) : NULL;
	if (f.column)
		return run_sim(&f);
	fputs("usage: facts PROFILE ARCH | facts --list\n", stderr);
	return 2;
}
