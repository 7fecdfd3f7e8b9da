/* SPDX-License-Identifier: MIT */
/* The options of a subcommand. */
#include "option.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "command.h"

int option_error(const char *command, const char *what, const char *word)
{
	fprintf(stderr, "quire %s: %s%s%s; see quire %s --help\n", command, what, word ? ": " : "",
		word ? word : "", command);
	return QUIRE_EXIT_USAGE;
}

int option_next(const char *command, int argc, char **argv, const char *how, const struct option *table,
		bool *began)
{
	char short_options[4];
	int option;

	snprintf(short_options, sizeof(short_options), "%s:", how);
	if (!*began)
		optind = 0; /* glibc: restart the scan */
	*began = true;
	opterr = 0;
	option = getopt_long(argc, argv, short_options, table, NULL);
	if (option == ':')
		option_error(command, "a value is missing", argv[optind - 1]);
	else if (option == '?')
		option_error(command, "no such option", argv[optind - 1]);
	return option == ':' ? '?' : option;
}

bool option_number(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 0);
	return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *out >= least &&
	       *out <= most;
}

bool option_unsigned(const char *text, unsigned least, unsigned most, unsigned *out)
{
	uint64_t n;

	if (!option_number(text, least, most, &n))
		return false;
	*out = (unsigned)n;
	return true;
}

bool option_bytes(const char *text, uint64_t *out)
{
	unsigned shift;
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 0);
	shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
	if (errno || text[0] < '0' || text[0] > '9' || end[shift != 0] || *out > (uint64_t)1 << 40 >> shift)
		return false;
	*out <<= shift;
	return true;
}
