/* SPDX-License-Identifier: MIT */
/* The change of address spaces of ARM and ARM64, on a model of what a TLB with numbers (ASIDs) may do: QEMU forgets
 * everything when the number changes, so no program there can find an old translation.
 *
 * The model is as careless as the manuals allow (DDI 0406C, B3.9 and B3.10; DDI 0487, D8.13). At any moment a CPU may
 * walk the table that it has, and it keeps what it found under the number that it has, until it is told to forget and
 * a barrier has passed. Between the write of a register and the next ISB it may use either value.
 *
 * A load is one arch_load_root() of an address space. What is kept of an earlier load is stale, even of the same
 * table: nobody told the CPU of what changed while it was elsewhere. */
#include <quire/types.h>

#include <stdio.h>
#include <string.h>

enum {
	CPUS = 2,
	TABLES = 5,
	NO_TABLE = 0x4000, /* of the kernel or empty: nothing of a program is in it */
	FIRST_TABLE = 0x8000,
	TABLE_BYTES = 0x4000
};

/* What the stand-ins below leave out, to show that the model notices. */
static enum plant {
	NOTHING,
	FORGET,
	BARRIER,
	SYNCHRONIZE,
	NUMBER,
	PLANTS
} plant;

/* A register: what is in effect, and what was written last. The load that wrote it; 0: none. */
struct reg {
	uint64_t now, next;
	unsigned now_load, next_load;
};

static struct model {
	struct reg table, number;
	int forgetting;
	unsigned
	    kept[1 << 16]; /* for each number, the load that its translations are of; 0: there are none */
} model[CPUS];
static unsigned cpu_now, bits, load, stale, forgotten;

static void walk(uint64_t number, unsigned of_load)
{
	unsigned *kept = &model[cpu_now].kept[number & ((1u << bits) - 1)];

	if (!of_load)
		return;
	stale += *kept && *kept != of_load;
	*kept = of_load;
}

/* Whatever the CPU may walk now. `together`: table and number are one register. */
static void walk_all(int together)
{
	struct model *m = &model[cpu_now];

	walk(m->number.now, m->table.now_load);
	walk(m->number.next, m->table.next_load);
	if (!together) {
		walk(m->number.now, m->table.next_load);
		walk(m->number.next, m->table.now_load);
	}
}

static void write_register(struct reg *reg, uint64_t value, unsigned by)
{
	reg->next = value;
	reg->next_load = by;
}

/* --- what the kernel's file is compiled with -------------------------------------------------- */

#define KERNEL_CPU_H
#define KERNEL_SYSTEM_H
#define this_cpu()              (&cpus[cpu_now])
#define WRITE_REG(name, value)  write_##name(value)
#define quire_kernel_root(none) ((quire_pa){NO_TABLE})

struct arch_cpu {
	uint32_t asid;
};
static struct {
	struct arch_cpu arch;
} cpus[CPUS];

static void isb(void);

static void forget_all(int everywhere)
{
	forgotten++;
	model[cpu_now].forgetting = plant != FORGET;
}

#ifdef ARM64
enum {
	TOGETHER = 1
};
static char no_user_root[1];
static struct {
	int asid16;
} cpu_features;

static uint64_t image_to_pa(const char *image)
{
	return NO_TABLE;
}

static void write_ttbr0_el1(uint64_t value)
{
	uint64_t table = value & 0xffffffffffff;

	write_register(&model[cpu_now].table, table, table == NO_TABLE ? 0 : load);
	write_register(&model[cpu_now].number, value >> 48, 0);
	walk_all(TOGETHER);
}
#else
enum {
	TOGETHER = 0,
	TTBR_WALKS = 0x6a
};
static const uint32_t kernel_root_pa = NO_TABLE;

static void write_TTBR0(uint32_t value)
{
	uint64_t table = value & ~(uint32_t)TTBR_WALKS;

	write_register(&model[cpu_now].table, table, table == NO_TABLE ? 0 : load);
	walk_all(TOGETHER);
}

static void write_CONTEXTIDR(uint32_t value)
{
	write_register(&model[cpu_now].number, value, 0);
	walk_all(TOGETHER);
}
#endif

static void take(struct reg *reg)
{
	reg->now = reg->next;
	reg->now_load = reg->next_load;
}

static void synchronize(void)
{
	take(&model[cpu_now].table);
	take(&model[cpu_now].number);
	walk_all(TOGETHER);
}

static void isb(void)
{
	if (plant != SYNCHRONIZE)
		synchronize();
}

static void dsb(void)
{
	if (plant == BARRIER)
		return;
	if (model[cpu_now].forgetting)
		memset(model[cpu_now].kept, 0, sizeof(model[cpu_now].kept));
	model[cpu_now].forgetting = 0;
	walk_all(TOGETHER);
}

void arch_load_root(quire_pa root);

#include ROOT_C

/* --- the test --------------------------------------------------------------------------------- */

static void begin(unsigned of_bits, enum plant planted)
{
	memset(model, 0, sizeof(model));
	memset(cpus, 0, sizeof(cpus));
	load = stale = forgotten = 0;
	for (cpu_now = 0; cpu_now < CPUS; cpu_now++)
		model[cpu_now].table.now = model[cpu_now].table.next = NO_TABLE;
	bits = of_bits;
	plant = planted;
#ifdef ARM64
	/* Planted: the kernel takes the CPU for one of the other kind. */
	cpu_features.asid16 = (bits == 16) != (plant == NUMBER);
#endif
}

/* What comes later, such as the return to the program, synchronizes in any case. */
static void load_root(uint64_t table)
{
	arch_load_root((quire_pa){table});
	synchronize();
}

/* Programs follow each other on both CPUs, a few of them, each through the kernel's own table as in mm_switch() or
 * not. */
static void change(unsigned loads)
{
	uint32_t random = 1;

	for (unsigned i = 0; i < loads * CPUS; i++) {
		struct model *m = &model[cpu_now = i % CPUS];
		uint64_t table = FIRST_TABLE + (random >> 16) % TABLES * TABLE_BYTES;

		random = random * 1103515245 + 12345;
		if (random >> 28 & 1) {
			load_root(NO_TABLE);
			/* What it has kept is out of reach. */
			stale += m->table.now != NO_TABLE || m->kept[m->number.now] != 0;
		}
		load++;
		load_root(table);
		stale += m->table.now != table || m->kept[m->number.now] != load;
	}
}

static int check(int good, const char *what)
{
	if (!good)
		printf("%u bits, planted %d: %s; stale %u, forgotten %u\n", bits, (int)plant, what, stale,
		       forgotten);
	return !good;
}

/* All numbers but 0, then all of them again: `loads` are three times round and some. */
static int test(unsigned of_bits, unsigned loads)
{
	int bad = 0;

	begin(of_bits, NOTHING);
	change(loads);
	bad += check(stale == 0, "a stale translation");
	bad += check(forgotten == 3 * CPUS, "each CPU forgets three times");
	for (enum plant p = FORGET; p < PLANTS; p++) {
		/* ARM's are always of 8 bits; and to take 16 bits for 8 costs time only. */
		if (p == NUMBER && (!TOGETHER || of_bits == 16))
			continue;
		begin(of_bits, p);
		change(loads);
		bad += check(stale != 0, "the model did not notice what was planted");
	}
	return bad;
}

int main(void)
{
	int bad = test(8, 1000);

#ifdef ARM64
	bad += test(16, 200000);
#endif
	return bad != 0;
}
