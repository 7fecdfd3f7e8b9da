/* SPDX-License-Identifier: MIT */
/* Out of memory: clean pages of files go; when there are none, the process that holds most is killed, by the
 * rule of proc(5), oom_score_adj.
 *
 *   points = pages resident, swapped, and of its tables + oom_score_adj * all pages / 1000
 *
 * One victim at a time: while it exits, no other is chosen. */
#include "kern/oom.h"

#include "kern/lock.h"
#include "kern/process.h"
#include "fs/vfs.h"

static struct mutex oom_lock = MUTEX_INIT(oom_lock);
static uint64_t kills;

static int64_t all_pages(void)
{
	struct quire_memory_counts memory;

	quire_memory(the_system, &memory);
	return (int64_t)memory.frames;
}

static int64_t pages_of(struct process *process)
{
	struct quire_mm *mm = process_mm(process);
	struct quire_usage usage;

	if (!mm)
		return 0;
	quire_mm_usage(mm, &usage);
	quire_mm_put(mm);
	return (int64_t)(usage.rss_anon + usage.rss_file + usage.rss_shmem + usage.swap +
			 usage.table_bytes / PAGE_SIZE);
}

/* False for a process that must not be chosen: without memory of its own, or exempt. */
static bool badness(struct process *process, int64_t all, int64_t *out_points)
{
	int adjust = process->oom_score_adj;
	int64_t pages = process->state == PROCESS_ALIVE ? pages_of(process) : 0;

	*out_points = pages + adjust * all / 1000;
	return pages > 0 && adjust != OOM_SCORE_ADJ_MIN;
}

unsigned oom_score(struct process *process)
{
	int64_t all = all_pages(), points, score;

	if (!badness(process, all, &points))
		return 0;
	/* Two thirds of 0 to 3000, so that an adjustment of 0 lies in the middle. */
	score = (1000 + points * 1000 / all) * 2 / 3;
	return score > 0 ? (unsigned)score : 0;
}

uint64_t oom_kills(void)
{
	return __atomic_load_n(&kills, __ATOMIC_RELAXED);
}

static bool is_dying(struct process *process)
{
	return process->group_exit || process->pending.set & SIGNAL_BIT(SIGKILL);
}

/* With a reference; NULL while an earlier victim exits. */
static struct process *choose_victim(void)
{
	struct process *process, *worst = NULL;
	int64_t all = all_pages(), most = 0;
	pid_t pid = 0;

	while ((process = process_next(pid)) != NULL) {
		int64_t points;
		bool eligible = badness(process, all, &points);

		pid = process->pid;
		if (pages_of(process) && is_dying(process)) {
			process_put(process);
			if (worst)
				process_put(worst);
			return NULL;
		}
		if (eligible && (!worst || points > most)) {
			if (worst)
				process_put(worst);
			worst = process;
			most = points;
		} else {
			process_put(process);
		}
	}
	return worst;
}

static void kill_for_memory(struct process *victim)
{
	struct siginfo info = {.signo = SIGKILL, .code = SI_KERNEL};

	printk("quire-kernel: out of memory: killed process %d (%s), %" PRIu64 " pages, oom_score_adj %d\n",
	       victim->pid, victim->comm, pages_of(victim), victim->oom_score_adj);
	__atomic_add_fetch(&kills, 1, __ATOMIC_RELAXED);
	(void)send_signal(victim, &info);
}

void out_of_memory(void)
{
	struct process *victim;

	if (fatal_signal_pending(current) || disk_reclaim())
		return;
	mutex_lock(&oom_lock);
	victim = choose_victim();
	if (victim) {
		kill_for_memory(victim);
		process_put(victim);
	}
	mutex_unlock(&oom_lock);
	reap_dead_tasks();
	/* The victim needs a CPU to exit on. */
	schedule();
}
