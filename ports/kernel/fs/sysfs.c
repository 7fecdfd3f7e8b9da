/* SPDX-License-Identifier: MIT */
/* /sys: which CPUs there are, that all memory is one node, that nothing merges equal pages, and that the pool of huge pages is empty. */
#include "extras/huge.h"
#include "fs/proc.h"

/* "0" or "0-3": the CPUs are numbered without a gap, and none comes or goes. */
static void make_cpus(struct process *process, struct text *text)
{
	unsigned count = cpu_count();

	if (count > 1)
		text_add(text, "0-%u\n", count - 1);
	else
		text_add(text, "0\n");
}

static void make_none(struct process *process, struct text *text)
{
	text_add(text, "\n");
}

static void make_zero(struct process *process, struct text *text)
{
	text_add(text, "0\n");
}

/* And a folder for each CPU, by which C libraries count them: sys_init(). */
#define CPU_FILES 4
static char cpu_name[QUIRE_CONFIG_CPUS][8];
static struct entry cpu_entries[CPU_FILES + QUIRE_CONFIG_CPUS + 1] = {
    {.name = "online", .mode = 0444, .make = make_cpus},
    {.name = "offline", .mode = 0444, .make = make_none},
    {.name = "possible", .mode = 0444, .make = make_cpus},
    {.name = "present", .mode = 0444, .make = make_cpus},
};
static const struct entry nothing[] = {{0}};

static void make_cpu_mask(struct process *process, struct text *text)
{
	text_add(text, "%x\n", (1u << cpu_count()) - 1);
}

static void make_distance(struct process *process, struct text *text)
{
	text_add(text, "10\n");
}

static void make_node_memory(struct process *process, struct text *text)
{
	struct quire_memory_counts m;
	uint64_t total, free;

	quire_memory(the_system, &m);
	total = (m.frames - m.by_state[QUIRE_PAGE_META]) * (PAGE_SIZE / 1024);
	free = (m.by_state[QUIRE_PAGE_FREE] + m.by_state[QUIRE_PAGE_CPU]) * (PAGE_SIZE / 1024);
	text_add(text, "Node 0 MemTotal:       %8" PRIu64 " kB\nNode 0 MemFree:        %8" PRIu64 " kB\n",
		 total, free);
	text_add(text, "Node 0 MemUsed:        %8" PRIu64 " kB\n", total - free);
}

static const struct entry node_entries[] = {
    {.name = "cpulist", .mode = 0444, .make = make_cpus},
    {.name = "cpumap", .mode = 0444, .make = make_cpu_mask},
    {.name = "distance", .mode = 0444, .make = make_distance},
    {.name = "meminfo", .mode = 0444, .make = make_node_memory},
    {0},
};
static const struct entry nodes_entries[] = {
    {.name = "online", .mode = 0444, .make = make_zero},
    {.name = "possible", .mode = 0444, .make = make_zero},
    {.name = "has_cpu", .mode = 0444, .make = make_zero},
    {.name = "has_memory", .mode = 0444, .make = make_zero},
    {.name = "has_normal_memory", .mode = 0444, .make = make_zero},
    {.name = "node0", .kind = DIRECTORY, .mode = 0555, .children = node_entries},
    {0},
};
static const struct entry system_entries[] = {
    {.name = "cpu", .kind = DIRECTORY, .mode = 0555, .children = cpu_entries},
    {.name = "node", .kind = DIRECTORY, .mode = 0555, .children = nodes_entries},
    {0},
};
static const struct entry device_entries[] = {
    {.name = "system", .kind = DIRECTORY, .mode = 0555, .children = system_entries},
    {0},
};
/* As where the merging of equal pages is not switched on: advice about it is taken, and has no effect. */
static const struct entry ksm_entries[] = {
    {.name = "run", .mode = 0444, .make = make_zero},
    {.name = "pages_shared", .mode = 0444, .make = make_zero},
    {0},
};
/* However many are asked for, none is found. */
int proc_take_no_pages(struct process *process, const char *value)
{
	const char *end;

	(void)strtoul64(value, &end);
	return end == value || *end ? -EINVAL : 0;
}

static const struct entry pool_entries[] = {
    {.name = "nr_hugepages", .mode = 0644, .make = make_zero, .take = proc_take_no_pages},
    {.name = "nr_overcommit_hugepages", .mode = 0644, .make = make_zero, .take = proc_take_no_pages},
    {.name = "free_hugepages", .mode = 0444, .make = make_zero},
    {.name = "resv_hugepages", .mode = 0444, .make = make_zero},
    {.name = "surplus_hugepages", .mode = 0444, .make = make_zero},
    {0},
};
static char pool_name[32]; /* hugepages-2048kB */
static const struct entry hugepages_entries[] = {
    {.name = pool_name, .kind = DIRECTORY, .mode = 0555, .children = pool_entries},
    {0},
};
static const struct entry mm_entries[] = {
    {.name = "hugepages", .kind = DIRECTORY, .mode = 0555, .children = hugepages_entries},
    {.name = "ksm", .kind = DIRECTORY, .mode = 0555, .children = ksm_entries},
    {0},
};
static const struct entry kernel_entries[] = {
    {.name = "mm", .kind = DIRECTORY, .mode = 0555, .children = mm_entries},
    {0},
};
static const struct entry sys_entries[] = {
    {.name = "devices", .kind = DIRECTORY, .mode = 0555, .children = device_entries},
    {.name = "kernel", .kind = DIRECTORY, .mode = 0555, .children = kernel_entries},
    {0},
};
static const struct entry sys_entry = {
    .name = "sys", .kind = DIRECTORY, .mode = 0555, .children = sys_entries};

int sys_init(void)
{
	for (unsigned i = 0; i < cpu_count(); i++) {
		ksnprintf(cpu_name[i], sizeof(cpu_name[i]), "cpu%u", i);
		cpu_entries[CPU_FILES + i] =
		    (struct entry){.name = cpu_name[i], .kind = DIRECTORY, .mode = 0555, .children = nothing};
	}
	ksnprintf(pool_name, sizeof(pool_name), "hugepages-%ukB", 1u << (huge_shift() - 10));
	return proc_attach("/sys", &sys_entry);
}
