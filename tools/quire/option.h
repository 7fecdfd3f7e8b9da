/* SPDX-License-Identifier: MIT */
/* The options of a subcommand: getopt_long() with uniform error messages. */
#ifndef QUIRE_TOOL_OPTION_H
#define QUIRE_TOOL_OPTION_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

/* Returns the `val` of the next option, with its value in `optarg`; -1 after the last; '?' after a message
 * about an unknown option or a missing value. `how`: "", or "+" to stop at the first argument, as in
 * getopt_long(). `*began` must be false before the first call. */
int option_next(const char *command, int argc, char **argv, const char *how, const struct option *table,
		bool *began);

/* "quire COMMAND: WHAT[: WORD]; see quire COMMAND --help". Returns QUIRE_EXIT_USAGE. */
int option_error(const char *command, const char *what, const char *word);

/* Reads the whole text as a number from `least` to `most`: decimal, or hexadecimal with 0x. */
bool option_number(const char *text, uint64_t least, uint64_t most, uint64_t *out);

bool option_unsigned(const char *text, unsigned least, unsigned most, unsigned *out);

/* Reads a size in bytes, up to a terabyte; the number may have a suffix K, M or G. */
bool option_bytes(const char *text, uint64_t *out);

#endif
