/* SPDX-License-Identifier: MIT */
/* Sealed ranges and guards: what may no longer be done, what outlives what. Linux 6.18 gives the same (tests/kernel/
 * sealed.c runs on both). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "one_process.h"

static enum quire_status map(uint64_t page, uint64_t count, quire_prot prot, uint32_t flags)
{
	const struct quire_mapping how = {
	    .addr = BASE + N(page), .length = N(count), .prot = prot, .flags = flags};
	quire_va at;

	return quire_mmap(mm, &how, &at);
}

static enum quire_status remap(uint64_t from, uint64_t old, uint64_t now, uint32_t flags, uint64_t to)
{
	const struct quire_remapping how = {.old_addr = BASE + N(from),
					    .old_length = N(old),
					    .new_length = N(now),
					    .flags = flags,
					    .new_addr = BASE + N(to)};
	quire_va at;

	return quire_mremap(mm, &how, &at);
}

static enum quire_status seal(uint64_t page, uint64_t count)
{
	return quire_mseal(mm, BASE + N(page), N(count), 0);
}

static enum quire_status advise(uint64_t page, uint64_t count, int advice)
{
	return quire_madvise(mm, BASE + N(page), N(count), advice);
}

/* A page for each region: where it starts, and S if it is sealed. "0-2 S2-3 3-8". */
static const char *draw(void)
{
	static char picture[128];
	struct quire_region region;
	quire_va at = BASE;
	size_t length = 0;

	picture[0] = 0;
	while (quire_mm_region(mm, at, &region) == QUIRE_OK) {
		length += (size_t)snprintf(picture + length, sizeof(picture) - length, "%s%s%u-%u",
					   length ? " " : "", region.flags & QUIRE_REGION_SEALED ? "S" : "",
					   (unsigned)((region.start - BASE) >> 12),
					   (unsigned)((region.end - BASE) >> 12));
		at = region.end;
	}
	return picture;
}

static void test_seal_arguments(void **state)
{
	(void)state;
	assert_int_equal(map(0, 3, RW, ANON), QUIRE_OK);
	assert_int_equal(map(4, 2, RW, ANON), QUIRE_OK);
	assert_int_equal(quire_mseal(mm, BASE, N(1), 1), QUIRE_EINVAL);
	assert_int_equal(quire_mseal(mm, BASE + 1, 0, 0), QUIRE_EINVAL);
	assert_int_equal(quire_mseal(mm, BASE, UINT64_MAX, 0), QUIRE_EINVAL);
	assert_int_equal(quire_mseal(mm, BASE, -N(1), 0), QUIRE_EINVAL);
	assert_int_equal(seal(0, 0), QUIRE_OK);
	assert_int_equal(seal(3, 1), QUIRE_ENOMEM);
	assert_int_equal(seal(0, 6), QUIRE_ENOMEM);
	assert_int_equal(seal(2, 2), QUIRE_ENOMEM);
	assert_string_equal(draw(), "0-3 4-6");
	/* A length is rounded up, twice is once, and neighbours that are sealed alike join. */
	assert_int_equal(quire_mseal(mm, BASE + N(1), 1, 0), QUIRE_OK);
	assert_string_equal(draw(), "0-1 S1-2 2-3 4-6");
	assert_int_equal(seal(1, 1), QUIRE_OK);
	assert_int_equal(seal(0, 3), QUIRE_OK);
	assert_string_equal(draw(), "S0-3 4-6");
}

static void test_seal_forbids(void **state)
{
	(void)state;
	assert_int_equal(map(0, 8, RW, ANON), QUIRE_OK);
	assert_int_equal(seal(2, 1), QUIRE_OK);
	assert_int_equal(quire_munmap(mm, BASE, N(8)), QUIRE_EPERM);
	assert_int_equal(map(1, 3, RW, ANON), QUIRE_EPERM);
	assert_int_equal(map(2, 1, RW, ANON | QUIRE_MAP_FIXED_NOREPLACE), QUIRE_EEXIST);
	assert_string_equal(draw(), "0-2 S2-3 3-8");
	/* mprotect keeps what it did before, and refuses even what changes nothing. */
	assert_int_equal(quire_mprotect(mm, BASE, N(8), QUIRE_PROT_READ), QUIRE_EPERM);
	assert_int_equal(quire_mprotect(mm, BASE + N(2), N(1), RW), QUIRE_EPERM);
	assert_int_equal(quire_mprotect(mm, BASE, N(2), RW), QUIRE_OK);
	/* mremap: from there, to there, and of no size. */
	assert_int_equal(remap(2, 1, 1, 0, 0), QUIRE_EPERM);
	assert_int_equal(remap(2, 1, 2, QUIRE_MREMAP_MAYMOVE, 0), QUIRE_EPERM);
	assert_int_equal(remap(2, 0, 1, QUIRE_MREMAP_MAYMOVE, 0), QUIRE_EPERM);
	assert_int_equal(remap(2, 4, 8, QUIRE_MREMAP_MAYMOVE, 0), QUIRE_EPERM);
	assert_int_equal(remap(2, 1, 1, QUIRE_MREMAP_MAYMOVE | QUIRE_MREMAP_DONTUNMAP, 10), QUIRE_EPERM);
	assert_int_equal(remap(4, 2, 2, QUIRE_MREMAP_MAYMOVE | QUIRE_MREMAP_FIXED, 1), QUIRE_EPERM);
	assert_int_equal(remap(0, 3, 1, 0, 0), QUIRE_EPERM);
	assert_string_equal(draw(), "0-2 S2-3 3-8");
	/* Of several mappings that move, those before the sealed one have. */
	assert_int_equal(remap(0, 8, 8, QUIRE_MREMAP_MAYMOVE | QUIRE_MREMAP_FIXED, 20), QUIRE_EPERM);
	assert_string_equal(draw(), "S2-3 3-8 20-22");
	/* Beside it all is as before. */
	assert_int_equal(quire_munmap(mm, BASE + N(3), N(5)), QUIRE_OK);
	assert_int_equal(quire_mlock(mm, BASE + N(2), N(1), 0), QUIRE_OK);
	assert_int_equal(quire_munlock(mm, BASE + N(2), N(1)), QUIRE_OK);
	assert_string_equal(draw(), "S2-3 20-22");
}

static void test_seal_advice(void **state)
{
	static const struct {
		int advice;
		enum quire_status private_read, private_write, shared_read;
	} row[] = {
	    {QUIRE_MADV_DONTNEED, QUIRE_EPERM, QUIRE_OK, QUIRE_OK},
	    {QUIRE_MADV_DONTNEED_LOCKED, QUIRE_EPERM, QUIRE_OK, QUIRE_OK},
	    {QUIRE_MADV_FREE, QUIRE_EPERM, QUIRE_OK, QUIRE_EINVAL},
	    {QUIRE_MADV_REMOVE, QUIRE_EPERM, QUIRE_EINVAL, QUIRE_OK},
	    {QUIRE_MADV_DONTFORK, QUIRE_EPERM, QUIRE_OK, QUIRE_OK},
	    {QUIRE_MADV_WIPEONFORK, QUIRE_EPERM, QUIRE_OK, QUIRE_EINVAL},
	    {QUIRE_MADV_GUARD_INSTALL, QUIRE_EPERM, QUIRE_OK, QUIRE_OK},
	    {QUIRE_MADV_GUARD_REMOVE, QUIRE_OK, QUIRE_OK, QUIRE_OK},
	    {QUIRE_MADV_DOFORK, QUIRE_OK, QUIRE_OK, QUIRE_OK},
	    {QUIRE_MADV_KEEPONFORK, QUIRE_OK, QUIRE_OK, QUIRE_OK},
	    {QUIRE_MADV_COLD, QUIRE_OK, QUIRE_OK, QUIRE_OK},
	    {QUIRE_MADV_WILLNEED, QUIRE_OK, QUIRE_OK, QUIRE_OK},
	    {QUIRE_MADV_DONTDUMP, QUIRE_OK, QUIRE_OK, QUIRE_OK},
	};

	(void)state;
	assert_int_equal(map(0, 1, QUIRE_PROT_READ, ANON), QUIRE_OK);
	assert_int_equal(map(2, 1, RW, ANON), QUIRE_OK);
	assert_int_equal(map(4, 1, QUIRE_PROT_READ, QUIRE_MAP_SHARED | QUIRE_MAP_ANONYMOUS | QUIRE_MAP_FIXED),
			 QUIRE_OK);
	for (unsigned page = 0; page < 6; page += 2)
		assert_int_equal(seal(page, 1), QUIRE_OK);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		assert_int_equal(advise(0, 1, row[i].advice), row[i].private_read);
		assert_int_equal(advise(2, 1, row[i].advice), row[i].private_write);
		assert_int_equal(advise(4, 1, row[i].advice), row[i].shared_read);
	}
}

static void test_seal_lives_on(void **state)
{
	quire_va heap = BASE + N(32);
	struct quire_mm *child;

	(void)state;
	quire_mm_set_brk(mm, heap);
	assert_int_equal(quire_brk(mm, heap + N(4)), heap + N(4));
	assert_int_equal(quire_mseal(mm, heap + N(2), N(1), 0), QUIRE_OK);
	assert_int_equal(quire_brk(mm, heap + N(1)), heap + N(4));
	assert_int_equal(quire_brk(mm, heap + N(3)), heap + N(3));
	assert_int_equal(quire_brk(mm, heap + N(5)), heap + N(5));
	assert_string_equal(draw(), "32-34 S34-35 35-37");
	assert_int_equal(quire_mm_fork(mm, &child), QUIRE_OK);
	assert_int_equal(quire_munmap(child, heap, N(5)), QUIRE_EPERM);
	quire_mm_put(child);
}

/* --- guards --------------------------------------------------------------------------------------------- */

/* What a read of each page gives: its first byte, or G for SIGSEGV with SEGV_MAPERR. */
static const char *look(uint64_t page, unsigned count)
{
	static char picture[32];
	uint64_t value;

	for (unsigned i = 0; i < count; i++) {
		enum sim_end done = sim_read(cpu, BASE + N(page + i), 1, &value);

		if (done == SIM_DONE)
			picture[i] = (char)('0' + value);
		else
			picture[i] =
			    sim_last(cpu)->signal == QUIRE_SIGSEGV && sim_last(cpu)->code == QUIRE_SEGV_MAPERR
				? 'G'
				: '!';
	}
	picture[count] = 0;
	return picture;
}

static void write_all(uint64_t page, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(sim_write(cpu, BASE + N(page + i), 1, i + 1), SIM_DONE);
}

static void test_guard(void **state)
{
	unsigned char there[8];
	struct quire_usage usage;
	size_t done;
	char byte;

	(void)state;
	assert_int_equal(map(0, 8, RW, ANON), QUIRE_OK);
	write_all(0, 8);
	assert_int_equal(advise(2, 2, QUIRE_MADV_GUARD_INSTALL), QUIRE_OK);
	assert_int_equal(advise(2, 2, QUIRE_MADV_GUARD_INSTALL), QUIRE_OK);
	assert_string_equal(look(0, 8), "12GG5678");
	assert_int_equal(sim_write(cpu, BASE + N(3) + 5, 1, 1), SIM_SIGNALLED);
	assert_int_equal(sim_last(cpu)->va, BASE + N(3) + 5);
	assert_int_equal(quire_counter(sim_system(sim), QUIRE_STEP_GUARD), 3);
	quire_mm_usage(mm, &usage);
	assert_int_equal(usage.rss_anon, 6);
	assert_int_equal(usage.swap, 0);
	assert_int_equal(usage.regions, 1);
	assert_int_equal(quire_mincore(mm, BASE, N(8), there), QUIRE_OK);
	assert_memory_equal(there, "\1\1\0\0\1\1\1\1", 8);
	assert_int_equal(quire_mm_pagemap(mm, BASE + N(2)), UINT64_C(1) << 62 | UINT64_C(1) << 58);
	assert_int_equal(quire_mm_access(mm, BASE + N(2), &byte, 1, 0, &done), QUIRE_EFAULT);
	assert_int_equal(advise(0, 8, QUIRE_MADV_POPULATE_READ), QUIRE_EFAULT);
	/* What discards pages, and what changes rights, leaves them. */
	assert_int_equal(advise(0, 8, QUIRE_MADV_FREE), QUIRE_OK);
	assert_int_equal(advise(0, 8, QUIRE_MADV_DONTNEED), QUIRE_OK);
	assert_int_equal(quire_mprotect(mm, BASE, N(8), QUIRE_PROT_READ), QUIRE_OK);
	assert_int_equal(quire_mprotect(mm, BASE, N(8), RW), QUIRE_OK);
	assert_string_equal(look(0, 8), "00GG0000");
	/* A hole is told after the rest was done. */
	assert_int_equal(quire_munmap(mm, BASE + N(4), N(1)), QUIRE_OK);
	assert_int_equal(advise(0, 8, QUIRE_MADV_GUARD_REMOVE), QUIRE_ENOMEM);
	assert_string_equal(look(2, 2), "00");
	assert_int_equal(advise(0, 8, QUIRE_MADV_GUARD_INSTALL), QUIRE_ENOMEM);
	assert_string_equal(look(5, 3), "GGG");
	/* They go with the mapping. */
	assert_int_equal(map(6, 1, RW, ANON), QUIRE_OK);
	assert_string_equal(look(5, 3), "G0G");
	assert_int_equal(quire_check(sim_system(sim), NULL, 0), QUIRE_OK);
}

static void test_guard_lock(void **state)
{
	struct quire_usage usage;

	(void)state;
	assert_int_equal(map(0, 4, RW, ANON), QUIRE_OK);
	assert_int_equal(advise(1, 1, QUIRE_MADV_GUARD_INSTALL), QUIRE_OK);
	/* The range is locked all the same. */
	assert_int_equal(quire_mlock(mm, BASE, N(4), 0), QUIRE_ENOMEM);
	quire_mm_usage(mm, &usage);
	assert_int_equal(usage.locked_vm, 4);
	assert_int_equal(advise(2, 1, QUIRE_MADV_GUARD_INSTALL), QUIRE_EINVAL);
	assert_int_equal(advise(1, 1, QUIRE_MADV_GUARD_REMOVE), QUIRE_OK);
	assert_string_equal(look(0, 4), "0000");
}

static void test_guard_moves(void **state)
{
	struct sim_process *child;

	(void)state;
	assert_int_equal(map(0, 4, RW, ANON), QUIRE_OK);
	write_all(0, 4);
	assert_int_equal(advise(1, 1, QUIRE_MADV_GUARD_INSTALL), QUIRE_OK);
	assert_int_equal(remap(0, 4, 4, QUIRE_MREMAP_MAYMOVE | QUIRE_MREMAP_FIXED, 8), QUIRE_OK);
	assert_string_equal(look(8, 4), "1G34");
	assert_int_equal(sim_process_fork(process, &child), QUIRE_OK);
	sim_switch(cpu, child);
	assert_string_equal(look(8, 4), "1G34");
	sim_switch(cpu, process);
	sim_process_exit(child);
	assert_int_equal(advise(8, 4, QUIRE_MADV_WIPEONFORK), QUIRE_OK);
	assert_int_equal(sim_process_fork(process, &child), QUIRE_OK);
	sim_switch(cpu, child);
	assert_string_equal(look(8, 4), "0000");
	sim_switch(cpu, process);
	sim_process_exit(child);
}

/* Of a file: fork copies its tables for them, and its pages may go. */
static void test_guard_file(void **state)
{
	struct quire_mapping how = {
	    .addr = BASE, .length = N(4), .prot = RW, .flags = QUIRE_MAP_SHARED | QUIRE_MAP_FIXED};
	struct sim_process *child;
	struct sim_file *file;
	quire_va at;

	(void)state;
	assert_int_equal(sim_file_create(sim, N(4), 1, &file), QUIRE_OK);
	how.file = file->file;
	assert_int_equal(quire_mmap(mm, &how, &at), QUIRE_OK);
	write_all(0, 4);
	assert_int_equal(advise(1, 2, QUIRE_MADV_GUARD_INSTALL), QUIRE_OK);
	assert_string_equal(look(0, 4), "1GG4");
	assert_int_equal(sim_process_fork(process, &child), QUIRE_OK);
	sim_switch(cpu, child);
	assert_string_equal(look(0, 4), "1GG4");
	sim_switch(cpu, process);
	sim_process_exit(child);
	assert_int_equal(advise(0, 4, QUIRE_MADV_DONTNEED), QUIRE_OK);
	assert_string_equal(look(0, 4), "1GG4");
	assert_int_equal(quire_file_truncate(file->file, N(1)), QUIRE_OK);
	assert_string_equal(look(0, 4), "1GG!");
	assert_int_equal(sim_last(cpu)->signal, QUIRE_SIGBUS);
	assert_int_equal(advise(0, 4, QUIRE_MADV_GUARD_REMOVE), QUIRE_OK);
	assert_string_equal(look(0, 2), "1!");
	assert_int_equal(quire_munmap(mm, BASE, N(4)), QUIRE_OK);
	sim_file_close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_seal_arguments, open_all, close_all),
	    cmocka_unit_test_setup_teardown(test_seal_forbids, open_all, close_all),
	    cmocka_unit_test_setup_teardown(test_seal_advice, open_all, close_all),
	    cmocka_unit_test_setup_teardown(test_seal_lives_on, open_all, close_all),
	    cmocka_unit_test_setup_teardown(test_guard, open_all, close_all),
	    cmocka_unit_test_setup_teardown(test_guard_lock, open_all, close_all),
	    cmocka_unit_test_setup_teardown(test_guard_moves, open_all, close_all),
	    cmocka_unit_test_setup_teardown(test_guard_file, open_all, close_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
