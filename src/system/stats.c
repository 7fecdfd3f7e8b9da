/* SPDX-License-Identifier: MIT */
/* Statistics: counters summed over the CPUs, memory by use. */
#include "fault/decode.h"
#include "mm/mm.h"
#include "page/commit.h"
#include "page/rmap.h"

uint64_t quire_frames_in(const struct quire_system *system, enum quire_page_state state)
{
	return (unsigned)state < QUIRE_PAGE_STATES ? qr_frames_in_state(system, state) : 0;
}

void quire_memory(const struct quire_system *system, struct quire_memory_counts *out_memory)
{
	struct quire_memory_counts memory = {.frames = system->frames_total};

	for (unsigned state = 0; state < QUIRE_PAGE_STATES; state++)
		memory.by_state[state] = qr_frames_in_state(system, (enum quire_page_state)state);
	for (unsigned zone = 0; zone < QR_ZONES; zone++)
		memory.reserve += system->zone[zone].reserve;
	memory.committed = __atomic_load_n(&system->committed, __ATOMIC_RELAXED);
	memory.commit_limit = qr_commit_limit(system);
	*out_memory = memory;
}

/* Computed on demand: the paths that map and dirty pages are hotter than this question. */
void quire_memory_survey(const struct quire_system *system, struct quire_survey *out_survey)
{
	struct quire_survey survey = {0};

	for (unsigned i = 0; i < system->ranges; i++) {
		const struct qr_range *range = &system->range[i];

		for (uint64_t at = range->meta; at < range->count; at++) {
			const struct qr_page *page = &range->pages[at];

			survey.mapped += qr_rmap_count(page) > 0;
			survey.dirty +=
			    qr_page_state(page) == QUIRE_PAGE_FILE && qr_page_test(page, QR_PAGE_DIRTY);
		}
	}
	*out_survey = survey;
}

uint64_t quire_counter(const struct quire_system *system, enum quire_step step)
{
	uint64_t sum;

	if ((unsigned)step >= QUIRE_STEP_COUNT)
		return 0;
	sum = qr_decode_counter(system, step);
	for (unsigned i = 0; i < system->cpus; i++)
		sum += __atomic_load_n(&system->cpu[i].steps[step], __ATOMIC_RELAXED);
	return sum;
}

uint64_t quire_event_count(const struct quire_system *system, enum quire_event event)
{
	uint64_t sum = 0;

	if ((unsigned)event >= QUIRE_EVENT_COUNT)
		return 0;
	for (unsigned i = 0; i < system->cpus; i++)
		sum += __atomic_load_n(&system->cpu[i].events[event], __ATOMIC_RELAXED);
	return sum;
}

const char *quire_page_state_name(enum quire_page_state state)
{
	static const char name[QUIRE_PAGE_STATES][8] = {"meta", "free", "cpu",   "port", "table", "object",
							"anon", "file", "shmem", "kmap", "zero"};

	return (unsigned)state < QUIRE_PAGE_STATES ? name[state] : "?";
}

const char *quire_event_name(enum quire_event event)
{
	static const char name[QUIRE_EVENT_COUNT][28] = {
	    "page-cleared",
	    "page-copied",
	    "page-read",
	    "page-written",
	    "table-made",
	    "table-freed",
	    "flush",
	    "fork-pte",
	    "pswpin",
	    "pswpout",
	    "swap_ra",
	    "swap_ra_hit",
	    "pglazyfreed",
	    "pgscan_kswapd",
	    "pgscan_direct",
	    "pgsteal_kswapd",
	    "pgsteal_direct",
	    "workingset_refault_anon",
	    "workingset_refault_file",
	    "allocstall",
	    "oom_kill",
	};

	return (unsigned)event < QUIRE_EVENT_COUNT ? name[event] : "?";
}
