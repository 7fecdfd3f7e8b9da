/* SPDX-License-Identifier: MIT */
/* The order of locks, watched on each CPU. */
#include "machine.h"

#include "src/mm/mm.h"

const char *sim_rank_name(unsigned rank)
{
	switch (rank) {
	case QR_RANK_KMAP:
		return "KMAP";
	case QR_RANK_MM:
		return "MM";
	case QR_RANK_PAGE:
		return "PAGE";
	case QR_RANK_FILE:
		return "FILE";
	case QR_RANK_PT:
		return "PT";
	case QR_RANK_PT2:
		return "PT2";
	case QR_RANK_RMAP:
		return "RMAP";
	case QR_RANK_CACHE:
		return "CACHE";
	case QR_RANK_SWAP:
		return "SWAP";
	case QR_RANK_AREA:
		return "AREA";
	case QR_RANK_SLAB:
		return "SLAB";
	case QR_RANK_ZONE:
		return "ZONE";
	default:
		return "unknown";
	}
}

static struct sim_held *find_held(struct sim_cpu *cpu, const void *lock, unsigned rank)
{
	for (unsigned i = cpu->held_count; i-- > 0;)
		if (cpu->held[i].lock == lock && cpu->held[i].rank == rank)
			return &cpu->held[i];
	return NULL;
}

static const char *op_name(const struct sim_cpu *cpu)
{
	return cpu->op ? cpu->op : "a call";
}

static void check_order(struct sim_cpu *cpu, const void *lock, unsigned rank)
{
	for (unsigned i = 0; i < cpu->held_count; i++) {
		const struct sim_held *held = &cpu->held[i];

		if (held->lock == lock && held->rank == rank) {
			sim_find(cpu->sim, SIM_LOCK_AGAIN, "CPU %u in %s takes %s %p, which it holds",
				 cpu->number, op_name(cpu), sim_rank_name(rank), lock);
			return;
		}
		if (rank == QR_RANK_PAGE && held->rank == rank && cpu->sim->config.options & SIM_STACKED)
			continue;
		if (held->rank >= rank) {
			sim_find(cpu->sim, SIM_LOCK_ORDER,
				 "CPU %u in %s takes %s %p (rank %u) under %s %p (rank %u)", cpu->number,
				 op_name(cpu), sim_rank_name(rank), lock, rank, sim_rank_name(held->rank),
				 held->lock, held->rank);
			return;
		}
	}
}

static void hold(struct sim_cpu *cpu, const void *lock, unsigned rank)
{
	if (cpu->held_count == SIM_HELD) {
		sim_find(cpu->sim, SIM_LOCK_ORDER, "CPU %u in %s holds more than %u locks", cpu->number,
			 op_name(cpu), SIM_HELD);
		return;
	}
	cpu->held[cpu->held_count++] = (struct sim_held){lock, rank};
}

static void drop(struct sim_cpu *cpu, const void *lock, unsigned rank)
{
	struct sim_held *held = find_held(cpu, lock, rank);

	if (!held) {
		sim_find(cpu->sim, SIM_LOCK_AGAIN, "CPU %u in %s releases %s %p, which it does not hold",
			 cpu->number, op_name(cpu), sim_rank_name(rank), lock);
		return;
	}
	for (struct sim_held *next = held + 1; next < cpu->held + cpu->held_count; next++)
		next[-1] = *next;
	cpu->held_count--;
}

static bool guards_tables(unsigned rank)
{
	return rank == QR_RANK_PT || rank == QR_RANK_PT2;
}

void sim_lock_event(struct sim_cpu *cpu, const void *lock, unsigned rank, enum quire_lock_op op)
{
	cpu->counts.lock_events++;
	switch (op) {
	case QUIRE_LOCK_BEFORE:
		check_order(cpu, lock, rank);
		sim_point_at(cpu, "before a lock");
		break;
	case QUIRE_LOCK_TAKEN:
	case QUIRE_LOCK_TRIED:
		hold(cpu, lock, rank);
		sim_point_at(cpu, "a lock taken");
		break;
	case QUIRE_LOCK_RELEASED:
		drop(cpu, lock, rank);
		if (guards_tables(rank))
			sim_oracle_scan(cpu, "a page-table lock was released");
		sim_point_at(cpu, "a lock released");
		break;
	}
}

/* Linux's might_sleep, at every call of the host that may. */
void sim_lock_may_sleep(struct sim_cpu *cpu, const char *what)
{
	for (unsigned i = 0; i < cpu->held_count; i++)
		if (cpu->held[i].rank > QR_RANK_PAGE)
			sim_find(cpu->sim, SIM_LOCK_SLEEP, "CPU %u in %s: %s with %s %p held", cpu->number,
				 op_name(cpu), what, sim_rank_name(cpu->held[i].rank), cpu->held[i].lock);
}

/* A writer excludes readers, so one reader proves that the lock is held for read. */
static bool held_for_read(const struct quire_mm *mm)
{
	for (unsigned i = 0; i < mm->slots; i++)
		if (__atomic_load_n(&mm->slot[i].readers, __ATOMIC_RELAXED) != 0)
			return true;
	return false;
}

void sim_lock_transfer(struct sim_cpu *cpu, const char *what, bool page, bool mm)
{
	unsigned pages = 0;

	/* A library without lock events tells of none. */
	if (cpu->counts.lock_events == 0)
		return;
	for (unsigned i = 0; i < cpu->held_count; i++) {
		const struct sim_held *held = &cpu->held[i];

		if (held->rank == QR_RANK_PAGE)
			pages++;
		else if (held->rank != QR_RANK_MM || !mm || !held_for_read(held->lock))
			sim_find(cpu->sim, SIM_LOCK_TRANSFER, "CPU %u in %s: %s with %s %p held", cpu->number,
				 op_name(cpu), what, sim_rank_name(held->rank), held->lock);
	}
	if (pages != page)
		sim_find(cpu->sim, SIM_LOCK_TRANSFER, "CPU %u in %s: %s with %u pages locked, not %u",
			 cpu->number, op_name(cpu), what, pages, (unsigned)page);
}

void sim_lock_none(struct sim_cpu *cpu, const char *where)
{
	for (unsigned i = 0; i < cpu->held_count; i++)
		sim_find(cpu->sim, SIM_LOCK_LEFT, "CPU %u holds %s %p %s (%s)", cpu->number,
			 sim_rank_name(cpu->held[i].rank), cpu->held[i].lock, where, op_name(cpu));
	cpu->held_count = 0;
	for (unsigned i = 0; i < SIM_WINDOWS; i++)
		if (cpu->window[i].used)
			sim_find(cpu->sim, SIM_WINDOW, "CPU %u still maps frame %llu %s (%s)", cpu->number,
				 (unsigned long long)cpu->window[i].pfn, where, op_name(cpu));
}
