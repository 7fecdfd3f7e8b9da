/* SPDX-License-Identifier: MIT */
/* Page-table entries with bits that nothing writes: reported, and what each release does then. */
#include "fixture.h"

#include <string.h>

#include "mm/mm.h"

#define RW (QUIRE_PROT_READ | QUIRE_PROT_WRITE)

/* Not present, and neither none nor a swap entry: the hardware calls it a missing translation. */
#define GARBAGE UINT64_C(0xdead0000)

struct log {
	unsigned lines;
	char last[128];
};

static void keep(void *context, const char *text)
{
	struct log *log = context;

	log->lines++;
	strncpy(log->last, text, sizeof(log->last) - 1);
}

/* The level-1 entry on the way to FX_AT. */
static void *upper_entry(const struct fx *fx)
{
	return qr_pt_find(&fx->process->mm->pt, FX_AT, 1);
}

static struct fx open_corrupt(const char *arch, const char *profile, struct log *log, quire_pte *was)
{
	struct sim_config config = {.context = log, .log = keep};
	struct fx fx = fx_open(arch, profile, &config);
	const struct quire_arch *a = sim_arch(fx.sim);
	void *entry;

	fx_map(&fx, FX_AT, 4, RW, QUIRE_MAP_PRIVATE, NULL);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 4, 0x11), SIM_DONE);
	assert_int_equal(sim_write(fx.cpu, FX_AT + fx.page, 4, 0x22), SIM_DONE);
	entry = upper_entry(&fx);
	*was = qr_pte_get(a, 1, entry);
	assert_int_equal(a->kind(a, (quire_pte){GARBAGE}, 1), QUIRE_PTE_BAD);
	qr_pte_set(a, 1, entry, (quire_pte){GARBAGE});
	/* The table is remembered, as a hardware walker may: it would not look at the entry. */
	sim_tlb_drop(fx.cpu);
	__atomic_store_n(&fx.process->mm->slot[0].table, (uintptr_t)&fx.process->mm->system->no_table,
			 __ATOMIC_RELAXED);
	return fx;
}

/* 2.4 kills the process that met it, once, and says why. */
static void linux_2_4_kills_the_process(void **state)
{
	struct log log = {0};
	quire_pte was;
	struct fx fx = open_corrupt("i386", "linux-2.4", &log, &was);

	(void)state;
	fx_expect_signal(&fx, sim_write(fx.cpu, FX_AT, 4, 1), QUIRE_SIGKILL, 0, FX_AT);
	fx_expect_way(&fx, "do_page_fault mmap-lock find_vma good_area handle_mm_fault pte-corrupt "
			   "__handle_bad_pmd signal");
	assert_int_equal(sim_last(fx.cpu)->trace[0].outcome.rule, QUIRE_STEP_PTE_CORRUPT);
	assert_int_equal(log.lines, 1);
	assert_string_equal(log.last, "bad pmd at address 0x100000 (dead0000)");
	/* In kernel mode the exception table has the word. */
	assert_int_equal(sim_copy_to_user(fx.cpu, FX_AT, "ab", 2), 2);
	assert_int_equal(fx_counter(&fx, QUIRE_STEP_OUT_OF_MEMORY), 0);
	qr_pte_set(sim_arch(fx.sim), 1, upper_entry(&fx), was);
	fx_close(&fx);
}

/* Later kernels clear it and let the access be repeated: it finds an empty table, and nothing is leaked. */
static void later_releases_clear_the_entry(void **state)
{
	static const char *const pairs[][2] = {{"x86_64", "linux-2.6"},    {"arm", "linux-2.6"},
					       {"arm64_39", "linux-4.14"}, {"x86_64", "linux-6"},
					       {"arm", "linux-6"},         {"toy", "linux-6"}};

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		struct log log = {0};
		struct quire_usage usage;
		quire_pte was;
		struct fx fx = open_corrupt(pairs[i][0], pairs[i][1], &log, &was);
		uint64_t value = 1;

		assert_int_equal(sim_read(fx.cpu, FX_AT, 4, &value), SIM_DONE);
		assert_int_equal(value, 0);
		assert_int_equal(sim_last(fx.cpu)->faults, 2);
		fx_expect_counts(&fx, 1, 0);
		assert_int_equal(fx_counter(&fx, QUIRE_STEP_PMD_CLEAR_BAD), 1);
		assert_int_equal(log.lines, 1);
		assert_non_null(strstr(log.last, "at address 0x100000 ("));
		quire_mm_usage(fx.process->mm, &usage);
		assert_int_equal(usage.rss_anon, 0);
		assert_int_equal(sim_write(fx.cpu, FX_AT + fx.page, 4, 1), SIM_DONE);
		fx_close(&fx);
	}
}

/* Garbage where no table was: there is nothing to find, and nothing is freed. */
static void garbage_without_a_table_is_cleared_too(void **state)
{
	struct log log = {0};
	struct sim_config config = {.context = &log, .log = keep};
	struct fx fx = fx_open(*state, "linux-6", &config);
	const struct quire_arch *arch = sim_arch(fx.sim);
	quire_va far = FX_AT + ((quire_va)1 << arch->level[1].shift);
	void *entry = qr_pt_alloc(&fx.process->mm->pt, far, 1, NULL);

	fx_map(&fx, far, 1, RW, QUIRE_MAP_PRIVATE, NULL);
	qr_pte_set(arch, 1, entry, (quire_pte){GARBAGE});
	assert_int_equal(sim_write(fx.cpu, far, 4, 1), SIM_DONE);
	assert_int_equal(sim_last(fx.cpu)->faults, 2);
	assert_int_equal(log.lines, 1);
	fx_close(&fx);
}

/* The kernel's own request for the page is EFAULT, and says nothing. */
static void a_call_that_meets_it_is_efault(void **state)
{
	struct log log = {0};
	quire_pte was;
	struct fx fx = open_corrupt("x86_64", "linux-6", &log, &was);
	char byte;
	size_t done;

	(void)state;
	assert_int_equal(SIM_OP(fx.cpu, "peek", quire_mm_access(fx.process->mm, FX_AT, &byte, 1, 0, &done)),
			 QUIRE_EFAULT);
	qr_pte_set(sim_arch(fx.sim), 1, upper_entry(&fx), was);
	fx_close(&fx);
}

/* A last-level entry with such bits is SIGBUS. */
static void corrupt_pte_is_sigbus(void **state)
{
	struct fx fx = fx_open("x86_64", "linux-6", NULL);
	const struct quire_arch *arch = sim_arch(fx.sim);
	void *entry;
	quire_pte was;

	(void)state;
	fx_map(&fx, FX_AT, 1, RW, QUIRE_MAP_PRIVATE, NULL);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 4, 1), SIM_DONE);
	entry = qr_pt_find(&fx.process->mm->pt, FX_AT, 0);
	was = qr_pte_get(arch, 0, entry);
	qr_pte_set(arch, 0, entry, (quire_pte){UINT64_C(0x7ff0000000000800)});
	sim_tlb_drop(fx.cpu);
	fx_expect_signal(&fx, sim_write(fx.cpu, FX_AT, 4, 1), QUIRE_SIGBUS, QUIRE_BUS_ADRERR, FX_AT);
	assert_int_equal(sim_last(fx.cpu)->trace[0].outcome.rule, QUIRE_STEP_PTE_CORRUPT);
	qr_pte_set(arch, 0, entry, was);
	fx_close(&fx);
}

int main(void)
{
	struct CMUnitTest tests[16] = {
	    cmocka_unit_test(linux_2_4_kills_the_process),
	    cmocka_unit_test(later_releases_clear_the_entry),
	    cmocka_unit_test(a_call_that_meets_it_is_efault),
	    cmocka_unit_test(corrupt_pte_is_sigbus),
	};
	size_t count = 4;

	FX_FOR_ARCHES(tests, count, garbage_without_a_table_is_cleared_too);
	return _cmocka_run_group_tests("corrupt entries", tests, count, NULL, NULL);
}
