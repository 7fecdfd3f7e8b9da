/* SPDX-License-Identifier: MIT */
/* The figures of a run, for `quire run`: the block that report.h describes. */
#include "kern/report.h"
#include "kern/oops.h"
#include "kern/process.h"

struct run_figures run_figures;

static uint64_t free_frames(const struct quire_memory_counts *memory)
{
	return memory->by_state[QUIRE_PAGE_FREE] + memory->by_state[QUIRE_PAGE_CPU];
}

size_t free_frames_now(void)
{
	return (size_t)(quire_frames_in(the_system, QUIRE_PAGE_FREE) +
			quire_frames_in(the_system, QUIRE_PAGE_CPU));
}

void sample_free_frames(void)
{
	size_t now = free_frames_now(), least = __atomic_load_n(&run_figures.free_least, __ATOMIC_RELAXED);

	while (now < least && !__atomic_compare_exchange_n(&run_figures.free_least, &least, now, true,
							   __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

static void report_counters(void)
{
	for (unsigned step = 0; step < QUIRE_STEP_COUNT; step++) {
		uint64_t n = quire_counter(the_system, (enum quire_step)step);

		if (n)
			printk("counter %s %" PRIu64 "\n", quire_step_name((enum quire_step)step), n);
	}
	for (unsigned event = 0; event < QUIRE_EVENT_COUNT; event++)
		printk("event %s %" PRIu64 "\n", quire_event_name((enum quire_event)event),
		       quire_event_count(the_system, (enum quire_event)event));
}

static void report_memory(void)
{
	struct quire_memory_counts memory;

	quire_memory(the_system, &memory);
	for (unsigned state = 0; state < QUIRE_PAGE_STATES; state++)
		printk("frames %s %" PRIu64 "\n", quire_page_state_name((enum quire_page_state)state),
		       memory.by_state[state]);
	printk("memory %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", memory.frames,
	       memory.frames - run_figures.free_least, (uint64_t)run_figures.free_before,
	       free_frames(&memory));
}

void report_and_end(int wait_status)
{
	struct usage usage;
	int signal = wait_status & 0x7f;

	spin_lock(&proc_lock);
	usage = init_process->children_usage;
	spin_unlock(&proc_lock);
	printk("@quire-report 1\n");
	if (signal)
		printk("status signal %d\n", signal);
	else
		printk("status exit %d\n", wait_status >> 8 & 0xff);
	printk("time %" PRIu64 " %" PRIu64 "\n", run_figures.first_instruction,
	       time_monotonic() - run_figures.first_instruction);
	report_counters();
	report_memory();
	printk("faults %lu %lu\n", usage.minor, usage.major);
	if (oops_count())
		printk("oopses %u\n", oops_count());
	printk("@quire-end\n");
	arch_end_machine(MACHINE_DONE);
}
