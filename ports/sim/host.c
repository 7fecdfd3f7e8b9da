/* SPDX-License-Identifier: MIT */
/* The host contract of <quire/port/host.h>, kept by the simulated machine. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "machine.h"

/* A call of the host: something may have changed since the oracle last looked. */
static struct sim_cpu *enter(void *host)
{
	struct sim *sim = host;

	if (!sim->free_run)
		sim->activity++;
	return sim_current(sim);
}

void sim_library_panic(struct sim *sim, const char *text)
{
	if (sim->panic_out) {
		snprintf(sim->panic_text, sizeof(sim->panic_text), "%s", text);
		longjmp(*sim->panic_out, 1);
	}
	if (sim->scheduled && sim_current(sim)->state != SIM_IDLE) {
		sim_find(sim, SIM_LIBRARY_PANIC, "CPU %u: %s", sim_current(sim)->number, text);
		sim_give_up(sim);
	}
	if (sim->config.panic)
		sim->config.panic(sim->config.context, text);
	else
		fprintf(stderr, "sim: the library panicked: %s\n", text);
	abort();
}

static void host_panic(void *host, const char *text)
{
	sim_library_panic(host, text);
}

static void host_log(void *host, const char *text)
{
	struct sim *sim = host;

	if (sim->config.log)
		sim->config.log(sim->config.context, text);
}

static unsigned host_cpu(void *host)
{
	return sim_current(host)->number;
}

static void host_wait(void *host, const uint32_t *word, uint32_t expected, enum quire_wait_kind kind)
{
	sim_wait(enter(host), word, expected, kind);
}

static void host_wake(void *host, const uint32_t *word)
{
	struct sim_cpu *cpu = enter(host);

	sim_wake(cpu, word);
	sim_point_at(cpu, "a wake");
}

static void host_tlb_flush(void *host, const struct quire_flush *flush)
{
	struct sim_cpu *cpu = enter(host);

	/* Before another CPU may run: the set is of this moment. */
	sim_tlb_check_set(host, flush);
	sim_point_at(cpu, "before a flush");
	sim_tlb_flush(host, flush);
	sim_point_at(cpu, "after a flush");
}

static void host_pte_sync(void *host, const void *entry)
{
	(void)entry;
	struct sim_cpu *cpu = enter(host);

	cpu->counts.pte_syncs++;
	sim_point_at(cpu, "tables synchronised");
}

static const struct sim_ram *high_of(const struct sim *sim, uint64_t pfn)
{
	for (unsigned i = 0; i < sim->ram_count; i++) {
		const struct sim_ram *ram = &sim->ram[i];

		if (ram->high && pfn * sim->page_bytes - ram->base < ram->bytes)
			return ram;
	}
	return NULL;
}

static void *host_frame_map(void *host, quire_pfn pfn)
{
	struct sim *sim = host;
	struct sim_cpu *cpu = enter(host);
	const struct sim_ram *ram = high_of(sim, pfn.n);
	unsigned slot = 0;
	off_t offset;

	cpu->counts.windows++;
	while (slot < SIM_WINDOWS && cpu->window[slot].used)
		slot++;
	if (!ram || slot == SIM_WINDOWS) {
		sim_find(sim, SIM_WINDOW,
			 ram ? "CPU %u maps a third frame: %#llx"
			     : "CPU %u maps frame %#llx, which is not high",
			 cpu->number, (unsigned long long)pfn.n);
		return sim_bus_at(sim, pfn.n * sim->page_bytes, sim->page_bytes);
	}
	offset = (off_t)(ram->file_offset + (pfn.n * sim->page_bytes - ram->base));
	if (mmap(cpu->window[slot].at, sim->page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		 sim->memory_file, offset) == MAP_FAILED)
		sim_library_panic(sim, "the window cannot be mapped: out of host memory");
	cpu->window[slot].used = true;
	cpu->window[slot].pfn = pfn.n;
	return cpu->window[slot].at;
}

/* The page is taken away for good: who goes on using it ends with a real fault. */
static void host_frame_unmap(void *host, void *address)
{
	struct sim *sim = host;
	struct sim_cpu *cpu = enter(host);
	unsigned slot = SIM_WINDOWS;

	while (slot > 0 && !cpu->window[slot - 1].used)
		slot--;
	if (slot == 0 || cpu->window[slot - 1].at != address) {
		sim_find(sim, SIM_WINDOW, "CPU %u unmaps %p, which is not the frame it mapped last",
			 cpu->number, address);
		return;
	}
	cpu->window[slot - 1].used = false;
	if (mmap(address, sim->page_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
		 -1, 0) == MAP_FAILED)
		sim_library_panic(sim, "the window cannot be unmapped: out of host memory");
}

static void host_page_clear(void *host, void *page, size_t bytes)
{
	struct sim_cpu *cpu = enter(host);

	cpu->counts.page_clears++;
	sim_oracle_reuse(cpu, page, "its frame was cleared for a new use");
	memset(page, 0, bytes);
	sim_point_at(cpu, "a page cleared");
}

static void host_page_copy(void *host, void *to, const void *from, size_t bytes)
{
	struct sim_cpu *cpu = enter(host);

	cpu->counts.page_copies++;
	sim_oracle_reuse(cpu, to, "its frame was filled for a new use");
	memcpy(to, from, bytes);
	sim_point_at(cpu, "a page copied");
}

static void host_dcache_sync(void *host, void *page, size_t bytes)
{
	(void)page, (void)bytes;
	enter(host)->counts.dcache_syncs++;
}

static void host_icache_sync(void *host, void *page, size_t bytes)
{
	(void)page, (void)bytes;
	enter(host)->counts.icache_syncs++;
}

uint64_t sim_clock(struct sim *sim)
{
	struct timespec now;

	if (!sim->free_run)
		return sim->clock += 100;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void host_count_fault(void *host, bool major)
{
	sim_count_fault(sim_current(host), major);
}

static void host_lock_event(void *host, const void *lock, unsigned rank, enum quire_lock_op op)
{
	sim_lock_event(enter(host), lock, rank, op);
}

static bool host_may_fail(void *host, enum quire_resource resource)
{
	return sim_may_fail(host, resource);
}

static bool host_mutant(void *host, const char *name)
{
	struct sim *sim = host;

	if (sim->config.mutant)
		return sim->config.mutant(sim->config.context, name);
	return sim->mutant && strcmp(sim->mutant, name) == 0;
}

static quire_va host_fixup(void *host, quire_va pc)
{
	return sim_fixup(host, pc);
}

void sim_host_init(struct sim *sim)
{
	sim->host = (struct quire_host){
	    .panic = host_panic,
	    .log = host_log,
	    .fixup = host_fixup,
	    .cpu = host_cpu,
	    .wait = host_wait,
	    .wake = host_wake,
	    .tlb_flush = host_tlb_flush,
	    .pte_sync = host_pte_sync,
	    .frame_map = host_frame_map,
	    .frame_unmap = host_frame_unmap,
	    .page_clear = host_page_clear,
	    .page_copy = host_page_copy,
	    .icache_sync = host_icache_sync,
	    .dcache_sync = host_dcache_sync,
	    .count_fault = host_count_fault,
	    .lock_event = host_lock_event,
	    .may_fail = host_may_fail,
	    .mutant = host_mutant,
	};
}
