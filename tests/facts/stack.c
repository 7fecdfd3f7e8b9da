/* SPDX-License-Identifier: MIT */
/* Growth of the main stack: how far below the stack pointer, up to which limit, how near to a neighbour. */
#include "facts.h"

#include <inttypes.h>

/* An access at `addr` with the stack pointer at `sp`, in a process that has just begun. */
static struct facts_access fresh(struct facts *f, enum facts_kind kind, uint64_t addr, uint64_t sp)
{
	struct facts_access access;

	facts_begin(f);
	access = facts_access(f, kind, addr, sp);
	facts_end(f);
	return access;
}

/* The largest distance below the stack pointer that grows, by halving. */
static void distance(struct facts *f, enum facts_kind kind, const char *fact)
{
	uint64_t sp = f->stack_start + 16, low = 17, high = 4u << 20;
	struct facts_access access = fresh(f, kind, sp - low, sp);
	char room[96];

	facts_name(f, "stack.max distance below sp (user %s)", fact);
	if (access.signal) {
		facts_value(f, "sp-17: %s", facts_signal(f, &access, sp - low, room));
		return;
	}
	if (!fresh(f, kind, sp - high, sp).signal) {
		facts_value(f, "none: 4 MiB below sp grows");
		return;
	}
	while (high - low > 1) {
		uint64_t middle = (low + high) / 2;

		if (fresh(f, kind, sp - middle, sp).signal)
			high = middle;
		else
			low = middle;
	}
	access = fresh(f, kind, sp - high, sp);
	facts_value(f, "%" PRIu64 " ok, %" PRIu64 " %s", low, high,
		    facts_signal(f, &access, sp - high, room));
}

static void limited(struct facts *f, enum facts_limit limit, uint64_t bytes, uint64_t addr, uint64_t sp,
		    const char *fact)
{
	struct facts_access access;
	char room[96];

	facts_begin(f);
	(void)facts_call(f, FACTS_LIMIT, limit, bytes, 0);
	access = facts_access(f, FACTS_WRITE, addr, sp);
	facts_name(f, "stack.%s", fact);
	facts_value(f, "%s", facts_signal(f, &access, addr, room));
	facts_end(f);
}

static void limits(struct facts *f)
{
	const uint64_t limit = 1u << 20;
	uint64_t lowest = f->stack_end - limit, far = f->stack_start - 16 * FACTS_PAGE + 64;

	limited(f, FACTS_LIMIT_STACK, limit, lowest, lowest + 16, "RLIMIT_STACK=1M: lowest page (end-1M)");
	limited(f, FACTS_LIMIT_STACK, limit, lowest - 1, lowest, "RLIMIT_STACK=1M: end-1M-1");
	limited(f, FACTS_LIMIT_STACK, limit + 100, lowest - 1, lowest, "RLIMIT_STACK=1M+100: end-1M-1");
	limited(f, FACTS_LIMIT_AS, FACTS_PAGE, far, far, "RLIMIT_AS=current size, grow 16 pages");
}

/* The stack grows by one page towards a mapping that leaves `gap` pages free. */
static void neighbour(struct facts *f, unsigned gap, uint32_t prot, uint32_t flags, const char *fact)
{
	uint64_t grown = f->stack_start - FACTS_PAGE, addr = grown + 64;
	struct facts_access access = {0};
	char room[96], error[32];
	int64_t at;

	facts_begin(f);
	at = facts_map(f, grown - (gap + 1) * FACTS_PAGE, FACTS_PAGE, prot,
		       FACTS_PRIVATE | FACTS_ANON | FACTS_FIXED | flags, -1);
	facts_name(f, "stack.guard: %s", fact);
	if (at < 0)
		fprintf(f->to, "map failed %s ", facts_errno(at, error));
	else
		access = facts_access(f, FACTS_WRITE, addr, addr & ~(uint64_t)15);
	facts_value(f, "%s", facts_signal(f, &access, addr, room));
	facts_end(f);
}

static void guards(struct facts *f)
{
	static const unsigned gap[] = {0, 1, 2, 3, 254, 255, 256, 257};

	for (unsigned i = 0; i < sizeof(gap) / sizeof(gap[0]); i++) {
		char name[80];

		snprintf(name, sizeof(name), "pages left free between rw mapping and grown stack = %u",
			 gap[i]);
		neighbour(f, gap[i], FACTS_RW, 0, name);
	}
	neighbour(f, 1, 0, 0, "PROT_NONE mapping below, 1 page free");
	neighbour(f, 0, 0, 0, "PROT_NONE mapping below, 0 pages free");
	neighbour(f, 1, FACTS_RW, FACTS_GROWSDOWN, "GROWSDOWN rw mapping below, 1 page free");
	neighbour(f, 0, FACTS_RW, FACTS_GROWSDOWN, "GROWSDOWN rw mapping below, 0 pages free");
}

enum {
	LOCK_ALL = 1,
	NO_LIMIT_LEFT = 2,
	NO_ROOT = 4
};

static void locked(struct facts *f, unsigned how, unsigned pages, const char *fact)
{
	uint64_t addr = f->stack_start - pages * FACTS_PAGE + 64;
	struct facts_access access;
	char room[96], error[32];
	int64_t result = 0;

	facts_begin(f);
	if (how & LOCK_ALL)
		result = facts_call(f, FACTS_MLOCKALL, 1, 0, 0);
	if (how & NO_LIMIT_LEFT)
		(void)facts_call(f, FACTS_LIMIT, FACTS_LIMIT_MEMLOCK, 0, 0);
	if (how & NO_ROOT)
		(void)facts_call(f, FACTS_SETUID, 1000, 0, 0);
	access = facts_access(f, FACTS_WRITE, addr, addr);
	facts_name(f, "stack.%s", fact);
	if (how & LOCK_ALL)
		fprintf(f->to, "%s ", facts_errno(result, error));
	facts_value(f, "%s", facts_signal(f, &access, addr, room));
	facts_end(f);
}

static void by_kernel(struct facts *f)
{
	int64_t result;

	facts_begin(f);
	result = facts_call(f, FACTS_COPY_OUT, f->stack_start - 100 * FACTS_PAGE + 64, 16, 0);
	facts_error(f, "stack.kernel write (read(2)) 100 pages below vma, sp far above", result);
	facts_end(f);
}

void facts_of_stack(struct facts *f)
{
	facts_begin(f);
	facts_end(f);
	distance(f, FACTS_READ, "read");
	distance(f, FACTS_WRITE, "write");
	limits(f);
	guards(f);
	locked(f, LOCK_ALL, 1, "mlockall(CURRENT) root, grow 1 page");
	locked(f, LOCK_ALL | NO_LIMIT_LEFT, 1, "mlockall root, then RLIMIT_MEMLOCK=0, root, grow");
	locked(f, LOCK_ALL | NO_LIMIT_LEFT | NO_ROOT, 1,
	       "mlockall root, RLIMIT_MEMLOCK=0, setuid(1000), grow");
	locked(f, LOCK_ALL, 16, "mlockall(CURRENT) root, grow 16 pages");
	locked(f, LOCK_ALL | NO_LIMIT_LEFT, 16, "mlockall root, then RLIMIT_MEMLOCK=0, root, grow 16 pages");
	locked(f, LOCK_ALL | NO_LIMIT_LEFT | NO_ROOT, 16,
	       "mlockall root, RLIMIT_MEMLOCK=0, setuid(1000), grow 16 pages");
	locked(f, NO_LIMIT_LEFT | NO_ROOT, 1, "no mlockall, RLIMIT_MEMLOCK=0, uid 1000, grow");
	by_kernel(f);
}
