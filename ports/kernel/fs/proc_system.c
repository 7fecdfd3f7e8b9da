/* SPDX-License-Identifier: MIT */
/* /proc/meminfo, vmstat, cpuinfo, stat, mounts: what the library counts, under Linux's names. */
#include "extras/huge.h"
#include "fs/mount.h"
#include "fs/proc.h"

static void kib(struct text *text, const char *name, uint64_t pages)
{
	text_add(text, "%-16s%8" PRIu64 " kB\n", name, (pages * (PAGE_SIZE / 1024)));
}

void proc_meminfo(struct text *text)
{
	struct quire_survey survey;
	struct quire_swap_counts swap;
	struct quire_memory_counts m;
	uint64_t free;

	quire_memory(the_system, &m);
	quire_memory_survey(the_system, &survey);
	quire_swap_usage(the_system, &swap);
	free = m.by_state[QUIRE_PAGE_FREE] + m.by_state[QUIRE_PAGE_CPU];
	kib(text, "MemTotal:", m.frames - m.by_state[QUIRE_PAGE_META]);
	kib(text, "MemFree:", free);
	kib(text, "MemAvailable:", (free > m.reserve ? free - m.reserve : 0) + m.by_state[QUIRE_PAGE_FILE]);
	kib(text, "Buffers:", 0);
	kib(text, "Cached:", m.by_state[QUIRE_PAGE_FILE] + m.by_state[QUIRE_PAGE_SHMEM]);
	kib(text, "SwapCached:", swap.cached);
	kib(text, "AnonPages:", m.by_state[QUIRE_PAGE_ANON]);
	kib(text, "SwapTotal:", swap.total);
	kib(text, "SwapFree:", swap.free);
	kib(text, "Dirty:", survey.dirty);
	kib(text, "Writeback:", 0);
	kib(text, "Mapped:", survey.mapped);
	kib(text, "Shmem:", m.by_state[QUIRE_PAGE_SHMEM]);
	kib(text, "Slab:", m.by_state[QUIRE_PAGE_OBJECT]);
	kib(text, "PageTables:", m.by_state[QUIRE_PAGE_TABLE]);
	kib(text, "CommitLimit:", m.commit_limit);
	kib(text, "Committed_AS:", m.committed);
	kib(text, "VmallocUsed:", m.by_state[QUIRE_PAGE_KMAP]);
	text_add(text, "HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\n"
		       "HugePages_Surp:        0\n");
	kib(text, "Hugepagesize:", ((uint64_t)1 << huge_shift()) / PAGE_SIZE);
}

static void count(struct text *text, const char *name, uint64_t value)
{
	text_add(text, "%s %" PRIu64 "\n", name, value);
}

static const struct {
	const char *name;
	enum quire_event event;
} vm_events[] = {
    {"pswpin", QUIRE_EVENT_PSWPIN},
    {"pswpout", QUIRE_EVENT_PSWPOUT},
    {"swap_ra", QUIRE_EVENT_SWAP_RA},
    {"swap_ra_hit", QUIRE_EVENT_SWAP_RA_HIT},
    {"pglazyfreed", QUIRE_EVENT_PGLAZYFREED},
    {"pgscan_kswapd", QUIRE_EVENT_PGSCAN_KSWAPD},
    {"pgscan_direct", QUIRE_EVENT_PGSCAN_DIRECT},
    {"pgsteal_kswapd", QUIRE_EVENT_PGSTEAL_KSWAPD},
    {"pgsteal_direct", QUIRE_EVENT_PGSTEAL_DIRECT},
    {"workingset_refault_anon", QUIRE_EVENT_WORKINGSET_REFAULT_ANON},
    {"workingset_refault_file", QUIRE_EVENT_WORKINGSET_REFAULT_FILE},
    {"allocstall", QUIRE_EVENT_ALLOCSTALL},
};

void proc_vmstat(struct text *text)
{
	uint64_t major = quire_counter(the_system, QUIRE_STEP_MAJOR);
	struct quire_survey survey;
	struct quire_memory_counts m;

	quire_memory(the_system, &m);
	quire_memory_survey(the_system, &survey);
	count(text, "nr_free_pages", m.by_state[QUIRE_PAGE_FREE] + m.by_state[QUIRE_PAGE_CPU]);
	count(text, "nr_anon_pages", m.by_state[QUIRE_PAGE_ANON]);
	count(text, "nr_mapped", survey.mapped);
	count(text, "nr_file_pages", m.by_state[QUIRE_PAGE_FILE] + m.by_state[QUIRE_PAGE_SHMEM]);
	count(text, "nr_dirty", survey.dirty);
	count(text, "nr_writeback", 0);
	count(text, "nr_shmem", m.by_state[QUIRE_PAGE_SHMEM]);
	count(text, "nr_page_table_pages", m.by_state[QUIRE_PAGE_TABLE]);
	count(text, "pgpgin", quire_event_count(the_system, QUIRE_EVENT_PAGE_READ) * 4);
	count(text, "pgpgout", quire_event_count(the_system, QUIRE_EVENT_PAGE_WRITTEN) * 4);
	for (unsigned i = 0; i < ARRAY_SIZE(vm_events); i++)
		count(text, vm_events[i].name, quire_event_count(the_system, vm_events[i].event));
	count(text, "pgfault", quire_counter(the_system, QUIRE_STEP_MINOR) + major);
	count(text, "pgmajfault", major);
	count(text, "oom_kill",
	      quire_event_count(the_system, QUIRE_EVENT_OOM_KILL) +
		  quire_counter(the_system, QUIRE_STEP_OOM_KILL_TASK));
}

void proc_swaps(struct text *text)
{
	struct quire_area area;

	text_add(text, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
	for (unsigned i = 0; !quire_swap_area(the_system, i, &area); i++)
		text_add(text, "%-40spartition\t%" PRIu64 "\t\t%" PRIu64 "\t\t%d\n", area.store->name,
			 area.slots * (PAGE_SIZE / 1024), area.used * (PAGE_SIZE / 1024), area.priority);
}

void proc_cpuinfo(struct text *text)
{
	char *lines = kmalloc(2048);

	if (!lines) {
		text->failed = true;
		return;
	}
	for (unsigned i = 0; i < cpu_count(); i++)
		text_bytes(text, lines, arch_cpuinfo(i, lines, 2048));
	kfree(lines);
}

void proc_stat_system(struct text *text)
{
	uint64_t now = time_monotonic() / 10000000 * cpu_count(), idle = idle_ns() / 10000000;

	idle = MIN(idle, now);
	text_add(text, "cpu  %" PRIu64 " 0 0 %" PRIu64 " 0 0 0 0 0 0\n", (now - idle), idle);
	for (unsigned i = 0; i < cpu_count(); i++)
		text_add(text, "cpu%u %" PRIu64 " 0 0 %" PRIu64 " 0 0 0 0 0 0\n", i,
			 ((now - idle) / cpu_count()), (idle / cpu_count()));
	text_add(text,
		 "intr 0\nctxt %" PRIu64 "\nbtime %" PRIu64
		 "\nprocesses %u\nprocs_running %u\nprocs_blocked 0\n",
		 context_switches(), ((time_realtime() - time_monotonic()) / NSEC_PER_SEC), process_count(),
		 running_count());
}

void proc_mounts(struct text *text)
{
	text_add(text, "quirefs / quirefs rw,relatime 0 0\nproc /proc proc rw,relatime 0 0\n"
		       "sysfs /sys sysfs rw,relatime 0 0\ntmpfs /dev/shm tmpfs rw,relatime 0 0\n");
	mount_lines(text);
}
