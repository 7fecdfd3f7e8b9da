/* SPDX-License-Identifier: MIT */
/* The host contract, implemented: the functions that this kernel gives the library. */
#include "port/host.h"
#include "kern/process.h"

static void host_panic(void *host, const char *text)
{
	panic("quire: %s", text);
}

static void host_log(void *host, const char *text)
{
	printk("quire: %s\n", text);
}

static quire_va host_fixup(void *host, quire_va pc)
{
	return arch_fixup(pc);
}

static unsigned host_cpu(void *host)
{
	return arch_cpu();
}

static uint32_t *host_thread(void *host)
{
	return &current->library;
}

/* --- waiting: a few queues, by the word's address --------------------------------------------- */

#define QUEUES 64
static struct wait_queue queues[QUEUES];

static struct wait_queue *queue_of(const uint32_t *word)
{
	return &queues[((uintptr_t)word >> 4) % QUEUES];
}

static bool may_sleep(void)
{
	struct cpu *cpu = this_cpu();

	return !cpu->irq_depth && !cpu->in_interrupt && current != cpu->idle;
}

static void host_wait(void *host, const uint32_t *word, uint32_t expected, enum quire_wait_kind kind)
{
	if (kind == QUIRE_WAIT_SPIN || !may_sleep()) {
		arch_relax();
		return;
	}
	wait_event_mode(queue_of(word), __atomic_load_n(word, __ATOMIC_ACQUIRE) != expected, WAIT_NO_SIGNAL,
			NO_DEADLINE);
}

static void host_wake(void *host, const uint32_t *word)
{
	wake_up(queue_of(word));
}

static void host_tlb_flush(void *host, const struct quire_flush *flush)
{
	arch_flush(flush);
}

#ifdef ARCH_FRAME_MAP
static void *host_frame_map(void *host, quire_pfn pfn)
{
	return arch_frame_map(pfn);
}

static void host_frame_unmap(void *host, void *address)
{
	arch_frame_unmap(address);
}
#endif

#ifdef ARCH_PTE_SYNC
static void host_pte_sync(void *host, const void *entry)
{
	arch_pte_sync();
}
#endif

#ifdef ARCH_ICACHE_SYNC
static void host_icache_sync(void *host, void *page, size_t bytes)
{
	arch_icache_sync(page, bytes);
}
#endif

static void host_page_clear(void *host, void *page, size_t bytes)
{
	arch_memset(page, 0, bytes);
}

static void host_page_copy(void *host, void *to, const void *from, size_t bytes)
{
	arch_memcpy(to, from, bytes);
}

static void host_count_fault(void *host, bool major)
{
	struct usage *usage = &current->usage;

	if (major)
		usage->major++;
	else
		usage->minor++;
}

const struct quire_host kernel_host = {
    .panic = host_panic,
    .log = host_log,
    .fixup = host_fixup,
    .cpu = host_cpu,
    .thread = host_thread,
    .wait = host_wait,
    .wake = host_wake,
    .tlb_flush = host_tlb_flush,
    .page_clear = host_page_clear,
    .page_copy = host_page_copy,
    .count_fault = host_count_fault,
#ifdef ARCH_FRAME_MAP
    .frame_map = host_frame_map,
    .frame_unmap = host_frame_unmap,
#endif
#ifdef ARCH_PTE_SYNC
    .pte_sync = host_pte_sync,
#endif
#ifdef ARCH_ICACHE_SYNC
    .icache_sync = host_icache_sync,
#endif
};

void host_init(void)
{
	for (unsigned i = 0; i < QUEUES; i++)
		wait_queue_init(&queues[i]);
}
