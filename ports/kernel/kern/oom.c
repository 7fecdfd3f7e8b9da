/* SPDX-License-Identifier: MIT */
/* Out of memory: clean pages of files go; when there are none, the process that holds most is killed, by the
 * rule of proc(5), oom_score_adj.
 *
 *   points = pages resident, swapped, and of its tables + oom_score_adj * all pages / 1000
 *
 * Where the limit of a group is what is met, only processes of the group are looked at; Linux's log names that
 * CONSTRAINT_MEMCG. The victim's memory is taken at once, before its threads have ended.
 *
 * One victim at a time: while it exits, no other is chosen. */
#include "kern/oom.h"

#include "kern/lock.h"
#include "kern/process.h"
#include "fs/vfs.h"

static struct mutex oom_lock = MUTEX_INIT(oom_lock);

static int64_t all_pages(void)
{
	struct quire_memory_counts memory;

	quire_memory(the_system, &memory);
	return (int64_t)memory.frames;
}

static int64_t pages_in(struct quire_mm *mm)
{
	struct quire_usage usage;

	quire_mm_usage(mm, &usage);
	return (int64_t)(usage.rss_anon + usage.rss_file + usage.rss_shmem + usage.swap +
			 usage.table_bytes / PAGE_SIZE);
}

/* 0 for a process without memory of its own, and one outside of `group`; NULL: all are in. */
static int64_t pages_of(struct process *process, const struct quire_group *group)
{
	struct quire_mm *mm = process_mm(process);
	int64_t pages = 0;

	if (!mm)
		return 0;
	if (!group || quire_mm_group(mm) == group)
		pages = pages_in(mm);
	quire_mm_put(mm);
	return pages;
}

/* False for a process that must not be chosen: without memory of its own, exempt, or outside of `group`. */
static bool badness(struct process *process, const struct quire_group *group, int64_t all,
		    int64_t *out_points)
{
	int adjust = process->oom_score_adj;
	int64_t pages = process->state == PROCESS_ALIVE ? pages_of(process, group) : 0;

	*out_points = pages + adjust * all / 1000;
	return pages > 0 && adjust != OOM_SCORE_ADJ_MIN;
}

unsigned oom_score(struct process *process)
{
	int64_t all = all_pages(), points, score;

	if (!badness(process, NULL, all, &points))
		return 0;
	/* Two thirds of 0 to 3000, so that an adjustment of 0 lies in the middle. */
	score = (1000 + points * 1000 / all) * 2 / 3;
	return score > 0 ? (unsigned)score : 0;
}

static bool is_dying(struct process *process)
{
	return process->group_exit || process->pending.set & SIGNAL_BIT(SIGKILL);
}

/* With a reference; NULL while an earlier victim exits. */
static struct process *choose_victim(const struct quire_group *group)
{
	struct process *process, *worst = NULL;
	int64_t all = all_pages(), most = 0;
	pid_t pid = 0;

	while ((process = process_next(pid)) != NULL) {
		int64_t points;
		bool eligible = badness(process, group, all, &points);

		pid = process->pid;
		if (pages_of(process, group) && is_dying(process)) {
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

/* Whether no other process runs in its address space, as after vfork(). */
static bool is_alone(const struct process *victim, const struct quire_mm *mm)
{
	const struct process *process;
	bool alone = true;

	spin_lock(&proc_lock);
	list_for_each (process, &all_processes, link)
		alone = alone && (process == victim || process->mm != mm);
	spin_unlock(&proc_lock);
	return alone;
}

static void kill_for_memory(struct process *victim, struct quire_mm *mm, const char *constraint)
{
	struct siginfo info = {.signo = SIGKILL, .code = SI_KERNEL};

	printk("quire-kernel: out of memory: killed process %d (%s), %" PRIu64
	       " pages, oom_score_adj %d, constraint %s\n",
	       victim->pid, victim->comm, pages_in(mm), victim->oom_score_adj, constraint);
	(void)send_signal(victim, &info);
	if (!is_alone(victim, mm))
		return;
	/* From here on no copy of the kernel for it succeeds: it would read zeroes. */
	__atomic_store_n(&victim->reaped, true, __ATOMIC_SEQ_CST);
	(void)quire_mm_reap(mm);
}

/* The library counts the kill. What it was to make room for may have found room meanwhile, where a group was full. */
static void kill_one(struct process *victim, const struct quire_group *group)
{
	struct quire_oom_candidate candidate = {.mm = process_mm(victim),
						.adjustment = victim->oom_score_adj};
	enum quire_status status;
	size_t index;

	if (!candidate.mm)
		return;
	status = group ? quire_group_oom_pick(current->mm, &candidate, 1, &index)
		       : quire_oom_pick(the_system, &candidate, 1, &index);
	if (status == QUIRE_OK)
		kill_for_memory(victim, candidate.mm, group ? "CONSTRAINT_MEMCG" : "CONSTRAINT_NONE");
	quire_mm_put(candidate.mm);
}

void out_of_memory(enum quire_step rule)
{
	const struct quire_group *group = rule == QUIRE_STEP_GROUP_LIMIT ? quire_mm_group(current->mm) : NULL;
	struct process *victim;

	if (fatal_signal_pending(current) || (!group && disk_reclaim()))
		return;
	mutex_lock(&oom_lock);
	victim = choose_victim(group);
	if (victim) {
		kill_one(victim, group);
		process_put(victim);
	}
	mutex_unlock(&oom_lock);
	reap_dead_tasks();
	/* The victim needs a CPU to exit on. */
	schedule();
}
