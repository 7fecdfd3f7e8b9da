/* SPDX-License-Identifier: MIT */
/* Bodies on CPUs: one at a time by a plan, or in parallel.
 *
 * Each body is a thread, but in a scheduled run only the one that holds the baton goes on: whoever
 * gives it away posts the next CPU's semaphore and waits for its own. All that happens at a point is
 * decided by the plan and by which CPUs can go on, so a plan repeats exactly. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "machine.h"

#define FRUITLESS_MAX 100

/* The CPU that this thread is, in a free run. */
static _Thread_local struct sim_cpu *free_cpu;

struct sim_cpu *sim_current(struct sim *sim)
{
	if (sim->free_run && free_cpu && free_cpu->sim == sim)
		return free_cpu;
	return sim->current;
}

void sim_use_cpu(struct sim_cpu *cpu)
{
	if (!cpu->sim->scheduled && !cpu->sim->free_run)
		cpu->sim->current = cpu;
}

/* --- the baton --- */

static bool can_go_on(const struct sim_cpu *cpu)
{
	if (cpu->state == SIM_READY)
		return true;
	return cpu->state == SIM_WAITING &&
	       (cpu->woken || __atomic_load_n(cpu->word, __ATOMIC_ACQUIRE) != cpu->expected ||
		(cpu->spins && cpu->progress != cpu->sim->progress));
}

static uint64_t others(const struct sim *sim, const struct sim_cpu *cpu)
{
	uint64_t set = 0;

	for (unsigned i = 0; i < sim->running; i++)
		if (&sim->cpu[i] != cpu && can_go_on(&sim->cpu[i]))
			set |= SIM_BIT(i);
	return set;
}

static void await(struct sim_cpu *cpu)
{
	while (sem_wait(&cpu->go) != 0 && errno == EINTR)
		;
	if (cpu->sim->given_up)
		pthread_exit(NULL);
}

static void hand_over(struct sim_cpu *from, struct sim_cpu *to)
{
	struct sim *sim = from->sim;
	bool ended = from->state == SIM_ENDED;

	/* What changed until here was changed by `from`. */
	if (sim->activity != sim->scanned)
		sim_oracle_scan(from, "it was preempted");
	sim->current = to;
	to->state = SIM_READY;
	to->woken = false;
	/* From here on `to` runs, and may set what is this CPU's. */
	sem_post(&to->go);
	if (!ended)
		await(from);
}

void sim_give_up(struct sim *sim)
{
	sim->given_up = true;
	for (unsigned i = 0; i < sim->running; i++)
		sem_post(&sim->cpu[i].go);
	pthread_exit(NULL);
}

/* --- decisions --- */

static unsigned nth_of(uint64_t set, unsigned n)
{
	while (n--)
		set &= set - 1;
	return (unsigned)__builtin_ctzll(set);
}

/* The next CPU in order after `number`. */
static unsigned next_in_order(uint64_t set, unsigned number)
{
	uint64_t after = number >= 63 ? 0 : set & ~(SIM_BIT(number + 1) - 1);

	return (unsigned)__builtin_ctzll(after ? after : set);
}

static void record(struct sim *sim, uint64_t alternatives, bool free_choice)
{
	if (!sim->record || !alternatives)
		return;
	if (sim->choices == sim->choices_max) {
		unsigned max = sim->choices_max ? sim->choices_max * 2 : 256;
		struct sim_choice *more = realloc(sim->choice, max * sizeof(*more));

		if (!more) {
			sim_find(sim, SIM_NOT_REPEATABLE, "no memory for the record of choices");
			sim->record = false;
			return;
		}
		sim->choice = more;
		sim->choices_max = max;
	}
	sim->choice[sim->choices++] = (struct sim_choice){sim->points, alternatives, free_choice};
}

/* What the list says of this point: a CPU of `set`, or -1. */
static int listed(struct sim *sim, uint64_t set)
{
	const struct sim_plan *plan = &sim->plan;
	unsigned cpu;

	if (plan->kind != SIM_PLAN_LIST || sim->plan_at >= plan->count ||
	    plan->preempt[sim->plan_at].point != sim->points)
		return -1;
	cpu = plan->preempt[sim->plan_at++].cpu;
	if (cpu < 64 && (set >> cpu & 1))
		return (int)cpu;
	sim_find(sim, SIM_NOT_REPEATABLE, "at point %llu CPU %u cannot go on",
		 (unsigned long long)sim->points, cpu);
	return -1;
}

static void count_point(struct sim_cpu *cpu)
{
	struct sim *sim = cpu->sim;

	cpu->counts.points++;
	sim->clock += 100;
	if (++sim->points <= sim->config.point_limit)
		return;
	sim_find(sim, SIM_LIVELOCK, "%llu points, and CPU %u still goes on in %s",
		 (unsigned long long)sim->config.point_limit, cpu->number, cpu->op ? cpu->op : "a call");
	sim_give_up(sim);
}

void sim_point_at(struct sim_cpu *cpu, const char *what)
{
	struct sim *sim = cpu->sim;
	uint64_t set;
	int next = -1;

	(void)what;
	if (!sim->scheduled || cpu->state != SIM_READY)
		return;
	count_point(cpu);
	sim->progress++;
	set = others(sim, cpu);
	if (!set)
		return;
	record(sim, set, false);
	if (sim->plan.kind == SIM_PLAN_RANDOM) {
		if (sim_mix(&sim->plan_random) % sim->plan.one_in == 0)
			next = (int)nth_of(set, (unsigned)(sim_mix(&sim->plan_random) %
							   (unsigned)__builtin_popcountll(set)));
	} else {
		next = listed(sim, set);
	}
	if (next >= 0)
		hand_over(cpu, &sim->cpu[next]);
}

void sim_point(struct sim_cpu *cpu)
{
	sim_point_at(cpu, "a body's own point");
}

static void deadlock(struct sim *sim)
{
	char text[400] = "";
	size_t used = 0;

	for (unsigned i = 0; i < sim->running; i++) {
		const struct sim_cpu *cpu = &sim->cpu[i];

		if (cpu->state != SIM_WAITING || used >= sizeof(text))
			continue;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%sCPU %u in %s waits for %p",
					 used ? "; " : "", i, cpu->op ? cpu->op : "a call",
					 (const void *)cpu->word);
		for (unsigned h = 0; h < cpu->held_count && used < sizeof(text); h++)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %p",
						 h ? ", " : " and holds ", sim_rank_name(cpu->held[h].rank),
						 cpu->held[h].lock);
	}
	sim_find(sim, SIM_DEADLOCK, "%s", text);
	sim_give_up(sim);
}

/* Nobody can go on. What a CPU spins for may have come between its last look and its wait: it looks
 * again, though not for ever. NULL: none spins, or all have looked often enough. */
static struct sim_cpu *look_again(struct sim *sim)
{
	for (unsigned i = 0; i < sim->running; i++) {
		struct sim_cpu *cpu = &sim->cpu[i];

		if (cpu->state == SIM_WAITING && cpu->spins && ++cpu->fruitless < FRUITLESS_MAX)
			return cpu;
	}
	return NULL;
}

/* Everything has ended, or waits for ever. */
static void end_or_deadlock(struct sim *sim)
{
	for (unsigned i = 0; i < sim->running; i++)
		if (sim->cpu[i].state == SIM_WAITING)
			deadlock(sim);
}

/* This CPU cannot go on: another must, and which is a choice that costs no preemption. */
static void pass_on(struct sim_cpu *cpu)
{
	struct sim *sim = cpu->sim;
	uint64_t set = others(sim, cpu);
	unsigned next;
	int chosen;

	count_point(cpu);
	if (!set) {
		struct sim_cpu *spinner = look_again(sim);

		if (spinner == cpu)
			cpu->state = SIM_READY;
		else if (spinner)
			hand_over(cpu, spinner);
		else
			end_or_deadlock(sim);
		return;
	}
	for (unsigned i = 0; i < sim->running; i++)
		sim->cpu[i].fruitless = 0;
	next = next_in_order(set, cpu->number);
	record(sim, set & ~SIM_BIT(next), true);
	if (sim->plan.kind == SIM_PLAN_RANDOM) {
		next =
		    nth_of(set, (unsigned)(sim_mix(&sim->plan_random) % (unsigned)__builtin_popcountll(set)));
	} else {
		chosen = listed(sim, set);
		if (chosen >= 0)
			next = (unsigned)chosen;
	}
	hand_over(cpu, &sim->cpu[next]);
}

/* --- waiting --- */

static void wait_free(const uint32_t *word, uint32_t expected, enum quire_wait_kind kind)
{
	struct timespec limit = {0, 1000000};

	if (kind == QUIRE_WAIT_SPIN)
		sched_yield();
	else
		syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, &limit, NULL, 0);
}

void sim_wait(struct sim_cpu *cpu, const uint32_t *word, uint32_t expected, enum quire_wait_kind kind)
{
	struct sim *sim = cpu->sim;

	cpu->counts.waits++;
	if (kind == QUIRE_WAIT_SLEEP)
		sim_lock_may_sleep(cpu, "sleeps");
	if (sim->free_run) {
		wait_free(word, expected, kind);
		return;
	}
	if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != expected)
		return;
	if (!sim->scheduled && kind == QUIRE_WAIT_SPIN && ++cpu->fruitless < FRUITLESS_MAX)
		return;
	if (!sim->scheduled) {
		sim_find(sim, SIM_DEADLOCK, "CPU %u in %s waits for %p, and nothing else runs", cpu->number,
			 cpu->op ? cpu->op : "a call", (const void *)word);
		sim_library_panic(sim, "waits for ever: nothing else runs");
	}
	cpu->word = word;
	cpu->expected = expected;
	cpu->woken = false;
	cpu->spins = kind == QUIRE_WAIT_SPIN;
	cpu->progress = sim->progress;
	cpu->state = SIM_WAITING;
	pass_on(cpu);
}

void sim_wake(struct sim_cpu *cpu, const uint32_t *word)
{
	struct sim *sim = cpu->sim;

	cpu->counts.wakes++;
	if (sim->free_run) {
		syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
		return;
	}
	for (unsigned i = 0; i < sim->running; i++)
		if (sim->cpu[i].state == SIM_WAITING && sim->cpu[i].word == word)
			sim->cpu[i].woken = true;
}

void sim_wait_word(struct sim_cpu *cpu, const uint32_t *word, uint32_t expected)
{
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == expected)
		sim_wait(cpu, word, expected, QUIRE_WAIT_SLEEP);
}

/* --- bodies --- */

static void *scheduled_thread(void *argument)
{
	struct sim_cpu *cpu = argument;

	await(cpu);
	cpu->body(cpu, cpu->body_context);
	sim_lock_none(cpu, "at the end of its body");
	sim_oracle_op(cpu);
	cpu->state = SIM_ENDED;
	pass_on(cpu);
	return NULL;
}

static void *free_thread(void *argument)
{
	struct sim_cpu *cpu = argument;

	free_cpu = cpu;
	cpu->body(cpu, cpu->body_context);
	sim_lock_none(cpu, "at the end of its body");
	free_cpu = NULL;
	return NULL;
}

/* Starts the threads; false: fewer than asked for, and those that started were waited for. */
static bool start(struct sim *sim, const sim_body *body, unsigned count, void *context,
		  void *(*thread)(void *))
{
	unsigned started = 0;

	for (; started < count; started++) {
		struct sim_cpu *cpu = &sim->cpu[started];

		cpu->body = body[started];
		cpu->body_context = context;
		cpu->state = SIM_READY;
		if (pthread_create(&cpu->thread, NULL, thread, cpu) != 0)
			break;
	}
	if (started == count)
		return true;
	sim->given_up = true;
	for (unsigned i = 0; i < started; i++) {
		sem_post(&sim->cpu[i].go);
		pthread_join(sim->cpu[i].thread, NULL);
	}
	return false;
}

static void finish(struct sim *sim, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		pthread_join(sim->cpu[i].thread, NULL);
	for (unsigned i = 0; i < count; i++)
		sim->cpu[i].state = SIM_IDLE;
	sim->scheduled = sim->free_run = false;
	sim->running = 0;
	sim->current = sim->cpu;
}

bool sim_run(struct sim *sim, const sim_body *body, unsigned count, void *context,
	     const struct sim_plan *plan)
{
	static const struct sim_plan plain = {.kind = SIM_PLAN_PLAIN};

	if (count == 0 || count > sim->config.cpus || sim->scheduled || sim->free_run || sim->given_up)
		return false;
	sim->plan = plan ? *plan : plain;
	if (sim->plan.first >= count || sim->plan.count > SIM_PREEMPTS)
		return false;
	if (!sim->plan.one_in)
		sim->plan.one_in = 4;
	sim->plan_random = sim->plan.seed;
	sim->plan_at = 0;
	sim->points = 0;
	sim->choices = 0;
	sim->running = count;
	sim->scheduled = true;
	if (!start(sim, body, count, context, scheduled_thread)) {
		sim->scheduled = false;
		sim->running = 0;
		return false;
	}
	sim->current = &sim->cpu[sim->plan.first];
	sem_post(&sim->current->go);
	finish(sim, count);
	if (!sim->given_up && sim->plan.kind == SIM_PLAN_LIST && sim->plan_at < sim->plan.count)
		sim_find(sim, SIM_NOT_REPEATABLE, "point %llu of the plan was never reached",
			 (unsigned long long)sim->plan.preempt[sim->plan_at].point);
	return !sim->given_up;
}

bool sim_run_free(struct sim *sim, const sim_body *body, unsigned count, void *context)
{
	if (count == 0 || count > sim->config.cpus || sim->scheduled || sim->free_run || sim->given_up)
		return false;
	sim->free_run = true;
	sim->running = count;
	if (!start(sim, body, count, context, free_thread)) {
		sim->free_run = false;
		sim->running = 0;
		return false;
	}
	finish(sim, count);
	return !sim->given_up;
}
