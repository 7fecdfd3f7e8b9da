/* SPDX-License-Identifier: MIT */
/* quire conform: options, the workers on all cores, progress, and the verdict. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../command.h"
#include "../scenario/sim_backend.h"
#include "options.h"

enum {
	PROGRAM_SECONDS = 60,
	TELL_EVERY = 16
};

/* What a worker tells. The text of a difference follows its record. */
struct record {
	uint32_t kind; /* 0: counts; 1: a difference */
	uint32_t text_bytes;
	uint64_t program; /* 1: its number */
	uint64_t programs, ops, succeeded, failed, signals, minor, major, left_out;
	uint32_t shrunk_ops, shrink_runs;
};

struct totals {
	struct record sum;
	unsigned differences, lost_workers;
	json_t *list;
	unsigned smallest;
	uint64_t first_program;
};

/* --- A worker --- */

static const struct scn_run *run_host(void *context, const struct scn_program *program, const char **out_text)
{
	return scn_host_run(context, program, out_text);
}

static void close_host(void *context)
{
	scn_host_close(context);
}

static const struct scn_run *run_sim(void *context, const struct scn_program *program, const char **out_text)
{
	return scn_sim_run(context, program, out_text);
}

static void close_sim(void *context)
{
	scn_sim_close(context);
}

static bool open_host_side(struct conform_side *side, const char *name)
{
	*side = (struct conform_side){name, scn_host_open(), run_host, close_host};
	return side->context != NULL;
}

static bool open_sides(const struct conform_options *o, struct conform_side side[2], const char **out_why)
{
	struct scn_sim_config config = {.mutant = o->mutant, .check_every = o->check_every};

	*out_why = "the host's processes could not be made";
	/* The host first: what it forks from must still be small. */
	if (!open_host_side(&side[0], "host"))
		return false;
	if (o->self)
		return open_host_side(&side[1], "again");
	side[1] = (struct conform_side){"sim", scn_sim_open(&config, out_why), run_sim, close_sim};
	return side[1].context != NULL;
}

static void count_run(const struct scn_run *run, struct record *counts)
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

static void tell_difference(int fd, const struct conform_options *o, struct conform_side side[2],
			    uint64_t number, struct scn_program *program,
			    struct conform_difference *difference)
{
	struct record record = {.kind = 1, .program = number};
	char *text = NULL;
	size_t bytes = 0;
	FILE *to = open_memstream(&text, &bytes);

	if (!to)
		return;
	alarm(10 * PROGRAM_SECONDS);
	record.shrink_runs = conform_shrink(side, program, difference);
	record.shrunk_ops = program->op_count;
	fprintf(to, "# quire conform --seed %" PRIu64 " --ops %u --only %" PRIu64 "\n", o->seed, o->ops,
		number);
	conform_print_difference(to, side, program, difference);
	fclose(to);
	record.text_bytes = (uint32_t)bytes;
	if (send_all(fd, &record, sizeof(record)))
		send_all(fd, text, bytes);
	free(text);
}

static int work(const struct conform_options *o, unsigned job, int fd)
{
	struct scn_program *program = malloc(sizeof(*program));
	struct record counts = {0};
	struct conform_side side[2];
	unsigned version = conform_kernel_version(), differences = 0;
	const char *why;

	if (!program || !open_sides(o, side, &why)) {
		fprintf(stderr, "quire conform: %s\n", program ? why : "out of memory");
		return 2;
	}
	for (uint64_t i = job; i < o->programs && differences < o->most; i += o->jobs) {
		uint64_t number = o->one ? o->only : i;
		struct conform_choice choice = conform_seeded(o->seed, number);
		struct conform_difference difference;

		alarm(PROGRAM_SECONDS);
		conform_generate(&choice, o->ops, o->features, program);
		counts.left_out += conform_leave_out(program, version);
		conform_compare(side, program, &difference);
		counts.programs++;
		if (!difference.broken)
			count_run(scn_host_last(side[0].context), &counts);
		if (difference.found) {
			differences++;
			tell_difference(fd, o, side, number, program, &difference);
		}
		if (counts.programs >= TELL_EVERY || difference.found) {
			if (!send_all(fd, &counts, sizeof(counts)))
				break;
			memset(&counts, 0, sizeof(counts));
		}
	}
	send_all(fd, &counts, sizeof(counts));
	alarm(0);
	side[0].close(side[0].context);
	side[1].close(side[1].context);
	free(program);
	return 0;
}

/* --- The conductor --- */

static bool receive(int fd, void *bytes, size_t count)
{
	char *at = bytes;

	while (count) {
		ssize_t n = read(fd, at, count);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		count -= (size_t)n;
	}
	return true;
}

static void keep_file(const struct conform_options *o, const struct record *r, const char *text)
{
	char path[4096];
	FILE *to;

	if (!o->out)
		return;
	snprintf(path, sizeof(path), "%s/difference-%" PRIu64 "-%" PRIu64 ".scn", o->out, o->seed,
		 r->program);
	to = fopen(path, "w");
	if (!to || fputs(text, to) < 0 || fclose(to) != 0)
		fprintf(stderr, "quire conform: %s: %s\n", path, strerror(errno));
}

static void add_difference(const struct conform_options *o, struct totals *t, const struct record *r,
			   const char *text)
{
	if (!t->differences || r->program < t->first_program) {
		t->first_program = r->program;
		t->smallest = r->shrunk_ops;
	}
	t->differences++;
	if (o->json)
		json_array_append_new(
		    t->list, json_pack("{s:I,s:i,s:i,s:s}", "program", (json_int_t)r->program, "operations",
				       (int)r->shrunk_ops, "runs", (int)r->shrink_runs, "scenario", text));
	else
		printf("\n%s\n", text);
	keep_file(o, r, text);
}

/* One record of a worker. Returns false when the worker is at its end. */
static bool take_record(const struct conform_options *o, struct totals *t, int fd)
{
	struct record r;
	char *text;

	if (!receive(fd, &r, sizeof(r)))
		return false;
	if (r.kind == 0) {
		t->sum.programs += r.programs;
		t->sum.ops += r.ops;
		t->sum.succeeded += r.succeeded;
		t->sum.failed += r.failed;
		t->sum.signals += r.signals;
		t->sum.minor += r.minor;
		t->sum.major += r.major;
		t->sum.left_out += r.left_out;
		return true;
	}
	text = calloc(1, r.text_bytes + 1u);
	if (!text || !receive(fd, text, r.text_bytes)) {
		free(text);
		return false;
	}
	add_difference(o, t, &r, text);
	free(text);
	return true;
}

static void show_progress(const struct conform_options *o, const struct totals *t)
{
	if (o->quiet || o->json || !isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r%" PRIu64 " of %" PRIu64 " programs, %u differences ", t->sum.programs,
		o->programs, t->differences);
}

static void listen_to(const struct conform_options *o, struct totals *t, struct pollfd *from)
{
	unsigned open = o->jobs;

	while (open) {
		if (poll(from, o->jobs, 1000) < 0 && errno != EINTR)
			break;
		for (unsigned i = 0; i < o->jobs; i++) {
			if (from[i].fd < 0 || !(from[i].revents & (POLLIN | POLLHUP | POLLERR)))
				continue;
			if (take_record(o, t, from[i].fd))
				continue;
			close(from[i].fd);
			from[i].fd = -1;
			open--;
		}
		show_progress(o, t);
	}
	if (!o->quiet && !o->json && isatty(STDERR_FILENO))
		fputc('\n', stderr);
}

static bool start_workers(const struct conform_options *o, struct pollfd *from, pid_t *pid)
{
	for (unsigned i = 0; i < o->jobs; i++) {
		int ends[2];

		if (pipe(ends) != 0)
			return false;
		fflush(stdout);
		pid[i] = fork();
		if (pid[i] < 0)
			return false;
		if (pid[i] == 0) {
			close(ends[0]);
			exit(work(o, i, ends[1]));
		}
		close(ends[1]);
		from[i] = (struct pollfd){.fd = ends[0], .events = POLLIN};
	}
	return true;
}

static void print_verdict(const struct conform_options *o, const struct totals *t, double seconds)
{
	const struct record *s = &t->sum;
	unsigned version = conform_kernel_version();

	printf("quire conform --programs %" PRIu64 " --seed %" PRIu64
	       " --ops %u: Linux %u.%u against %s%s%s\n",
	       o->programs, o->seed, o->ops, version >> 8, version & 255,
	       o->self ? "itself" : "linux-6 on x86_64", o->mutant ? ", mutant " : "",
	       o->mutant ? o->mutant : "");
	conform_print_known(stdout, version);
	printf("  %" PRIu64 " programs, %" PRIu64 " operations (%.1f each): %" PRIu64 " succeeded, %" PRIu64
	       " refused, %" PRIu64 " ended in a signal\n",
	       s->programs, s->ops, s->programs ? (double)s->ops / (double)s->programs : 0, s->succeeded,
	       s->failed, s->signals);
	printf("  %" PRIu64 " minor and %" PRIu64 " major faults inside them\n", s->minor, s->major);
	printf("  %.1f s with %u workers: %.0f programs a second\n", seconds, o->jobs,
	       seconds > 0 ? (double)s->programs / seconds : 0);
	printf("  %u differences\n", t->differences);
}

static void print_json(const struct conform_options *o, struct totals *t, double seconds)
{
	const struct record *s = &t->sum;
	unsigned version = conform_kernel_version();
	json_t *root = json_pack(
	    "{s:I,s:I,s:i,s:[ii],s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:o}", "programs", (json_int_t)s->programs,
	    "seed", (json_int_t)o->seed, "ops", (int)o->ops, "kernel", (int)(version >> 8),
	    (int)(version & 255), "operations", (json_int_t)s->ops, "succeeded", (json_int_t)s->succeeded,
	    "refused", (json_int_t)s->failed, "signals", (json_int_t)s->signals, "minor",
	    (json_int_t)s->minor, "major", (json_int_t)s->major, "seconds", seconds, "differences", t->list);

	if (!root)
		return;
	json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(root);
}

int conform_command(int argc, char **argv)
{
	struct conform_options o;
	struct totals t = {0};
	struct pollfd from[CONFORM_MAX_JOBS];
	pid_t pid[CONFORM_MAX_JOBS];
	struct timespec start, end;
	double seconds;
	int status;

	status = conform_options_parse(&o, argc, argv);
	if (status >= 0)
		return status;
	if (o.record)
		return conform_record(o.record, o.programs, o.seed, o.ops) ? QUIRE_EXIT_OK : QUIRE_EXIT_USAGE;
	t.list = json_array();
	clock_gettime(CLOCK_MONOTONIC, &start);
	if (!t.list || !start_workers(&o, from, pid)) {
		perror("quire conform");
		return QUIRE_EXIT_USAGE;
	}
	listen_to(&o, &t, from);
	for (unsigned i = 0; i < o.jobs; i++) {
		if (waitpid(pid[i], &status, 0) == pid[i] && status != 0) {
			t.lost_workers++;
			fprintf(stderr, "quire conform: worker %u ended with status 0x%x\n", i, status);
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	seconds = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
	if (o.json)
		print_json(&o, &t, seconds);
	else
		print_verdict(&o, &t, seconds);
	if (!o.json)
		json_decref(t.list);
	return t.lost_workers ? QUIRE_EXIT_USAGE : t.differences ? QUIRE_EXIT_NOTHING : QUIRE_EXIT_OK;
}
