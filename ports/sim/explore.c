/* SPDX-License-Identifier: MIT */
/* Every schedule of a few bodies up to a number of preemptions.
 *
 * A schedule is who begins and a list of (point, CPU). A run of a list records what else could have been
 * decided after its last entry; each of those, added to the list, is a schedule of its own. Two lists
 * that differ differ in what runs when, so no schedule is run twice. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

void sim_plan_print(const struct sim_plan *plan, char *text, size_t size)
{
	int used = 0;

	switch (plan->kind) {
	case SIM_PLAN_PLAIN:
		snprintf(text, size, "plain:%u", plan->first);
		return;
	case SIM_PLAN_RANDOM:
		snprintf(text, size, "random:%" PRIu64 "/%u:%u", plan->seed, plan->one_in ? plan->one_in : 4,
			 plan->first);
		return;
	case SIM_PLAN_LIST:
		break;
	}
	used = snprintf(text, size, "list:%u", plan->first);
	for (unsigned i = 0; i < plan->count && used > 0 && (size_t)used < size; i++)
		used += snprintf(text + used, size - (size_t)used, ",%" PRIu64 ">%u", plan->preempt[i].point,
				 plan->preempt[i].cpu);
}

static bool parse_list(const char *text, struct sim_plan *plan)
{
	int used = 0;

	plan->kind = SIM_PLAN_LIST;
	if (sscanf(text, "list:%u%n", &plan->first, &used) != 1)
		return false;
	for (text += used; *text; text += used) {
		struct sim_preempt *preempt = &plan->preempt[plan->count];

		if (plan->count == SIM_PREEMPTS ||
		    sscanf(text, ",%" SCNu64 ">%u%n", &preempt->point, &preempt->cpu, &used) != 2)
			return false;
		plan->count++;
	}
	return true;
}

bool sim_plan_parse(const char *text, struct sim_plan *out_plan)
{
	struct sim_plan plan = {.kind = SIM_PLAN_PLAIN};
	int used = -1;

	if (strncmp(text, "list:", 5) == 0) {
		if (!parse_list(text, &plan))
			return false;
	} else if (strncmp(text, "random:", 7) == 0) {
		plan.kind = SIM_PLAN_RANDOM;
		if (sscanf(text, "random:%" SCNu64 "/%u:%u%n", &plan.seed, &plan.one_in, &plan.first,
			   &used) != 3 ||
		    used < 0 || text[used] || plan.one_in == 0)
			return false;
	} else if (sscanf(text, "plain:%u%n", &plan.first, &used) != 1 || text[used]) {
		return false;
	}
	*out_plan = plan;
	return true;
}

/* Lists still to be run. */
struct work {
	struct node {
		struct sim_plan plan;
		unsigned preemptions;
	} * node;
	size_t count, max;
};

static bool push(struct work *work, const struct node *node)
{
	if (work->count == work->max) {
		size_t max = work->max ? work->max * 2 : 64;
		struct node *more = realloc(work->node, max * sizeof(*more));

		if (!more)
			return false;
		work->node = more;
		work->max = max;
	}
	work->node[work->count++] = *node;
	return true;
}

/* The schedules that differ from this one in one decision after its last. False: not all fit. */
static bool branch(struct work *work, const struct node *node, const struct sim *sim, unsigned bound)
{
	uint64_t last = node->plan.count ? node->plan.preempt[node->plan.count - 1].point : 0;

	/* Backwards, so that they are run in order. */
	for (unsigned i = sim->choices; i-- > 0;) {
		const struct sim_choice *choice = &sim->choice[i];

		if (choice->point <= last)
			break;
		if (!choice->free && node->preemptions == bound)
			continue;
		for (uint64_t set = choice->others; set; set &= set - 1) {
			struct node child = *node;

			if (child.plan.count == SIM_PREEMPTS)
				return false;
			child.plan.preempt[child.plan.count++] =
			    (struct sim_preempt){choice->point, (unsigned)__builtin_ctzll(set)};
			child.preemptions += !choice->free;
			if (!push(work, &child))
				return false;
		}
	}
	return true;
}

static void run_one(const struct sim_explore *what, struct node *node, struct work *work,
		    struct sim_explored *out)
{
	struct sim *sim = what->create(what->context);
	bool failed = false;
	bool ran;

	if (!sim) {
		out->failures++;
		out->complete = false;
		work->count = 0;
		return;
	}
	sim->record = true;
	ran = sim_run(sim, what->body, what->count, what->context, &node->plan);
	out->schedules++;
	out->given_up += !ran;
	if (sim->points > out->points)
		out->points = sim->points;
	if (what->after && !what->after(sim, what->context))
		failed = true;
	if (work && !branch(work, node, sim, what->bound))
		out->complete = false;
	if (sim_destroy(sim) || !ran)
		failed = true;
	if (!failed)
		return;
	if (out->failures++ == 0) {
		sim_plan_print(&node->plan, out->token, sizeof(out->token));
		fprintf(stderr, "sim: schedule %s failed\n", out->token);
	}
}

void sim_explore(const struct sim_explore *what, struct sim_explored *out)
{
	struct work work = {NULL, 0, 0};
	struct node node;

	*out = (struct sim_explored){.complete = true};
	memset(&node, 0, sizeof(node));
	if (what->replay) {
		out->complete = false;
		if (sim_plan_parse(what->replay, &node.plan))
			run_one(what, &node, NULL, out);
		else
			out->failures++;
		return;
	}
	node.plan.kind = SIM_PLAN_LIST;
	for (unsigned first = what->count; first-- > 0;) {
		node.plan.first = first;
		if (!push(&work, &node))
			out->complete = false;
	}
	while (work.count) {
		if ((what->limit && out->schedules >= what->limit) || (out->failures && !what->go_on)) {
			out->complete = false;
			break;
		}
		node = work.node[--work.count];
		run_one(what, &node, &work, out);
	}
	free(work.node);
}
