/* SPDX-License-Identifier: MIT */
/* The machine with a library in it: accesses of every kind on every architecture and profile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "machine.h"

static struct sim *make(const struct sim_config *config)
{
	const char *why = NULL;
	struct sim *sim = sim_create(config, &why);

	if (!sim)
		fail_msg("%s: %s", config->arch ? config->arch : "?", why);
	return sim;
}

static struct sim_process *new_process(struct sim *sim)
{
	struct sim_process *process = NULL;

	assert_int_equal(sim_process_create(sim, NULL, &process), QUIRE_OK);
	return process;
}

static quire_va map(struct sim *sim, struct sim_process *process, uint64_t pages, quire_prot prot,
		    struct quire_file *file, uint32_t flags)
{
	struct quire_mapping how = {.length = pages * sim_page_bytes(sim),
				    .prot = prot,
				    .flags =
					flags ? flags : QUIRE_MAP_PRIVATE | (file ? 0 : QUIRE_MAP_ANONYMOUS),
				    .file = file};
	quire_va va = 0;

	assert_int_equal(SIM_OP(sim_current(sim), "mmap", quire_mmap(process->mm, &how, &va)), QUIRE_OK);
	return va;
}

enum {
	RW = QUIRE_PROT_READ | QUIRE_PROT_WRITE
};

static void expect_end(struct sim_cpu *cpu, enum sim_end got, enum sim_end end, unsigned signal,
		       unsigned code)
{
	const struct sim_result *last = sim_last(cpu);

	if (got != end || (end == SIM_SIGNALLED && (last->signal != signal || last->code != code)))
		fail_msg("%s on %s: %s, signal %u/%u; expected %s, %u/%u", sim_of(cpu)->config.profile,
			 sim_of(cpu)->config.arch, sim_end_name(got), last->signal, last->code,
			 sim_end_name(end), signal, code);
}

/* --- the same small program everywhere --- */

static void program(struct sim *sim)
{
	struct sim_cpu *cpu = sim_cpu(sim, 0);
	struct sim_process *parent = new_process(sim), *child = NULL;
	uint64_t page = sim_page_bytes(sim);
	quire_va va = map(sim, parent, 4, RW, NULL, 0);
	uint64_t value = 1;

	sim_switch(cpu, parent);
	expect_end(cpu, sim_read(cpu, va, 4, &value), SIM_DONE, 0, 0);
	assert_int_equal(value, 0);
	expect_end(cpu, sim_write(cpu, va, 4, 0x12345678), SIM_DONE, 0, 0);
	expect_end(cpu, sim_read(cpu, va, 4, &value), SIM_DONE, 0, 0);
	assert_int_equal(value, 0x12345678);
	/* Across two pages. */
	expect_end(cpu, sim_write(cpu, va + page - 2, 4, 0xa1b2c3d4), SIM_DONE, 0, 0);
	expect_end(cpu, sim_read(cpu, va + page, 2, &value), SIM_DONE, 0, 0);
	assert_int_equal(value, 0xa1b2);

	assert_int_equal(sim_process_fork(parent, &child), QUIRE_OK);
	expect_end(cpu, sim_write(cpu, va, 1, 0x11), SIM_DONE, 0, 0);
	sim_switch(cpu, child);
	expect_end(cpu, sim_read(cpu, va, 1, &value), SIM_DONE, 0, 0);
	assert_int_equal(value, 0x78);
	expect_end(cpu, sim_write(cpu, va, 1, 0x22), SIM_DONE, 0, 0);
	sim_switch(cpu, parent);
	expect_end(cpu, sim_read(cpu, va, 1, &value), SIM_DONE, 0, 0);
	assert_int_equal(value, 0x11);

	/* Nothing there; not allowed. */
	expect_end(cpu, sim_read(cpu, va + 4 * page, 1, &value), SIM_SIGNALLED, QUIRE_SIGSEGV,
		   QUIRE_SEGV_MAPERR);
	assert_int_equal(sim_last(cpu)->va, va + 4 * page);
	assert_int_equal(SIM_OP(cpu, "mprotect", quire_mprotect(parent->mm, va, page, QUIRE_PROT_READ)),
			 QUIRE_OK);
	expect_end(cpu, sim_write(cpu, va, 1, 3), SIM_SIGNALLED, QUIRE_SIGSEGV, QUIRE_SEGV_ACCERR);
	expect_end(cpu, sim_read(cpu, va, 1, &value), SIM_DONE, 0, 0);
	assert_int_equal(value, 0x11);
	assert_int_equal(SIM_OP(cpu, "munmap", quire_munmap(parent->mm, va, page)), QUIRE_OK);
	expect_end(cpu, sim_read(cpu, va, 1, &value), SIM_SIGNALLED, QUIRE_SIGSEGV, QUIRE_SEGV_MAPERR);
	sim_process_exit(child);
	assert_null(child->mm);
}

static void test_everywhere(void **state)
{
	(void)state;
	for (unsigned a = 0; quire_arch_at(a); a++) {
		for (unsigned p = 0; quire_profile_at(p); p++) {
			struct sim_config config = {.arch = quire_arch_at(a)->name,
						    .profile = quire_profile_at(p)->name,
						    .mmap_min_addr = 4096,
						    .stack_guard_pages = 1};
			struct sim *sim = make(&config);

			program(sim);
			if (sim_destroy(sim))
				fail_msg("%s on %s", config.profile, config.arch);
		}
	}
}

/* Frames behind the window: the library must map each before it touches it. */
static void test_high_memory(void **state)
{
	struct sim_config config = {.arch = "i386", .ram_bytes = 2 << 20, .high_bytes = 8 << 20, .cpus = 2};
	struct sim *sim = make(&config);
	struct sim_counts counts;

	(void)state;
	program(sim);
	sim_counts(sim, &counts);
	assert_true(counts.windows > 0);
	assert_int_equal(sim_destroy(sim), 0);
}

static void test_window_discipline(void **state)
{
	struct sim_config config = {.ram_bytes = 4 << 20, .high_bytes = 1 << 20};
	struct sim *sim = make(&config);
	quire_pfn pfn = {sim->ram[2].base >> 12};
	const struct quire_host *host = &sim->host;
	char *one, *two;

	(void)state;
	one = host->frame_map(sim, pfn);
	strcpy(one, "hello");
	two = host->frame_map(sim, (quire_pfn){pfn.n + 1});
	assert_string_equal(sim_physical(sim, (quire_pa){pfn.n << 12}, 6), "hello");
	assert_int_equal(sim_finding_count(sim), 0);
	assert_non_null(host->frame_map(sim, (quire_pfn){pfn.n + 2}));
	assert_int_equal(sim_finding_at(sim, 0)->kind, SIM_WINDOW);
	sim_findings_clear(sim);
	host->frame_unmap(sim, one);
	assert_int_equal(sim_finding_at(sim, 0)->kind, SIM_WINDOW);
	sim_findings_clear(sim);
	host->frame_unmap(sim, two);
	(void)sim_op_end(sim_current(sim), QUIRE_OK);
	assert_int_equal(sim_finding_at(sim, 0)->kind, SIM_WINDOW);
	sim_findings_clear(sim);
	host->frame_unmap(sim, one);
	assert_int_equal(sim_finding_count(sim), 0);
	assert_int_equal(sim_destroy(sim), 0);
}

/* --- the kernel's accesses --- */

static void test_kernel_copies(void **state)
{
	struct sim_config config = {.arch = "x86_64"};
	struct sim *sim = make(&config);
	struct sim_cpu *cpu = sim_cpu(sim, 0);
	struct sim_process *process = new_process(sim);
	quire_va va = map(sim, process, 2, RW, NULL, 0);
	char buffer[8192], back[8192];
	uint64_t value;

	(void)state;
	sim_switch(cpu, process);
	for (size_t i = 0; i < sizeof(buffer); i++)
		buffer[i] = (char)(i * 7);
	assert_int_equal(sim_copy_to_user(cpu, va, buffer, sizeof(buffer)), 0);
	assert_int_equal(sim_copy_from_user(cpu, back, va, sizeof(back)), 0);
	assert_memory_equal(buffer, back, sizeof(back));
	/* The second page ends the mapping: what is beyond is not copied. */
	assert_int_equal(sim_copy_to_user(cpu, va + 4096 + 96, buffer, 4096), 96);
	assert_int_equal(sim_last(cpu)->end, SIM_FIXED_UP);
	assert_int_equal(sim_last(cpu)->pc, sim_arch(sim)->kernel_start + 0x2800);
	assert_int_equal(sim_clear_user(cpu, va, 8192 + 5), 5);
	expect_end(cpu, sim_read(cpu, va + 4096, 8, &value), SIM_DONE, 0, 0);
	assert_int_equal(value, 0);
	/* An instruction that the exception table does not have. */
	expect_end(cpu, sim_kernel_read(cpu, va, 8, &value), SIM_DONE, 0, 0);
	expect_end(cpu, sim_kernel_read(cpu, va + 8192, 8, &value), SIM_OOPSED, 0, 0);
	expect_end(cpu, sim_kernel_read(cpu, sim_arch(sim)->kernel_start + 0x5000, 8, &value), SIM_OOPSED, 0,
		   0);
	sim_set_context(cpu, QUIRE_CTX_PERSISTENT);
	expect_end(cpu, sim_kernel_read(cpu, va + 8192, 8, &value), SIM_PANICKED, 0, 0);
	/* Atomic: a fault that would be resolved is not. */
	sim_set_context(cpu, QUIRE_CTX_ATOMIC);
	va = map(sim, process, 1, RW, NULL, 0);
	assert_int_equal(sim_copy_to_user(cpu, va, buffer, 8), 8);
	sim_set_context(cpu, 0);
	assert_int_equal(sim_copy_to_user(cpu, va, buffer, 8), 0);
	/* A kernel thread has no address space. */
	sim_switch(cpu, NULL);
	assert_int_equal(sim_copy_to_user(cpu, va, buffer, 8), 8);
	assert_int_equal(sim_destroy(sim), 0);
}

static void test_not_canonical(void **state)
{
	struct sim_config config = {.arch = "x86_64"};
	struct sim *sim = make(&config);
	struct sim_cpu *cpu = sim_cpu(sim, 0);
	uint64_t value;

	(void)state;
	sim_switch(cpu, new_process(sim));
	expect_end(cpu, sim_read(cpu, 0x0000900000000000, 8, &value), SIM_SIGNALLED, QUIRE_SIGSEGV,
		   QUIRE_SI_KERNEL);
	assert_int_equal(sim_last(cpu)->va, 0);
	assert_int_equal(sim_copy_to_user(cpu, 0x0000900000000000, &value, 8), 8);
	expect_end(cpu, sim_kernel_read(cpu, 0x0000900000000000, 8, &value), SIM_OOPSED, 0, 0);
	assert_int_equal(sim_destroy(sim), 0);
}

/* What was counted, and the record of each fault. */
static void test_counts_and_traces(void **state)
{
	struct sim_config config = {.arch = "x86_64"};
	struct sim *sim = make(&config);
	struct sim_cpu *cpu = sim_cpu(sim, 0);
	struct sim_process *process = new_process(sim);
	quire_va va = map(sim, process, 4, RW, NULL, 0);
	const struct sim_result *last = sim_last(cpu);
	struct sim_counts counts;

	(void)state;
	sim_switch(cpu, process);
	expect_end(cpu, sim_write(cpu, va + 4096 - 4, 8, 1), SIM_DONE, 0, 0);
	assert_int_equal(last->faults, 2);
	assert_int_equal(last->minor, 2);
	assert_int_equal(last->major, 0);
	assert_int_equal(last->done, 8);
	assert_int_equal(last->traces, 2);
	assert_int_equal(last->trace[0].fault.va, va + 4096 - 4);
	assert_int_equal(last->trace[1].fault.va, va + 4096);
	assert_int_equal(last->trace[0].fault.raw, 6);
	assert_int_equal(last->trace[0].outcome.kind, QUIRE_RESUME);
	assert_int_equal(process->minor, 2);
	sim_counts(sim, &counts);
	assert_int_equal(counts.faults, 2);
	assert_true(counts.page_clears >= 2);
	assert_int_equal(sim_destroy(sim), 0);
}

static void test_raise_and_probe(void **state)
{
	struct sim_config config = {.arch = "arm64", .profile = "linux-4.14"};
	struct sim *sim = make(&config);
	struct sim_cpu *cpu = sim_cpu(sim, 0);
	struct sim_process *process = new_process(sim);
	quire_va va = map(sim, process, 1, RW, NULL, 0);
	struct quire_trap trap = {.vector = QUIRE_VECTOR_SYNC, .syndrome = 0x92000021, .address = va};
	quire_pa pa;

	(void)state;
	sim_switch(cpu, process);
	/* DFSC 0x21: alignment. */
	expect_end(cpu, sim_raise(cpu, &trap), SIM_SIGNALLED, QUIRE_SIGBUS, QUIRE_BUS_ADRALN);
	assert_false(sim_probe(cpu, va, QUIRE_ACCESS_WRITE, QUIRE_MODE_USER, NULL, &trap));
	assert_int_equal(trap.address, va);
	assert_int_equal(trap.syndrome & 0xfe00007c, 0x92000044);
	expect_end(cpu, sim_write(cpu, va, 8, 77), SIM_DONE, 0, 0);
	assert_true(sim_probe(cpu, va + 8, QUIRE_ACCESS_WRITE, QUIRE_MODE_USER, &pa, NULL));
	assert_int_equal(pa.v % 4096, (va + 8) % 4096);
	assert_int_equal(*(uint64_t *)sim_physical(sim, (quire_pa){pa.v - 8}, 8), 77);
	assert_null(sim_physical(sim, (quire_pa){0}, 8));
	assert_int_equal(sim_destroy(sim), 0);
}

/* --- files, kernel mappings --- */

static void test_files(void **state)
{
	struct sim_config config = {.arch = "riscv64"};
	struct sim *sim = make(&config);
	struct sim_cpu *cpu = sim_cpu(sim, 0);
	struct sim_process *process = new_process(sim);
	struct sim_file *file = NULL;
	uint64_t value;
	quire_va va;

	(void)state;
	assert_int_equal(sim_file_create(sim, 3 * 4096 + 100, 0x40, &file), QUIRE_OK);
	va = map(sim, process, 8, RW, file->file, QUIRE_MAP_SHARED);
	sim_switch(cpu, process);
	expect_end(cpu, sim_read(cpu, va + 4096, 1, &value), SIM_DONE, 0, 0);
	assert_int_equal(value, 0x41);
	assert_int_equal(sim_last(cpu)->major, 1);
	assert_true(file->reads >= 1);
	expect_end(cpu, sim_write(cpu, va + 3 * 4096 + 1, 1, 9), SIM_DONE, 0, 0);
	assert_int_equal(file->mkwrites, 1);
	expect_end(cpu, sim_read(cpu, va + 4 * 4096, 1, &value), SIM_SIGNALLED, QUIRE_SIGBUS,
		   QUIRE_BUS_ADRERR);
	assert_int_equal(SIM_OP(cpu, "msync", quire_msync(process->mm, va, 8 * 4096, QUIRE_MS_SYNC)),
			 QUIRE_OK);
	assert_int_equal(file->bytes[3 * 4096 + 1], 9);
	file->fail_read = 2;
	expect_end(cpu, sim_read(cpu, va + 2 * 4096, 1, &value), SIM_SIGNALLED, QUIRE_SIGBUS,
		   QUIRE_BUS_ADRERR);
	file->fail_read = UINT64_MAX;
	expect_end(cpu, sim_read(cpu, va + 2 * 4096, 1, &value), SIM_DONE, 0, 0);
	file->fail_mkwrite = 2;
	expect_end(cpu, sim_write(cpu, va + 2 * 4096, 1, 1), SIM_SIGNALLED, QUIRE_SIGBUS, QUIRE_BUS_ADRERR);
	sim_process_exit(process);
	sim_file_close(file);
	assert_int_equal(sim_destroy(sim), 0);
}

static void kernel_mapping(const char *arch)
{
	struct sim_config config = {.arch = arch, .kmap_bytes = 1 << 16, .mmap_min_addr = 4096};
	struct sim *sim = make(&config);
	struct sim_cpu *cpu = sim_cpu(sim, 0);
	/* ARM64 sends every fault on a kernel address to do_bad_area: its pages are filled at once. */
	enum quire_kmap_kind second =
	    sim_arch(sim)->caps & QUIRE_CAP_SPLIT_ROOT ? QUIRE_KMAP_EAGER : QUIRE_KMAP_LAZY;
	quire_va eager, lazy;
	uint64_t value;

	if (sim_page_bytes(sim) > 4096) {
		assert_int_equal(sim_destroy(sim), 0);
		return;
	}
	sim_switch(cpu, new_process(sim));
	assert_int_equal(SIM_OP(cpu, "kmap", quire_kmap(sim_system(sim), 2, RW, QUIRE_KMAP_EAGER, &eager)),
			 QUIRE_OK);
	assert_int_equal(SIM_OP(cpu, "kmap", quire_kmap(sim_system(sim), 2, RW, second, &lazy)), QUIRE_OK);
	expect_end(cpu, sim_kernel_write(cpu, eager + 8, 8, 5), SIM_DONE, 0, 0);
	expect_end(cpu, sim_kernel_write(cpu, lazy + 8, 8, 6), SIM_DONE, 0, 0);
	assert_int_equal(sim_read(cpu, eager, 8, &value), SIM_SIGNALLED);
	assert_int_equal(sim_last(cpu)->signal, QUIRE_SIGSEGV);
	/* Seen from another process, and by a kernel thread. */
	sim_switch(cpu, new_process(sim));
	expect_end(cpu, sim_kernel_read(cpu, lazy + 8, 8, &value), SIM_DONE, 0, 0);
	assert_int_equal(value, 6);
	sim_switch(cpu, NULL);
	expect_end(cpu, sim_kernel_read(cpu, eager + 8, 8, &value), SIM_DONE, 0, 0);
	assert_int_equal(value, 5);
	assert_int_equal(SIM_OP(cpu, "kunmap", quire_kunmap(sim_system(sim), eager)), QUIRE_OK);
	expect_end(cpu, sim_kernel_read(cpu, eager + 8, 8, &value), SIM_OOPSED, 0, 0);
	assert_int_equal(SIM_OP(cpu, "kunmap", quire_kunmap(sim_system(sim), lazy)), QUIRE_OK);
	if (sim_destroy(sim))
		fail_msg("kernel mappings on %s", arch);
}

static void test_kernel_mappings(void **state)
{
	(void)state;
	for (unsigned a = 0; quire_arch_at(a); a++)
		kernel_mapping(quire_arch_at(a)->name);
}

/* --- out of memory, failures on purpose --- */

static struct sim_process *kill_other(void *context, struct sim_process *faulting)
{
	struct sim_process **victim = context;
	struct sim_process *one = *victim;

	assert_ptr_not_equal(one, faulting);
	*victim = NULL;
	return one;
}

static void test_out_of_memory(void **state)
{
	struct sim_process *victim = NULL;
	struct sim_config config = {.ram_bytes = 1 << 20,
				    .overcommit = QUIRE_OVERCOMMIT_ALWAYS,
				    .context = &victim,
				    .oom = kill_other};
	struct sim *sim = make(&config);
	struct sim_cpu *cpu = sim_cpu(sim, 0);
	struct sim_process *hungry = new_process(sim);
	enum sim_end end = SIM_DONE;
	quire_va va, other_va;
	unsigned i = 0;

	(void)state;
	victim = new_process(sim);
	other_va = map(sim, victim, 8, RW, NULL, 0);
	sim_switch(cpu, victim);
	for (unsigned n = 0; n < 8; n++)
		expect_end(cpu, sim_write(cpu, other_va + n * 4096, 1, 1), SIM_DONE, 0, 0);
	va = map(sim, hungry, 1000, RW, NULL, 0);
	sim_switch(cpu, hungry);
	for (; i < 1000 && victim; i++) {
		end = sim_write(cpu, va + i * 4096, 1, 1);
		expect_end(cpu, end, SIM_DONE, 0, 0);
	}
	assert_null(victim);
	sim->config.oom = NULL;
	for (; i < 1000 && end == SIM_DONE; i++)
		end = sim_write(cpu, va + i * 4096, 1, 1);
	assert_int_equal(end, SIM_KILLED);
	assert_int_equal(hungry->exit_signal, QUIRE_SIGKILL);
	assert_null(hungry->mm);
	assert_null(sim_process_of(cpu));
	assert_int_equal(sim_destroy(sim), 0);
}

static void test_failures_on_purpose(void **state)
{
	struct sim_config config = {.arch = "x86_64"};
	struct sim *sim = make(&config);
	struct sim_cpu *cpu = sim_cpu(sim, 0);
	unsigned frames = 1u << QUIRE_RES_FRAME, all = frames | 1u << QUIRE_RES_OBJECT;
	struct sim_process *process = NULL;
	enum quire_status status = QUIRE_ENOMEM;
	uint64_t nth = 0, refused = 0;

	(void)state;
	/* Until none was left to fail. The library may do without one that failed. */
	do {
		sim_fail(sim, all, ++nth, 1);
		status = sim_process_create(sim, NULL, &process);
		assert_true(status == QUIRE_OK || (status == QUIRE_ENOMEM && sim_failed(sim) == 1));
		refused += status != QUIRE_OK;
	} while (sim_failed(sim) && nth < 100);
	assert_int_equal(status, QUIRE_OK);
	assert_true(sim_fail_asked(sim) < nth);
	assert_true(refused > 0);
	sim_switch(cpu, process);
	sim_fail_randomly(sim, all, 1);
	process = NULL;
	assert_int_equal(sim_process_create(sim, NULL, &process), QUIRE_ENOMEM);
	assert_null(process);
	assert_true(sim_failed(sim) > 0);
	sim_fail(sim, 0, 0, 0);
	assert_int_equal(sim_destroy(sim), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_everywhere),          cmocka_unit_test(test_high_memory),
	    cmocka_unit_test(test_window_discipline),   cmocka_unit_test(test_kernel_copies),
	    cmocka_unit_test(test_not_canonical),       cmocka_unit_test(test_counts_and_traces),
	    cmocka_unit_test(test_raise_and_probe),     cmocka_unit_test(test_files),
	    cmocka_unit_test(test_kernel_mappings),     cmocka_unit_test(test_out_of_memory),
	    cmocka_unit_test(test_failures_on_purpose),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
