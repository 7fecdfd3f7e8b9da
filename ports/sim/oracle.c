/* SPDX-License-Identifier: MIT */
/* The oracle: whether a cached translation may still be used. The rule stands in sim.h.
 *
 * Each cached entry remembers the table entries it came from. When those have other bits, the tables
 * are walked again, quietly, and the two translations compared: that is how a change is seen, at
 * releases of page-table locks, at flushes, before a CPU is preempted, and between operations. Since one
 * CPU goes on at a time and every switch looks first, what is new was stored by the CPU that looks. */
#include "machine.h"

struct sim_place sim_place_now(struct sim_cpu *cpu, const char *what)
{
	struct sim *sim = cpu->sim;

	return (struct sim_place){
	    .seq = ++sim->seq,
	    .op_id = cpu->op_id,
	    .op = cpu->op ? cpu->op : "a call",
	    .what = what,
	    .cpu = cpu->number,
	};
}

static bool same_bits(struct sim *sim, const struct sim_tlb_entry *entry)
{
	for (unsigned level = 0; level < SIM_MMU_LEVELS; level++) {
		const void *at;
		uint64_t now;

		if (!entry->entry_at[level])
			continue;
		at = sim_bus_at(sim, entry->entry_at[level], sim->arch->level[level].entry_bytes);
		if (!at)
			return false;
		if (sim->arch->level[level].entry_bytes == 8)
			now = __atomic_load_n((const uint64_t *)at, __ATOMIC_ACQUIRE);
		else
			now = __atomic_load_n((const uint32_t *)at, __ATOMIC_ACQUIRE);
		if (now != entry->entry[level])
			return false;
	}
	return true;
}

/* An entry that was made old is no difference, but some formats write "old" as "nothing there", which no
 * walk can tell apart. Here, and only here, the library's codec is asked what the bits mean. */
static void forgive_old(const struct sim *sim, struct sim_walk *walk)
{
	const struct quire_arch *arch = sim->arch;
	quire_pte pte = {walk->entry[walk->level]};

	if (walk->leaf || !walk->entry_at[walk->level] || !arch->level[walk->level].leaf ||
	    arch->kind(arch, pte, walk->level) != QUIRE_PTE_LEAF ||
	    (arch->flags(arch, pte, walk->level) & QUIRE_PTE_YOUNG))
		return;
	pte = arch->with_flags(arch, pte, QUIRE_PTE_YOUNG, 0, walk->level);
	walk->leaf = true;
	walk->dirty = true;
	walk->shift = arch->level[walk->level].shift;
	walk->frame = arch->pfn(arch, pte, walk->level).n << arch->page_shift;
	walk->rights = 0;
	for (int access = QUIRE_ACCESS_READ; access <= QUIRE_ACCESS_EXEC; access++) {
		if (arch->hw_allows(arch, pte, (enum quire_access)access, QUIRE_MODE_USER, walk->level))
			walk->rights |= SIM_RIGHT(QUIRE_MODE_USER, access);
		if (arch->hw_allows(arch, pte, (enum quire_access)access, QUIRE_MODE_KERNEL, walk->level))
			walk->rights |= SIM_RIGHT(QUIRE_MODE_KERNEL, access);
	}
}

struct difference {
	bool any;
	bool frame;
	uint8_t rights; /* lost */
	bool dirty;     /* lost */
	uint64_t now;   /* physical address in the tables; UINT64_MAX: none */
};

static struct difference compare(struct sim *sim, struct sim_tlb_entry *entry)
{
	struct sim_walk_request request = {
	    .root = {entry->root[0], entry->root[1]},
	    .va = entry->va,
	    .access = QUIRE_ACCESS_READ,
	    .mode = QUIRE_MODE_KERNEL,
	    .flags = SIM_WALK_QUIET,
	};
	struct difference difference = {.now = UINT64_MAX};
	struct sim_walk walk;

	if (same_bits(sim, entry))
		return (struct difference){.now = entry->frame};
	sim->mmu->walk(sim->mmu, &sim->bus, &request, &walk);
	forgive_old(sim, &walk);
	if (!walk.leaf) {
		difference.rights = entry->rights;
		difference.any = entry->rights != 0;
		return difference;
	}
	difference.now = walk.frame + (entry->va & (SIM_BIT(walk.shift) - 1));
	difference.frame = difference.now != entry->frame;
	difference.rights = entry->rights & (uint8_t)~walk.rights;
	difference.dirty = entry->dirty && !walk.dirty;
	difference.any = difference.frame || difference.rights || difference.dirty;
	if (!difference.any) {
		for (unsigned level = 0; level < SIM_MMU_LEVELS; level++) {
			entry->entry_at[level] = walk.entry_at[level];
			entry->entry[level] = walk.entry[level];
		}
	}
	return difference;
}

/* The frame is not any program's page any more. */
static const char *other_use(const struct sim *sim, uint64_t frame)
{
	quire_pfn pfn = {frame >> sim->arch->page_shift};
	enum quire_page_state state = quire_frame_state(sim->system, pfn);

	switch (state) {
	case QUIRE_PAGE_FREE:
	case QUIRE_PAGE_CPU:
		return "its frame was seen free";
	case QUIRE_PAGE_TABLE:
	case QUIRE_PAGE_OBJECT:
		return "its frame was seen used by the library";
	default:
		return NULL;
	}
}

static void scan_tlb(struct sim_cpu *owner, struct sim_cpu *cpu, const char *what)
{
	struct sim *sim = cpu->sim;
	unsigned seen = 0;

	for (unsigned i = 0; seen < owner->tlb_used && i < sim->config.tlb_entries; i++) {
		struct sim_tlb_entry *entry = &owner->tlb[i];
		const char *use;

		if (!entry->valid)
			continue;
		seen++;
		if (!entry->leaf)
			continue;
		if (!compare(sim, entry).any) {
			entry->changed.seq = entry->missed.seq = entry->reused.seq = 0;
			continue;
		}
		if (!entry->changed.seq)
			entry->changed = sim_place_now(cpu, what);
		use = other_use(sim, entry->frame);
		if (use && !entry->reused.seq)
			entry->reused = sim_place_now(cpu, use);
	}
}

static uint64_t table_now(struct sim *sim, const struct sim_walk_entry *entry)
{
	struct sim_walk_request request = {
	    .root = {entry->root[0], entry->root[1]},
	    .va = entry->va,
	    .access = QUIRE_ACCESS_READ,
	    .mode = QUIRE_MODE_KERNEL,
	    .flags = SIM_WALK_QUIET,
	};
	struct sim_walk walk;

	sim->mmu->walk(sim->mmu, &sim->bus, &request, &walk);
	return walk.table[0];
}

static void scan_walk(struct sim_cpu *owner, struct sim_cpu *cpu, const char *what)
{
	struct sim *sim = cpu->sim;

	for (unsigned i = 0; i < SIM_WALK_CACHE_ENTRIES; i++) {
		struct sim_walk_entry *entry = &owner->walk[i];

		if (!entry->valid)
			continue;
		if (table_now(sim, entry) == entry->table) {
			entry->changed.seq = entry->missed.seq = entry->reused.seq = 0;
			continue;
		}
		if (!entry->changed.seq)
			entry->changed = sim_place_now(cpu, what);
		if (!entry->reused.seq &&
		    quire_frame_state(sim->system, (quire_pfn){entry->table >> sim->arch->page_shift}) !=
			QUIRE_PAGE_TABLE)
			entry->reused = sim_place_now(cpu, "the table was seen freed");
	}
}

void sim_oracle_scan(struct sim_cpu *cpu, const char *what)
{
	struct sim *sim = cpu->sim;

	if (!sim_oracle_on(sim) || !sim->system)
		return;
	sim->scanned = sim->activity;
	for (unsigned i = 0; i < sim->config.cpus; i++) {
		scan_tlb(&sim->cpu[i], cpu, what);
		scan_walk(&sim->cpu[i], cpu, what);
	}
}

void sim_oracle_reuse(struct sim_cpu *cpu, const void *page, const char *what)
{
	struct sim *sim = cpu->sim;
	uint64_t pa;

	if (!sim_oracle_on(sim) || !sim->system || !sim_physical_of(sim, page, &pa))
		return;
	for (unsigned c = 0; c < sim->config.cpus; c++) {
		struct sim_cpu *owner = &sim->cpu[c];
		unsigned seen = 0;

		for (unsigned i = 0; seen < owner->tlb_used && i < sim->config.tlb_entries; i++) {
			struct sim_tlb_entry *entry = &owner->tlb[i];

			seen += entry->valid;
			if (!entry->valid || !entry->leaf || pa < entry->frame ||
			    pa - entry->frame >= SIM_BIT(entry->shift) || !compare(sim, entry).any)
				continue;
			if (!entry->changed.seq)
				entry->changed = sim_place_now(cpu, what);
			if (!entry->reused.seq)
				entry->reused = sim_place_now(cpu, what);
		}
	}
}

/* The operation that stored is over. Changes first seen at the access itself have none. */
static bool op_over(const struct sim *sim, const struct sim_place *changed)
{
	return !changed->op_id || sim->cpu[changed->cpu].op_id != changed->op_id;
}

static const char *access_word(enum quire_access access)
{
	return access == QUIRE_ACCESS_WRITE ? "write" : access == QUIRE_ACCESS_EXEC ? "exec" : "read";
}

/* Where an entry was cached, where its tables changed, and what made its use wrong. */
struct evidence {
	const struct sim_place *cached, *changed, *missed, *reused;
};

static void report(struct sim_cpu *cpu, enum sim_finding_kind kind, const char *how, uint64_t va,
		   const struct evidence *evidence)
{
	const struct sim_place *cached = evidence->cached, *changed = evidence->changed;
	const struct sim_place *late = evidence->reused->seq   ? evidence->reused
				       : evidence->missed->seq ? evidence->missed
							       : NULL;

	sim_find(
	    cpu->sim, kind,
	    "CPU %u %s of %#llx at #%llu used an entry cached at #%llu by CPU %u (%s of %#llx); the tables "
	    "changed before #%llu, by CPU %u in %s, seen when %s%s%s; %s",
	    cpu->number, how, (unsigned long long)va, (unsigned long long)cpu->sim->seq,
	    (unsigned long long)cached->seq, cached->cpu, access_word(cached->access),
	    (unsigned long long)cached->va, (unsigned long long)changed->seq, changed->cpu, changed->op,
	    changed->what, late ? "; " : "", late ? late->what : "",
	    late ? "that was before this access" : "that operation is over, and no flush came");
}

void sim_oracle_hit(struct sim_cpu *cpu, struct sim_tlb_entry *entry, uint64_t va, enum quire_access access,
		    enum quire_mode mode)
{
	struct sim *sim = cpu->sim;
	enum sim_finding_kind kind;
	struct difference difference;

	if (!sim_oracle_on(sim))
		return;
	difference = compare(sim, entry);
	if (!difference.any)
		return;
	if (!entry->changed.seq) {
		entry->changed = sim_place_now(cpu, "it was used");
		entry->changed.op_id = 0;
	}
	if (!entry->reused.seq && sim->system && other_use(sim, entry->frame))
		entry->reused = sim_place_now(cpu, other_use(sim, entry->frame));

	if (difference.frame)
		kind = SIM_STALE_FRAME;
	else if (difference.rights & SIM_RIGHT(mode, access))
		kind = SIM_STALE_RIGHTS;
	else if (difference.dirty && access == QUIRE_ACCESS_WRITE)
		kind = SIM_STALE_DIRTY;
	else
		return; /* what this access needs is still granted */
	if (entry->reused.seq)
		kind = SIM_STALE_FREED;
	else if (!entry->missed.seq && !op_over(sim, &entry->changed)) {
		cpu->counts.stale_legal++;
		return;
	}
	report(cpu, kind, access_word(access), va,
	       &(struct evidence){&entry->cached, &entry->changed, &entry->missed, &entry->reused});
}

void sim_oracle_walk_hit(struct sim_cpu *cpu, struct sim_walk_entry *entry, uint64_t va)
{
	struct sim *sim = cpu->sim;

	if (!sim_oracle_on(sim) || table_now(sim, entry) == entry->table)
		return;
	if (!entry->changed.seq) {
		entry->changed = sim_place_now(cpu, "it was used");
		entry->changed.op_id = 0;
	}
	if (!entry->reused.seq && !entry->missed.seq && !op_over(sim, &entry->changed)) {
		cpu->counts.stale_legal++;
		return;
	}
	report(cpu, SIM_STALE_TABLE, "walk", va,
	       &(struct evidence){&entry->cached, &entry->changed, &entry->missed, &entry->reused});
}

void sim_oracle_op(struct sim_cpu *cpu)
{
	struct sim *sim = cpu->sim;

	cpu->fruitless = 0;
	if (sim->free_run) {
		cpu->op_id++;
		return;
	}
	/* Without lock events nothing tells that the library ran. */
	if (sim->activity != sim->scanned || !cpu->counts.lock_events)
		sim_oracle_scan(cpu, "the operation ended");
	if (sim->scheduled) {
		cpu->op_id = ++sim->next_op;
		return;
	}
	for (unsigned i = 0; i < sim->config.cpus; i++)
		sim->cpu[i].op_id = ++sim->next_op;
}
