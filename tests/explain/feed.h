/* SPDX-License-Identifier: MIT */
/* Bytes through the whole of quire explain, as text in each form and as JSON; what comes out is thrown away. */
#ifndef TESTS_EXPLAIN_FEED_H
#define TESTS_EXPLAIN_FEED_H

#include "../../tools/quire/explain/explain.h"

#include <stdlib.h>
#include <string.h>

struct feed {
	struct ex_options options;
	FILE *out;
	enum ex_arch last;
	unsigned found, refused;
};

static inline void feed_report(void *context, const struct ex_report *report)
{
	struct feed *feed = context;
	struct ex_finding finding;

	switch (ex_find_out(&feed->options, report, feed->last, &finding)) {
	case EX_NOTHING:
		return;
	case EX_FOREIGN:
		feed->refused++;
		return;
	default:
		break;
	}
	feed->last = finding.id;
	finding.number = ++feed->found;
	ex_render(feed->out, &finding,
		  &(struct ex_style){.form = (enum ex_form)(feed->found % 3), .colour = feed->found & 1});
	if (!ex_render_json(feed->out, &finding, feed->found == 1))
		abort();
}

static inline void feed_refusal(void *context, unsigned line, const char *what)
{
	struct feed *feed = context;

	feed->refused += line > 0 && *what;
}

/* Returns how many faults were found. */
static inline unsigned feed_bytes(struct feed *feed, const char *data, size_t size)
{
	const struct ex_sink sink = {feed_report, feed_refusal, feed};
	size_t plain_size;
	char *copy = malloc(size ? size : 1), *plain;

	if (!copy)
		abort();
	memcpy(copy, data, size);
	plain = ex_undisguise(copy, size, &plain_size);
	if (!plain)
		abort();
	feed->found = feed->refused = 0;
	feed->last = EX_ARCH_NONE;
	ex_scan_log(plain, plain_size, &sink);
	if (plain != copy)
		free(plain);
	free(copy);
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
