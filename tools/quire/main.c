/* SPDX-License-Identifier: MIT */
/* The quire command: a table of subcommands, and help for each. */
#include <stdio.h>
#include <string.h>

#include "command.h"

#ifndef QUIRE_VERSION
#define QUIRE_VERSION "unknown"
#endif

static const struct quire_command commands[] = {
    {"explain", "read a kernel log or a bare fault code, and explain every memory fault in it",
     explain_command, explain_help},
    {"try", "run scenarios, check what they expect, and show the path of every fault", try_command, try_help},
    {"conform", "compare random programs with the running kernel", conform_command, conform_help},
    {"run", "run a program of this machine under the reference kernel, in QEMU", run_command, run_help},
    {"report", "make a page, or a trace for Perfetto, of a recorded run", report_command, report_help},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct quire_command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

static void print_help(FILE *out)
{
	fputs("usage: quire COMMAND [ARGUMENTS]\n"
	      "       quire help COMMAND\n"
	      "       quire --version\n\n"
	      "Linux's page-fault path as a library: its command-line tools.\n\n"
	      "commands:\n",
	      out);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("  help       show how to use a command\n", out);
}

static int unknown_command(const char *name)
{
	fprintf(stderr, "quire: unknown command '%s'; quire --help lists them\n", name);
	return QUIRE_EXIT_USAGE;
}

static int help_command(int argc, char **argv)
{
	const struct quire_command *command;

	if (argc < 3) {
		print_help(stdout);
		return QUIRE_EXIT_OK;
	}
	command = find_command(argv[2]);
	if (!command)
		return unknown_command(argv[2]);
	command->help(stdout);
	return QUIRE_EXIT_OK;
}

static int is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

int main(int argc, char **argv)
{
	const struct quire_command *command;
	int status;

	if (argc < 2) {
		print_help(stderr);
		return QUIRE_EXIT_USAGE;
	}
	if (is_help(argv[1]) || strcmp(argv[1], "help") == 0) {
		status = help_command(argc, argv);
	} else if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
		printf("quire %s\n", QUIRE_VERSION);
		status = QUIRE_EXIT_OK;
	} else {
		command = find_command(argv[1]);
		if (!command)
			return unknown_command(argv[1]);
		if (argc > 2 && is_help(argv[2])) {
			command->help(stdout);
			status = QUIRE_EXIT_OK;
		} else {
			status = command->run(argc - 1, argv + 1);
		}
	}
	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("quire: cannot write the output");
		return QUIRE_EXIT_USAGE;
	}
	return status;
}
