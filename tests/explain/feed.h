/* SPDX-License-Identifier: MIT */
/* Bytes through the whole of quire explain, as text and as JSON; what comes out is thrown away. */
#ifndef TESTS_EXPLAIN_FEED_H
#define TESTS_EXPLAIN_FEED_H

#include "../../tools/quire/explain/explain.h"

#include <stdlib.h>

struct feed {
	struct ex_options options;
	FILE *out;
	enum ex_arch last;
	unsigned found;
};

static inline void feed_report(void *context, const struct ex_report *report)
{
	struct feed *feed = context;
	struct ex_finding finding;

	if (!ex_find_out(&feed->options, report, feed->last, &finding))
		return;
	feed->last = finding.id;
	finding.number = ++feed->found;
	ex_render(feed->out, &finding, feed->found & 1);
	if (!ex_render_json(feed->out, &finding, feed->found == 1))
		abort();
}

/* Returns how many faults were found. */
static inline unsigned feed_bytes(struct feed *feed, const char *data, size_t size)
{
	feed->found = 0;
	feed->last = EX_ARCH_NONE;
	ex_scan_log(data, size, feed_report, feed);
	return feed->found;
}

static inline void feed_open(struct feed *feed)
{
	*feed = (struct feed){.out = fopen("/dev/null", "w")};
	feed->options.disassembler = ex_disassembler_open();
	if (!feed->out || !feed->options.disassembler)
		abort();
}

static inline void feed_close(struct feed *feed)
{
	ex_disassembler_close(feed->options.disassembler);
	fclose(feed->out);
}

#endif
