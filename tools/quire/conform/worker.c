/* SPDX-License-Identifier: MIT */
/* A worker of quire conform: generates, compares, shrinks, and reports to the conductor.
 *
 * Its first programs are a sample. If many of them differ, and most of those in the same way, the host has
 * a trait that no probe knows, or a rule is completely broken. Then only one difference is shrunk, since
 * the others would show the same. Otherwise each difference is shrunk. */
#include "worker.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	PROGRAM_SECONDS = 600,
	REPORT_EVERY = 16,
	SAMPLE = 50,
	MANY_DIFFERENCES = 16, /* this many differences in a sample are too many to shrink each */
	MANY_ONE_IN = 5        /* ... if at least one program in this many differs */
};

struct worker {
	const struct conform_options *o;
	struct conform_shared *shared;
	int fd;
	struct conform_side side[2];
	struct scn_program *program;
	struct conform_record counts;
	uint64_t done; /* programs compared */
	unsigned differences;
	/* Of the sample. */
	struct conform_kinds kinds;
	struct {
		uint64_t number;
		struct conform_kind kind;
	} met[SAMPLE];
	unsigned met_count;
};

/* --- Reporting --- */

static bool send_all(int fd, const void *bytes, size_t count)
{
	const char *at = bytes;

	while (count) {
		ssize_t n = write(fd, at, count);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		count -= (size_t)n;
	}
	return true;
}

static bool report_counts(struct worker *w)
{
	bool good = send_all(w->fd, &w->counts, sizeof(w->counts));

	memset(&w->counts, 0, sizeof(w->counts));
	return good;
}

static void report_seen(struct worker *w, const struct conform_kind *kind)
{
	struct conform_record record = {.kind = CONFORM_SEEN, .seen = *kind};

	send_all(w->fd, &record, sizeof(record));
}

static void count_run(const struct scn_run *run, struct conform_record *counts)
{
	for (unsigned i = 0; i < run->program->op_count; i++) {
		const struct scn_result *r = &run->result[i];

		if (r->state != SCN_RAN)
			continue;
		counts->ops++;
		counts->succeeded += !r->signal && !r->error;
		counts->failed += r->error != 0;
		counts->signals += r->signal != 0;
		counts->minor += r->counts.minor;
		counts->major += r->counts.major;
	}
}

/* --- Comparing --- */

static unsigned make_program(struct worker *w, uint64_t number)
{
	struct conform_choice choice = conform_seeded(w->o->seed, number);

	conform_generate(&choice, w->o->ops, w->o->features, w->program);
	return scn_traits_leave_out(&w->o->traits, w->program) +
	       (w->o->stand_in
		    ? 0
		    : conform_leave_out(w->program, conform_kernel_version(), w->o->profile->release));
}

/* Shrinks the difference of the program that was just compared, and reports it. */
static void shrink_and_report(struct worker *w, uint64_t number, struct conform_difference *difference)
{
	struct conform_record record = {.kind = CONFORM_SHRUNK, .program = number};
	char *text = NULL;
	size_t bytes = 0;
	FILE *to = open_memstream(&text, &bytes);

	if (!to)
		return;
	w->differences++;
	alarm(10 * PROGRAM_SECONDS);
	if (difference->found)
		record.shrink_runs = conform_shrink(w->side, w->program, difference);
	if (!difference->found)
		snprintf(difference->text, sizeof(difference->text), "not reproducible");
	record.shrunk_ops = w->program->op_count;
	fprintf(to, "# quire conform --seed %" PRIu64 " --ops %u --only %" PRIu64 "\n", w->o->seed, w->o->ops,
		number);
	conform_print_difference(to, w->side, w->program, difference);
	fclose(to);
	record.text_bytes = (uint32_t)bytes;
	if (send_all(w->fd, &record, sizeof(record)))
		send_all(w->fd, text, bytes);
	free(text);
}

/* Runs a program of the sample again. */
static void shrink_number(struct worker *w, uint64_t number)
{
	struct conform_difference difference;

	make_program(w, number);
	conform_compare(w->side, w->program, &difference);
	shrink_and_report(w, number, &difference);
}

static bool compare_number(struct worker *w, uint64_t number, struct conform_difference *out)
{
	alarm(PROGRAM_SECONDS);
	w->counts.left_out += make_program(w, number);
	conform_compare(w->side, w->program, out);
	w->counts.programs++;
	w->done++;
	if (!out->broken)
		count_run(w->side[0].last, &w->counts);
	return w->counts.programs < REPORT_EVERY || report_counts(w);
}

/* --- The sample --- */

static bool samples(const struct conform_options *o)
{
	return o->most > 1;
}

static void remember(struct worker *w, uint64_t number, const struct conform_kind *kind)
{
	conform_kinds_add(&w->kinds, kind);
	w->met[w->met_count].number = number;
	w->met[w->met_count++].kind = *kind;
}

/* The common cause of the sample's differences; NULL: they are few, or have different causes. */
static const char *common_cause(const struct worker *w)
{
	const char *what, *cause;
	unsigned count;

	if (w->met_count < MANY_DIFFERENCES || w->met_count * MANY_ONE_IN < w->done)
		return NULL;
	cause = conform_kinds_top(&w->kinds, &count, &what);
	return count * 2 >= w->met_count ? cause : NULL;
}

/* Ends the sample. Returns false if the worker should stop. */
static bool end_sample(struct worker *w)
{
	const char *cause = common_cause(w);
	unsigned i = 0;

	if (!cause) {
		for (; i < w->met_count && w->differences < w->o->most; i++)
			shrink_number(w, w->met[i].number);
		return w->differences < w->o->most;
	}
	/* Only the first worker that gets here shrinks a program. */
	while (strcmp(w->met[i].kind.cause, cause) != 0)
		i++;
	if (atomic_fetch_add(&w->shared->stopped_early, 1) == 0)
		shrink_number(w, w->met[i].number);
	return false;
}

/* --- The work --- */

static void work_on(struct worker *w, unsigned job)
{
	const struct conform_options *o = w->o;
	bool sampling = samples(o);

	for (uint64_t i = job; i < o->programs && w->differences < o->most; i += o->jobs) {
		uint64_t number = o->one ? o->only : i;
		struct conform_difference difference;

		if (!compare_number(w, number, &difference))
			return;
		if (difference.found) {
			struct conform_kind kind;

			conform_kind_of(w->side, &difference, &kind);
			report_seen(w, &kind);
			if (sampling)
				remember(w, number, &kind);
			else
				shrink_and_report(w, number, &difference);
		}
		if (sampling && w->done == SAMPLE) {
			sampling = false;
			if (!end_sample(w))
				return;
		}
	}
	if (sampling)
		end_sample(w);
}

int conform_work(const struct conform_options *o, struct conform_shared *shared, unsigned job, int fd)
{
	struct worker *w = calloc(1, sizeof(*w));
	const char *why = "out of memory";

	if (w)
		w->program = malloc(sizeof(*w->program));
	if (!w || !w->program) {
		fprintf(stderr, "quire conform: %s\n", why);
		return 2;
	}
	w->o = o;
	w->shared = shared;
	w->fd = fd;
	if (!conform_open_sides(o, w->side, &why)) {
		fprintf(stderr, "quire conform: %s\n", why);
		return 2;
	}
	work_on(w, job);
	report_counts(w);
	alarm(0);
	w->side[0].close(w->side[0].context);
	w->side[1].close(w->side[1].context);
	free(w->program);
	free(w);
	return 0;
}
