/* SPDX-License-Identifier: MIT */
/* Generations: a page belongs to the one that was the youngest when it was last seen used.
 *
 *   oldest ─┬─ not used ──► leaves           youngest ◄── new memory, and what came back soon
 *           └─ used ──► youngest             next to the oldest ◄── new pages of files
 *
 * A new generation begins when the oldest is empty. There are two to four of each kind. */
#include "reclaim/policy.h"

#define GENERATIONS 4u

/* qr_page.age: the generation's place in the ring, and the kind. */
#define AGE_PLACE 3u
#define AGE_FILE  4u
#define AGE_USED  8u

struct gen {
	struct qr_list list[QR_KINDS][GENERATIONS];
	uint64_t count[QR_KINDS];
	uint32_t oldest[QR_KINDS], youngest;
	uint32_t turn;
};

static void init(void *state)
{
	struct gen *gen = state;

	for (unsigned kind = 0; kind < QR_KINDS; kind++) {
		for (unsigned at = 0; at < GENERATIONS; at++)
			qr_list_init(&gen->list[kind][at]);
	}
	gen->youngest = 1;
}

static unsigned kind_at(const struct qr_page *page)
{
	return page->age & AGE_FILE ? QR_KIND_FILE : QR_KIND_ANON;
}

static void add(void *state, struct qr_page *page, enum qr_kind kind, enum qr_added why)
{
	struct gen *gen = state;
	bool young = why == QR_ADDED_REFAULT || (why == QR_ADDED_KEPT && page->age & AGE_USED) ||
		     (why == QR_ADDED_NEW && kind == QR_KIND_ANON);
	unsigned place = (young ? gen->youngest : gen->oldest[kind] + 1) % GENERATIONS;

	page->age = (uint8_t)(place | (kind == QR_KIND_FILE ? AGE_FILE : 0));
	qr_list_add(&gen->list[kind][place], &page->link);
	gen->count[kind]++;
}

static void del(void *state, struct qr_page *page)
{
	struct gen *gen = state;

	qr_list_del(&page->link);
	gen->count[kind_at(page)]--;
}

/* All of the oldest generation becomes part of the next. */
static void fold(struct gen *gen, unsigned kind)
{
	unsigned from = gen->oldest[kind]++ % GENERATIONS, to = gen->oldest[kind] % GENERATIONS;
	struct qr_list *list = &gen->list[kind][from];

	while (!qr_list_empty(list)) {
		struct qr_list *last = list->next;

		qr_list_del(last);
		qr_list_add_tail(&gen->list[kind][to], last);
		QR_CONTAINER(last, struct qr_page, link)->age =
		    (uint8_t)(to | (kind == QR_KIND_FILE ? AGE_FILE : 0));
	}
}

/* A new generation; a kind that has as many as there may be loses a border. */
static void begin(struct gen *gen)
{
	for (unsigned kind = 0; kind < QR_KINDS; kind++) {
		if (gen->youngest - gen->oldest[kind] + 1 == GENERATIONS)
			fold(gen, kind);
	}
	gen->youngest++;
}

/* The oldest page of a kind that has any. */
static struct qr_page *oldest(struct gen *gen, unsigned kind)
{
	while (qr_list_empty(&gen->list[kind][gen->oldest[kind] % GENERATIONS])) {
		if (gen->youngest == gen->oldest[kind] + 1)
			begin(gen);
		gen->oldest[kind]++;
	}
	return QR_CONTAINER(gen->list[kind][gen->oldest[kind] % GENERATIONS].prev, struct qr_page, link);
}

static struct qr_page *pick(void *state, unsigned kinds)
{
	struct gen *gen = state;
	bool anon = kinds & 1u << QR_KIND_ANON && gen->count[QR_KIND_ANON];
	bool file = kinds & 1u << QR_KIND_FILE && gen->count[QR_KIND_FILE];

	if (!anon && !file)
		return NULL;
	/* The kind whose oldest generation is older; in turn where they are equal. */
	if (anon && file) {
		if (gen->oldest[QR_KIND_ANON] != gen->oldest[QR_KIND_FILE])
			anon = gen->oldest[QR_KIND_ANON] < gen->oldest[QR_KIND_FILE];
		else
			anon = ++gen->turn & 1;
	}
	return oldest(gen, anon ? QR_KIND_ANON : QR_KIND_FILE);
}

static bool judge(void *state, struct qr_page *page, bool used)
{
	(void)state;
	page->age = (uint8_t)((page->age & ~AGE_USED) | (used ? AGE_USED : 0));
	return !used;
}

const struct quire_policy quire_policy_gen = {
    .name = "gen",
    .bytes = sizeof(struct gen),
    .init = init,
    .add = add,
    .del = del,
    .pick = pick,
    .judge = judge,
    .refault = qr_refault_within_memory,
};

_Static_assert(sizeof(struct gen) <= QR_POLICY_BYTES, "the state fits");
