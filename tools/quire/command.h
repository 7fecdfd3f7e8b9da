/* SPDX-License-Identifier: MIT */
/* The subcommands of quire, as main.c sees them. */
#ifndef QUIRE_TOOL_COMMAND_H
#define QUIRE_TOOL_COMMAND_H

#include <stdio.h>

/* The exit statuses of all subcommands; the help of each says what 1 means. */
enum {
	QUIRE_EXIT_OK = 0,
	QUIRE_EXIT_NOTHING = 1, /* nothing found, a difference, a failed expectation */
	QUIRE_EXIT_USAGE = 2,   /* bad use, or a file that cannot be read */
	QUIRE_EXIT_SKIPPED = 3  /* quire try: something was not judged */
};

struct quire_command {
	const char *name;
	const char *summary;               /* one line, no full stop */
	int (*run)(int argc, char **argv); /* argv[0] is the subcommand's name; returns the exit status */
	void (*help)(FILE *out);           /* usage and options */
};

/* A new subcommand needs a line here, a line in main.c's table, and a folder with a meson.build. */
int explain_command(int argc, char **argv);
void explain_help(FILE *out);
int conform_command(int argc, char **argv);
void conform_help(FILE *out);
int try_command(int argc, char **argv);
void try_help(FILE *out);
int run_command(int argc, char **argv);
void run_help(FILE *out);
int report_command(int argc, char **argv);
void report_help(FILE *out);

#endif
