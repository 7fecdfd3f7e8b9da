/* SPDX-License-Identifier: MIT */
/* A batch of pages: taken off the lists, looked at, judged; what is to leave leaves; the rest goes back. */
#include "reclaim/reclaim.h"

/* Frames that the hand passes before each batch. */
#define HAND_FRAMES 128

struct scan {
	struct quire_system *system;
	const struct quire_group *group; /* NULL: all pages */
	bool background;
	uint64_t passed; /* frames, by the hand */
	uint64_t listed; /* pages on all lists, when the last batch was taken */
	uint64_t looked, left;
	struct qr_page *page[QUIRE_STORE_BATCH]; /* referenced, on no list; NULL: done with */
	unsigned count;
};

/* Perhaps the last reference. */
static void put(struct quire_system *system, struct qr_page *page)
{
	if (qr_page_state(page) == QUIRE_PAGE_ANON)
		qr_swap_collect(system, page);
	qr_page_put(system, page);
}

static void back(struct quire_system *system, struct qr_page *page, bool locked)
{
	qr_reclaim_add(system, page, QR_ADDED_STAYED, locked);
	put(system, page);
}

/* A page that could not leave: it is locked, or another time. */
static void stayed(struct scan *scan, struct qr_page *page)
{
	back(scan->system, page, qr_reclaim_is_locked(scan->system, page));
}

/* What the policy keeps goes back; what is to leave stays in the batch. */
static void judge(struct scan *scan)
{
	struct quire_system *system = scan->system;
	uint64_t used = 0;
	unsigned leave;

	for (unsigned i = 0; i < scan->count; i++)
		used |= (uint64_t)qr_reclaim_used(system, scan->page[i]) << i;
	leave = qr_reclaim_judge(system, scan->page, used, scan->count);
	for (unsigned i = leave; i < scan->count; i++)
		put(system, scan->page[i]);
	scan->count = leave;
}

_Static_assert(QUIRE_STORE_BATCH <= 64, "a bit for each");

/* Each by itself: a file is called with one page locked. */
static void leave_files(struct scan *scan)
{
	struct quire_system *system = scan->system;
	unsigned others = 0;

	for (unsigned i = 0; i < scan->count; i++) {
		struct qr_page *page = scan->page[i];

		if (qr_page_state(page) != QUIRE_PAGE_FILE)
			scan->page[others++] = page;
		else if (!qr_page_trylock(system, page))
			back(system, page, false);
		else if (qr_reclaim_file_page(system, page))
			scan->left++;
		else
			stayed(scan, page);
	}
	scan->count = others;
}

/* Slots are taken in this order: what a program will want together then lies together, for read-ahead. By gaps of
 * Shell's, as pages come in runs that go up or down. */
static void sort_by_place(struct qr_page **page, unsigned count)
{
	for (unsigned gap = count / 2; gap > 0; gap /= 2) {
		for (unsigned i = gap; i < count; i++) {
			struct qr_page *moved = page[i];
			uintptr_t place = qr_rmap_place(moved);
			unsigned at = i;

			for (; at >= gap && qr_rmap_place(page[at - gap]) > place; at -= gap)
				page[at] = page[at - gap];
			page[at] = moved;
		}
	}
}

/* What goes to a store, and may. */
static void leave_anon(struct scan *scan)
{
	struct quire_system *system = scan->system;
	unsigned locked = 0;

	for (unsigned i = 0; i < scan->count; i++) {
		if (qr_page_trylock(system, scan->page[i]))
			scan->page[locked++] = scan->page[i];
		else
			back(system, scan->page[i], false);
	}
	sort_by_place(scan->page, locked);
	if (locked)
		scan->left += qr_swap_out(system, NULL, scan->page, locked);
	for (unsigned i = 0; i < locked; i++) {
		if (scan->page[i])
			stayed(scan, scan->page[i]);
	}
}

/* Which kinds may leave: memory without a store that has room stays, unless its content was given up. */
static unsigned kinds_now(const struct quire_system *system)
{
	struct quire_swap_counts usage;

	quire_swap_usage(system, &usage);
	return usage.free || usage.cached ? 1u << QR_KIND_ANON | 1u << QR_KIND_FILE : 1u << QR_KIND_FILE;
}

static void count(const struct scan *scan)
{
	struct qr_cpu *cpu = qr_this_cpu(scan->system);

	qr_count_by(&cpu->events[scan->background ? QUIRE_EVENT_PGSCAN_KSWAPD : QUIRE_EVENT_PGSCAN_DIRECT],
		    scan->looked);
	qr_count_by(&cpu->events[scan->background ? QUIRE_EVENT_PGSTEAL_KSWAPD : QUIRE_EVENT_PGSTEAL_DIRECT],
		    scan->left);
}

/* Frames that became free fill the reserve before anybody else gets them: the next writes may need it. */
static void fill_reserve(struct quire_system *system)
{
	for (unsigned zone = 0; zone < QR_ZONES; zone++) {
		if (__atomic_load_n(&system->zone[zone].free, __ATOMIC_RELAXED) >= system->zone[zone].reserve)
			continue;
		qr_frames_drain(system);
		return;
	}
}

/* One batch of at most `most`. False: nothing is on the lists, nor was in a whole round of the hand before. */
static bool batch(struct scan *scan, uint64_t most, unsigned *rounds)
{
	struct quire_system *system = scan->system;

	(void)qr_reclaim_discover(system, HAND_FRAMES);
	scan->passed += HAND_FRAMES;
	scan->count = qr_reclaim_take(system, scan->group, kinds_now(system), scan->page,
				      (unsigned)qr_min(QUIRE_STORE_BATCH, most), &scan->listed);
	/* A whole round, in which locked pages get another look. */
	if (scan->count == 0)
		return qr_reclaim_discover(system, system->frames_total) > 0 || (*rounds)++ == 0;
	scan->looked += scan->count;
	judge(scan);
	leave_files(scan);
	leave_anon(scan);
	return true;
}

/* Whether each page was looked at three times that the whole round of the hand found: used, no longer used, gone. A group
 * may be a small part of all frames: the rest of the round is made at once. */
static bool is_through(struct scan *scan)
{
	uint64_t total = scan->system->frames_total;

	if (scan->looked < 3 * (scan->listed + scan->left))
		return false;
	if (scan->passed >= total)
		return true;
	if (!scan->group)
		return false;
	(void)qr_reclaim_discover(scan->system, total - scan->passed);
	scan->passed = total;
	return false;
}

uint64_t qr_reclaim_pages(struct quire_system *system, const struct quire_group *group, uint64_t want,
			  bool background)
{
	struct scan scan = {.system = system, .group = group, .background = background};
	uint32_t *thread = qr_thread(system);
	unsigned rounds = 0;

	/* Called by a file or a store that pages are leaving for. */
	if (*thread & QR_THREAD_RECLAIMS)
		return 0;
	*thread |= QR_THREAD_RECLAIMS;
	__atomic_fetch_add(&system->reclaim.active, 1, __ATOMIC_SEQ_CST);
	while (scan.left < want && batch(&scan, want - scan.left, &rounds) && !is_through(&scan))
		;
	*thread &= ~QR_THREAD_RECLAIMS;
	fill_reserve(system);
	count(&scan);
	__atomic_fetch_add(&system->reclaim.left, scan.left, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&system->reclaim.active, 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&system->reclaim.ended, 1, __ATOMIC_SEQ_CST);
	qr_wake(system, &system->reclaim.ended);
	/* Tables are what is left, and the group that pays for them is not known. */
	return scan.left > 0 || group ? scan.left : system->trim(system);
}
