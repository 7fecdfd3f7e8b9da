/* SPDX-License-Identifier: MIT */
/* The options of a subcommand: getopt_long() with one manner of complaint. */
#ifndef QUIRE_TOOL_OPTION_H
#define QUIRE_TOOL_OPTION_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

/* The `val` of the next option, with its value in `optarg`; -1 when there is none left; '?' after a message
 * about one that is unknown or wants a value. `how`: "" or "+", as getopt_long() has it: options end at the
 * first argument. `*began` is false before the first call. */
int option_next(const char *command, int argc, char **argv, const char *how, const struct option *table,
		bool *began);

/* "quire COMMAND: WHAT[: WORD]; see quire COMMAND --help". Returns QUIRE_EXIT_USAGE. */
int option_error(const char *command, const char *what, const char *word);

/* The whole text as a number from `least` to `most`: decimal, or hexadecimal with 0x. */
bool option_number(const char *text, uint64_t least, uint64_t most, uint64_t *out);

bool option_unsigned(const char *text, unsigned least, unsigned most, unsigned *out);

/* The same with K, M or G behind it: bytes, up to a terabyte. */
bool option_bytes(const char *text, uint64_t *out);

#endif
