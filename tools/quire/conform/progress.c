/* SPDX-License-Identifier: MIT */
/* The progress bar of quire conform. */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
	EVERY_MS = 250,
	BAR = 24
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void conform_progress_begin(struct conform_progress *progress, bool wanted, uint64_t programs)
{
	uint64_t now = now_ns();

	*progress = (struct conform_progress){.on = wanted && programs && isatty(STDERR_FILENO),
					      .programs = programs,
					      .begin_ns = now,
					      .last_ns = now};
}

static void draw_bar(uint64_t done, uint64_t programs)
{
	unsigned full = (unsigned)((double)done / (double)programs * BAR);

	fputs("\r\033[K[", stderr);
	for (unsigned i = 0; i < BAR; i++)
		fputc(i < full ? '#' : '.', stderr);
	fputs("] ", stderr);
}

void conform_progress_draw(struct conform_progress *progress, uint64_t done, unsigned differences)
{
	uint64_t now = now_ns();
	double rate;

	if (!progress->on || now - progress->last_ns < EVERY_MS * UINT64_C(1000000))
		return;
	rate = (double)done * 1e9 / (double)(now - progress->begin_ns);
	draw_bar(done, progress->programs);
	fprintf(stderr, "%" PRIu64 " of %" PRIu64 ", %.0f a second", done, progress->programs, rate);
	if (done && done < progress->programs)
		fprintf(stderr, ", %.0f s left", (double)(progress->programs - done) / rate);
	if (differences)
		fprintf(stderr, ", %u differences", differences);
	fflush(stderr);
	progress->last_ns = now;
	progress->drawn = true;
}

void conform_progress_clear(struct conform_progress *progress)
{
	if (progress->drawn)
		fputs("\r\033[K", stderr);
	fflush(stderr);
	progress->drawn = false;
}
