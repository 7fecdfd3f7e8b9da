/* SPDX-License-Identifier: MIT */
/* Every page that may leave is on one list: found, taken off, put back, freed. */
#include "reclaim/reclaim.h"

static void lock(struct quire_system *system)
{
	qr_lock(system, &system->reclaim.lock, QR_RANK_LRU);
}

static void unlock(struct quire_system *system)
{
	qr_unlock(system, &system->reclaim.lock, QR_RANK_LRU);
}

/* The lists of those who pay for the page. => LRU held */
static struct qr_reclaim_lists *lists_of(struct quire_system *system, const struct qr_page *page)
{
	struct quire_group *group = qr_group_of(system, page);

	return group ? &group->lists : &system->reclaim.lists;
}

/* Whether the page came back soon, said once. Of one that read-ahead brought, when it has been used. */
static bool came_back(struct qr_page *page)
{
	return qr_page_test(page, QR_PAGE_WORKINGSET) && !qr_page_test(page, QR_PAGE_READAHEAD) &&
	       (qr_page_clear_bits(page, QR_PAGE_WORKINGSET) & QR_PAGE_WORKINGSET) != 0;
}

/* Links a page that is on no list. => LRU held, the page cannot be freed */
static void link_page(struct quire_system *system, struct qr_page *page, enum qr_added why, bool locked)
{
	struct qr_reclaim *reclaim = &system->reclaim;
	struct qr_reclaim_lists *lists = lists_of(system, page);

	if (qr_page_test(page, QR_PAGE_LRU | QR_PAGE_ISOLATED))
		return;
	qr_page_set(page, QR_PAGE_LRU);
	reclaim->pages++;
	lists->pages++;
	if (locked) {
		page->age = QR_AGE_LOCKED;
		qr_list_add(&lists->unevictable, &page->link);
		reclaim->kept_locked++;
		return;
	}
	if ((why == QR_ADDED_NEW || why == QR_ADDED_KEPT) && came_back(page))
		why = QR_ADDED_REFAULT;
	reclaim->policy->add(lists->state, page, qr_kind_of(page), why);
}

/* => LRU held, QR_PAGE_LRU */
static void unlink_page(struct quire_system *system, struct qr_page *page)
{
	struct qr_reclaim *reclaim = &system->reclaim;
	struct qr_reclaim_lists *lists = lists_of(system, page);

	qr_page_clear_bits(page, QR_PAGE_LRU);
	reclaim->pages--;
	lists->pages--;
	if (page->age == QR_AGE_LOCKED) {
		qr_list_del(&page->link);
		reclaim->kept_locked--;
		return;
	}
	reclaim->policy->del(lists->state, page);
}

void qr_reclaim_add(struct quire_system *system, struct qr_page *page, enum qr_added why, bool locked)
{
	lock(system);
	if (why != QR_ADDED_NEW)
		qr_page_clear_bits(page, QR_PAGE_ISOLATED);
	link_page(system, page, why, locked);
	unlock(system);
}

unsigned qr_reclaim_judge(struct quire_system *system, struct qr_page **pages, uint64_t used, unsigned count)
{
	unsigned leave = 0;

	lock(system);
	for (unsigned i = 0; i < count; i++) {
		struct qr_page *page = pages[i];

		if (system->reclaim.policy->judge(lists_of(system, page)->state, page, used >> i & 1)) {
			pages[i] = pages[leave];
			pages[leave++] = page;
			continue;
		}
		qr_page_clear_bits(page, QR_PAGE_ISOLATED);
		link_page(system, page, QR_ADDED_KEPT, false);
	}
	unlock(system);
	return leave;
}

/* Takes up to `count` pages off one set of lists. => LRU held. Returns how many. */
static unsigned take_from(struct quire_system *system, struct qr_reclaim_lists *lists, unsigned kinds,
			  struct qr_page **pages, unsigned count)
{
	const struct quire_policy *policy = system->reclaim.policy;
	unsigned taken = 0;
	struct qr_page *page;

	while (taken < count && (page = policy->pick(lists->state, kinds)) != NULL) {
		unlink_page(system, page);
		/* One that is being freed now is its freer's. */
		if (!qr_page_try_get(page))
			continue;
		qr_page_set(page, QR_PAGE_ISOLATED);
		pages[taken++] = page;
	}
	return taken;
}

/* The lists of an id, if they are of `top` or a group in it; NULL: there are none. Id 0: of the pages that nobody pays
 * for. => LRU held */
static struct qr_reclaim_lists *lists_at(struct quire_system *system, const struct quire_group *top,
					 uint32_t id)
{
	struct quire_group *group = id ? qr_group_at(system, id) : NULL;

	if (id == 0)
		return top ? NULL : &system->reclaim.lists;
	return group && (!top || qr_group_is_in(group, top)) ? &group->lists : NULL;
}

/* Each set of lists gives in proportion to its pages, in turn; what then lacks, the first that have more. */
unsigned qr_reclaim_take(struct quire_system *system, const struct quire_group *top, unsigned kinds,
			 struct qr_page **pages, unsigned count, uint64_t *out_listed)
{
	struct qr_reclaim *reclaim = &system->reclaim;
	uint32_t ids = system->groups ? QR_GROUPS : 1;
	uint64_t listed = 0;
	unsigned taken = 0;

	lock(system);
	for (uint32_t id = 0; id < ids; id++) {
		const struct qr_reclaim_lists *lists = lists_at(system, top, id);

		listed += lists ? lists->pages : 0;
	}
	for (uint32_t pass = 0; pass < 2 * ids && taken < count; pass++) {
		uint32_t id = (reclaim->turn + pass) % ids;
		struct qr_reclaim_lists *lists = lists_at(system, top, id);
		uint64_t share = count - taken;

		if (!lists || lists->pages == 0)
			continue;
		if (pass < ids)
			share = qr_min(share, count * lists->pages / listed + 1);
		taken += take_from(system, lists, kinds, pages + taken, (unsigned)share);
		if (taken == count)
			reclaim->turn = id + 1;
	}
	unlock(system);
	*out_listed = listed;
	return taken;
}

/* --- hooks -------------------------------------------------------------------------------------------------- */

/* Whether a page that came back was evicted lately. */
static bool was_used(struct quire_system *system, const struct qr_page *page, uintptr_t mark)
{
	struct qr_reclaim *reclaim = &system->reclaim;
	struct qr_reclaim_lists *lists;
	uintptr_t now = (uintptr_t)__atomic_load_n(&reclaim->left, __ATOMIC_RELAXED);
	bool used;

	lock(system);
	lists = lists_of(system, page);
	used = reclaim->policy->refault(lists->state, (now - (mark >> 1)) & (UINTPTR_MAX >> 1), lists->pages);
	unlock(system);
	return used;
}

static void came(struct quire_system *system, struct qr_page *page, uintptr_t mark)
{
	bool file = qr_page_state(page) == QUIRE_PAGE_FILE;

	if (mark) {
		if (file)
			__atomic_fetch_sub(&system->reclaim.shadows, 1, __ATOMIC_RELAXED);
		qr_event(qr_this_cpu(system),
			 file ? QUIRE_EVENT_WORKINGSET_REFAULT_FILE : QUIRE_EVENT_WORKINGSET_REFAULT_ANON);
		if (was_used(system, page, mark))
			qr_page_set(page, QR_PAGE_WORKINGSET);
	}
	qr_reclaim_add(system, page, QR_ADDED_NEW, false);
}

static void freed(struct quire_system *system, struct qr_page *page)
{
	lock(system);
	if (qr_page_test(page, QR_PAGE_LRU))
		unlink_page(system, page);
	unlock(system);
}

static void paid(struct quire_system *system, struct qr_page *page, uint32_t group)
{
	bool listed, locked;

	lock(system);
	listed = qr_page_test(page, QR_PAGE_LRU);
	locked = page->age == QR_AGE_LOCKED;
	if (listed)
		unlink_page(system, page);
	page->group = group;
	qr_page_set(page, QR_PAGE_CHARGED);
	if (listed)
		link_page(system, page, QR_ADDED_STAYED, locked);
	unlock(system);
}

static void begin(struct quire_system *system, struct qr_reclaim_lists *lists)
{
	qr_list_init(&lists->unevictable);
	system->reclaim.policy->init(lists->state);
}

static const struct qr_reclaim_hooks hooks = {.begin = begin,
					      .came = came,
					      .freed = freed,
					      .paid = paid,
					      .retry = qr_reclaim_retry,
					      .room = qr_reclaim_room};

void qr_reclaim_init(struct quire_system *system, const struct quire_config *config)
{
	struct qr_reclaim *reclaim = &system->reclaim;
	uint64_t reserve = system->zone[QR_ZONE_LINEAR].reserve;
	/* Between two marks lies what a thread may take, for read-ahead too, until a batch has been written. */
	uint64_t step = qr_max(reserve / 4,
			       qr_min(2 * QUIRE_STORE_BATCH, system->frames_total / (2 * QUIRE_STORE_BATCH)));

	reclaim->policy = config->policy ? config->policy : &quire_policy_lru;
	qr_assert(system, reclaim->policy->bytes <= QR_POLICY_BYTES);
	reclaim->low = config->low_frames ? config->low_frames : reserve + step;
	reclaim->high =
	    qr_max(reclaim->low + 1, config->high_frames ? config->high_frames : reserve + 2 * step);
	begin(system, &reclaim->lists);
	system->reclaim_hooks = &hooks;
}

/* --- the hand ----------------------------------------------------------------------------------------------- */

/* Whether the page is a program's and on no list. Only a hint until it is held. */
static bool is_loose(const struct qr_page *page)
{
	uint32_t flags = __atomic_load_n(&page->flags, __ATOMIC_RELAXED);
	enum quire_page_state state = (enum quire_page_state)(flags & QR_PAGE_STATE_MASK);

	return !(flags & (QR_PAGE_LRU | QR_PAGE_ISOLATED)) &&
	       (state == QUIRE_PAGE_ANON || state == QUIRE_PAGE_FILE || state == QUIRE_PAGE_SHMEM);
}

/* A mapped page cannot be freed while its reverse map is held. */
static bool discover_one(struct quire_system *system, struct qr_page *page)
{
	bool found;

	if (!is_loose(page) || !qr_rmap_try_mapped(system, page))
		return false;
	found = is_loose(page);
	if (found)
		qr_reclaim_add(system, page, QR_ADDED_NEW, false);
	qr_rmap_unlock(system, page);
	return found;
}

/* Locked pages get another look, one round of the hand later. => LRU held */
static void look_again_at(struct quire_system *system, struct qr_reclaim_lists *lists)
{
	while (!qr_list_empty(&lists->unevictable)) {
		struct qr_page *locked = QR_CONTAINER(lists->unevictable.next, struct qr_page, link);

		unlink_page(system, locked);
		/* One that is being freed now is its freer's. */
		if (__atomic_load_n(&locked->ref, __ATOMIC_ACQUIRE) > 0)
			link_page(system, locked, QR_ADDED_STAYED, false);
	}
}

/* => LRU held */
static void look_again(struct quire_system *system)
{
	for (uint32_t id = 0; id < (system->groups ? QR_GROUPS : 1); id++) {
		struct qr_reclaim_lists *lists = lists_at(system, NULL, id);

		if (lists)
			look_again_at(system, lists);
	}
}

/* Moves the hand over at most `most` descriptors of one range: *out_first and as many as are returned. 0: it went on to
 * the next range. */
static uint64_t advance(struct quire_system *system, uint64_t most, struct qr_page **out_first)
{
	struct qr_reclaim *reclaim = &system->reclaim;
	const struct qr_range *range;
	uint64_t count;

	lock(system);
	range = &system->range[reclaim->range];
	*out_first = range->pages + reclaim->frame;
	count = qr_min(most, range->count - reclaim->frame);
	reclaim->frame += count;
	if (count == 0) {
		reclaim->frame = 0;
		reclaim->range = (reclaim->range + 1) % system->ranges;
		if (reclaim->range == 0)
			look_again(system);
	}
	unlock(system);
	return count;
}

uint64_t qr_reclaim_discover(struct quire_system *system, uint64_t frames)
{
	uint64_t found = 0, passed = 0;
	struct qr_page *first;

	while (passed < frames) {
		uint64_t count = advance(system, frames - passed, &first);

		for (uint64_t i = 0; i < count; i++)
			found += discover_one(system, first + i);
		passed += count;
	}
	return found;
}
