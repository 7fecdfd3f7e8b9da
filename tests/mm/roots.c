/* SPDX-License-Identifier: MIT */
/* Roots and the CPUs in them: the port's kernel entries, a kernel thread on a program's tables, flush sets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kmap/kmap.h"
#include "machine.h"
#include "mm/mm.h"

static const char *const archs[] = {"x86_64", "i386"};

static char panicked[200];
static jmp_buf on_panic;

static void note_panic(void *context, const char *text)
{
	(void)context;
	snprintf(panicked, sizeof(panicked), "%s", text);
	longjmp(on_panic, 1);
}

static struct sim *make_with(const char *arch, uint64_t kmap_bytes)
{
	const struct sim_config config = {
	    .arch = arch, .cpus = 2, .kmap_bytes = kmap_bytes, .panic = note_panic};
	const char *why = "";
	struct sim *sim = sim_create(&config, &why);

	if (!sim)
		fail_msg("%s: %s", arch, why);
	sim_use_cpu(sim_cpu(sim, 0));
	return sim;
}

static struct sim *make(const char *arch)
{
	return make_with(arch, 1 << 20);
}

static char *top_entry(const struct qr_pt *pt, quire_va va)
{
	const struct quire_arch *arch = qr_arch(pt->system);
	unsigned top = arch->levels - 1u;

	return pt->root + qr_pt_index(arch, top, va) * arch->level[top].entry_bytes;
}

/* What a port writes into the kernel's root, a new address space has; quire_check() has nothing against it. */
static void test_port_entries(void **state)
{
	(void)state;
	/* With an area for kernel mappings and without one. */
	for (unsigned i = 0; i < 2 * QR_ARRAY_COUNT(archs); i++) {
		struct sim *sim = make_with(archs[i / 2], i % 2 ? 0 : 1 << 20);
		struct quire_system *system = sim_system(sim);
		const struct quire_arch *arch = sim_arch(sim);
		unsigned top = arch->levels - 1u;
		quire_va va = (quire_va)arch->kernel_start;
		struct qr_pt *kernel = &system->kmap->pt;
		struct sim_process *process;
		quire_pte pte;
		quire_pfn table;

		assert_int_equal(quire_kernel_root(system).v, kernel->root_pa.v);
		assert_int_equal(qr_pte_get(arch, top, top_entry(kernel, va)).bits, 0);
		assert_int_equal(quire_frame_alloc(system, 0, QUIRE_FRAME_LINEAR | QUIRE_FRAME_ZERO, &table),
				 QUIRE_OK);
		pte = arch->table(arch, (quire_pa){table.n << arch->page_shift}, top);
		qr_pte_set(arch, top, top_entry(kernel, va), pte);
		assert_int_equal(sim_process_create(sim, NULL, &process), QUIRE_OK);
		assert_int_equal(qr_pte_get(arch, top, top_entry(&process->mm->pt, va)).bits, pte.bits);
		assert_int_equal(quire_check(system, NULL, 0), QUIRE_OK);
		sim_process_exit(process);
		qr_pte_set(arch, top, top_entry(kernel, va), (quire_pte){0});
		quire_frame_free(system, table, 0);
		assert_int_equal(sim_destroy(sim), 0);
	}
}

static struct quire_outcome kernel_read(struct sim *sim, quire_va va)
{
	struct quire_trap trap = {
	    .vector = QUIRE_VECTOR_PAGE_FAULT, .mode = QUIRE_MODE_KERNEL, .address = va};

	return quire_handle_trap(sim_system(sim), NULL, &trap, NULL);
}

/* A kernel thread has no address space, and runs on the tables that its CPU entered last. */
static void test_kernel_thread(void **state)
{
	(void)state;
	for (unsigned i = 0; i < QR_ARRAY_COUNT(archs); i++) {
		struct sim *sim = make(archs[i]);
		struct sim_cpu *cpu = sim_cpu(sim, 0);
		struct sim_process *process;
		quire_va va;

		assert_int_equal(sim_process_create(sim, NULL, &process), QUIRE_OK);
		assert_int_equal(quire_kmap(sim_system(sim), 1, QUIRE_PROT_READ, QUIRE_KMAP_EAGER, &va),
				 QUIRE_OK);
		/* Not entered: the kernel's own tables are loaded, and have it. */
		assert_int_equal(kernel_read(sim, va).rule, QUIRE_STEP_VMALLOC_SPURIOUS);
		sim_switch(cpu, process);
		assert_int_equal(kernel_read(sim, va).rule, QUIRE_STEP_VMALLOC_SYNCED);
		assert_ptr_equal(qr_pt_find(&process->mm->pt, va, 0),
				 qr_pt_find(&sim_system(sim)->kmap->pt, va, 0));
		sim_switch(cpu, NULL);
		assert_int_equal(kernel_read(sim, va).rule, QUIRE_STEP_VMALLOC_SPURIOUS);
		sim_process_exit(process);
		assert_int_equal(sim_destroy(sim), 0);
	}
}

/* A kernel's image and linear map, written into the root of a system without an area for kernel mappings: a CPU
 * that runs no address space has them, one that runs a program too, and where user and kernel have a root each. */
static void test_kernel_runs_on_its_root(void **state)
{
	const char *const all[] = {"x86_64", "i386", "arm", "arm64", "riscv64"};

	(void)state;
	for (unsigned i = 0; i < QR_ARRAY_COUNT(all); i++) {
		struct sim *sim = make_with(all[i], 0);
		struct quire_system *system = sim_system(sim);
		const struct quire_arch *arch = sim_arch(sim);
		struct qr_pt *kernel = &system->kmap->pt;
		quire_va va = (quire_va)arch->kernel_start, area;
		struct sim_cpu *cpu = sim_cpu(sim, 0);
		struct sim_process *process;
		struct qr_tlb tlb;
		quire_pfn frame;
		uint64_t value;

		assert_int_not_equal(quire_kernel_root(system).v, 0);
		assert_int_equal(quire_kmap(system, 1, QUIRE_PROT_READ, QUIRE_KMAP_EAGER, &area),
				 QUIRE_EINVAL);
		assert_int_equal(quire_frame_alloc(system, 0, QUIRE_FRAME_LINEAR | QUIRE_FRAME_ZERO, &frame),
				 QUIRE_OK);
		*(uint32_t *)quire_frame_address(system, frame) = 0x600d;
		assert_int_equal(qr_pt_map(kernel, va, frame, quire_prot_widen(arch, QUIRE_PROT_READ),
					   QUIRE_PTE_YOUNG | QUIRE_PTE_DIRTY, 0),
				 QUIRE_OK);
		assert_int_equal(sim_kernel_read(cpu, va, 4, &value), SIM_DONE);
		assert_int_equal(value, 0x600d);
		assert_int_equal(sim_process_create(sim, NULL, &process), QUIRE_OK);
		sim_switch(cpu, process);
		assert_int_equal(sim_kernel_read(cpu, va, 4, &value), SIM_DONE);
		assert_int_equal(value, 0x600d);
		assert_int_equal(sim_last(cpu)->faults, 0);
		sim_process_exit(process);
		qr_tlb_begin(&tlb, kernel);
		struct qr_pt_counts gone = {0};
		qr_pt_unmap(kernel, &tlb, va, va + (quire_va)sim_page_bytes(sim), QR_UNMAP_ALL, &gone);
		qr_pt_free(kernel, &tlb, va, va + (quire_va)sim_page_bytes(sim), 0, 0);
		qr_tlb_end(&tlb);
		quire_frame_free(system, frame, 0);
		assert_int_equal(sim_destroy(sim), 0);
	}
}

/* The last reference of an address space that a CPU is in. */
static void test_put_while_entered(void **state)
{
	struct sim *sim = make("x86_64");
	struct sim_process *process;

	(void)state;
	assert_int_equal(sim_process_create(sim, NULL, &process), QUIRE_OK);
	(void)quire_mm_enter(process->mm, 1);
	if (!setjmp(on_panic)) {
		quire_mm_put(process->mm);
		fail_msg("nothing was said");
	}
	assert_string_equal(panicked,
			    "quire_mm_put: a CPU is in the address space: quire_mm_leave() comes first");
	quire_mm_leave(process->mm, 1);
	process->mm->refs = 1;
	sim_process_exit(process);
	assert_int_equal(sim_destroy(sim), 0);
}

/* The CPUs of a flush are exactly those in the address space: one more or one less is a finding. */
static void test_flush_set(void **state)
{
	struct sim *sim = make("x86_64");
	struct sim_process *process;
	struct quire_flush flush = {.cpus = 1, .count = 1, .range = {{0x1000, 0x2000}}};

	(void)state;
	assert_int_equal(sim_process_create(sim, NULL, &process), QUIRE_OK);
	flush.mm = process->mm;
	sim_switch(sim_cpu(sim, 0), process);
	sim->host.tlb_flush(sim, &flush);
	assert_int_equal(sim_finding_count(sim), 0);
	for (uint64_t wrong = 0; wrong < 4; wrong++) {
		flush.cpus = wrong;
		sim->host.tlb_flush(sim, &flush);
		assert_int_equal(sim_finding_count(sim), wrong == 2 ? 2 : wrong == 1 ? 0 : 1);
		if (wrong != 1)
			assert_int_equal(sim_finding_at(sim, 0)->kind, SIM_FLUSH_SET);
		sim_findings_clear(sim);
	}
	/* Of the calling CPU alone. */
	sim_switch(sim_cpu(sim, 1), process);
	sim_use_cpu(sim_cpu(sim, 0));
	flush.here = 1;
	flush.cpus = 1;
	sim->host.tlb_flush(sim, &flush);
	assert_int_equal(sim_finding_count(sim), 0);
	flush.cpus = 3;
	sim->host.tlb_flush(sim, &flush);
	assert_int_equal(sim_finding_count(sim), 1);
	sim_findings_clear(sim);
	sim_process_exit(process);
	assert_int_equal(sim_destroy(sim), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_port_entries),
	    cmocka_unit_test(test_kernel_thread),
	    cmocka_unit_test(test_kernel_runs_on_its_root),
	    cmocka_unit_test(test_put_while_entered),
	    cmocka_unit_test(test_flush_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
