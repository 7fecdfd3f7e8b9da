/* SPDX-License-Identifier: MIT */
/* Every member of struct quire_host is called by the library: a program drives it until each was. */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <quire/quire.h>

#include "mm/mm.h"

#define PAGE      UINT64_C(4096)
#define RAM_BYTES (4096 * PAGE)
#define RAM_BASE  UINT64_C(0x1000000)
#define COPY_PC   ((quire_va)UINT64_C(0xffffffff80001000))

/* A member is a pointer; its number is its place in the struct. */
#define MEMBERS           (sizeof(struct quire_host) / sizeof(void (*)(void)))
#define MEMBER_OF(member) (offsetof(struct quire_host, member) / sizeof(void (*)(void)))
#define CALLED(member)    (calls[MEMBER_OF(member)]++)

static unsigned calls[MEMBERS];
static const char *names[MEMBERS];
static unsigned char *linear, *high;
static jmp_buf panicked;

/* --- the host --- */

static void host_panic(void *host, const char *text)
{
	(void)host, (void)text;
	CALLED(panic);
	longjmp(panicked, 1);
}

static void host_log(void *host, const char *text)
{
	(void)host, (void)text;
	CALLED(log);
}

static quire_va host_fixup(void *host, quire_va pc)
{
	(void)host;
	CALLED(fixup);
	return pc == COPY_PC ? COPY_PC + 16 : 0;
}

static unsigned host_cpu(void *host)
{
	(void)host;
	CALLED(cpu);
	return 0;
}

static uint32_t *host_thread(void *host)
{
	static uint32_t word;

	(void)host;
	CALLED(thread);
	return &word;
}

/* The holder of the lock, which is somebody else in a kernel, lets it go. */
static void host_wait(void *host, const uint32_t *word, uint32_t expected, enum quire_wait_kind kind)
{
	(void)host, (void)expected, (void)kind;
	CALLED(wait);
	*(uint32_t *)(uintptr_t)word = 0;
}

static void host_wake(void *host, const uint32_t *word)
{
	(void)host, (void)word;
	CALLED(wake);
}

static void host_tlb_flush(void *host, const struct quire_flush *flush)
{
	(void)host, (void)flush;
	CALLED(tlb_flush);
}

static void host_pte_sync(void *host, const void *entry)
{
	(void)host, (void)entry;
	CALLED(pte_sync);
}

static void *host_frame_map(void *host, quire_pfn pfn)
{
	(void)host;
	CALLED(frame_map);
	return high + (pfn.n * PAGE - RAM_BASE - RAM_BYTES);
}

static void host_frame_unmap(void *host, void *address)
{
	(void)host, (void)address;
	CALLED(frame_unmap);
}

static void host_page_clear(void *host, void *page, size_t bytes)
{
	(void)host;
	CALLED(page_clear);
	memset(page, 0, bytes);
}

static void host_page_copy(void *host, void *to, const void *from, size_t bytes)
{
	(void)host;
	CALLED(page_copy);
	memcpy(to, from, bytes);
}

static void host_dcache_sync(void *host, void *page, size_t bytes)
{
	(void)host, (void)page, (void)bytes;
	CALLED(dcache_sync);
}

static void host_icache_sync(void *host, void *page, size_t bytes)
{
	(void)host, (void)page, (void)bytes;
	CALLED(icache_sync);
}

static void host_count_fault(void *host, bool major)
{
	(void)host, (void)major;
	CALLED(count_fault);
}

static void host_lock_event(void *host, const void *lock, unsigned rank, enum quire_lock_op op)
{
	(void)host, (void)lock, (void)rank, (void)op;
	CALLED(lock_event);
}

static bool host_may_fail(void *host, enum quire_resource resource)
{
	(void)host, (void)resource;
	CALLED(may_fail);
	return false;
}

static bool host_mutant(void *host, const char *name)
{
	(void)host, (void)name;
	CALLED(mutant);
	return false;
}

/* clang-format off */
#define FOR_EACH_MEMBER(X) \
	X(panic) X(log) X(fixup) X(cpu) X(thread) X(wait) X(wake) X(tlb_flush) X(pte_sync) X(frame_map) X(frame_unmap) \
	X(page_clear) X(page_copy) X(icache_sync) X(dcache_sync) X(count_fault) X(lock_event) X(may_fail) X(mutant)
/* clang-format on */

static struct quire_host make_host(void)
{
	struct quire_host host;

	memset(&host, 0, sizeof(host));
#define SET(member)                  \
	host.member = host_##member; \
	names[MEMBER_OF(member)] = #member;
	FOR_EACH_MEMBER(SET)
#undef SET
	return host;
}

/* --- the program --- */

static void demand(bool right, const char *what)
{
	if (!right) {
		printf("FAILED: %s\n", what);
		exit(1);
	}
}

static struct quire_outcome access_at(struct quire_mm *mm, quire_va va, enum quire_mode mode, uint64_t error)
{
	struct quire_trap trap = {.vector = QUIRE_VECTOR_PAGE_FAULT,
				  .mode = mode,
				  .syndrome = error,
				  .address = va,
				  .pc = mode == QUIRE_MODE_KERNEL ? COPY_PC : 0x400000,
				  .sp = 0x7fff0000};

	return quire_handle_trap(quire_mm_system(mm), mm, &trap, NULL);
}

static quire_va map(struct quire_mm *mm, quire_prot prot, uint32_t flags)
{
	struct quire_mapping how = {
	    .length = 4 * PAGE, .prot = prot, .flags = QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS | flags};
	quire_va va = 0;

	demand(quire_mmap(mm, &how, &va) == QUIRE_OK, "mmap");
	return va;
}

/* An entry that no function of the architecture makes. */
static void corrupt(struct quire_mm *mm, quire_va va)
{
	const struct quire_arch *arch = qr_arch(mm->system);
	void *entry = qr_pt_alloc(&mm->pt, va, 0, NULL);
	quire_pte bad = {2};

	while (bad.bits && arch->kind(arch, bad, 0) != QUIRE_PTE_BAD)
		bad.bits <<= 1;
	demand(entry && bad.bits, "no corrupt entry can be made");
	qr_pte_set(arch, 0, entry, bad);
}

static void use(struct quire_mm *mm)
{
	quire_va va = map(mm, QUIRE_PROT_RWX, 0);
	struct quire_mm *child = NULL;
	unsigned char byte = 1;
	size_t done;

	(void)map(mm, QUIRE_PROT_READ | QUIRE_PROT_WRITE, QUIRE_MAP_POPULATE);
	demand(access_at(mm, va, QUIRE_MODE_USER, 6).kind == QUIRE_RESUME, "a write");
	demand(access_at(mm, 0x1000, QUIRE_MODE_KERNEL, 0).kind == QUIRE_FIXUP,
	       "a bad address in the kernel");
	demand(quire_mm_access(mm, va, &byte, 1, QUIRE_REMOTE_WRITE, &done) == QUIRE_OK, "a remote write");
	demand(quire_mm_fork(mm, &child) == QUIRE_OK, "fork");
	demand(access_at(mm, va, QUIRE_MODE_USER, 7).kind == QUIRE_RESUME, "a write after fork");
	quire_mm_put(child);
	(void)quire_reclaim(quire_mm_system(mm), 1);
	corrupt(mm, va + 2 * PAGE);
	demand(quire_munmap(mm, va, 4 * PAGE) == QUIRE_OK, "munmap");
	/* Another thread holds the lock. */
	mm->writer = 1;
	quire_mm_set_limit(mm, QUIRE_LIMIT_STACK, 1 << 20);
}

static void drive(const struct quire_host *host)
{
	struct quire_config config = {
	    .arch = &quire_arch_x86_64,
	    .host = host,
	    .ram = {{{RAM_BASE}, RAM_BYTES, linear}, {{RAM_BASE + RAM_BYTES}, RAM_BYTES, NULL}},
	    .ram_count = 2,
	    .cpus = 2,
	};
	static struct quire_system *system;
	static struct quire_file *file;
	struct quire_mm *mm;

	demand(quire_system_create(&config, &system) == QUIRE_OK, "a system");
	demand(quire_mm_create(system, NULL, &mm) == QUIRE_OK, "an address space");
	(void)quire_mm_enter(mm, 0);
	use(mm);
	quire_mm_leave(mm, 0);
	quire_mm_put(mm);
	/* A system must not be ended with a file left. */
	demand(quire_file_create(system, NULL, NULL, PAGE, &file) == QUIRE_OK, "a file");
	if (!setjmp(panicked))
		quire_system_destroy(system);
	quire_file_put(file);
	if (!setjmp(panicked))
		quire_system_destroy(system);
}

int main(void)
{
	struct quire_host host = make_host();
	unsigned failures = 0;

	linear = aligned_alloc(PAGE, RAM_BYTES);
	high = aligned_alloc(PAGE, RAM_BYTES);
	demand(linear && high, "memory");
	drive(&host);
	for (unsigned i = 0; i < MEMBERS; i++) {
		if (calls[i] > 0)
			continue;
		printf("FAILED: member %u of struct quire_host (%s) is never called\n", i,
		       names[i] ? names[i] : "unknown to this test");
		failures++;
	}
	printf("%u members, %u of them never called\n", (unsigned)MEMBERS, failures);
	free(linear);
	free(high);
	return failures != 0;
}
