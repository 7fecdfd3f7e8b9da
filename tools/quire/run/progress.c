/* SPDX-License-Identifier: MIT */
/* One line on a terminal while a program runs: how long, and with a trace how many faults. It leaves with the end. */
#include "run.h"

#include <inttypes.h>
#include <unistd.h>

enum {
	PROGRESS_MS = 500
};

/* Only where nothing else is written: a program that has the terminal draws on it itself. */
bool progress_wanted(const struct run_options *options)
{
	return isatty(2) && !isatty(1) && !isatty(0) && !options->quiet && !options->keep_log;
}

int progress_wait_ms(const struct run_progress *progress, int left_ms)
{
	return progress->on && (left_ms < 0 || left_ms > PROGRESS_MS) ? PROGRESS_MS : left_ms;
}

void progress_draw(struct run_progress *progress, uint64_t now_ns, uint64_t faults)
{
	uint64_t passed = now_ns - progress->last_ns;

	if (!progress->on || passed < PROGRESS_MS * UINT64_C(1000000))
		return;
	fprintf(stderr, "\r\033[K%.1f s", (double)(now_ns - progress->begin_ns) / 1e9);
	if (faults)
		fprintf(stderr, ", %" PRIu64 " faults, %.0f a second", faults,
			(double)(faults - progress->last_faults) * 1e9 / (double)passed);
	fflush(stderr);
	progress->last_ns = now_ns;
	progress->last_faults = faults;
	progress->drawn = true;
}

void progress_clear(struct run_progress *progress)
{
	if (progress->drawn)
		fputs("\r\033[K", stderr);
	fflush(stderr);
	progress->drawn = false;
}
