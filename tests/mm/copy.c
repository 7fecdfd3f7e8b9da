/* SPDX-License-Identifier: MIT */
/* The kernel's copies: what is copied, what is counted, and where they stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <quire/quire.h>

#include "mm/mm.h"
#include "ports/sim/sim.h"

#define AT   ((quire_va)0x100000)
#define PAGE ((quire_va)4096)
#define RW   (QUIRE_PROT_READ | QUIRE_PROT_WRITE)

static struct sim *sim;
static struct quire_mm *mm;

static void open_machine(const char *arch)
{
	struct sim_config config = {.arch = arch, .cpus = 1, .mmap_min_addr = 4096, .ram_bytes = 16 << 20};
	const char *why = NULL;

	sim = sim_create(&config, &why);
	assert_non_null(sim);
	assert_int_equal(quire_mm_create(sim_system(sim), NULL, &mm), QUIRE_OK);
}

static void close_machine(void)
{
	quire_mm_put(mm);
	assert_int_equal(sim_destroy(sim), 0);
}

static void map(quire_va at, unsigned pages, quire_prot prot, uint32_t flags)
{
	struct quire_mapping how = {.addr = at,
				    .length = pages * PAGE,
				    .prot = prot,
				    .flags =
					QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS | QUIRE_MAP_FIXED | flags};
	quire_va va;

	assert_int_equal(quire_mmap(mm, &how, &va), QUIRE_OK);
}

static uint64_t minor(struct quire_mm *of)
{
	struct quire_usage usage;

	quire_mm_usage(of, &usage);
	return usage.minor;
}

static void round_trip(const char *arch)
{
	char text[] = "over the end of a page", back[sizeof(text)] = "";
	size_t done;

	open_machine(arch);
	map(AT, 3, RW, 0);
	assert_int_equal(quire_copy_out(mm, AT + PAGE - 7, text, sizeof(text), 0, &done), QUIRE_OK);
	assert_int_equal(done, sizeof(text));
	assert_int_equal(minor(mm), 2);
	assert_int_equal(quire_copy_in(mm, back, AT + PAGE - 7, sizeof(back), 0, &done), QUIRE_OK);
	assert_int_equal(done, sizeof(text));
	assert_string_equal(back, text);
	assert_int_equal(quire_copy_string_in(mm, back, AT + PAGE - 7, sizeof(back), 0, &done), QUIRE_OK);
	assert_int_equal(done, sizeof(text) - 1);
	assert_int_equal(quire_copy_string_in(mm, back, AT + PAGE - 7, 10, 0, &done), QUIRE_ERANGE);
	assert_int_equal(done, 10);
	assert_int_equal(minor(mm), 2);
	close_machine();
}

static void test_round_trip(void **state)
{
	(void)state;
	round_trip("i386");
	round_trip("x86_64");
	round_trip("arm");
	round_trip("arm64");
	round_trip("riscv64");
}

static void test_stops_where_nothing_is(void **state)
{
	char bytes[32] = "x";
	size_t done = 99;

	(void)state;
	open_machine("x86_64");
	map(AT, 1, RW, 0);
	map(AT + 4 * PAGE, 1, QUIRE_PROT_READ, 0);
	assert_int_equal(quire_copy_out(mm, AT + PAGE - 5, bytes, 32, 0, &done), QUIRE_EFAULT);
	assert_int_equal(done, 5);
	assert_int_equal(quire_copy_out(mm, AT + 4 * PAGE, bytes, 1, 0, &done), QUIRE_EFAULT);
	assert_int_equal(done, 0);
	assert_int_equal(quire_copy_in(mm, bytes, AT + 4 * PAGE, 32, 0, &done), QUIRE_OK);
	assert_int_equal(bytes[0], 0);
	/* The kernel's half, and an address that is nobody's. */
	assert_int_equal(quire_copy_in(mm, bytes, (quire_va)UINT64_C(0xffffffff80000000), 8, 0, &done),
			 QUIRE_EFAULT);
	assert_int_equal(quire_copy_in(mm, bytes, (quire_va)UINT64_C(0x0000800000000000), 8, 0, &done),
			 QUIRE_EFAULT);
	assert_int_equal(quire_copy_in(mm, bytes, UINT64_MAX - 3, 8, 0, &done), QUIRE_EFAULT);
	close_machine();
}

static void test_nowait(void **state)
{
	char bytes[8] = "1234567";
	size_t done;

	(void)state;
	open_machine("x86_64");
	map(AT, 2, RW, 0);
	assert_int_equal(quire_copy_out(mm, AT, bytes, 8, QUIRE_COPY_NOWAIT, &done), QUIRE_EFAULT);
	assert_int_equal(minor(mm), 0);
	assert_int_equal(quire_copy_out(mm, AT, bytes, 8, 0, &done), QUIRE_OK);
	assert_int_equal(quire_copy_out(mm, AT + PAGE - 3, bytes, 8, QUIRE_COPY_NOWAIT, &done), QUIRE_EFAULT);
	assert_int_equal(done, 3);
	/* A writer of the address space is not waited for. */
	qr_mm_write_lock(mm);
	assert_int_equal(quire_copy_in(mm, bytes, AT, 8, QUIRE_COPY_NOWAIT, &done), QUIRE_EFAULT);
	qr_mm_write_unlock(mm);
	assert_int_equal(quire_copy_in(mm, bytes, AT, 8, QUIRE_COPY_NOWAIT, &done), QUIRE_OK);
	assert_string_equal(bytes, "1234567");
	assert_int_equal(minor(mm), 1);
	close_machine();
}

/* A read leaves a page that fork shares where it is; a write copies it. */
static void test_fork(void **state)
{
	struct quire_mm *child;
	char byte = 7, seen = 0;
	size_t done;

	(void)state;
	open_machine("x86_64");
	map(AT, 1, RW, 0);
	assert_int_equal(quire_copy_out(mm, AT, &byte, 1, 0, &done), QUIRE_OK);
	assert_int_equal(quire_mm_fork(mm, &child), QUIRE_OK);
	assert_int_equal(quire_copy_in(child, &seen, AT, 1, 0, &done), QUIRE_OK);
	assert_int_equal(seen, 7);
	assert_true(quire_mm_pagemap(child, AT) << 9 == quire_mm_pagemap(mm, AT) << 9);
	byte = 8;
	assert_int_equal(quire_copy_out(child, AT, &byte, 1, 0, &done), QUIRE_OK);
	assert_true(quire_mm_pagemap(child, AT) << 9 != quire_mm_pagemap(mm, AT) << 9);
	assert_int_equal(quire_copy_in(mm, &seen, AT, 1, 0, &done), QUIRE_OK);
	assert_int_equal(seen, 7);
	quire_mm_put(child);
	close_machine();
}

static void test_stack_grows(void **state)
{
	char byte = 1;
	size_t done;

	(void)state;
	open_machine("x86_64");
	map(AT + 64 * PAGE, 1, RW, QUIRE_MAP_GROWSDOWN);
	assert_int_equal(quire_copy_out(mm, AT + 62 * PAGE, &byte, 1, 0, &done), QUIRE_OK);
	assert_int_equal(quire_copy_in(mm, &byte, AT + 61 * PAGE, 1, QUIRE_COPY_NOWAIT, &done), QUIRE_EFAULT);
	close_machine();
}

/* A leaf that names no frame of the system: the copy ends there. */
static void test_no_frame(void **state)
{
	const struct quire_arch *arch;
	char bytes[8] = "1234567";
	size_t done;
	quire_pte was;
	void *entry;

	(void)state;
	open_machine("x86_64");
	arch = sim_arch(sim);
	map(AT, 2, RW, 0);
	assert_int_equal(quire_copy_out(mm, AT + PAGE - 3, bytes, 8, 0, &done), QUIRE_OK);
	entry = qr_pt_find(&mm->pt, AT + PAGE, 0);
	was = qr_pte_get(arch, 0, entry);
	qr_pte_set(arch, 0, entry,
		   arch->make(arch, (quire_pfn){UINT64_C(0xfffff000)}, RW | QUIRE_PROT_USER,
			      QUIRE_PTE_YOUNG | QUIRE_PTE_DIRTY, 0));
	assert_int_equal(quire_copy_in(mm, bytes, AT + PAGE - 3, 8, 0, &done), QUIRE_EFAULT);
	assert_int_equal(done, 3);
	assert_int_equal(quire_copy_out(mm, AT + PAGE, bytes, 8, 0, &done), QUIRE_EFAULT);
	assert_int_equal(quire_copy_string_in(mm, bytes, AT + PAGE, 8, 0, &done), QUIRE_EFAULT);
	qr_pte_set(arch, 0, entry, was);
	close_machine();
}

/* What was copied before leaves hints. They do not outlive what they tell of. */
static void hints(const char *arch)
{
	char bytes[8] = "1234567";
	uint64_t before;
	size_t done;

	open_machine(arch);
	map(AT, 3, RW, 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(quire_copy_out(mm, AT + i * PAGE, bytes, 8, 0, &done), QUIRE_OK);
		assert_int_equal(quire_copy_in(mm, bytes, AT + i * PAGE, 8, 0, &done), QUIRE_OK);
	}
	/* No end of an address space is near enough for such a length. */
	for (size_t length = SIZE_MAX; length > SIZE_MAX - 8; length--) {
		char page[2 * PAGE];

		assert_int_equal(quire_copy_in(mm, page, AT + 2 * PAGE + 8, length, 0, &done), QUIRE_EFAULT);
		assert_int_equal(done, PAGE - 8);
	}
	assert_int_equal(quire_copy_in(mm, bytes, AT, 0, 0, &done), QUIRE_OK);
	assert_int_equal(done, 0);
	assert_int_equal(quire_mprotect(mm, AT, PAGE, QUIRE_PROT_READ), QUIRE_OK);
	assert_int_equal(quire_copy_out(mm, AT, bytes, 8, 0, &done), QUIRE_EFAULT);
	assert_int_equal(quire_copy_in(mm, bytes, AT, 8, 0, &done), QUIRE_OK);
	assert_int_equal(quire_mprotect(mm, AT, PAGE, QUIRE_PROT_NONE), QUIRE_OK);
	assert_int_equal(quire_copy_in(mm, bytes, AT, 8, 0, &done), QUIRE_EFAULT);
	assert_int_equal(quire_copy_in(mm, bytes, AT + PAGE, 8, QUIRE_COPY_NOWAIT, &done), QUIRE_OK);
	assert_string_equal(bytes, "1234567");
	assert_int_equal(quire_madvise(mm, AT + PAGE, PAGE, QUIRE_MADV_DONTNEED), QUIRE_OK);
	assert_int_equal(quire_copy_in(mm, bytes, AT + PAGE, 8, QUIRE_COPY_NOWAIT, &done), QUIRE_EFAULT);
	before = minor(mm);
	assert_int_equal(quire_copy_in(mm, bytes, AT + PAGE, 8, 0, &done), QUIRE_OK);
	assert_int_equal(bytes[0], 0);
	assert_int_equal(minor(mm), before + 1);
	assert_int_equal(quire_munmap(mm, AT + 2 * PAGE, PAGE), QUIRE_OK);
	assert_int_equal(quire_copy_in(mm, bytes, AT + 2 * PAGE, 8, 0, &done), QUIRE_EFAULT);
	close_machine();
}

static void test_hints(void **state)
{
	(void)state;
	hints("i386");
	hints("x86_64");
	hints("arm");
	hints("arm64");
	hints("riscv64");
}

/* An old leaf, or for a write a clean one, is copied through as an access of the program would: the bits are set. */
static void test_young_and_dirty(void **state)
{
	const struct quire_arch *arch;
	char bytes[8] = "1234567";
	size_t done;
	quire_pte pte;
	void *entry;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		open_machine(i ? "x86_64" : "riscv64");
		arch = sim_arch(sim);
		map(AT, 1, RW, 0);
		for (unsigned turn = 0; turn < 2; turn++)
			assert_int_equal(quire_copy_out(mm, AT, bytes, 8, 0, &done), QUIRE_OK);
		entry = qr_pt_find(&mm->pt, AT, 0);
		pte = qr_pte_get(arch, 0, entry);
		qr_pte_set(arch, 0, entry,
			   arch->with_flags(arch, pte, 0, QUIRE_PTE_YOUNG | QUIRE_PTE_DIRTY, 0));
		assert_int_equal(quire_copy_in(mm, bytes, AT, 8, 0, &done), QUIRE_OK);
		assert_int_equal(arch->flags(arch, qr_pte_get(arch, 0, entry), 0), QUIRE_PTE_YOUNG);
		assert_int_equal(quire_copy_out(mm, AT, bytes, 8, 0, &done), QUIRE_OK);
		assert_int_equal(arch->flags(arch, qr_pte_get(arch, 0, entry), 0),
				 QUIRE_PTE_YOUNG | QUIRE_PTE_DIRTY);
		close_machine();
	}
}

static void expect_free(const struct qr_page *table)
{
	assert_int_equal(table->lock.word, 0);
	assert_int_equal(mm->slot[0].readers, 0);
}

/* On one CPU a word goes a way of its own. Another thread in each of its steps: what it copies plays that thread, where
 * the step ends with what the lock's word holds then. Nothing stays locked, and no word is lost. */
static void test_word_met_by_others(void **state)
{
	struct {
		uint32_t word, rest;
	} played;
	uint64_t word = 0x1122334455667788, back = 0;
	struct qr_page *table;
	size_t done;

	(void)state;
	open_machine("x86_64");
	map(AT, 2, RW, 0);
	for (unsigned turn = 0; turn < 2; turn++) {
		assert_int_equal(quire_copy_out(mm, AT, &word, 8, 0, &done), QUIRE_OK);
		assert_int_equal(quire_copy_in(mm, &back, AT, 8, 0, &done), QUIRE_OK);
	}
	table = (struct qr_page *)mm->slot[0].table;
	assert_ptr_not_equal(table, &mm->system->no_table);
	/* The table is held. */
	table->lock.word = 1;
	assert_int_equal(quire_copy_in(mm, &back, AT, 8, QUIRE_COPY_NOWAIT, &done), QUIRE_EFAULT);
	assert_int_equal(done, 0);
	table->lock.word = 0;
	expect_free(table);
	/* A writer is there. */
	mm->writer = 1;
	assert_int_equal(quire_copy_out(mm, AT, &word, 8, QUIRE_COPY_NOWAIT, &done), QUIRE_EFAULT);
	assert_int_equal(done, 0);
	mm->writer = 0;
	expect_free(table);
	/* The leaf is another: not there. */
	assert_int_equal(quire_copy_in(mm, &back, AT + PAGE, 8, QUIRE_COPY_NOWAIT, &done), QUIRE_EFAULT);
	expect_free(table);
	/* A thread waits for the table when it is let go. */
	memcpy(&played, &table->lock, sizeof(played));
	played.word = 2;
	assert_int_equal(quire_copy_out(mm, AT, &played, 8, 0, &done), QUIRE_OK);
	assert_int_equal(quire_copy_in(mm, &table->lock, AT, 8, 0, &done), QUIRE_OK);
	assert_int_equal(done, 8);
	expect_free(table);
	/* A writer comes before the slot is left. */
	memcpy(&played, &mm->refs, sizeof(played));
	played.rest = 1;
	assert_ptr_equal(&mm->refs + 1, &mm->writer);
	assert_int_equal(quire_copy_out(mm, AT, &played, 8, 0, &done), QUIRE_OK);
	assert_int_equal(quire_copy_in(mm, &mm->refs, AT, 8, 0, &done), QUIRE_OK);
	assert_int_equal(done, 8);
	assert_int_equal(mm->writer, 1);
	mm->writer = 0;
	expect_free(table);
	close_machine();
}

/* No table is kept yet: not for the addresses beyond all programs either. */
static void test_no_table(void **state)
{
	static const quire_va beyond[] = {(quire_va)0 - 4096, (quire_va)0 - 8, (quire_va)0 - 0x100000,
					  (quire_va)0 - 0x200000};
	char bytes[8] = "";
	size_t done;

	(void)state;
	open_machine("x86_64");
	for (unsigned i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
		assert_int_equal(quire_copy_in(mm, bytes, beyond[i], 8, 0, &done), QUIRE_EFAULT);
		assert_int_equal(quire_copy_in(mm, bytes, beyond[i], 3, QUIRE_COPY_NOWAIT, &done),
				 QUIRE_EFAULT);
		assert_int_equal(quire_copy_out(mm, beyond[i], bytes, 8, 0, &done), QUIRE_EFAULT);
		assert_int_equal(quire_copy_string_in(mm, bytes, beyond[i], 8, 0, &done), QUIRE_EFAULT);
		assert_int_equal(done, 0);
	}
	close_machine();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_round_trip),
	    cmocka_unit_test(test_stops_where_nothing_is),
	    cmocka_unit_test(test_no_table),
	    cmocka_unit_test(test_nowait),
	    cmocka_unit_test(test_fork),
	    cmocka_unit_test(test_stack_grows),
	    cmocka_unit_test(test_no_frame),
	    cmocka_unit_test(test_hints),
	    cmocka_unit_test(test_young_and_dirty),
	    cmocka_unit_test(test_word_met_by_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
