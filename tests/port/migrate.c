/* SPDX-License-Identifier: MIT */
/* A thread that sleeps in a fault goes on on another CPU: the flush is of the CPU that it goes on on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <quire/quire.h>

#define RAM_BYTES ((size_t)4 << 20)

static unsigned running; /* the CPU of the only thread */
static struct quire_flush last;

static void host_panic(void *context, const char *text)
{
	(void)context;
	fail_msg("%s", text);
	abort();
}

static unsigned host_cpu(void *context)
{
	(void)context;
	return running;
}

static void host_flush(void *context, const struct quire_flush *flush)
{
	(void)context;
	last = *flush;
}

static void host_sync_code(void *context, void *page, size_t bytes)
{
	(void)context, (void)page, (void)bytes;
}

/* The device is slow: the thread sleeps, and wakes up on CPU 2. */
static enum quire_status read_and_move(void *context, uint64_t offset, void *buffer, size_t length,
				       size_t *out_length)
{
	(void)context, (void)offset;
	memset(buffer, 0x5a, length);
	*out_length = length;
	running = 2;
	return QUIRE_OK;
}

static const struct quire_host host = {
    .panic = host_panic, .cpu = host_cpu, .tlb_flush = host_flush, .icache_sync = host_sync_code};
static const struct quire_file_ops ops = {.read = read_and_move};

/* RISC-V may keep that nothing is there, so each mapping flushes; 2.6 keeps the mm lock over the read. */
static void test_fault(void **state)
{
	const char *profile = *state;
	unsigned char *memory = aligned_alloc(4096, RAM_BYTES);
	struct quire_config config = {.arch = &quire_arch_riscv64,
				      .profile = quire_profile_find(profile),
				      .host = &host,
				      .cpus = 3,
				      .ram = {{{1 << 20}, RAM_BYTES, memory}},
				      .ram_count = 1};
	struct quire_mapping how = {.length = 4096, .prot = QUIRE_PROT_READ, .flags = QUIRE_MAP_PRIVATE};
	struct quire_trap trap = {.vector = QUIRE_VECTOR_CAUSE, .syndrome = 13};
	struct quire_outcome outcome;
	struct quire_system *system;
	struct quire_file *file;
	struct quire_mm *mm;

	assert_int_equal(quire_system_create(&config, &system), QUIRE_OK);
	assert_int_equal(quire_file_create(system, &ops, NULL, 4096, &file), QUIRE_OK);
	assert_int_equal(quire_mm_create(system, NULL, &mm), QUIRE_OK);
	how.file = file;
	assert_int_equal(quire_mmap(mm, &how, &trap.address), QUIRE_OK);
	(void)quire_mm_enter(mm, 0);
	running = 0;
	/* Its scheduler takes the address space along. */
	(void)quire_mm_enter(mm, 2);
	outcome = quire_handle_trap(system, mm, &trap, NULL);
	assert_int_equal(outcome.kind, QUIRE_RESUME);
	assert_int_equal(running, 2);
	assert_ptr_equal(last.mm, mm);
	assert_int_equal(last.here, 1);
	assert_int_equal(last.cpus, 1 << 2);
	/* All of them, and no other. */
	assert_int_equal(quire_munmap(mm, trap.address, 4096), QUIRE_OK);
	assert_int_equal(last.here, 0);
	assert_int_equal(last.cpus, 1 << 2 | 1 << 0);
	quire_mm_leave(mm, 0);
	quire_mm_leave(mm, 2);
	quire_mm_put(mm);
	quire_file_put(file);
	assert_int_equal(quire_check(system, NULL, 0), QUIRE_OK);
	quire_system_destroy(system);
	free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    {"linux-6", test_fault, NULL, NULL, "linux-6"},
	    {"linux-2.6", test_fault, NULL, NULL, "linux-2.6"},
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
