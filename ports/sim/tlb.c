/* SPDX-License-Identifier: MIT */
/* Translations that a CPU keeps: the TLB, and the tables that walks may begin at.
 *
 * Both keep what they have as long as they can. A flush removes the leaves it names, and cached tables
 * only when it says that tables were removed, which is the least that <quire/port/host.h> allows. */
#include <string.h>

#include "machine.h"

#define WAYS 4

static struct sim_tlb_entry *set_of(struct sim_cpu *cpu, uint64_t va, unsigned shift)
{
	uint64_t page = va >> shift;
	unsigned sets = cpu->sim->config.tlb_entries / WAYS;

	return &cpu->tlb[((page ^ page >> 7 ^ shift) & (sets - 1)) * WAYS];
}

static bool is_for(const struct sim_cpu *cpu, const struct sim_tlb_entry *entry)
{
	return entry->global || entry->asid == cpu->asid;
}

static struct sim_tlb_entry *tlb_find(struct sim_cpu *cpu, uint64_t va)
{
	for (unsigned left = cpu->tlb_shifts; left; left &= left - 1) {
		unsigned shift = (unsigned)__builtin_ctz(left);
		struct sim_tlb_entry *set = set_of(cpu, va, shift);

		for (unsigned i = 0; i < WAYS; i++)
			if (set[i].valid && set[i].shift == shift &&
			    set[i].va == (va & ~(SIM_BIT(shift) - 1)) && is_for(cpu, &set[i]))
				return &set[i];
	}
	return NULL;
}

static void tlb_remove(struct sim_cpu *cpu, struct sim_tlb_entry *entry)
{
	entry->valid = false;
	cpu->tlb_used--;
}

static struct sim_tlb_entry *choose(struct sim_cpu *cpu, struct sim_tlb_entry *set, uint64_t va,
				    unsigned shift)
{
	for (unsigned i = 0; i < WAYS; i++)
		if (set[i].valid && set[i].shift == shift && set[i].va == va && is_for(cpu, &set[i]))
			return &set[i];
	for (unsigned i = 0; i < WAYS; i++)
		if (!set[i].valid)
			return &set[i];
	return &set[cpu->counts.tlb_misses % WAYS];
}

static void tlb_fill(struct sim_cpu *cpu, const struct sim_walk_request *request, const struct sim_walk *walk)
{
	struct sim *sim = cpu->sim;
	unsigned shift = walk->leaf ? walk->shift : sim->mmu->page_shift;
	uint64_t va = request->va & ~(SIM_BIT(shift) - 1);
	struct sim_tlb_entry *entry;

	if (!walk->cacheable || (sim->config.options & SIM_NO_TLB))
		return;
	if (!walk->leaf && (!sim->mmu->caches_invalid || (sim->config.options & SIM_NO_NEGATIVE)))
		return;
	entry = choose(cpu, set_of(cpu, va, shift), va, shift);
	cpu->tlb_used += !entry->valid;
	cpu->tlb_shifts |= 1u << shift;
	*entry = (struct sim_tlb_entry){
	    .valid = true,
	    .leaf = walk->leaf,
	    .dirty = walk->dirty,
	    .global = walk->leaf && walk->global,
	    .rights = walk->rights,
	    .level = (uint8_t)walk->level,
	    .domain = (uint8_t)walk->domain,
	    .shift = (uint8_t)shift,
	    .asid = cpu->asid,
	    .mm = cpu->mm,
	    .root = {request->root[0], request->root[1]},
	    .va = va,
	    .frame = walk->frame,
	};
	if (!sim_oracle_on(sim))
		return;
	memcpy(entry->entry_at, walk->entry_at, sizeof(entry->entry_at));
	memcpy(entry->entry, walk->entry, sizeof(entry->entry));
	entry->cached = sim_place_now(cpu, "it was walked");
	entry->cached.va = request->va;
	entry->cached.access = request->access;
	entry->cached.mode = request->mode;
}

static unsigned table_shift(const struct sim_mmu *mmu)
{
	return mmu->page_shift + mmu->index_bits;
}

static bool walk_caches(const struct sim *sim)
{
	return sim->mmu->walk_cache && !(sim->config.options & (SIM_NO_WALK_CACHE | SIM_NO_TLB));
}

static struct sim_walk_entry *walk_slot(struct sim_cpu *cpu, uint64_t va)
{
	uint64_t table = va >> table_shift(cpu->sim->mmu);

	return &cpu->walk[(table ^ table >> 9) % SIM_WALK_CACHE_ENTRIES];
}

static struct sim_walk_entry *walk_find(struct sim_cpu *cpu, uint64_t va)
{
	struct sim_walk_entry *entry = walk_slot(cpu, va);

	if (!walk_caches(cpu->sim) || !entry->valid || entry->asid != cpu->asid ||
	    entry->va != (va & ~(SIM_BIT(table_shift(cpu->sim->mmu)) - 1)))
		return NULL;
	return entry;
}

static void walk_fill(struct sim_cpu *cpu, const struct sim_walk_request *request,
		      const struct sim_walk *walk)
{
	struct sim_walk_entry *entry = walk_slot(cpu, request->va);

	if (!walk_caches(cpu->sim) || request->start.use || !walk->entry_at[0])
		return;
	*entry = (struct sim_walk_entry){
	    .valid = true,
	    .asid = cpu->asid,
	    .mm = cpu->mm,
	    .root = {request->root[0], request->root[1]},
	    .va = request->va & ~(SIM_BIT(table_shift(cpu->sim->mmu)) - 1),
	    .table = walk->table[0],
	    .carry = walk->carry[0],
	};
	if (!sim_oracle_on(cpu->sim))
		return;
	entry->cached = sim_place_now(cpu, "it was walked");
	entry->cached.va = request->va;
	entry->cached.access = request->access;
}

/* A fault invalidates what was cached of its address, on CPUs that do that. */
static void drop_va(struct sim_cpu *cpu, uint64_t va)
{
	struct sim_tlb_entry *entry = tlb_find(cpu, va);
	struct sim_walk_entry *walk = walk_find(cpu, va);

	if (entry)
		tlb_remove(cpu, entry);
	if (walk)
		walk->valid = false;
}

/* A hit: true when it translates; false when it refuses, with the fault in `walk`. */
static bool use_entry(struct sim_cpu *cpu, struct sim_tlb_entry *entry,
		      const struct sim_walk_request *request, struct sim_walk *walk)
{
	const struct sim_mmu *mmu = cpu->sim->mmu;

	if (entry->leaf && (entry->rights & SIM_RIGHT(request->mode, request->access))) {
		cpu->counts.tlb_hits++;
		sim_oracle_hit(cpu, entry, request->va, request->access, request->mode);
		return true;
	}
	cpu->counts.negative_hits++;
	*walk = (struct sim_walk){.leaf = entry->leaf, .level = entry->level, .domain = entry->domain};
	mmu->refuse(mmu, request, entry->leaf, entry->level, entry->domain, walk);
	if (mmu->fault_drops_entry)
		drop_va(cpu, request->va);
	return false;
}

bool sim_translate(struct sim_cpu *cpu, uint64_t va, enum quire_access access, enum quire_mode mode,
		   uint64_t *out_pa, struct sim_walk *walk)
{
	struct sim *sim = cpu->sim;
	struct sim_walk_request request = {
	    .root = {cpu->root[0], cpu->root[1]}, .va = va, .access = access, .mode = mode};
	struct sim_tlb_entry *entry = tlb_find(cpu, va);
	struct sim_walk_entry *start;

	/* A first write through a clean entry is recorded by a walk (x86). */
	if (entry && entry->leaf && !entry->dirty && access == QUIRE_ACCESS_WRITE &&
	    (entry->rights & SIM_RIGHT(mode, access))) {
		tlb_remove(cpu, entry);
		entry = NULL;
	}
	if (entry) {
		if (!use_entry(cpu, entry, &request, walk))
			return false;
		*out_pa = entry->frame + (va & (SIM_BIT(entry->shift) - 1));
		return true;
	}
	cpu->counts.tlb_misses++;
	start = walk_find(cpu, va);
	if (start) {
		cpu->counts.walk_cache_hits++;
		sim_oracle_walk_hit(cpu, start, va);
		request.start = (struct sim_walk_start){
		    .use = true, .level = 0, .table = start->table, .carry = start->carry};
	}
	sim->mmu->walk(sim->mmu, &sim->bus, &request, walk);
	tlb_fill(cpu, &request, walk);
	walk_fill(cpu, &request, walk);
	if (walk->end != SIM_WALK_OK) {
		if (sim->mmu->fault_drops_entry)
			drop_va(cpu, va);
		return false;
	}
	*out_pa = walk->frame + (va & (SIM_BIT(walk->shift) - 1));
	return true;
}

void sim_tlb_drop_asid(struct sim_cpu *cpu, uint64_t asid)
{
	for (unsigned i = 0; cpu->tlb_used && i < cpu->sim->config.tlb_entries; i++)
		if (cpu->tlb[i].valid && (!asid || (cpu->tlb[i].asid == asid && !cpu->tlb[i].global)))
			tlb_remove(cpu, &cpu->tlb[i]);
	for (unsigned i = 0; i < SIM_WALK_CACHE_ENTRIES; i++)
		if (!asid || cpu->walk[i].asid == asid)
			cpu->walk[i].valid = false;
	if (!asid)
		cpu->tlb_shifts = 0;
}

void sim_tlb_drop_mm(struct sim_cpu *cpu, const struct quire_mm *mm)
{
	for (unsigned i = 0; cpu->tlb_used && i < cpu->sim->config.tlb_entries; i++)
		if (cpu->tlb[i].valid && cpu->tlb[i].mm == mm)
			tlb_remove(cpu, &cpu->tlb[i]);
	for (unsigned i = 0; i < SIM_WALK_CACHE_ENTRIES; i++)
		if (cpu->walk[i].mm == mm)
			cpu->walk[i].valid = false;
	for (unsigned i = 0; i < SIM_ASIDS; i++)
		if (cpu->left[i].mm == mm)
			cpu->left[i].asid = 0;
}

static bool names(const struct quire_flush *flush, uint64_t va, uint64_t bytes)
{
	if (flush->count == 0)
		return true;
	for (unsigned i = 0; i < flush->count; i++)
		if (flush->range[i].start < va + bytes && flush->range[i].end > va)
			return true;
	return false;
}

static bool names_space(const struct quire_flush *flush, const struct quire_mm *mm)
{
	return flush->mm == NULL || flush->mm == mm;
}

static unsigned flush_cpu(struct sim_cpu *cpu, const struct quire_flush *flush)
{
	struct sim *sim = cpu->sim;
	uint64_t table_bytes = SIM_BIT(table_shift(sim->mmu));
	unsigned removed = 0;

	for (unsigned i = 0; cpu->tlb_used && i < sim->config.tlb_entries; i++) {
		struct sim_tlb_entry *entry = &cpu->tlb[i];

		if (!entry->valid || !names_space(flush, entry->mm) ||
		    !names(flush, entry->va, SIM_BIT(entry->shift)))
			continue;
		tlb_remove(cpu, entry);
		removed++;
	}
	for (unsigned i = 0; flush->tables && i < SIM_WALK_CACHE_ENTRIES; i++)
		if (cpu->walk[i].valid && names_space(flush, cpu->walk[i].mm) &&
		    names(flush, cpu->walk[i].va, table_bytes))
			cpu->walk[i].valid = false;
	return removed;
}

/* The flush has returned and did not name this CPU: what it still has of what that operation changed is
 * now wrong. (A flush by another operation, say of one CPU's own spurious fault, says nothing of it.) */
static void mark_missed(struct sim_cpu *cpu, struct sim_cpu *by, const struct quire_flush *flush)
{
	struct sim *sim = cpu->sim;
	uint64_t table_bytes = SIM_BIT(table_shift(sim->mmu));

	for (unsigned i = 0; cpu->tlb_used && i < sim->config.tlb_entries; i++) {
		struct sim_tlb_entry *entry = &cpu->tlb[i];

		if (entry->valid && entry->changed.seq && entry->changed.op_id == by->op_id &&
		    !entry->missed.seq && names_space(flush, entry->mm) &&
		    names(flush, entry->va, SIM_BIT(entry->shift)))
			entry->missed =
			    sim_place_now(by, "a flush that names it, but not this CPU, returned");
	}
	for (unsigned i = 0; flush->tables && i < SIM_WALK_CACHE_ENTRIES; i++) {
		struct sim_walk_entry *entry = &cpu->walk[i];

		if (entry->valid && entry->changed.seq && entry->changed.op_id == by->op_id &&
		    !entry->missed.seq && names_space(flush, entry->mm) &&
		    names(flush, entry->va, table_bytes))
			entry->missed =
			    sim_place_now(by, "a flush that names it, but not this CPU, returned");
	}
}

/* Address spaces that a CPU has left keep their translations there until they are flushed anywhere. */
static void forget_left(struct sim_cpu *cpu, const struct quire_flush *flush)
{
	for (unsigned i = 0; i < SIM_ASIDS; i++)
		if (cpu->left[i].asid && names_space(flush, cpu->left[i].mm))
			cpu->left[i].asid = 0;
}

/* The library's set was made before it called. A CPU that entered the address space since and kept its
 * translations of an earlier stay is not in it, and has them from before the change: the port's own affair.
 */
static bool is_named(const struct sim_cpu *cpu, const struct quire_flush *flush)
{
	return (flush->cpus >> cpu->number & 1) || (cpu->kept && cpu->mm == flush->mm);
}

void sim_tlb_check_set(struct sim *sim, const struct quire_flush *flush)
{
	/* CPUs that run freely come and go meanwhile. */
	if (sim->free_run || !flush->mm)
		return;
	for (unsigned i = 0; i < sim->config.cpus; i++) {
		const struct sim_cpu *cpu = &sim->cpu[i];
		bool is_in = cpu->mm == flush->mm && (!flush->here || cpu == sim_current(sim));

		if ((flush->cpus >> i & 1) == is_in)
			continue;
		sim_find(sim, SIM_FLUSH_SET,
			 is_in ? "CPU %u does not flush an address space on CPU %u, which is in it"
			       : "CPU %u flushes an address space on CPU %u, which is not in it",
			 sim_current(sim)->number, i);
	}
}

void sim_tlb_flush(struct sim *sim, const struct quire_flush *flush)
{
	struct sim_cpu *by = sim_current(sim);

	sim_oracle_scan(by, "a flush was asked for");
	by->counts.flushes++;
	for (unsigned i = 0; i < sim->config.cpus; i++) {
		struct sim_cpu *cpu = &sim->cpu[i];
		unsigned removed = 0;

		if (sim->free_run)
			pthread_mutex_lock(&cpu->tlb_lock);
		if (is_named(cpu, flush))
			removed = flush_cpu(cpu, flush);
		forget_left(cpu, flush);
		if (sim->free_run)
			pthread_mutex_unlock(&cpu->tlb_lock);
		by->counts.flushed_entries += removed;
		/* CPUs are told one after the other, and any may run between. */
		if (removed && cpu != by)
			sim_point_at(by, "a CPU was told to flush");
	}
	if (!sim_oracle_on(sim))
		return;
	for (unsigned i = 0; i < sim->config.cpus; i++)
		if (!is_named(&sim->cpu[i], flush))
			mark_missed(&sim->cpu[i], by, flush);
}

void sim_tlb_drop(struct sim_cpu *cpu)
{
	sim_tlb_drop_asid(cpu, 0);
}

unsigned sim_tlb_used(const struct sim_cpu *cpu)
{
	return cpu->tlb_used;
}
