/* SPDX-License-Identifier: MIT */
/* quire run: from the command line to the exit status. */
#include "run.h"

#include "../report/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where the faults go: the file that the user named, or one of our own for what is made of them. */
static FILE *open_trace(const struct run_options *options)
{
	FILE *trace;

	if (options->report && !page_is_there()) {
		run_error("--report: this quire was built without D3 (Debian: node-d3)");
		return NULL;
	}
	trace = options->trace && strcmp(options->trace, "-") != 0 ? fopen(options->trace, "w+e") : tmpfile();
	if (!trace)
		run_error("--trace %s: %s", options->trace ? options->trace : "(a file of its own)",
			  strerror(errno));
	return trace;
}

/* Makes of the faults what the user wants. Returns -1 after a message. */
static int make_views(const struct run_options *options, FILE *trace)
{
	bool good = true;

	if (options->report)
		good = report_to_file(trace, options->report, "run", page_write);
	if (options->perfetto)
		good &= report_to_file(trace, options->perfetto, "run", perfetto_write);
	return good ? 0 : -1;
}

static FILE *open_output(const char *path, const char *option)
{
	FILE *out = fopen(path, "we");

	if (!out)
		run_error("%s %s: %s", option, path, strerror(errno));
	return out;
}

/* A file whose last bytes could not be written is an error that the user must see. */
static int close_output(FILE *out, const char *path, const char *option)
{
	bool bad = ferror(out);

	if (fclose(out) || bad) {
		run_error("%s %s: cannot be written", option, path);
		return -1;
	}
	return 0;
}

static int run_guest(struct run_options *options, FILE *trace, FILE *json)
{
	struct run_report *report = calloc(1, sizeof(*report));
	struct run_lines lines;
	uint64_t archive_length;
	int archive, pid, status;
	bool failed;

	if (!report) {
		run_error("out of memory");
		return RUN_FAILED;
	}
	report_init(report, trace, options->keep_log);
	report->shown = options->trace && strcmp(options->trace, "-") == 0 ? stdout : NULL;
	report->drawn = report->shown && isatty(STDOUT_FILENO);
	status = run_pack(options, &archive, &archive_length);
	if (status)
		goto out;
	if (options->pack) {
		close(archive);
		goto out;
	}
	pid = qemu_start(options, archive, archive_length, &lines, report);
	close(archive);
	if (pid < 0) {
		status = RUN_FAILED;
		goto out;
	}
	trace_begin(report, options);
	status = session_run(options, pid, &lines, report);
	failed = report->failed;
	trace_write(report, options);
	trace_end(report);
	if (report->failed && !failed) {
		run_error("the trace is damaged, or cannot be written");
		status = RUN_FAILED;
	}
	qemu_close(&lines);
	if (report->ended && options->argv[0])
		death_print(report, options->argv[0]);
	if (report->ended && !options->quiet)
		report_print(report, stderr);
	if (json && report_json(report, options, json))
		status = RUN_FAILED;
out:
	report_free(report);
	free(report);
	return status;
}

int run_command(int argc, char **argv)
{
	FILE *trace = NULL, *json = NULL;
	struct run_options options;
	int status = run_options_parse(&options, argc, argv);

	if (status) {
		run_options_free(&options);
		return status > 0 ? 0 : RUN_FAILED;
	}
	status = RUN_FAILED;
	if (run_is_traced(&options) && !(trace = open_trace(&options)))
		goto out;
	if (options.json && !(json = open_output(options.json, "--json")))
		goto out;
	if (options.swap && (options.swap_fd = run_swap_open(&options)) < 0)
		goto out;
	status = run_guest(&options, trace, json);
	if (trace && make_views(&options, trace))
		status = RUN_FAILED;
out:
	if (options.swap_fd >= 0)
		close(options.swap_fd);
	if (trace && close_output(trace, options.trace ? options.trace : "", "--trace"))
		status = RUN_FAILED;
	if (json && close_output(json, options.json, "--json"))
		status = RUN_FAILED;
	run_options_free(&options);
	return status;
}
