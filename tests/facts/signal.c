/* SPDX-License-Identifier: MIT */
/* Signals of anonymous memory, of nothing, and of the kernel's addresses. */
#include "facts.h"

#include <inttypes.h>

/* A mapping of one page with a history, or none, and one access. */
struct probe {
	const char *fact;
	uint8_t mapped, prot, kind;
	uint8_t before; /* 0: nothing; 1: it was read; 2: written while it could be */
	uint8_t byte;
};

enum {
	FRESH = 0,
	READ_BEFORE = 1,
	WRITTEN_BEFORE = 2
};

static const struct probe probes[] = {
    {"read unmapped", 0, 0, FACTS_READ, FRESH, 8},
    {"write unmapped", 0, 0, FACTS_WRITE, FRESH, 9},
    {"exec unmapped", 0, 0, FACTS_EXEC, FRESH, 0},
    {"write absent r--", 1, FACTS_R, FACTS_WRITE, FRESH, 4},
    {"write present r--", 1, FACTS_R, FACTS_WRITE, READ_BEFORE, 4},
    {"read ---", 1, 0, FACTS_READ, FRESH, 0},
    {"write ---", 1, 0, FACTS_WRITE, FRESH, 0},
    {"read absent -w- anon", 1, FACTS_W, FACTS_READ, FRESH, 0},
    {"write absent -w- anon", 1, FACTS_W, FACTS_WRITE, FRESH, 0},
    {"read present -w- anon", 1, FACTS_W, FACTS_READ, WRITTEN_BEFORE, 0},
    {"read absent --x anon", 1, FACTS_X, FACTS_READ, FRESH, 0},
    {"write absent --x anon", 1, FACTS_X, FACTS_WRITE, FRESH, 0},
    {"exec present rw- anon", 1, FACTS_RW, FACTS_EXEC, WRITTEN_BEFORE, 0},
    {"exec present r-- anon", 1, FACTS_R, FACTS_EXEC, WRITTEN_BEFORE, 0},
    {"exec ---", 1, 0, FACTS_EXEC, WRITTEN_BEFORE, 0},
    {"exec r-x anon (after mprotect)", 1, FACTS_R | FACTS_X, FACTS_EXEC, WRITTEN_BEFORE, 0},
    {"exec absent rw- anon", 1, FACTS_RW, FACTS_EXEC, FRESH, 0},
};

/* What is written is an instruction that returns, for exec to find on x86. */
static void before(struct facts *f, const struct probe *p, uint64_t at)
{
	if (p->before == READ_BEFORE)
		(void)facts_access(f, FACTS_READ, at, 0);
	else
		facts_write(f, at, 0xc3);
}

static void probe(struct facts *f, const struct probe *p)
{
	uint64_t at = FACTS_HOLE;
	uint32_t first = p->before == WRITTEN_BEFORE ? FACTS_RW : p->prot;

	facts_begin(f);
	if (p->mapped)
		(void)facts_map(f, at, FACTS_PAGE, first, FACTS_PRIVATE | FACTS_ANON | FACTS_FIXED, -1);
	if (p->before)
		before(f, p, at);
	if (first != p->prot)
		(void)facts_call(f, FACTS_MPROTECT, at, FACTS_PAGE, p->prot);
	facts_probe(f, "sig.", p->fact, (enum facts_kind)p->kind, at + p->byte);
	facts_end(f);
}

void facts_of_signals(struct facts *f)
{
	static const char *const what[] = {"read", "write", "exec"};

	for (unsigned i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		probe(f, &probes[i]);
	for (unsigned kind = 0; kind < 3; kind++) {
		char name[32];

		facts_begin(f);
		snprintf(name, sizeof(name), "%s NULL", what[kind]);
		facts_probe(f, "sig.", name, (enum facts_kind)kind, 0);
		facts_end(f);
		for (unsigned i = 0; i < f->column->kernel_addresses; i++) {
			uint64_t addr = f->column->kernel_address[i];

			facts_begin(f);
			snprintf(name, sizeof(name), "%s 0x%" PRIx64, what[kind], addr);
			facts_probe(f, "sig.kernel ", name, (enum facts_kind)kind, addr);
			facts_end(f);
		}
	}
}
