/* SPDX-License-Identifier: MIT */
/* An address space: made, shared by threads, used by CPUs, counted, ended. */
#include "kmap/kmap.h"
#include "mm/vma.h"
#include "page/slab.h"

#define DEFAULT_STACK   (UINT64_C(8) << 20)
#define DEFAULT_MEMLOCK (UINT64_C(8) << 20)

/* Linux leaves between 128 MiB and five sixths of user space for the stack. */
#define STACK_ROOM_MIN (UINT64_C(128) << 20)

/* Where the search for gaps starts: a stack's room below the top, or a third up from the bottom. */
static quire_va default_base(const struct quire_mm *mm)
{
	const struct quire_system *system = mm->system;
	uint64_t mask = qr_page_mask(system), end = mm->task_end, room, most = end / 6 * 5;

	if (!mm->top_down)
		return (quire_va)qr_page_up(system, end / 3);
	room = mm->limit[QUIRE_LIMIT_STACK];
	if (room < end)
		room += system->stack_guard_pages << qr_arch(system)->page_shift;
	room = qr_max(room, qr_min(STACK_ROOM_MIN, end / 8));
	if (room > most)
		room = most;
	return (quire_va)((end - room + mask) & ~mask);
}

static enum quire_status place_layout(struct quire_mm *mm, const struct quire_mm_layout *layout)
{
	const struct quire_arch *width = qr_width(mm->system);
	uint64_t mask = qr_page_mask(mm->system);

	mm->task_end = layout && layout->task_end ? layout->task_end : (quire_va)width->user_end;
	mm->top_down = mm->system->rules->top_down && !(layout && layout->bottom_up);
	if (mm->task_end > width->user_end || (mm->task_end & mask))
		return QUIRE_EINVAL;
	mm->mmap_base = layout && layout->mmap_base ? layout->mmap_base : default_base(mm);
	if (mm->mmap_base > mm->task_end || (mm->mmap_base & mask))
		return QUIRE_EINVAL;
	return QUIRE_OK;
}

/* --- eviction: the tables' qr_pt_space -------------------------------------------------------------------- */

static bool enter_space(struct qr_pt *pt, unsigned *out_token)
{
	return qr_mm_read_trylock(pt->mm, qr_this_cpu(pt->system)->cpu, out_token);
}

static void leave_space(struct qr_pt *pt, unsigned token)
{
	qr_mm_read_unlock(pt->mm, token);
}

static bool may_leave(struct qr_pt *pt, quire_va va)
{
	const struct qr_mm_slot *slot = &pt->mm->slot[qr_this_cpu(pt->system)->cpu];
	const struct quire_vma *vma = __atomic_load_n(&slot->vma, __ATOMIC_RELAXED);

	if (!vma || va < vma->start || va >= vma->end)
		vma = qr_find_vma(pt->mm, va);
	return vma && vma->start <= va && !(vma->flags & QR_VM_LOCKED);
}

static const struct qr_pt_space space = {.enter = enter_space, .leave = leave_space, .may_leave = may_leave};

/* An mm without tables and not yet known to the system. */
static struct quire_mm *alloc_mm(struct quire_system *system)
{
	struct quire_mm *mm = qr_slab_alloc(system, QR_SLAB_MM);

	if (!mm)
		return NULL;
	mm->system = system;
	mm->refs = 1;
	mm->slots = system->cpus;
	qr_list_init(&mm->fixed);
	mm->ahead = qr_ahead_begin();
	for (unsigned i = 0; i < mm->slots; i++) {
		mm->slot[i].table = (uintptr_t)&system->no_table;
		mm->slot[i].read = mm->slot[i].written = UINT64_MAX;
	}
	for (unsigned i = 0; i < QUIRE_LIMIT_COUNT; i++)
		mm->limit[i] = QUIRE_UNLIMITED;
	mm->limit[QUIRE_LIMIT_STACK] = DEFAULT_STACK;
	mm->limit[QUIRE_LIMIT_MEMLOCK] = DEFAULT_MEMLOCK;
	return mm;
}

static void register_mm(struct quire_mm *mm)
{
	struct quire_system *system = mm->system;

	qr_lock(system, &system->registry_lock, QR_RANK_SLAB);
	qr_list_add_tail(&system->mms, &mm->link);
	qr_unlock(system, &system->registry_lock, QR_RANK_SLAB);
}

static void unregister_mm(struct quire_mm *mm)
{
	struct quire_system *system = mm->system;

	qr_lock(system, &system->registry_lock, QR_RANK_SLAB);
	qr_list_del(&mm->link);
	qr_unlock(system, &system->registry_lock, QR_RANK_SLAB);
}

/* The tables' qr_pt_count: truncation and eviction do not know whose tree it is. */
static void count_moved(struct qr_pt *pt, const struct qr_pt_counts *gone, const struct qr_pt_counts *came)
{
	qr_mm_count(pt->mm, (int64_t)(came->anon - gone->anon), (int64_t)(came->file - gone->file),
		    (int64_t)(came->shmem - gone->shmem), (int64_t)(came->swap - gone->swap));
}

static enum quire_status create_once(struct quire_system *system, const struct quire_mm_layout *layout,
				     struct quire_mm **out_mm)
{
	struct quire_mm *mm = alloc_mm(system);
	enum quire_status status;

	if (!mm)
		return QUIRE_ENOMEM;
	status = place_layout(mm, layout);
	if (status == QUIRE_OK)
		status = qr_pt_create(system, mm, qr_kmap_tree(system), &mm->pt);
	if (status != QUIRE_OK) {
		qr_slab_free(system, QR_SLAB_MM, mm);
		return status;
	}
	mm->pt.count = count_moved;
	mm->pt.space = &space;
	register_mm(mm);
	*out_mm = mm;
	return QUIRE_OK;
}

enum quire_status qr_mm_begin(struct quire_system *system, const struct quire_mm_layout *layout,
			      struct quire_mm **out_mm)
{
	struct qr_retry retry = qr_retry_begin(system);
	enum quire_status status;

	do
		status = create_once(system, layout, out_mm);
	while (qr_retry_status(system, &retry, status));
	return status;
}

void qr_mm_complete(struct quire_mm *mm)
{
	__atomic_store_n(&mm->complete, 1, __ATOMIC_RELEASE);
}

enum quire_status quire_mm_create(struct quire_system *system, const struct quire_mm_layout *layout,
				  struct quire_mm **out_mm)
{
	enum quire_status status = qr_mm_begin(system, layout, out_mm);

	if (status == QUIRE_OK)
		qr_mm_complete(*out_mm);
	return status;
}

struct quire_mm *quire_mm_get(struct quire_mm *mm)
{
	__atomic_fetch_add(&mm->refs, 1, __ATOMIC_RELAXED);
	return mm;
}

/* Frees tables that a failed operation left where no vma is. */
static void free_left_tables(struct quire_mm *mm)
{
	struct qr_tlb tlb;

	if (qr_likely(__atomic_load_n(&mm->pt.tables, __ATOMIC_RELAXED) == 0))
		return;
	qr_tlb_begin(&tlb, &mm->pt);
	qr_pt_free(&mm->pt, &tlb, 0, (quire_va)qr_width(mm->system)->user_end, 0, 0);
	qr_tlb_end(&tlb);
}

static void destroy(struct quire_mm *mm)
{
	struct quire_system *system = mm->system;
	struct qr_gone gone = {0};
	struct quire_vma *spare = NULL;

	/* No caller holds the lock; it excludes threads that reach this mm through a file or a frame. */
	qr_mm_write_lock(mm);
	qr_unmap_commit(mm, 0, mm->task_end, &spare, &gone);
	qr_fixed_end(mm);
	free_left_tables(mm);
	qr_uncommit(system, gone.accounted);
	qr_mm_write_unlock(mm);
	qr_gone_release(mm, &gone);
	unregister_mm(mm);
	qr_pt_destroy(&mm->pt);
	quire_group_put(mm->group);
	qr_slab_free(system, QR_SLAB_MM, mm);
}

void quire_mm_put(struct quire_mm *mm)
{
	if (!mm || __atomic_fetch_sub(&mm->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	/* Its CPU would go on with tables that are free. */
	if (QUIRE_CONFIG_CHECK >= 1 && __atomic_load_n(&mm->pt.cpus, __ATOMIC_RELAXED) != 0)
		qr_panic(mm->system,
			 "quire_mm_put: a CPU is in the address space: quire_mm_leave() comes first");
	destroy(mm);
}

quire_pa quire_mm_enter(struct quire_mm *mm, unsigned cpu)
{
	qr_assert(mm->system, cpu < mm->system->cpus);
	/* Before the root is loaded: a change to a table from now on is flushed on this CPU too. */
	__atomic_fetch_or(&mm->pt.cpus, UINT64_C(1) << cpu, __ATOMIC_SEQ_CST);
	mm->system->cpu_at[cpu]->active = mm;
	return mm->pt.root_pa;
}

void quire_mm_leave(struct quire_mm *mm, unsigned cpu)
{
	struct qr_cpu *own;

	qr_assert(mm->system, cpu < mm->system->cpus);
	own = mm->system->cpu_at[cpu];
	if (qr_unlikely(__atomic_load_n(&mm->has_fixed, __ATOMIC_RELAXED)))
		qr_fixed_leave(mm, cpu);
	/* The next one may have been entered already. */
	if (own->active == mm)
		own->active = NULL;
	__atomic_fetch_and(&mm->pt.cpus, ~(UINT64_C(1) << cpu), __ATOMIC_SEQ_CST);
}

struct quire_system *quire_mm_system(const struct quire_mm *mm)
{
	return mm->system;
}

void quire_mm_set_context(struct quire_mm *mm, void *context)
{
	mm->context = context;
}

void *quire_mm_context(const struct quire_mm *mm)
{
	return mm->context;
}

void quire_mm_set_stack(struct quire_mm *mm, quire_va start_stack)
{
	qr_mm_write_lock(mm);
	mm->start_stack = start_stack;
	qr_mm_write_unlock(mm);
}

/* --- counts --------------------------------------------------------------------------------------------- */

static struct qr_mm_slot *my_slot(struct quire_mm *mm)
{
	const struct quire_system *system = mm->system;
	unsigned cpu = system->host->cpu ? system->host->cpu(system->host_context) : 0;

	return &mm->slot[cpu % mm->slots];
}

static void add(intptr_t *count, int64_t n)
{
	if (n)
		__atomic_fetch_add(count, (intptr_t)n, __ATOMIC_RELAXED);
}

void qr_mm_count(struct quire_mm *mm, int64_t anon, int64_t file, int64_t shmem, int64_t swap)
{
	struct qr_mm_slot *slot = my_slot(mm);

	add(&slot->anon, anon);
	add(&slot->file, file);
	add(&slot->shmem, shmem);
	add(&slot->swap, swap);
}

void qr_mm_count_gone(struct quire_mm *mm, const struct qr_pt_counts *gone)
{
	qr_mm_count(mm, -(int64_t)gone->anon, -(int64_t)gone->file, -(int64_t)gone->shmem,
		    -(int64_t)gone->swap);
}

void qr_mm_count_fault(struct quire_mm *mm, bool major)
{
	const struct quire_host *host = mm->system->host;
	struct qr_mm_slot *slot = my_slot(mm);

	__atomic_fetch_add(major ? &slot->major : &slot->minor, 1, __ATOMIC_RELAXED);
	if (host->count_fault)
		host->count_fault(mm->system->host_context, major);
}

void qr_mm_sum(const struct quire_mm *mm, struct qr_mm_slot *out_sum)
{
	*out_sum = (struct qr_mm_slot){0};
	for (unsigned i = 0; i < mm->slots; i++) {
		const struct qr_mm_slot *slot = &mm->slot[i];

		out_sum->anon += __atomic_load_n(&slot->anon, __ATOMIC_RELAXED);
		out_sum->file += __atomic_load_n(&slot->file, __ATOMIC_RELAXED);
		out_sum->shmem += __atomic_load_n(&slot->shmem, __ATOMIC_RELAXED);
		out_sum->swap += __atomic_load_n(&slot->swap, __ATOMIC_RELAXED);
		out_sum->minor += __atomic_load_n(&slot->minor, __ATOMIC_RELAXED);
		out_sum->major += __atomic_load_n(&slot->major, __ATOMIC_RELAXED);
	}
}

void qr_mm_note_peak(struct quire_mm *mm)
{
	uint64_t peak = __atomic_load_n(&mm->rss_peak, __ATOMIC_RELAXED);
	struct qr_mm_slot sum;
	int64_t resident;

	qr_mm_sum(mm, &sum);
	resident = sum.anon + sum.file + sum.shmem;
	while (resident > 0 && (uint64_t)resident > peak &&
	       !__atomic_compare_exchange_n(&mm->rss_peak, &peak, (uint64_t)resident, true, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED))
		;
}
