/* SPDX-License-Identifier: MIT */
/* quire conform: options, the workers on all cores, progress, and the verdict. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../command.h"
#include "progress.h"
#include "worker.h"

struct totals {
	struct conform_record sum;
	struct conform_kinds kinds; /* of all differences found */
	unsigned shrunk, lost_workers;
	bool stopped_early; /* most differences have one cause, so the workers stopped */
	json_t *list;
};

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

static void keep_file(const struct conform_options *o, const struct conform_record *r, const char *text)
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

static void add_difference(const struct conform_options *o, struct totals *t, const struct conform_record *r,
			   const char *text)
{
	t->shrunk++;
	if (o->json)
		json_array_append_new(
		    t->list, json_pack("{s:I,s:i,s:i,s:s}", "program", (json_int_t)r->program, "operations",
				       (int)r->shrunk_ops, "runs", (int)r->shrink_runs, "scenario", text));
	else
		printf("\n%s\n", text);
	keep_file(o, r, text);
}

/* Reads one record of a worker. Returns false at the end of its pipe. */
static bool take_record(const struct conform_options *o, struct totals *t, struct conform_progress *progress,
			int fd)
{
	struct conform_record r;
	char *text;

	if (!receive(fd, &r, sizeof(r)))
		return false;
	if (r.kind == CONFORM_COUNTS) {
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
	if (r.kind == CONFORM_SEEN) {
		conform_kinds_add(&t->kinds, &r.seen);
		return true;
	}
	text = calloc(1, r.text_bytes + 1u);
	if (!text || !receive(fd, text, r.text_bytes)) {
		free(text);
		return false;
	}
	conform_progress_clear(progress);
	add_difference(o, t, &r, text);
	fflush(stdout);
	free(text);
	return true;
}

static void listen_to(const struct conform_options *o, struct totals *t, struct pollfd *from)
{
	unsigned open = o->jobs;
	struct conform_progress progress;

	conform_progress_begin(&progress, !o->quiet && !o->json, o->programs);
	while (open) {
		if (poll(from, o->jobs, 250) < 0 && errno != EINTR)
			break;
		for (unsigned i = 0; i < o->jobs; i++) {
			if (from[i].fd < 0 || !(from[i].revents & (POLLIN | POLLHUP | POLLERR)))
				continue;
			if (take_record(o, t, &progress, from[i].fd))
				continue;
			close(from[i].fd);
			from[i].fd = -1;
			open--;
		}
		conform_progress_draw(&progress, t->sum.programs, t->kinds.total);
	}
	conform_progress_clear(&progress);
}

static bool start_workers(const struct conform_options *o, struct conform_shared *shared, struct pollfd *from,
			  pid_t *pid)
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
			exit(conform_work(o, shared, i, ends[1]));
		}
		close(ends[1]);
		from[i] = (struct pollfd){.fd = ends[0], .events = POLLIN};
	}
	return true;
}

/* The common cause of most differences, if the workers stopped because of it. */
static void common_cause_text(const struct conform_options *o, const struct totals *t, char *out, size_t size)
{
	const char *what, *cause;
	unsigned count;

	out[0] = 0;
	cause = conform_kinds_top(&t->kinds, &count, &what);
	if (t->stopped_early && cause)
		snprintf(out, size, "%u of %u differences follow a %s, most of them in %s: %s", count,
			 t->kinds.total, cause, what,
			 o->self ? "this kernel does not repeat its own results"
				 : "a trait of this kernel? run quire conform --self");
}

static void print_common_cause(const struct conform_options *o, const struct totals *t)
{
	char text[300];

	common_cause_text(o, t, text, sizeof(text));
	if (text[0])
		printf("  %s\n", text);
}

/* If the kernel's release is not the profile's, changes between the two show as differences. */
static void print_other_release(const struct conform_options *o, unsigned version)
{
	enum quire_release release = conform_release(version);

	for (unsigned i = 0; !o->stand_in && !o->self && quire_profile_at(i); i++)
		if (quire_profile_at(i)->release == release && release != o->profile->release)
			printf(
			    "  the profile of this kernel is %s: what changed since shows as differences\n",
			    quire_profile_at(i)->name);
}

static void print_verdict(const struct conform_options *o, const struct totals *t, double seconds)
{
	const struct conform_record *s = &t->sum;
	unsigned version = conform_kernel_version();

	printf("quire conform --programs %" PRIu64 " --seed %" PRIu64 " --ops %u: ", o->programs, o->seed,
	       o->ops);
	if (o->stand_in)
		fputs("a simulated machine as the host", stdout);
	else
		printf("Linux %u.%u", version >> 8, version & 255);
	printf(" against %s%s%s%s\n", o->self ? "itself" : o->profile->name, o->self ? "" : " on x86_64",
	       o->mutant ? ", mutant " : "", o->mutant ? o->mutant : "");
	print_other_release(o, version);
	scn_traits_print(stdout, "  ", &o->traits);
	if (o->forced)
		printf("  forced: %s\n", o->forced);
	scn_traits_print_left_out(stdout, "  ", &o->traits);
	if (!o->stand_in)
		conform_print_known(stdout, version, o->profile->release);
	printf("  %" PRIu64 " programs, %" PRIu64 " operations (%.1f each): %" PRIu64 " succeeded, %" PRIu64
	       " refused, %" PRIu64 " ended in a signal\n",
	       s->programs, s->ops, s->programs ? (double)s->ops / (double)s->programs : 0, s->succeeded,
	       s->failed, s->signals);
	printf("  %" PRIu64 " minor and %" PRIu64 " major faults inside them\n", s->minor, s->major);
	printf("  %.1f s with %u workers: %.0f programs a second\n", seconds, o->jobs,
	       seconds > 0 ? (double)s->programs / seconds : 0);
	print_common_cause(o, t);
	printf("  %u differences\n", t->kinds.total);
}

static json_t *json_traits(const struct scn_traits *traits)
{
	json_t *out = json_object();

	for (unsigned i = 0; i < SCN_TRAITS; i++)
		json_object_set_new(out, scn_trait_rows[i].name,
				    traits->known >> i & 1 ? json_integer(traits->value[i]) : json_null());
	return out;
}

static json_t *json_kinds(const struct conform_kinds *kinds)
{
	json_t *out = json_array();

	for (unsigned i = 0; i < kinds->rows; i++)
		json_array_append_new(out,
				      json_pack("{s:s,s:s,s:i}", "in", kinds->row[i].kind.what, "after",
						kinds->row[i].kind.cause, "count", (int)kinds->row[i].count));
	return out;
}

static void print_json(const struct conform_options *o, struct totals *t, double seconds)
{
	const struct conform_record *s = &t->sum;
	unsigned version = conform_kernel_version();
	char common[300];
	json_t *root;

	common_cause_text(o, t, common, sizeof(common));
	root =
	    json_pack("{s:s,s:I,s:I,s:i,s:[ii],s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:o,s:o,s:o,s:s}", "profile",
		      o->profile->name, "programs", (json_int_t)s->programs, "seed", (json_int_t)o->seed,
		      "ops", (int)o->ops, "kernel", (int)(version >> 8), (int)(version & 255), "operations",
		      (json_int_t)s->ops, "succeeded", (json_int_t)s->succeeded, "refused",
		      (json_int_t)s->failed, "signals", (json_int_t)s->signals, "minor", (json_int_t)s->minor,
		      "major", (json_int_t)s->major, "seconds", seconds, "differences", t->list, "traits",
		      json_traits(&o->traits), "kinds", json_kinds(&t->kinds), "common", common);

	if (!root)
		return;
	json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(root);
}

/* Probes the host and prints what prevents a comparison, if anything does. */
static bool can_compare(struct conform_options *o)
{
	const char *why;
	enum scn_trait obstacle;
	char room[80];

	if (!conform_probe(o, &o->traits, &why)) {
		fprintf(stderr, "quire conform: %s\n", why);
		return false;
	}
	obstacle = scn_traits_obstacle(&o->traits);
	if (obstacle == SCN_TRAITS)
		return true;
	fprintf(stderr, "quire conform: this kernel cannot be compared: %s\n",
		scn_trait_text(&o->traits, obstacle, room));
	return false;
}

int conform_command(int argc, char **argv)
{
	struct conform_shared *shared;
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
	if (!can_compare(&o))
		return QUIRE_EXIT_USAGE;
	t.list = json_array();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	clock_gettime(CLOCK_MONOTONIC, &start);
	if (!t.list || shared == MAP_FAILED || !start_workers(&o, shared, from, pid)) {
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
	t.stopped_early = atomic_load(&shared->stopped_early) > 0;
	munmap(shared, sizeof(*shared));
	clock_gettime(CLOCK_MONOTONIC, &end);
	seconds = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
	if (o.json)
		print_json(&o, &t, seconds);
	else
		print_verdict(&o, &t, seconds);
	if (!o.json)
		json_decref(t.list);
	return t.lost_workers ? QUIRE_EXIT_USAGE : t.kinds.total ? QUIRE_EXIT_NOTHING : QUIRE_EXIT_OK;
}
