/* SPDX-License-Identifier: MIT */
/* quire report: makes a page, or a trace for Perfetto, of a recorded run. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../command.h"
#include "../option.h"
#include "report.h"

enum {
	OPT_OUTPUT = 256,
	OPT_PERFETTO,
	OPT_HELP
};

static const struct option table[] = {
    {"output", required_argument, NULL, OPT_OUTPUT},
    {"perfetto", required_argument, NULL, OPT_PERFETTO},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

void report_help(FILE *out)
{
	fputs("usage: quire report [OPTION...] TRACE\n\n"
	      "Makes one HTML page of the faults of a run: over time, in the address space, by their ways, "
	      "as a\n"
	      "working set, in a table. TRACE is what quire run --trace FILE wrote; - is standard\n"
	      "input.\n\n"
	      "  --output FILE    the page (default: TRACE with .html behind it)\n"
	      "  --perfetto FILE  instead: trace events that ui.perfetto.dev opens\n"
	      "  --help           this text\n\n"
	      "Exit status: 0 it is written, 2 bad use, or a file that cannot be read or written.\n",
	      out);
}

/* A trace that can be read twice: standard input is copied. */
static FILE *open_trace(const char *path)
{
	FILE *copy;

	if (strcmp(path, "-") != 0)
		return fopen(path, "re");
	copy = tmpfile();
	if (copy && (!stream_copy(stdin, copy) || fflush(copy) != 0)) {
		fclose(copy);
		return NULL;
	}
	return copy;
}

static int make(const char *path, const char *output, const char *perfetto)
{
	char name[4096];
	FILE *trace = open_trace(path);
	bool good = true;

	if (!trace) {
		fprintf(stderr, "quire report: %s: %s\n", path, strerror(errno));
		return QUIRE_EXIT_USAGE;
	}
	snprintf(name, sizeof(name), "%s.html", strcmp(path, "-") == 0 ? "report" : path);
	if (perfetto)
		good = report_to_file(trace, perfetto, "report", perfetto_write);
	if (output || !perfetto)
		good &= report_to_file(trace, output ? output : name, "report", page_write);
	fclose(trace);
	return good ? QUIRE_EXIT_OK : QUIRE_EXIT_USAGE;
}

int report_command(int argc, char **argv)
{
	const char *output = NULL, *perfetto = NULL;
	bool began = false;
	int option;

	while ((option = option_next("report", argc, argv, "", table, &began)) != -1) {
		switch (option) {
		case OPT_OUTPUT:
			output = optarg;
			break;
		case OPT_PERFETTO:
			perfetto = optarg;
			break;
		case OPT_HELP:
			report_help(stdout);
			return QUIRE_EXIT_OK;
		default:
			return QUIRE_EXIT_USAGE;
		}
	}
	if (optind == argc)
		return option_error("report", "no trace is named", NULL);
	if (optind + 1 < argc)
		return option_error("report", "one trace at a time", argv[optind + 1]);
	return make(argv[optind], output, perfetto);
}
