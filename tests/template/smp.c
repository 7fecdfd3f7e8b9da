/* SPDX-License-Identifier: MIT */
/* The port to copy on a machine of several CPUs: threads, each with a TLB of its own, that answer one another's
 * interrupts between two instructions. A CPU that does not forget what it is told to is found. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <quire/copy.h>

#include "machine.h"
#include "mmu.h"
#include "port.h"

#define RAM_BASE  UINT64_C(0x1000000)
#define RAM_BYTES ((size_t)32 << 20)
#define CPUS      3
#define TLB       16
#define ROUNDS    100
#define PAGE      4096u
#define AREA      ((quire_va)0x10000000)

enum {
	RW = QUIRE_PROT_READ | QUIRE_PROT_WRITE
};

struct cpu {
	pthread_t thread;
	unsigned number;
	uint32_t word;
	uint64_t root;
	struct {
		uint64_t va, frame;
		uint8_t rights;
		bool valid;
	} tlb[TLB];
	/* An interrupt of another CPU. */
	void (*call)(void *argument);
	void *argument;
	atomic_bool asked;
	struct port_signal signal;
	unsigned wrong; /* things that were not as they must be */
};

static unsigned char *ram;
static struct cpu cpus[CPUS];
static _Thread_local struct cpu *me;
static atomic_bool interrupting;
static atomic_uint arrived;
static bool deaf; /* CPUs do not forget what others tell them to */
static char last_line[200];
static struct port port;
static struct quire_mm *mm;

/* --- machine.h --- */

void machine_print(const char *line)
{
	snprintf(last_line, sizeof(last_line), "%s", line);
}

void machine_stop(void)
{
	fprintf(stderr, "%s\n", last_line);
	abort();
}

void machine_load_root(quire_pa table)
{
	me->root = table.v;
	memset(me->tlb, 0, sizeof(me->tlb));
}

void machine_forget_page(quire_va va)
{
	me->tlb[va / PAGE % TLB].valid = false;
}

void machine_forget_all(void)
{
	memset(me->tlb, 0, sizeof(me->tlb));
}

quire_va machine_fixup(quire_va pc)
{
	(void)pc;
	return 0;
}

unsigned machine_cpu(void)
{
	return me->number;
}

uint32_t *machine_thread_word(void)
{
	return &me->word;
}

static void answer(void)
{
	if (!atomic_load(&me->asked))
		return;
	if (!deaf)
		me->call(me->argument);
	atomic_store(&me->asked, false);
}

void machine_pause(void)
{
	answer();
	sched_yield();
}

void machine_sleep(const uint32_t *word, uint32_t expected)
{
	(void)word, (void)expected;
	machine_pause();
}

void machine_wake(const uint32_t *word)
{
	(void)word;
}

void machine_on_cpus(uint64_t set, void (*call)(void *argument), void *argument)
{
	while (atomic_exchange(&interrupting, true))
		machine_pause();
	for (unsigned i = 0; i < CPUS; i++) {
		if (i == me->number || !(set >> i & 1))
			continue;
		cpus[i].call = call;
		cpus[i].argument = argument;
		atomic_store(&cpus[i].asked, true);
	}
	if (set >> me->number & 1)
		call(argument);
	for (unsigned i = 0; i < CPUS; i++)
		while (i != me->number && atomic_load(&cpus[i].asked))
			sched_yield();
	atomic_store(&interrupting, false);
}

/* --- a CPU --- */

static void *bus_at(void *context, uint64_t pa, uint64_t bytes)
{
	(void)context;
	return pa - RAM_BASE < RAM_BYTES && bytes <= RAM_BYTES - (pa - RAM_BASE) ? ram + (pa - RAM_BASE)
										 : NULL;
}

static const struct sim_bus bus = {bus_at, NULL};

static unsigned char *translate(quire_va va, enum quire_access access, struct sim_walk *walk)
{
	struct sim_walk_request request = {
	    .root = {me->root, me->root}, .va = va, .access = access, .mode = QUIRE_MODE_USER};
	unsigned slot = va / PAGE % TLB;

	if (me->tlb[slot].valid && me->tlb[slot].va == va / PAGE &&
	    (me->tlb[slot].rights & SIM_RIGHT(QUIRE_MODE_USER, access)))
		return bus_at(NULL, me->tlb[slot].frame + va % PAGE, 1);
	sim_mmu_x86_64.walk(&sim_mmu_x86_64, &bus, &request, walk);
	if (walk->end != SIM_WALK_OK)
		return NULL;
	me->tlb[slot].valid = true;
	me->tlb[slot].va = va / PAGE;
	me->tlb[slot].frame = walk->frame;
	me->tlb[slot].rights = walk->rights;
	if (!walk->dirty)
		me->tlb[slot].rights &= (uint8_t)~SIM_RIGHT(QUIRE_MODE_USER, QUIRE_ACCESS_WRITE);
	return bus_at(NULL, walk->frame + va % PAGE, 1);
}

/* One instruction of a program. An interrupt comes before it, or after it, never in its middle. */
static enum port_action access_byte(quire_va va, enum quire_access access, unsigned char *byte)
{
	struct sim_walk walk;

	for (unsigned tries = 0; tries < 1000; tries++) {
		struct port_exception trap;
		enum port_action action;
		unsigned char *at;

		answer();
		at = translate(va, access, &walk);
		if (at && access == QUIRE_ACCESS_WRITE)
			*at = *byte;
		else if (at)
			*byte = *at;
		if (at)
			return PORT_RETURN;
		trap = (struct port_exception){.vector = walk.vector,
					       .syndrome = walk.syndrome,
					       .address = walk.address,
					       .sp = 0x7ffffffff000,
					       .user = true};
		action = port_trap(&port, mm, &trap, &me->signal);
		if (action != PORT_RETURN)
			return action;
	}
	return PORT_KERNEL_BUG;
}

static void must(bool right)
{
	me->wrong += !right;
}

static void writes(quire_va va, unsigned char byte)
{
	must(access_byte(va, QUIRE_ACCESS_WRITE, &byte) == PORT_RETURN);
}

static void reads(quire_va va, unsigned char want)
{
	unsigned char byte = 0;

	must(access_byte(va, QUIRE_ACCESS_READ, &byte) == PORT_RETURN && byte == want);
}

static void faults(quire_va va, enum quire_access access, unsigned code)
{
	unsigned char byte = 0;

	must(access_byte(va, access, &byte) == PORT_SIGNAL && me->signal.code == code);
}

/* All CPUs come here before one goes on. */
static void barrier(void)
{
	unsigned turn = atomic_fetch_add(&arrived, 1) / CPUS;

	while (atomic_load(&arrived) / CPUS == turn)
		machine_pause();
}

/* --- the program: one address space on every CPU, its first page read-only, its second unmapped, its third discarded
 * while the others read the fourth --- */

static void change(void)
{
	must(quire_mprotect(mm, AREA, PAGE, QUIRE_PROT_READ) == QUIRE_OK);
	must(quire_munmap(mm, AREA + PAGE, PAGE) == QUIRE_OK);
	must(quire_madvise(mm, AREA + 2 * PAGE, PAGE, QUIRE_MADV_DONTNEED) == QUIRE_OK);
}

static void fork_and_write(quire_va va, unsigned char byte)
{
	struct quire_mm *child;
	unsigned char old = 0;
	size_t done;

	if (quire_mm_fork(mm, &child) != QUIRE_OK) {
		must(false);
		return;
	}
	writes(va, 0xff);
	must(quire_copy_in(child, &old, va, 1, 0, &done) == QUIRE_OK && old == byte);
	quire_mm_put(child);
}

static void round_of(unsigned round)
{
	unsigned char mine = (unsigned char)(1 + round % 50 + 60 * me->number);
	quire_va at = AREA + me->number;

	if (me->number == 0) {
		struct quire_mapping how = {.addr = AREA,
					    .length = 8 * PAGE,
					    .prot = RW,
					    .flags =
						QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS | QUIRE_MAP_FIXED};
		quire_va got;

		must(quire_mmap(mm, &how, &got) == QUIRE_OK);
	}
	barrier();
	for (unsigned i = 0; i < 8; i++)
		writes(at + i * PAGE, mine);
	for (unsigned i = 0; i < 8; i++)
		reads(at + i * PAGE, mine);
	barrier();
	if (me->number == 0)
		change();
	else
		for (unsigned i = 0; i < 20; i++)
			reads(at + 3 * PAGE, mine);
	barrier();
	faults(at, QUIRE_ACCESS_WRITE, QUIRE_SEGV_ACCERR);
	reads(at, mine);
	faults(at + PAGE, QUIRE_ACCESS_READ, QUIRE_SEGV_MAPERR);
	reads(at + 2 * PAGE, 0);
	if (me->number == 0)
		fork_and_write(at + 4 * PAGE, mine);
	barrier();
	if (me->number == 0)
		must(quire_munmap(mm, AREA, 8 * PAGE) == QUIRE_OK);
	else
		reads(at + 16 * PAGE, 0);
	barrier();
}

static void *run_cpu(void *argument)
{
	me = argument;
	port_switch(&port, mm);
	barrier();
	for (unsigned i = 0; i < ROUNDS && !(deaf && i > 3); i++)
		round_of(i);
	port_switch(&port, NULL);
	barrier();
	return NULL;
}

/* The CPUs are there, and answer, while the port tests itself. */
static void *run_selftest(void *argument)
{
	me = argument;
	if (me->number == 0)
		must(port_selftest(&port) == 0 && strcmp(last_line, "tables: passed") == 0);
	barrier();
	return NULL;
}

static unsigned run(void *(*body)(void *))
{
	unsigned wrong = 0;

	atomic_store(&arrived, 0);
	memset(cpus, 0, sizeof(cpus));
	for (unsigned i = 0; i < CPUS; i++) {
		cpus[i].number = i;
		assert_int_equal(pthread_create(&cpus[i].thread, NULL, body, &cpus[i]), 0);
	}
	for (unsigned i = 0; i < CPUS; i++) {
		pthread_join(cpus[i].thread, NULL);
		wrong += cpus[i].wrong;
	}
	return wrong;
}

static void boot(void)
{
	struct port_ram range = {{RAM_BASE}, RAM_BYTES, NULL};
	struct quire_mapping how = {.addr = AREA + 16 * PAGE,
				    .length = PAGE,
				    .prot = RW,
				    .flags = QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS | QUIRE_MAP_FIXED};
	quire_va got;

	ram = aligned_alloc(PAGE, RAM_BYTES);
	assert_non_null(ram);
	memset(ram, 0xee, RAM_BYTES);
	range.linear = ram;
	me = &cpus[0];
	assert_int_equal(port_start(&port, &quire_arch_x86_64, "linux-6", CPUS, &range, 1), QUIRE_OK);
	assert_int_equal(quire_mm_create(port.system, NULL, &mm), QUIRE_OK);
	assert_int_equal(quire_mmap(mm, &how, &got), QUIRE_OK);
}

static void halt(void)
{
	char why[120];

	me = &cpus[0];
	quire_mm_put(mm);
	assert_int_equal(quire_check(port.system, why, sizeof(why)), QUIRE_OK);
	quire_system_destroy(port.system);
	free(ram);
}

static void test_program(void **state)
{
	(void)state;
	boot();
	assert_int_equal(run(run_cpu), 0);
	halt();
}

static void test_selftest(void **state)
{
	(void)state;
	boot();
	assert_int_equal(run(run_selftest), 0);
	halt();
}

static void test_deaf(void **state)
{
	(void)state;
	boot();
	deaf = true;
	assert_true(run(run_cpu) > 0);
	deaf = false;
	halt();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_program), cmocka_unit_test(test_selftest),
					   cmocka_unit_test(test_deaf)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
