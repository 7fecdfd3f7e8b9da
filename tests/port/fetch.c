/* SPDX-License-Identifier: MIT */
/* When instruction fetches are made to see a page: before it is mapped to be executed, and of a file's page once for all
 * mappings until somebody writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <quire/quire.h>

#define RAM_BYTES ((size_t)4 << 20)
#define PAGE      4096u

static unsigned synced;

static void host_panic(void *context, const char *message)
{
	(void)context;
	fail_msg("%s", message);
	abort();
}

static void host_flush(void *context, const struct quire_flush *flush)
{
	(void)context, (void)flush;
}

static void host_sync_code(void *context, void *page, size_t bytes)
{
	(void)context, (void)page;
	assert_int_equal(bytes, PAGE);
	synced++;
}

static const struct quire_host host = {
    .panic = host_panic, .tlb_flush = host_flush, .icache_sync = host_sync_code};

struct machine {
	unsigned char *memory;
	struct quire_system *system;
	struct quire_file *file; /* two pages of shared memory, the first written */
};

static struct machine begin(void)
{
	struct machine machine = {.memory = aligned_alloc(PAGE, RAM_BYTES)};
	struct quire_config config = {.arch = &quire_arch_riscv64,
				      .host = &host,
				      .ram = {{{1 << 20}, RAM_BYTES, machine.memory}},
				      .ram_count = 1};
	size_t done;

	assert_non_null(machine.memory);
	assert_int_equal(quire_system_create(&config, &machine.system), QUIRE_OK);
	assert_int_equal(quire_file_create(machine.system, NULL, NULL, 2 * PAGE, &machine.file), QUIRE_OK);
	assert_int_equal(quire_file_write(machine.file, 0, "code", 4, &done), QUIRE_OK);
	synced = 0;
	return machine;
}

static void end(struct machine *machine)
{
	quire_file_put(machine->file);
	assert_int_equal(quire_check(machine->system, NULL, 0), QUIRE_OK);
	quire_system_destroy(machine->system);
	free(machine->memory);
}

/* An address space that has the file's first page at the address returned. */
static struct quire_mm *map(struct machine *machine, quire_prot prot, unsigned flags, quire_va *out_at)
{
	struct quire_mapping how = {.length = PAGE, .prot = prot, .flags = flags, .file = machine->file};
	struct quire_mm *mm;

	assert_int_equal(quire_mm_create(machine->system, NULL, &mm), QUIRE_OK);
	assert_int_equal(quire_mmap(mm, &how, out_at), QUIRE_OK);
	return mm;
}

static void touch(struct machine *machine, struct quire_mm *mm, quire_va at, uint64_t cause)
{
	struct quire_trap trap = {.vector = QUIRE_VECTOR_CAUSE, .syndrome = cause, .address = at, .pc = at};

	assert_int_equal(quire_handle_trap(machine->system, mm, &trap, NULL).kind, QUIRE_RESUME);
}

/* Instruction, load, store: RISC-V privileged specification, table of scause. */
enum {
	FETCH = 12,
	STORE = 15
};

/* A new process runs the page, and ends. Returns how often the host was called. */
static unsigned run(struct machine *machine)
{
	unsigned before = synced;
	quire_va at;
	struct quire_mm *mm = map(machine, QUIRE_PROT_READ | QUIRE_PROT_EXEC, QUIRE_MAP_PRIVATE, &at);

	touch(machine, mm, at, FETCH);
	quire_mm_put(mm);
	return synced - before;
}

static void once_until_the_file_is_written(void **state)
{
	struct machine machine = begin();
	size_t done;

	(void)state;
	assert_int_equal(run(&machine), 1);
	assert_int_equal(run(&machine), 0);
	assert_int_equal(quire_file_write(machine.file, 8, "more", 4, &done), QUIRE_OK);
	assert_int_equal(run(&machine), 1);
	assert_int_equal(run(&machine), 0);
	/* The other page. */
	assert_int_equal(quire_file_write(machine.file, PAGE, "more", 4, &done), QUIRE_OK);
	assert_int_equal(run(&machine), 0);
	end(&machine);
}

static void again_after_a_part_was_cleared(void **state)
{
	struct machine machine = begin();

	(void)state;
	assert_int_equal(run(&machine), 1);
	assert_int_equal(quire_file_truncate(machine.file, 100), QUIRE_OK);
	assert_int_equal(run(&machine), 1);
	assert_int_equal(quire_file_punch(machine.file, 10, 10), QUIRE_OK);
	assert_int_equal(run(&machine), 1);
	assert_int_equal(run(&machine), 0);
	end(&machine);
}

/* What the kernel copies through a shared mapping goes past the file. */
static void always_where_a_mapping_may_write(void **state)
{
	struct machine machine = begin();
	struct quire_mm *writer;
	size_t done;
	quire_va at;

	(void)state;
	assert_int_equal(run(&machine), 1);
	writer = map(&machine, QUIRE_PROT_READ | QUIRE_PROT_WRITE, QUIRE_MAP_SHARED, &at);
	assert_int_equal(quire_copy_out(writer, at, "data", 4, 0, &done), QUIRE_OK);
	assert_int_equal(synced, 1);
	assert_int_equal(run(&machine), 1);
	quire_mm_put(writer);
	/* The mapping is gone; what it wrote may have come since. */
	assert_int_equal(run(&machine), 1);
	end(&machine);
}

/* A copy of a process's own is a new page. */
static void of_each_copy(void **state)
{
	const quire_prot all = QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_EXEC;
	struct machine machine = begin();

	(void)state;
	assert_int_equal(run(&machine), 1);
	for (unsigned i = 0; i < 2; i++) {
		quire_va at;
		struct quire_mm *mm = map(&machine, all, QUIRE_MAP_PRIVATE, &at);

		synced = 0;
		touch(&machine, mm, at, STORE);
		assert_int_equal(synced, 1);
		quire_mm_put(mm);
	}
	end(&machine);
}

static void not_where_nothing_is_executed(void **state)
{
	struct machine machine = begin();
	quire_va at;
	struct quire_mm *mm = map(&machine, QUIRE_PROT_READ, QUIRE_MAP_PRIVATE, &at);

	(void)state;
	touch(&machine, mm, at, 13);
	assert_int_equal(synced, 0);
	quire_mm_put(mm);
	assert_int_equal(run(&machine), 1);
	end(&machine);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(once_until_the_file_is_written),
	    cmocka_unit_test(again_after_a_part_was_cleared),
	    cmocka_unit_test(always_where_a_mapping_may_write),
	    cmocka_unit_test(of_each_copy),
	    cmocka_unit_test(not_where_nothing_is_executed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
