/* SPDX-License-Identifier: MIT */
/* quire try and quire conform over the library with every check on. */
#include <stdio.h>
#include <string.h>

#include <tools/quire/command.h>

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "try") == 0)
		return try_command(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "conform") == 0)
		return conform_command(argc - 1, argv + 1);
	fputs("usage: quire-checked try|conform ...\n", stderr);
	return 2;
}
