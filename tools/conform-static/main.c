/* SPDX-License-Identifier: MIT */
/* quire-conform-static: checks the running kernel with the shipped scenarios and with random programs.
 *
 * One static program without the library. It prints TAP: a line for each scenario and one for each hundred
 * random programs. The results of a random program must equal the library's (recorded.h); if nothing is
 * recorded for this machine, two runs must give the same results. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../quire/conform/conform.h"
#include "../quire/scenario/traits.h"
#include "recorded.h"
#include "shipped.h"

#define VERSION "0.1.0"
enum {
	BLOCK = 100
};

struct judge {
	struct scn_host *host;
	struct scn_program *program;
	struct scn_run *kept;
	unsigned test, failed;
	unsigned notes;
	unsigned twice; /* programs of a block that were run twice */
	uint64_t seed, programs;
	struct scn_traits traits;
	const uint64_t *digest; /* the recorded digests for these traits; NULL: none */
};

static void result_line(struct judge *j, bool good, const char *name, const char *remark)
{
	printf("%s %u - %s%s%s\n", good ? "ok" : "not ok", ++j->test, name, remark ? " # " : "",
	       remark ? remark : "");
	j->failed += !good;
	fflush(stdout);
}

static void note(void *context, unsigned index, const char *text)
{
	const struct judge *j = context;

	printf("# line %" PRIu32 ": ", j->program->op[index].line);
	scn_print_op(stdout, j->program, index);
	printf(": %s\n", text);
}

/* --- Scenarios --- */

static bool left_out(const struct judge *j)
{
	static struct scn_program copy;

	copy = *j->program;
	return conform_leave_out(&copy, conform_kernel_version(), QUIRE_LINUX_6) != 0;
}

static const char *skipped(const struct judge *j, const struct scn_run *run)
{
	for (unsigned i = 0; i < j->program->op_count; i++)
		if (run->result[i].state == SCN_SKIPPED)
			return run->result[i].why;
	return NULL;
}

static void judge_scenario(struct judge *j, const char *name, const char *text)
{
	const struct scn_run *run;
	struct scn_error error;
	const char *why = NULL;
	enum scn_trait missing;
	char remark[160], room[80];

	if (!scn_parse(text, strlen(text), j->program, &error)) {
		printf("# %u:%u: %s\n", error.line, error.column, error.text);
		result_line(j, false, name, NULL);
		return;
	}
	missing = scn_traits_obstacle(&j->traits);
	if (missing == SCN_TRAITS)
		missing = scn_traits_missing(&j->traits, j->program->needs);
	if (missing == SCN_TRAITS)
		missing = scn_traits_shown_by(&j->traits, j->program);
	if (missing != SCN_TRAITS) {
		snprintf(remark, sizeof(remark), "SKIP this kernel has %s",
			 scn_trait_text(&j->traits, missing, room));
		result_line(j, true, name, remark);
		return;
	}
	if (left_out(j)) {
		result_line(j, true, name, "SKIP known to differ on this version of the kernel");
		return;
	}
	run = scn_host_run(j->host, j->program, &why);
	if (!run) {
		printf("# %s\n", why);
		result_line(j, false, name, NULL);
		return;
	}
	why = skipped(j, run);
	snprintf(remark, sizeof(remark), "without what this machine cannot do: %s", why ? why : "");
	result_line(j, scn_check(run, note, j) == 0, name, why ? remark : NULL);
}

/* --- Random programs --- */

static bool is_recorded(const struct judge *j, uint64_t number)
{
#if defined(__x86_64__)
	return j->digest && j->seed == RECORDED_SEED && number < RECORDED_PROGRAMS &&
	       conform_kernel_version() >= RECORDED_FROM;
#else
	return false;
#endif
}

static void print_failed(struct judge *j, uint64_t number, const char *why)
{
	if (j->notes++ >= 3)
		return;
	printf("# program %" PRIu64 " of seed %" PRIu64 ": %s\n", number, j->seed, why);
	scn_print(stdout, j->program, NULL, NULL);
}

static bool judge_program(struct judge *j, uint64_t number)
{
	struct conform_choice choice = conform_seeded(j->seed, number);
	const struct scn_run *run;
	const char *why = NULL;
	uint64_t digest, again;
	unsigned left;

	conform_generate(&choice, RECORDED_OPS, CONFORM_ALL, j->program);
	left = conform_leave_out(j->program, conform_kernel_version(), QUIRE_LINUX_6) +
	       scn_traits_leave_out(&j->traits, j->program);
	run = scn_host_run(j->host, j->program, &why);
	if (!run) {
		print_failed(j, number, why);
		return false;
	}
	digest = scn_run_digest(run);
	if (!left && is_recorded(j, number)) {
		if (digest == j->digest[number])
			return true;
		print_failed(j, number, "the results differ from the library's");
		return false;
	}
	j->twice++;
	run = scn_host_run(j->host, j->program, &why);
	again = run ? scn_run_digest(run) : 0;
	if (run && again == digest)
		return true;
	print_failed(j, number, run ? "two runs gave different results" : why);
	return false;
}

static void judge_programs(struct judge *j)
{
	for (uint64_t first = 0; first < j->programs; first += BLOCK) {
		uint64_t end = first + BLOCK < j->programs ? first + BLOCK : j->programs;
		char name[120], how[60];
		unsigned bad = 0;

		j->twice = 0;

		for (uint64_t i = first; i < end; i++)
			bad += !judge_program(j, i);
		if (j->twice == 0)
			snprintf(how, sizeof(how), "as recorded");
		else if (j->twice == end - first)
			snprintf(how, sizeof(how), "equal in two runs");
		else
			snprintf(how, sizeof(how), "as recorded; %u of them equal in two runs", j->twice);
		snprintf(name, sizeof(name), "programs %" PRIu64 " to %" PRIu64 " of seed %" PRIu64 " (%s)",
			 first, end - 1, j->seed, how);
		result_line(j, bad == 0, name, NULL);
	}
}

/* --- The kernel's traits --- */

/* The first trait that the recorded results depend on and that differs from the set; SCN_TRAITS: none, the
 * set fits. */
static enum scn_trait unlike(const struct judge *j, const char *set)
{
	struct scn_traits want;

	scn_traits_usual(&want);
	if (scn_traits_read(set, &want))
		return SCN_TRAIT_ZERO_PAGE;
	for (unsigned i = 0; i < SCN_TRAITS; i++)
		if (scn_trait_rows[i].recorded &&
		    (!(j->traits.known >> i & 1) || j->traits.value[i] != want.value[i]))
			return (enum scn_trait)i;
	return SCN_TRAITS;
}

static void find_traits(struct judge *j)
{
	enum scn_trait in_the_way = SCN_TRAITS;
	char room[80];

	scn_host_traits(j->host, &j->traits);
	scn_traits_print(stdout, "# ", &j->traits);
	for (unsigned i = 0; i < sizeof(recorded) / sizeof(recorded[0]); i++) {
		enum scn_trait trait = unlike(j, recorded[i].traits);

		if (trait == SCN_TRAITS)
			j->digest = recorded[i].digest;
		else if (trait > in_the_way || in_the_way == SCN_TRAITS)
			in_the_way = trait;
	}
	if (!j->digest)
		printf("# nothing is recorded for a kernel like this: %s%s\n",
		       j->traits.known >> in_the_way & 1 ? "" : "unknown: ",
		       j->traits.known >> in_the_way & 1 ? scn_trait_text(&j->traits, in_the_way, room)
							 : scn_trait_rows[in_the_way].name);
}

/* --- Main --- */

static void help(FILE *to)
{
	fputs(
	    "usage: quire-conform-static [--programs N] [--seed S] [--only SCENARIO] [--list] [--version]\n\n"
	    "Checks the memory system of the running kernel. Prints TAP; exit status 1: something failed.\n\n"
	    "  --programs N   number of random programs (default: all recorded ones; 0: scenarios only)\n"
	    "  --seed S       seed of the random programs (default: the recorded one)\n"
	    "  --only NAME    run only that scenario\n"
	    "  --list         list the scenarios\n",
	    to);
}

static bool number(const char *text, uint64_t *out)
{
	char *end;

	if (!text || text[0] < '0' || text[0] > '9')
		return false;
	*out = strtoull(text, &end, 0);
	return *end == 0;
}

static unsigned shipped_count(void)
{
	unsigned n = 0;

	while (shipped[n].name)
		n++;
	return n;
}

static int run_all(struct judge *j, const char *only)
{
	struct utsname machine;

	j->host = scn_host_open();
	j->program = malloc(sizeof(*j->program));
	if (!j->host || !j->program) {
		puts("Bail out! no memory for the harness");
		return 2;
	}
	uname(&machine);
	printf("TAP version 13\n1..%u\n",
	       (only ? 1 : shipped_count()) + (unsigned)((j->programs + BLOCK - 1) / BLOCK));
	printf("# quire-conform-static " VERSION " on %s %s %s\n", machine.sysname, machine.release,
	       machine.machine);
	find_traits(j);
	for (unsigned i = 0; shipped[i].name; i++)
		if (!only || strcmp(only, shipped[i].name) == 0)
			judge_scenario(j, shipped[i].name, shipped[i].text);
	judge_programs(j);
	scn_host_close(j->host);
	free(j->program);
	printf("# %u of %u failed\n", j->failed, j->test);
	return j->failed ? 1 : 0;
}

static bool is_shipped(const char *name)
{
	for (unsigned i = 0; shipped[i].name; i++)
		if (strcmp(name, shipped[i].name) == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	struct judge j = {.seed = RECORDED_SEED, .programs = RECORDED_PROGRAMS};
	const char *only = NULL;

	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(argv[i], "--list") == 0) {
			for (unsigned k = 0; shipped[k].name; k++)
				puts(shipped[k].name);
			return 0;
		} else if (strcmp(argv[i], "--version") == 0) {
			puts("quire-conform-static " VERSION);
			return 0;
		} else if (strcmp(argv[i], "--help") == 0) {
			help(stdout);
			return 0;
		} else if (strcmp(argv[i], "--programs") == 0 && number(value, &j.programs)) {
			i++;
		} else if (strcmp(argv[i], "--seed") == 0 && number(value, &j.seed)) {
			i++;
		} else if (strcmp(argv[i], "--only") == 0 && value && is_shipped(value)) {
			only = value;
			j.programs = 0;
			i++;
		} else {
			fprintf(stderr, "quire-conform-static: bad argument '%s'\n", argv[i]);
			help(stderr);
			return 2;
		}
	}
	return run_all(&j, only);
}
