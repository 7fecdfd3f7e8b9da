/* SPDX-License-Identifier: MIT */
/* What less memory costs with each policy that the library has: the references of a trace, replayed on the simulated
 * machine. A group of address spaces has so many pages, a store takes what leaves; the library decides. A miss is an
 * access that faults. */
#include "report.h"

#include <stdlib.h>

#include <quire/quire.h>

#include "ports/sim/sim.h"

enum {
	SIZES = 4,
	MOST = 50000, /* references that are replayed; more are sampled by their pages */
	LEAST = 256,  /* pages: with fewer, what leaves at once is too large a part */
	SPARE = 2048  /* pages of RAM beside those of the program: tables, descriptors */
};

#define AT (UINT64_C(1) << 32)

/* --- references ------------------------------------------------------------------------------------------ */

static size_t slot_of(const struct replay_pages *pages, uint64_t key)
{
	size_t at = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (pages->slots - 1);

	while (pages->number[at] && pages->key[at] != key)
		at = (at + 1) & (pages->slots - 1);
	return at;
}

/* Doubles the table, so that it is at most half full. */
static bool grow(struct replay_pages *pages)
{
	struct replay_pages more = {.slots = pages->slots ? pages->slots * 2 : 1024};

	more.key = calloc(more.slots, sizeof(*more.key));
	more.number = calloc(more.slots, sizeof(*more.number));
	if (!more.key || !more.number) {
		free(more.key);
		free(more.number);
		return false;
	}
	for (size_t i = 0; i < pages->slots; i++) {
		size_t at = pages->number[i] ? slot_of(&more, pages->key[i]) : 0;

		if (!pages->number[i])
			continue;
		more.key[at] = pages->key[i];
		more.number[at] = pages->number[i];
	}
	free(pages->key);
	free(pages->number);
	pages->key = more.key;
	pages->number = more.number;
	pages->slots = more.slots;
	return true;
}

bool replay_add(struct replay_pages *pages, uint64_t space, uint64_t page)
{
	struct replay_trace *trace = &pages->trace;
	uint64_t key = space << 52 | page; /* addresses of user mode have at most 57 bits */
	size_t at;

	if (trace->pages * 2 >= pages->slots && !grow(pages))
		return false;
	if (trace->count == pages->room) {
		size_t room = pages->room ? pages->room * 2 : 1024;
		uint32_t *more = reallocarray(trace->page, room, sizeof(*more));

		if (!more)
			return false;
		trace->page = more;
		pages->room = room;
	}
	at = slot_of(pages, key);
	if (!pages->number[at]) {
		pages->number[at] = ++trace->pages;
		pages->key[at] = key;
	}
	trace->page[trace->count++] = pages->number[at] - 1;
	return true;
}

void replay_free(struct replay_pages *pages)
{
	free(pages->trace.page);
	free(pages->key);
	free(pages->number);
}

/* --- the machine ----------------------------------------------------------------------------------------- */

struct replay {
	struct sim *sim;
	struct sim_cpu *cpu;
	struct sim_process *process;
	struct quire_group *group;
};

static bool open_machine(struct replay *r, const struct quire_policy *policy, uint64_t pages, uint64_t limit)
{
	const struct sim_config config = {.ram_bytes = (pages + pages / 8 + SPARE) * 4096,
					  .policy = policy,
					  .tlb_entries = 64,
					  .options = SIM_NO_ORACLE | SIM_NO_CHECK};
	const struct quire_group_limits limits = {
	    .max = limit, .high = QUIRE_UNLIMITED, .swap_max = QUIRE_UNLIMITED};
	const struct quire_mapping how = {.addr = AT,
					  .length = pages * 4096,
					  .prot = QUIRE_PROT_READ | QUIRE_PROT_WRITE,
					  .flags = QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS | QUIRE_MAP_FIXED};
	struct sim_store *store;
	quire_va at;

	*r = (struct replay){.sim = sim_create(&config, NULL)};
	if (!r->sim)
		return false;
	r->cpu = sim_cpu(r->sim, 0);
	sim_use_cpu(r->cpu);
	store = sim_store_create(r->sim, pages + 64, 0);
	if (!store || quire_swapon(sim_system(r->sim), &store->store, 0) != QUIRE_OK ||
	    sim_process_create(r->sim, NULL, &r->process) != QUIRE_OK ||
	    quire_group_create(sim_system(r->sim), NULL, &r->group) != QUIRE_OK)
		return false;
	quire_group_limits_set(r->group, &limits);
	quire_mm_set_group(r->process->mm, r->group);
	sim_switch(r->cpu, r->process);
	return SIM_OP(r->cpu, "mmap", quire_mmap(r->process->mm, &how, &at)) == QUIRE_OK;
}

static void close_machine(struct replay *r)
{
	if (!r->sim)
		return;
	quire_group_put(r->group);
	(void)sim_destroy(r->sim);
}

bool replay_misses(const struct replay_trace *trace, const struct quire_policy *policy, uint64_t memory,
		   uint64_t *out_misses)
{
	struct replay r;
	bool good = open_machine(&r, policy, trace->pages, memory);

	*out_misses = 0;
	for (size_t i = 0; good && i < trace->count; i++) {
		good = sim_write(r.cpu, AT + (uint64_t)trace->page[i] * 4096, 1, i & 0xff) == SIM_DONE;
		*out_misses += sim_last(r.cpu)->faults != 0;
	}
	close_machine(&r);
	return good;
}

bool replay_keep(struct replay_trace *trace, unsigned every, unsigned which)
{
	uint32_t *number = calloc(trace->pages + 1, sizeof(*number)), pages = 0;
	size_t kept = 0;

	if (!number)
		return false;
	for (size_t i = 0; i < trace->count; i++) {
		uint32_t page = trace->page[i];

		if ((page * UINT32_C(2654435761) >> 8) % every != which)
			continue;
		if (!number[page])
			number[page] = ++pages;
		trace->page[kept++] = number[page] - 1;
	}
	trace->count = kept;
	trace->pages = pages;
	free(number);
	return true;
}

unsigned replay_thin_out(struct replay_trace *trace, size_t most)
{
	unsigned every = (unsigned)((trace->count + most - 1) / most);

	return every <= 1 ? 1 : replay_keep(trace, every, 0) ? every : 0;
}

static json_t *points_of(const struct replay_trace *trace, const struct quire_policy *policy, unsigned every)
{
	json_t *points = json_array();

	for (unsigned size = 1; size <= SIZES; size++) {
		uint64_t memory = trace->pages * size / (SIZES + 1), misses;

		if (memory < LEAST || !replay_misses(trace, policy, memory, &misses))
			continue;
		json_array_append_new(
		    points, json_pack("[I,I]", (json_int_t)(memory * every), (json_int_t)(misses * every)));
	}
	return points;
}

json_t *replay_policies(struct replay_trace *trace, unsigned every)
{
	static const struct {
		const char *name;
		const struct quire_policy *policy;
	} policies[] = {{"lru", &quire_policy_lru}, {"gen", &quire_policy_gen}};
	json_t *curves = json_array();

	every *= trace->count ? replay_thin_out(trace, MOST) : 0;
	for (size_t i = 0; every && i < sizeof(policies) / sizeof(policies[0]); i++)
		json_array_append_new(curves, json_pack("{s:s,s:o}", "name", policies[i].name, "points",
							points_of(trace, policies[i].policy, every)));
	return json_pack("{s:o,s:i}", "curves", curves, "every", (int)every);
}
