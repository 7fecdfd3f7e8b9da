/* SPDX-License-Identifier: MIT */
/* A machine whose table walkers do not look into the data cache, and whose data cache aliases: what pte_sync() was not
 * told of, the walkers do not see; what dcache_sync() was not told of, the program does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <quire/quire.h>

#define RAM_BYTES ((size_t)8 << 20)
#define FRAMES    (RAM_BYTES / 4096)
#define BASE      ((uint64_t)1 << 20)
#define RW        (QUIRE_PROT_READ | QUIRE_PROT_WRITE)

/* `ram` is the data cache, `memory` what the walkers read. */
static unsigned char *ram, *memory;
static bool unseen[FRAMES]; /* written by the kernel, and not told of */
static struct quire_system *system_;
static bool deaf; /* a port that forgets pte_sync */

static void host_panic(void *context, const char *text)
{
	(void)context;
	fail_msg("%s", text);
	abort();
}

static void host_flush(void *context, const struct quire_flush *flush)
{
	(void)context, (void)flush;
}

static void host_pte_sync(void *context, const void *entry)
{
	size_t at = entry ? (size_t)((const unsigned char *)entry - ram) & ~(size_t)63 : 0;

	(void)context;
	if (!deaf)
		memcpy(memory + at, ram + at, entry ? 64 : RAM_BYTES);
}

static void wrote(const void *page)
{
	unseen[((const unsigned char *)page - ram) / 4096] = true;
}

static void host_dcache_sync(void *context, void *page, size_t bytes)
{
	(void)context;
	for (size_t i = 0; i < bytes / 4096; i++)
		unseen[((unsigned char *)page - ram) / 4096 + i] = false;
}

static void host_clear(void *context, void *page, size_t bytes)
{
	(void)context;
	memset(page, 0, bytes);
	host_dcache_sync(context, page, bytes);
}

static void host_copy(void *context, void *to, const void *from, size_t bytes)
{
	(void)context;
	memcpy(to, from, bytes);
	host_dcache_sync(context, to, bytes);
}

static enum quire_status file_read(void *context, uint64_t offset, void *buffer, size_t length,
				   size_t *out_length)
{
	(void)context, (void)offset;
	memset(buffer, 5, length);
	wrote(buffer);
	*out_length = length;
	return QUIRE_OK;
}

static const struct quire_host host = {.panic = host_panic,
				       .tlb_flush = host_flush,
				       .pte_sync = host_pte_sync,
				       .page_clear = host_clear,
				       .page_copy = host_copy,
				       .dcache_sync = host_dcache_sync};
static const struct quire_file_ops ops = {.read = file_read};

/* Tables that the walkers see otherwise than the library wrote them, and pages that the program does. */
static unsigned behind(void)
{
	unsigned count = 0;

	for (size_t i = 0; i < FRAMES; i++) {
		enum quire_page_state state = quire_frame_state(system_, (quire_pfn){(BASE >> 12) + i});

		if (state == QUIRE_PAGE_TABLE)
			count += memcmp(ram + i * 4096, memory + i * 4096, 4096) != 0;
		if (state == QUIRE_PAGE_ANON || state == QUIRE_PAGE_FILE)
			count += unseen[i];
	}
	return count;
}

static void touch(struct quire_mm *mm, quire_va va, enum quire_access access)
{
	struct quire_translation found;
	enum quire_status status;
	quire_pa root = quire_mm_enter(mm, 0);

	for (unsigned tries = 0; tries < 4; tries++) {
		struct quire_outcome outcome;

		status = quire_walk(system_, root, va, access, QUIRE_MODE_USER, &found);
		if (status == QUIRE_OK)
			break;
		assert_int_equal(status, QUIRE_EFAULT);
		outcome = quire_handle_trap(system_, mm, &found.trap, NULL);
		assert_int_equal(outcome.kind, QUIRE_RESUME);
	}
	assert_int_equal(status, QUIRE_OK);
	quire_mm_leave(mm, 0);
}

static quire_va map(struct quire_mm *mm, struct quire_file *file, uint32_t flags)
{
	struct quire_mapping how = {.length = 8 * 4096, .prot = RW, .file = file, .flags = flags};
	quire_va va = 0;

	assert_int_equal(quire_mmap(mm, &how, &va), QUIRE_OK);
	return va;
}

#define SEEN(call)                                \
	do {                                      \
		assert_int_equal(call, QUIRE_OK); \
		assert_int_equal(behind(), 0);    \
	} while (0)

static void program(struct quire_mm *mm)
{
	struct quire_remapping move = {
	    .old_length = 2 * 4096, .new_length = 16 * 4096, .flags = QUIRE_MREMAP_MAYMOVE};
	quire_va private, mapped, moved;
	struct quire_file *file;
	struct quire_mm *child;
	size_t done;

	SEEN(quire_file_create(system_, &ops, NULL, 8 * 4096, &file));
	private = map(mm, NULL, QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS);
	mapped = map(mm, file, QUIRE_MAP_SHARED);
	for (unsigned i = 0; i < 6; i++) {
		touch(mm, private + i * 4096, i & 1 ? QUIRE_ACCESS_READ : QUIRE_ACCESS_WRITE);
		assert_int_equal(behind(), 0);
		touch(mm, mapped + i * 4096, i & 1 ? QUIRE_ACCESS_READ : QUIRE_ACCESS_WRITE);
		assert_int_equal(behind(), 0);
	}
	SEEN(quire_mm_fork(mm, &child));
	touch(child, private, QUIRE_ACCESS_WRITE);
	touch(mm, private + 4096, QUIRE_ACCESS_WRITE);
	assert_int_equal(behind(), 0);
	SEEN(quire_copy_out(mm, private, "text", 4, 0, &done));
	SEEN(quire_file_write(file, 4096, "text", 4, &done));
	SEEN(quire_mprotect(mm, private, 2 * 4096, QUIRE_PROT_READ));
	SEEN(quire_mprotect(mm, private, 2 * 4096, RW));
	touch(mm, private, QUIRE_ACCESS_WRITE);
	SEEN(quire_file_sync(file, 0, 0));
	SEEN(quire_madvise(mm, private, 2 * 4096, QUIRE_MADV_DONTNEED));
	move.old_addr = private + 2 * 4096;
	SEEN(quire_mremap(mm, &move, &moved));
	quire_mm_put(child);
	assert_int_equal(behind(), 0);
	SEEN(quire_munmap(mm, mapped, 8 * 4096));
	quire_file_put(file);
	assert_int_equal(behind(), 0);
}

static void start(const struct quire_arch *arch, struct quire_mm **out_mm)
{
	struct quire_config config = {.arch = arch,
				      .host = &host,
				      .without = QUIRE_WITHOUT_ICACHE_SYNC,
				      .ram = {{{BASE}, RAM_BYTES, ram}},
				      .ram_count = 1};

	memset(ram, 0xa5, RAM_BYTES);
	memset(memory, 0x5a, RAM_BYTES);
	memset(unseen, 0, sizeof(unseen));
	assert_int_equal(quire_system_create(&config, &system_), QUIRE_OK);
	assert_int_equal(quire_mm_create(system_, NULL, out_mm), QUIRE_OK);
}

static void test_walkers(void **state)
{
	const char *const archs[] = {"arm64", "arm", "riscv64", "x86_64", "i386"};
	struct quire_mm *mm;

	(void)state;
	for (unsigned i = 0; i < sizeof(archs) / sizeof(archs[0]); i++) {
		start(quire_arch_find(archs[i]), &mm);
		program(mm);
		quire_mm_put(mm);
		quire_system_destroy(system_);
	}
}

/* What the test finds when the port forgets. */
static void test_forgotten(void **state)
{
	struct quire_mm *mm;
	quire_va va;

	(void)state;
	start(&quire_arch_arm64, &mm);
	deaf = true;
	va = map(mm, NULL, QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS);
	touch(mm, va, QUIRE_ACCESS_WRITE);
	assert_true(behind() > 0);
	deaf = false;
	quire_mm_put(mm);
	quire_system_destroy(system_);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_walkers), cmocka_unit_test(test_forgotten)};
	int failed;

	ram = aligned_alloc(65536, RAM_BYTES);
	memory = aligned_alloc(65536, RAM_BYTES);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(ram);
	free(memory);
	return failed;
}
