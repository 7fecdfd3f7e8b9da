/* SPDX-License-Identifier: MIT */
/* The port to copy, run: a kernel of a few lines around it, whose one CPU is a software MMU with a small TLB. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine.h"
#include "mmu.h"
#include "port.h"

#define RAM_BASE  UINT64_C(0x1000000)
#define RAM_BYTES ((size_t)32 << 20)
#define COPY_PC   UINT64_C(0xffffffff80001000)
#define FIXUP_PC  UINT64_C(0xffffffff80002000)
#define TLB       16

enum {
	RW = QUIRE_PROT_READ | QUIRE_PROT_WRITE
};

/* The kernel's memory. The contract of machine.h has no context pointer, as in a real kernel. */
static unsigned char *ram;
static uint64_t root;
static char last_line[200];
static unsigned forgotten;

static struct {
	uint64_t va, frame;
	uint8_t rights;
	bool valid;
} tlb[TLB];

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
	root = table.v;
	memset(tlb, 0, sizeof(tlb));
}

void machine_forget_page(quire_va va)
{
	forgotten++;
	tlb[(va >> 12) % TLB].valid = false;
}

void machine_forget_all(void)
{
	forgotten++;
	memset(tlb, 0, sizeof(tlb));
}

quire_va machine_fixup(quire_va pc)
{
	return pc == COPY_PC ? FIXUP_PC : 0;
}

unsigned machine_cpu(void)
{
	return 0;
}

uint32_t *machine_thread_word(void)
{
	static uint32_t word;

	return &word;
}

void machine_pause(void)
{
}

void machine_sleep(const uint32_t *word, uint32_t expected)
{
	(void)word, (void)expected;
}

void machine_wake(const uint32_t *word)
{
	(void)word;
}

void machine_on_cpus(uint64_t cpus, void (*call)(void *argument), void *argument)
{
	assert_int_equal(cpus, 1);
	call(argument);
}

/* --- the CPU --- */

static void *bus_at(void *context, uint64_t pa, uint64_t bytes)
{
	(void)context;
	return pa - RAM_BASE < RAM_BYTES && bytes <= RAM_BYTES - (pa - RAM_BASE) ? ram + (pa - RAM_BASE)
										 : NULL;
}

static const struct sim_bus bus = {bus_at, NULL};

/* The byte at `va`, or NULL and the exception. */
static unsigned char *translate(uint64_t va, enum quire_access access, enum quire_mode mode,
				struct sim_walk *walk)
{
	struct sim_walk_request request = {.root = {root, root}, .va = va, .access = access, .mode = mode};
	unsigned slot = (va >> 12) % TLB;

	if (tlb[slot].valid && tlb[slot].va == va >> 12 && (tlb[slot].rights & SIM_RIGHT(mode, access)))
		return bus_at(NULL, tlb[slot].frame + va % 4096, 1);
	sim_mmu_x86_64.walk(&sim_mmu_x86_64, &bus, &request, walk);
	if (walk->end != SIM_WALK_OK)
		return NULL;
	tlb[slot].valid = true;
	tlb[slot].va = va >> 12;
	tlb[slot].frame = walk->frame;
	tlb[slot].rights = walk->rights;
	if (!walk->dirty)
		tlb[slot].rights &= (uint8_t) ~(SIM_RIGHT(QUIRE_MODE_USER, QUIRE_ACCESS_WRITE) |
						SIM_RIGHT(QUIRE_MODE_KERNEL, QUIRE_ACCESS_WRITE));
	return bus_at(NULL, walk->frame + va % 4096, 1);
}

struct cpu {
	struct port *port;
	struct port_signal signal;
	uint64_t pc;
	bool atomic;
};

/* One access; what a real CPU and its exception entry do together. */
static enum port_action access_byte(struct cpu *cpu, uint64_t va, enum quire_access access,
				    enum quire_mode mode, unsigned char *byte)
{
	struct sim_walk walk;

	for (unsigned tries = 0; tries < 10; tries++) {
		unsigned char *at = translate(va, access, mode, &walk);
		struct port_exception trap;
		enum port_action action;

		if (at && access == QUIRE_ACCESS_WRITE)
			*at = *byte;
		else if (at)
			*byte = *at;
		if (at)
			return PORT_RETURN;
		assert_int_equal(walk.end, SIM_WALK_FAULT);
		trap = (struct port_exception){.vector = walk.vector,
					       .syndrome = walk.syndrome,
					       .address = walk.address,
					       .pc = cpu->pc,
					       .sp = 0x7ffffffff000,
					       .user = mode == QUIRE_MODE_USER,
					       .atomic = cpu->atomic};
		action = port_trap(cpu->port, cpu->port->mm[0], &trap, &cpu->signal);
		if (action != PORT_RETURN)
			return action;
		if (trap.pc != cpu->pc) {
			cpu->pc = trap.pc;
			return PORT_RETURN;
		}
	}
	fail_msg("%#llx faults for ever", (unsigned long long)va);
	return PORT_KERNEL_BUG;
}

static enum port_action user_write(struct cpu *cpu, uint64_t va, unsigned char byte)
{
	return access_byte(cpu, va, QUIRE_ACCESS_WRITE, QUIRE_MODE_USER, &byte);
}

static int user_read(struct cpu *cpu, uint64_t va)
{
	unsigned char byte = 0;

	return access_byte(cpu, va, QUIRE_ACCESS_READ, QUIRE_MODE_USER, &byte) == PORT_RETURN ? byte : -1;
}

/* --- tests --- */

static void boot(struct port *port, size_t bytes)
{
	struct port_ram range = {{RAM_BASE}, bytes, NULL};

	ram = aligned_alloc(4096, RAM_BYTES);
	assert_non_null(ram);
	memset(ram, 0xee, RAM_BYTES);
	memset(tlb, 0, sizeof(tlb));
	range.linear = ram;
	assert_int_equal(port_start(port, &quire_arch_x86_64, "linux-6", 1, &range, 1), QUIRE_OK);
}

static void halt(struct port *port)
{
	quire_system_destroy(port->system);
	free(ram);
}

static void test_selftest(void **state)
{
	struct port port;

	(void)state;
	boot(&port, RAM_BYTES);
	assert_int_equal(port_selftest(&port), 0);
	assert_string_equal(last_line, "tables: passed");
	halt(&port);
}

static void test_program(void **state)
{
	struct quire_mapping how = {
	    .length = 8 * 4096, .prot = RW, .flags = QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS};
	struct port port;
	struct cpu cpu = {.port = &port, .pc = 0x400000};
	struct quire_mm *parent, *child;
	unsigned char byte = 1;
	quire_va va;

	(void)state;
	boot(&port, RAM_BYTES);
	assert_int_equal(quire_mm_create(port.system, NULL, &parent), QUIRE_OK);
	assert_int_equal(quire_mmap(parent, &how, &va), QUIRE_OK);
	port_switch(&port, parent);
	assert_int_equal(user_read(&cpu, va), 0);
	assert_int_equal(user_write(&cpu, va, 7), PORT_RETURN);
	assert_int_equal(user_read(&cpu, va), 7);

	assert_int_equal(quire_mm_fork(parent, &child), QUIRE_OK);
	assert_int_equal(user_write(&cpu, va, 8), PORT_RETURN);
	port_switch(&port, child);
	assert_int_equal(user_read(&cpu, va), 7);
	assert_int_equal(user_write(&cpu, va, 9), PORT_RETURN);
	port_switch(&port, parent);
	assert_int_equal(user_read(&cpu, va), 8);

	/* Without the flush these would still go through the TLB. */
	forgotten = 0;
	assert_int_equal(quire_mprotect(parent, va, 4096, QUIRE_PROT_READ), QUIRE_OK);
	assert_true(forgotten > 0);
	assert_int_equal(user_write(&cpu, va, 1), PORT_SIGNAL);
	assert_int_equal(cpu.signal.signal, QUIRE_SIGSEGV);
	assert_int_equal(cpu.signal.code, QUIRE_SEGV_ACCERR);
	assert_int_equal(cpu.signal.address, va);
	assert_int_equal(quire_munmap(parent, va, how.length), QUIRE_OK);
	assert_int_equal(user_read(&cpu, va), -1);
	assert_int_equal(cpu.signal.code, QUIRE_SEGV_MAPERR);

	/* The kernel's copy of a bad address goes on at its fixup; any other instruction is a bug. */
	cpu.pc = COPY_PC;
	assert_int_equal(access_byte(&cpu, va, QUIRE_ACCESS_WRITE, QUIRE_MODE_KERNEL, &byte), PORT_RETURN);
	assert_int_equal(cpu.pc, FIXUP_PC);
	assert_int_equal(access_byte(&cpu, va, QUIRE_ACCESS_WRITE, QUIRE_MODE_KERNEL, &byte),
			 PORT_KERNEL_BUG);

	port_switch(&port, NULL);
	quire_mm_put(child);
	quire_mm_put(parent);
	halt(&port);
}

static void test_no_memory(void **state)
{
	struct quire_mapping how = {.length = 2048 * 4096,
				    .prot = RW,
				    .flags = QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS | QUIRE_MAP_NORESERVE};
	enum port_action action = PORT_RETURN;
	struct port port;
	struct cpu cpu = {.port = &port, .pc = 0x400000};
	struct quire_mm *mm;
	quire_va va;

	(void)state;
	boot(&port, 1 << 20);
	assert_int_equal(quire_mm_create(port.system, NULL, &mm), QUIRE_OK);
	assert_int_equal(quire_mmap(mm, &how, &va), QUIRE_OK);
	port_switch(&port, mm);
	for (unsigned i = 0; i < 2048 && action == PORT_RETURN; i++)
		action = user_write(&cpu, va + i * 4096, 1);
	assert_int_equal(action, PORT_KILL);
	port_switch(&port, NULL);
	quire_mm_put(mm);
	halt(&port);
}

static void test_refusals(void **state)
{
	struct port_ram none = {{RAM_BASE}, 4096, &none};
	struct port port;

	(void)state;
	assert_int_equal(port_start(&port, &quire_arch_x86_64, "linux-1.0", 1, &none, 1), QUIRE_EINVAL);
	assert_int_equal(port_start(&port, &quire_arch_x86_64, "linux-6", 1, &none, 0), QUIRE_EINVAL);
	assert_int_equal(port_start(&port, &quire_arch_x86_64, "linux-6", 1, &none, 9), QUIRE_EINVAL);
	assert_int_equal(port_start(&port, &quire_arch_x86_64, "linux-6", 0, &none, 1), QUIRE_EINVAL);
	assert_int_equal(port_start(&port, &quire_arch_x86_64, "linux-6", PORT_CPUS + 1, &none, 1),
			 QUIRE_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_selftest),
	    cmocka_unit_test(test_program),
	    cmocka_unit_test(test_no_memory),
	    cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
