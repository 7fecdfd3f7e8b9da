/* SPDX-License-Identifier: MIT */
/* The probes: a small program for each trait, and how its results are read.
 *
 * Each program tests one trait and depends on as little else as possible. */
#include "traits.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"

enum {
	ARENA_PAGES = 16384,
	LOW_PAGES = 128 /* pages at the lowest addresses that a program may use */
};

struct probe {
	const struct scn_prober *prober;
	struct scn_program *program;
	const struct scn_run *run;
};

/* --- Running --- */

static bool run_program(struct probe *p)
{
	const char *why = NULL;

	p->run = p->prober->run(p->prober->context, p->program, &why);
	return p->run != NULL;
}

__attribute__((format(printf, 2, 3))) static bool run_text(struct probe *p, const char *format, ...)
{
	char text[600];
	struct scn_error error;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return scn_parse(text, strlen(text), p->program, &error) && run_program(p);
}

/* The result of operation `line` of the last run, counted from 0; file declarations do not count. NULL: it
 * did not run. */
static const struct scn_result *result(const struct probe *p, unsigned line)
{
	const struct scn_result *r = &p->run->result[line];

	return r->state == SCN_RAN ? r : NULL;
}

static bool went_well(const struct probe *p, unsigned line)
{
	const struct scn_result *r = result(p, line);

	return r && !r->error && !r->signal;
}

/* State of page `page` in the result of a `resident`. */
static unsigned page_state(const struct probe *p, unsigned line, unsigned page)
{
	const struct scn_result *r = result(p, line);

	return r && page < r->view_bytes ? p->run->view[r->view + page] : 0;
}

/* The least n in [0, most] for which `holds` is true, if it is false below some n and true above. Greater
 * than `most`: there is none. Negative: a program could not be run. */
typedef int holds_at(struct probe *p, unsigned n);

static int64_t least(struct probe *p, unsigned most, holds_at *holds)
{
	unsigned low = 0, high = most + 1;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		int answer = holds(p, middle);

		if (answer < 0)
			return -1;
		if (answer)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* --- Rules of the profile --- */

static bool zero_page(struct probe *p, int64_t *out)
{
	if (!run_text(p, "A = map 1p rw fixed arena\nread A\nresident A 1p\n") || !went_well(p, 1) ||
	    !(page_state(p, 2, 0) & SCN_PAGE_PRESENT))
		return false;
	/* Many mappings share the zero page; a private frame is mapped only here. */
	*out = !(page_state(p, 2, 0) & SCN_PAGE_ALONE);
	return true;
}

static bool protect_upgrades(struct probe *p, int64_t *out)
{
	if (!run_text(
		p,
		"A = map 1p rw fixed arena\nwrite A = 1\nprotect A 1p r\nprotect A 1p rw\nwrite A = 2\n") ||
	    !went_well(p, 4))
		return false;
	*out = p->run->result[4].counts.minor == 0;
	return true;
}

/* Maps one whole page table of file pages and finds out which of them one read maps. */
static bool fault_around(struct probe *p, int64_t *out)
{
	const unsigned at = 300, all = 512;
	unsigned first = at, end = at + 1;

	if (!run_text(p,
		      "file f shm 512p fill 1\nA = map 512p r shared file f fixed arena+256p\nread A+%up\n"
		      "resident A 512p\n",
		      at) ||
	    !went_well(p, 1) || !(page_state(p, 2, at) & SCN_PAGE_PRESENT))
		return false;
	while (first > 0 && page_state(p, 2, first - 1) & SCN_PAGE_PRESENT)
		first--;
	while (end < all && page_state(p, 2, end) & SCN_PAGE_PRESENT)
		end++;
	/* A profile cannot describe a block whose size is not a power of two, or that is not aligned to
	 * it. */
	if (first & (end - first - 1) || (end - first) & (end - first - 1))
		return false;
	*out = end - first == 1 ? 0 : (int64_t)((end - first) * p->run->backend->page_size);
	return true;
}

static int grows_over(struct probe *p, unsigned gap)
{
	if (!run_text(
		p, "map 1p rw fixed arena+1000p\nS = map 1p rw growsdown fixed arena+%up\nwrite S-1p = 1\n",
		1000 + 1 + gap + 1) ||
	    !went_well(p, 1) || !result(p, 2))
		return -1;
	return p->run->result[2].signal == 0;
}

static bool stack_gap(struct probe *p, int64_t *out)
{
	int64_t most = scn_trait_rows[SCN_TRAIT_STACK_GAP].most;

	/* A stack that cannot grow at any distance never grows. */
	*out = least(p, (unsigned)most - 1, grows_over);
	return *out >= 0 && *out < most;
}

static bool top_down(struct probe *p, int64_t *out)
{
	uint64_t half;

	if (!run_text(p, "A = map 1p rw\n") || !went_well(p, 0))
		return false;
	/* Everything above the arena is mapped: a top-down search ends in its upper half, a bottom-up
	 * search in its lower half or below it. */
	half = ARENA_PAGES / 2 * p->run->backend->page_size;
	*out = p->run->result[0].at >> 60 == 0 && p->run->result[0].at >= half;
	return true;
}

/* --- Settings --- */

/* If the kernel accounts every mapping, it ignores NORESERVE, so neighbours with and without it merge. */
static bool overcommit(struct probe *p, int64_t *out)
{
	if (!run_text(p, "map 1p rw fixed arena\nmap 1p rw noreserve fixed arena+1p\nlayout\n") ||
	    !went_well(p, 1) || !went_well(p, 2))
		return false;
	*out = p->run->result[2].view_bytes / sizeof(struct scn_row) > 1;
	return true;
}

static void add_map(struct scn_program *program, uint8_t base, int32_t page, unsigned prot)
{
	struct scn_op *op = &program->op[program->op_count];

	memset(op, 0, sizeof(*op));
	memset(&program->expect[program->op_count++], 0, sizeof(program->expect[0]));
	op->verb = SCN_MAP;
	op->file = op->name = op->other = SCN_NONE;
	op->len.pages = 1;
	op->prot = prot;
	op->flags = SCN_MAP_PRIVATE | SCN_MAP_ANONYMOUS | SCN_MAP_FIXED;
	op->addr = (struct scn_addr){.base = base, .off = {.pages = page}};
}

/* The first operation that succeeded (`well`) or failed (!`well`). If there is none: the number of
 * operations. */
static unsigned first_that(const struct probe *p, bool well)
{
	unsigned i = 0;

	while (i < p->program->op_count && went_well(p, i) != well)
		i++;
	return i;
}

static bool min_addr(struct probe *p, int64_t *out)
{
	scn_program_init(p->program);
	for (unsigned i = 0; i < LOW_PAGES; i++)
		add_map(p->program, SCN_BASE_ZERO, (int32_t)i, 3);
	if (!run_program(p))
		return false;
	*out = (int64_t)(first_that(p, true) * p->run->backend->page_size);
	return true;
}

static bool mappings(struct probe *p, int64_t *out)
{
	scn_program_init(p->program);
	for (unsigned i = 0; i < (unsigned)scn_trait_rows[SCN_TRAIT_MAPPINGS].most; i++)
		add_map(p->program, SCN_BASE_ARENA, (int32_t)i, i % 2 ? 3 : 1);
	if (!run_program(p))
		return false;
	*out = first_that(p, false);
	return true;
}

/* Whether growing a stack of one page by `pages` more is refused. */
static int stack_refused(struct probe *p, unsigned pages)
{
	if (!run_text(p,
		      "limit stack unlimited\nS = map 1p rw growsdown fixed arena+16000p\nwrite S-%up = 1\n",
		      pages) ||
	    !went_well(p, 1) || !result(p, 2))
		return -1;
	return p->run->result[2].signal != 0;
}

static bool stack_limit(struct probe *p, int64_t *out)
{
	*out = least(p, (unsigned)scn_trait_rows[SCN_TRAIT_STACK_LIMIT].most - 1, stack_refused);
	return *out >= 0;
}

static int lock_refused(struct probe *p, unsigned pages)
{
	if (!run_text(
		p, "limit memlock unlimited\nA = map 16000p none noreserve fixed arena\nlock A %up onfault\n",
		pages + 1) ||
	    !went_well(p, 1) || !result(p, 2))
		return -1;
	return p->run->result[2].error != 0;
}

static bool memlock_limit(struct probe *p, int64_t *out)
{
	*out = least(p, (unsigned)scn_trait_rows[SCN_TRAIT_MEMLOCK_LIMIT].most - 1, lock_refused);
	return *out >= 0;
}

/* --- Traits without a rule in the library --- */

static bool nx(struct probe *p, int64_t *out)
{
	/* 0x90 is a nop on the CPUs that support single-stepping. */
	if (!run_text(p, "A = map 1p rw fixed arena\nwrite A = 0x90\nexec A\n") || !went_well(p, 1) ||
	    !result(p, 2))
		return false;
	*out = p->run->result[2].signal == SCN_SIGSEGV;
	return true;
}

static bool execute_only(struct probe *p, int64_t *out)
{
	if (!run_text(p, "A = map 1p x fixed arena\nread A\n") || !went_well(p, 0) || !result(p, 1))
		return false;
	*out = p->run->result[1].signal != 0;
	return true;
}

static bool remote(struct probe *p, int64_t *out)
{
	if (!run_text(p, "A = map 1p rw fixed arena\nwrite A = 5\nfork child\npeek child A\n") ||
	    !went_well(p, 2) || !result(p, 3))
		return false;
	*out = p->run->result[3].error == 0;
	return true;
}

/* A file system on a disk is told of the first write to a clean page, and what was written back is clean. One in memory
 * writes nothing back; its first write may be a fault, too, where the hardware keeps no dirty bit. */
static bool disk(struct probe *p, int64_t *out)
{
	if (!run_text(p, "file d disk 1p fill 1\nA = map 1p rw shared file d fixed arena\nread A\n"
			 "write A = 2\nsync A 1p sync\nwrite A = 3\n") ||
	    !went_well(p, 3))
		return false;
	*out = p->run->result[4].counts.minor == 1;
	return true;
}

static bool takes_advice(struct probe *p, unsigned advice, int64_t *out)
{
	if (!run_text(p, "A = map 1p rw fixed arena\nadvise A 1p %u\n", advice) || !went_well(p, 0) ||
	    !result(p, 1))
		return false;
	*out = p->run->result[1].error == 0;
	return true;
}

static bool mergeable(struct probe *p, int64_t *out)
{
	return takes_advice(p, 13, out);
}

static bool huge_advice(struct probe *p, int64_t *out)
{
	return takes_advice(p, 15, out);
}

/* --- Traits that a comparison needs --- */

static bool counts(struct probe *p, int64_t *out)
{
	if (!run_text(p, "A = map 3p rw fixed arena\nwrite A x3 = 1\n") || !went_well(p, 1))
		return false;
	*out = p->run->result[1].counts.minor > 0;
	return true;
}

static bool pagemap(struct probe *p, int64_t *out)
{
	if (!run_text(p, "A = map 2p rw fixed arena\nwrite A = 1\nresident A 2p\n") || !went_well(p, 1) ||
	    !result(p, 2))
		return false;
	*out = page_state(p, 2, 0) == (SCN_PAGE_PRESENT | SCN_PAGE_ALONE);
	return true;
}

static bool pages_of_a_write(struct probe *p, const char *how, int64_t *out)
{
	/* Two page tables, so that whole huge pages fit inside. */
	if (!run_text(p, "A = map 1024p rw %s fixed arena+256p\nwrite A+600p = 1\nresident A 1024p\n", how) ||
	    !went_well(p, 1) || !went_well(p, 2))
		return false;
	*out = 0;
	for (unsigned i = 0; i < 1024; i++)
		*out += page_state(p, 2, i) & SCN_PAGE_PRESENT;
	return true;
}

static bool first_write(struct probe *p, int64_t *out)
{
	return pages_of_a_write(p, "private", out);
}

static bool first_shared(struct probe *p, int64_t *out)
{
	return pages_of_a_write(p, "shared", out);
}

/* --- Traits read from /proc and /sys --- */

/* Whether the file contains `word`. *out_known is false if there is no such file. */
static bool file_has(const char *path, const char *word, bool *out_known)
{
	char text[512];
	FILE *from = fopen(path, "r");
	size_t n;

	*out_known = from != NULL;
	if (!from)
		return false;
	n = fread(text, 1, sizeof(text) - 1, from);
	text[n] = 0;
	fclose(from);
	return strstr(text, word) != NULL;
}

/* A kernel without the file does not have the feature. Simulated machines have none of these features. */
static bool host_file_has(const struct probe *p, const char *path, const char *word, int64_t *out)
{
	bool known;

	*out = p->prober->host && file_has(path, word, &known);
	return true;
}

static bool huge_pages(struct probe *p, int64_t *out)
{
	return host_file_has(p, "/sys/kernel/mm/transparent_hugepage/enabled", "[always]", out);
}

static bool swap(struct probe *p, int64_t *out)
{
	return host_file_has(p, "/proc/swaps", "\n/", out);
}

static bool ksm(struct probe *p, int64_t *out)
{
	return host_file_has(p, "/sys/kernel/mm/ksm/run", "1", out);
}

/* --- All probes --- */

typedef bool probe_trait(struct probe *p, int64_t *out);

static probe_trait *const probes[SCN_TRAITS] = {
    [SCN_TRAIT_ZERO_PAGE] = zero_page,
    [SCN_TRAIT_PROTECT_UPGRADES] = protect_upgrades,
    [SCN_TRAIT_FAULT_AROUND] = fault_around,
    [SCN_TRAIT_STACK_GAP] = stack_gap,
    [SCN_TRAIT_TOP_DOWN] = top_down,
    [SCN_TRAIT_OVERCOMMIT] = overcommit,
    [SCN_TRAIT_MIN_ADDR] = min_addr,
    [SCN_TRAIT_MAPPINGS] = mappings,
    [SCN_TRAIT_STACK_LIMIT] = stack_limit,
    [SCN_TRAIT_MEMLOCK_LIMIT] = memlock_limit,
    [SCN_TRAIT_NX] = nx,
    [SCN_TRAIT_EXECUTE_ONLY] = execute_only,
    [SCN_TRAIT_REMOTE] = remote,
    [SCN_TRAIT_DISK] = disk,
    [SCN_TRAIT_MERGEABLE] = mergeable,
    [SCN_TRAIT_HUGE_ADVICE] = huge_advice,
    [SCN_TRAIT_COUNTS] = counts,
    [SCN_TRAIT_PAGEMAP] = pagemap,
    [SCN_TRAIT_FIRST_WRITE] = first_write,
    [SCN_TRAIT_FIRST_SHARED] = first_shared,
    [SCN_TRAIT_HUGE_PAGES] = huge_pages,
    [SCN_TRAIT_SWAP] = swap,
    [SCN_TRAIT_KSM] = ksm,
};

bool scn_trait_probe(const struct scn_prober *prober, enum scn_trait trait, int64_t *out)
{
	struct probe probe = {.prober = prober, .program = calloc(1, sizeof(*probe.program))};
	bool known = probe.program && probes[trait](&probe, out);

	free(probe.program);
	return known;
}

unsigned scn_traits_probe(const struct scn_prober *prober, struct scn_traits *out)
{
	unsigned unknown = 0;

	scn_traits_usual(out);
	for (unsigned i = 0; i < SCN_TRAITS; i++) {
		int64_t value;

		if (scn_trait_probe(prober, (enum scn_trait)i, &value)) {
			out->value[i] = value;
			out->known |= 1u << i;
		} else {
			unknown++;
		}
	}
	return unknown;
}

static const struct scn_run *run_on_host(void *context, const struct scn_program *program,
					 const char **out_text)
{
	return scn_host_run(context, program, out_text);
}

unsigned scn_host_traits(struct scn_host *host, struct scn_traits *out)
{
	struct scn_prober prober = {.context = host, .run = run_on_host, .host = true};

	return scn_traits_probe(&prober, out);
}
