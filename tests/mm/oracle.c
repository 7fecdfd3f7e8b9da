/* SPDX-License-Identifier: MIT */
/* The library beside the Linux it stands on: every mm call, result by result and line by line.
 *
 *   oracle              the table of cases, then random programs
 *   oracle SEED COUNT   COUNT random programs from SEED
 *   oracle SEED         one program, printed, shrunk to what still differs */
#include "oracle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <tools/quire/scenario/sim_traits.h>

#include "oracle_cases.h"
#include "oracle_library.h"

static struct result host[MAX_OPS], library[MAX_OPS];
static uint64_t compared; /* operations */
static struct scn_traits traits;

/* --- showing -------------------------------------------------------------------------------------------- */

static const char *const op_names[OP_COUNT] = {
    "mmap",     "munmap",     "mprotect", "mremap", "brk",   "madvise", "mincore", "mlock",      "munlock",
    "mlockall", "munlockall", "msync",    "read",   "write", "fork",    "limit",   "drop_rights"};

static void show_op(const struct op *op)
{
	printf("%s(", op_names[op->kind]);
	for (unsigned i = 0; i < 6; i++) {
		uint64_t a = op->a[i];

		if (a >= WINDOW - 64 * PAGE && a < WINDOW + 2 * WINDOW_PAGES * PAGE)
			printf("%sW%+" PRId64 "p%s", i ? ", " : "", (int64_t)(a - WINDOW) / 4096,
			       a % PAGE ? "+" : "");
		else
			printf("%s0x%" PRIx64, i ? ", " : "", a);
	}
	printf(")\n");
}

static void show_result(const char *who, const struct result *result)
{
	printf("  %s: status %d value 0x%" PRIx64 "\n", who, result->status, result->value);
	for (unsigned i = 0; i < result->lines; i++) {
		const struct line *line = &result->line[i];

		printf("    p%-3" PRId64 " p%-3" PRId64 " flags %04x offset %" PRIx64 " rss %u anon %u\n",
		       (int64_t)(line->start - WINDOW) / 4096, (int64_t)(line->end - WINDOW) / 4096,
		       line->flags, line->offset, line->rss, line->anonymous);
	}
}

/* --- comparing ------------------------------------------------------------------------------------------ */

static bool same(const struct result *a, const struct result *b)
{
	if (a->status != b->status || a->value != b->value || a->lines != b->lines)
		return false;
	for (unsigned i = 0; i < a->lines; i++) {
		const struct line *x = &a->line[i], *y = &b->line[i];

		if (x->start != y->start || x->end != y->end || x->flags != y->flags ||
		    x->offset != y->offset || x->rss != y->rss || x->anonymous != y->anonymous)
			return false;
	}
	return true;
}

/* Joins lines that differ in nothing. */
static void join_lines(struct result *result)
{
	unsigned kept = 0;

	for (unsigned i = 1; i < result->lines; i++) {
		struct line *last = &result->line[kept], *line = &result->line[i];

		if (line->start == last->end && line->flags == last->flags &&
		    (line->offset == 0 || line->offset == last->offset + (last->end - last->start))) {
			last->end = line->end;
			last->rss += line->rss;
			last->anonymous += line->anonymous;
		} else {
			result->line[++kept] = *line;
		}
	}
	result->lines = result->lines ? kept + 1 : 0;
}

/* Linux cuts vmas before it finds that it cannot go on, and leaves them cut; the library does not.
 * What follows cannot be compared any more. */
static bool cut_in_vain(const struct result *linux, const struct result *quire)
{
	struct result a = *linux, b = *quire;

	join_lines(&a);
	join_lines(&b);
	return a.status == -12 && same(&a, &b);
}

/* The first operation after which the two differ; -1: none. */
static int difference(const struct program *program)
{
	oracle_run_host(program, host);
	oracle_run_library(program, library);
	for (unsigned i = 0; i < program->count; i++) {
		compared++;
		if (same(&host[i], &library[i]))
			continue;
		return cut_in_vain(&host[i], &library[i]) ? -1 : (int)i;
	}
	return -1;
}

/* Leaves out every operation without which the difference stays. */
static void shrink(struct program *program)
{
	program->count = (unsigned)difference(program) + 1;
	for (int i = (int)program->count - 2; i >= 0; i--) {
		struct program less = *program;
		int at;

		memmove(&less.op[i], &less.op[i + 1], (less.count - (unsigned)i - 1) * sizeof(less.op[0]));
		less.count--;
		at = difference(&less);
		if (at >= 0) {
			*program = less;
			program->count = (unsigned)at + 1;
			i = i > at ? at : i;
		}
	}
}

static void show_difference(struct program *program)
{
	int at;

	shrink(program);
	at = difference(program);
	printf("%s", program->heap ? "with a heap at page 32\n" : "");
	for (unsigned i = 0; i < program->count; i++) {
		show_op(&program->op[i]);
		if ((int)i == at || (int)i == at - 1) {
			show_result("linux ", &host[i]);
			show_result("quire ", &library[i]);
		}
	}
}

static bool sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__)
	return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
	return true;
#endif
#endif
	return false;
}

/* --- random programs ------------------------------------------------------------------------------------ */

static uint64_t random_state;

static uint64_t random_word(void)
{
	random_state += UINT64_C(0x9e3779b97f4a7c15);
	uint64_t z = random_state;

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static unsigned pick(unsigned n)
{
	return (unsigned)(random_word() % n);
}

static bool chance(unsigned one_in)
{
	return pick(one_in) == 0;
}

static uint64_t some_address(void)
{
	if (chance(60))
		return chance(2) ? 0 : WINDOW + pick(WINDOW_PAGES) * PAGE + 7;
	if (chance(150))
		return UINT64_C(0x7fffffffe000) + pick(3) * PAGE;
	return WINDOW + pick(24) * PAGE;
}

static uint64_t some_length(void)
{
	static const uint64_t odd[] = {0,       1, PAGE + 1, UINT64_MAX, UINT64_MAX - PAGE, UINT64_C(1) << 47,
				       PAGE - 1};

	if (chance(20))
		return odd[pick(7)];
	return (1 + pick(chance(4) ? 12 : 4)) * PAGE;
}

static uint64_t some_prot(void)
{
	static const uint8_t prots[] = {3, 3, 3, 1, 1, 0, 7, 5, 2, 4, 6};

	return chance(80) ? (chance(2) ? UINT64_C(0x01000003) : 0x11) : prots[pick(sizeof(prots))];
}

static uint64_t some_map_flags(void)
{
	uint64_t flags = chance(4) ? 1 : 2;

	if (chance(60))
		flags = pick(4);
	flags |= chance(3) ? 0 : 0x20;
	flags |= chance(4) ? 0x100000 : chance(12) ? 0 : 0x10;
	flags |= chance(12) ? 0x4000 : 0;
	flags |= chance(16) ? 0x8000 : 0;
	flags |= chance(20) ? 0x100 : 0;
	flags |= chance(20) ? 0x20000 : 0;
	flags |= chance(20) ? 0x2000 : 0;
	return flags;
}

static void random_mremap(struct op *op)
{
	static const uint8_t flags[] = {0, 1, 1, 1, 3, 3, 3, 5, 7, 7, 2, 4, 8};

	op->a[1] = chance(20) ? some_length() : (uint64_t)pick(6) * PAGE;
	op->a[2] = chance(20) ? some_length() : chance(2) ? op->a[1] : (uint64_t)pick(7) * PAGE;
	op->a[3] = flags[pick(sizeof(flags))];
	op->a[4] = some_address();
	/* Without FIXED, the new address is a hint, and only with DONTUNMAP. */
}

static void random_op(struct program *program, struct op *op)
{
	static const uint8_t kinds[] = {
	    OP_MMAP,     OP_MMAP,     OP_MMAP,     OP_MMAP,    OP_MMAP,   OP_MUNMAP, OP_MUNMAP,
	    OP_MPROTECT, OP_MPROTECT, OP_MPROTECT, OP_MREMAP,  OP_MREMAP, OP_MREMAP, OP_BRK,
	    OP_MADVISE,  OP_MADVISE,  OP_MADVISE,  OP_MINCORE, OP_MLOCK,  OP_MLOCK,  OP_MUNLOCK,
	    OP_MSYNC,    OP_READ,     OP_READ,     OP_WRITE,   OP_WRITE,  OP_WRITE,  OP_WRITE};
	static const uint8_t advice[] = {0,  1,  2,  3,  4,  4,  8,  8,  9,  10, 11, 12,
					 13, 14, 15, 16, 17, 18, 19, 20, 22, 23, 24, 99};

	memset(op, 0, sizeof(*op));
	op->kind = chance(40) ? OP_FORK : kinds[pick(sizeof(kinds))];
	if (op->kind == OP_BRK && !program->heap)
		op->kind = OP_WRITE;
	if (chance(200))
		op->kind = (uint8_t)(OP_LIMIT + pick(2));
	if (chance(250))
		op->kind = OP_MUNLOCKALL;
	op->a[0] = some_address();
	op->a[1] = some_length();
	switch (op->kind) {
	case OP_MMAP:
		op->a[2] = some_prot() & 7;
		op->a[3] = some_map_flags();
		/* One descriptor a program: to Linux two that were opened apart are two files. */
		op->a[4] = op->a[3] & 0x20 ? 0 : program->count % 8 == 0 ? 2 : 1;
		op->a[5] = chance(50) ? 5 : pick(10) * PAGE;
		break;
	case OP_MPROTECT:
		op->a[2] = some_prot();
		break;
	case OP_MREMAP:
		random_mremap(op);
		break;
	case OP_BRK:
		op->a[0] = (uint64_t)pick(10) * PAGE - (chance(3) ? 5 : 0);
		op->a[1] = 0;
		break;
	case OP_MADVISE:
		/* Passing over holes, it would reach what the host's process itself stands on. */
		if (op->a[1] == UINT64_C(1) << 47)
			op->a[1] = 0;
		op->a[2] = advice[pick(sizeof(advice))];
		break;
	case OP_MINCORE:
		op->a[1] %= WINDOW_PAGES * PAGE;
		break;
	case OP_MLOCK:
		op->a[2] = chance(3) ? 1 : chance(30) ? 2 : 0;
		break;
	case OP_MSYNC:
		if (op->a[1] == UINT64_C(1) << 47)
			op->a[1] = 0;
		op->a[2] = pick(8);
		break;
	case OP_READ:
	case OP_WRITE:
		op->a[0] = WINDOW + pick(24) * PAGE + pick(4096);
		op->a[1] = pick(256);
		break;
	case OP_FORK:
		op->a[0] = pick(2);
		op->a[1] = 0;
		break;
	case OP_LIMIT:
		/* A sanitizer maps memory of its own whenever it likes. */
		if (sanitized())
			op->kind = OP_READ;
		op->a[0] = sanitized() ? WINDOW : chance(2) ? 3 : chance(2) ? 0 : 2;
		op->a[1] = pick(16);
		break;
	default:
		break;
	}
}

/* --- what this kernel does in a way of its own ----------------------------------------------------------- */

static bool is_left_out(const struct op *op)
{
	bool execute_only = (op->kind == OP_MMAP || op->kind == OP_MPROTECT) && (op->a[2] & 7) == 4;
	bool merge = op->kind == OP_MADVISE && (op->a[2] == 12 || op->a[2] == 13);
	bool huge = op->kind == OP_MADVISE && (op->a[2] == 14 || op->a[2] == 15);

	return (execute_only && traits.value[SCN_TRAIT_EXECUTE_ONLY]) ||
	       (merge && !traits.value[SCN_TRAIT_MERGEABLE]) ||
	       (huge && !traits.value[SCN_TRAIT_HUGE_ADVICE]);
}

static bool has_left_out(const struct program *program)
{
	for (unsigned i = 0; i < program->count; i++)
		if (is_left_out(&program->op[i]))
			return true;
	return false;
}

/* Returns why nothing can be compared; NULL: it can, and the library's machines have the traits. */
static const char *take_traits(void)
{
	static struct sim_traits_rules rules;
	static char room[80];
	const uint32_t needs = 1u << SCN_TRAIT_STACK_LIMIT | 1u << SCN_TRAIT_FIRST_WRITE |
			       1u << SCN_TRAIT_FIRST_SHARED | 1u << SCN_TRAIT_MAPPINGS |
			       1u << SCN_TRAIT_MEMLOCK_LIMIT;
	struct scn_host *probed = scn_host_open();
	enum scn_trait missing;

	if (!probed)
		return "no process for the probes";
	scn_host_traits(probed, &traits);
	scn_host_close(probed);
	missing = scn_traits_missing(&traits, needs);
	if (missing != SCN_TRAITS)
		return scn_trait_text(&traits, missing, room);
	sim_traits_machine(&traits, &quire_profile_6, &rules, &library_machine);
	scn_traits_print(stdout, "", &traits);
	return NULL;
}

static void random_program(uint64_t seed, struct program *program)
{
	random_state = seed * UINT64_C(0x2545f4914f6cdd1d) + 1;
	memset(program, 0, sizeof(*program));
	program->heap = seed % 3 == 0;
	program->count = 40 + pick(60);
	for (unsigned i = 0; i < program->count; i++) {
		random_op(program, &program->op[i]);
		if (is_left_out(&program->op[i]))
			program->op[i] = (struct op){.kind = OP_READ, .a = {WINDOW}};
	}
}

/* A sanitizer's process is terabytes of shadow, which nobody locks. */
static bool too_large_to_lock(const struct program *program)
{
	bool locks = false;

	for (unsigned i = 0; i < program->count; i++)
		locks |= program->op[i].kind == OP_MLOCKALL && (program->op[i].a[0] & 1);
	return locks && sanitized();
}

/* --- running -------------------------------------------------------------------------------------------- */

static unsigned run_random(uint64_t seed, unsigned count)
{
	unsigned failures = 0;

	for (uint64_t i = seed; i < seed + count && failures < 3; i++) {
		static struct program program;

		random_program(i, &program);
		if (difference(&program) >= 0) {
			printf("seed %" PRIu64 " differs:\n", i);
			show_difference(&program);
			failures++;
		}
	}
	printf("%" PRIu64 " operations compared\n", compared);
	return failures;
}

static unsigned run_cases(void)
{
	unsigned failures = 0, left = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static struct program program;

		memset(&program, 0, sizeof(program));
		program.heap = cases[i].heap;
		for (; program.count < MAX_CASE_OPS && cases[i].op[program.count].kind != OP_COUNT;
		     program.count++)
			program.op[program.count] = cases[i].op[program.count];
		if (too_large_to_lock(&program))
			continue;
		if (has_left_out(&program)) {
			left++;
			continue;
		}
		if (difference(&program) >= 0) {
			printf("case \"%s\" differs:\n", cases[i].name);
			show_difference(&program);
			failures++;
		}
	}
	printf("%zu cases, %u differ, %u left out\n", sizeof(cases) / sizeof(cases[0]), failures, left);
	return failures;
}

/* What is compared is what Linux 6.17 and later do. */
static bool recent_linux(void)
{
	struct utsname name;
	int major = 0, minor = 0;

	return uname(&name) == 0 && strcmp(name.sysname, "Linux") == 0 &&
	       strcmp(name.machine, "x86_64") == 0 && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 17));
}

int main(int argc, char **argv)
{
	const char *missing;
	unsigned failures;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!recent_linux()) {
		printf("needs Linux 6.17 or later on x86_64\n");
		return 77;
	}
	if (!oracle_host_privileged()) {
		printf("needs CAP_IPC_LOCK, CAP_SYS_RAWIO and CAP_SYS_ADMIN\n");
		return 77;
	}
	missing = take_traits();
	if (missing) {
		printf("cannot compare with this kernel: %s\n", missing);
		return 77;
	}
	if (argc > 1) {
		failures = run_random(strtoull(argv[1], NULL, 0), argc > 2 ? (unsigned)atoi(argv[2]) : 1);
	} else {
		failures = run_cases();
		failures += run_random(1, 150);
	}
	return failures ? 1 : 0;
}
