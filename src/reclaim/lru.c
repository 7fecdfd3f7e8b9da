/* SPDX-License-Identifier: MIT */
/* Two lists for each kind of page, and a second chance.
 *
 *   new ──► inactive ──not used──► leaves          used ──► active ──► inactive, when that has fewer pages
 *
 * The first use is the one that brought the page: it does not make it active. Of the two kinds that one is looked at
 * whose pages left more often when they were looked at. */
#include "reclaim/policy.h"

enum {
	INACTIVE = 0,
	ACTIVE = 1,
	LISTS = 2
};

/* Bits of qr_page.age. */
#define AGE_ACTIVE 1u
#define AGE_FILE   2u
#define AGE_NEW    4u

/* So many looks are remembered; then both counts are halved. */
#define MEMORY 1024u

struct lru {
	struct qr_list list[QR_KINDS][LISTS];
	uint64_t count[QR_KINDS][LISTS];
	uint32_t looked[QR_KINDS], used[QR_KINDS], turn[QR_KINDS];
};

static void init(void *state)
{
	struct lru *lru = state;

	for (unsigned kind = 0; kind < QR_KINDS; kind++) {
		qr_list_init(&lru->list[kind][INACTIVE]);
		qr_list_init(&lru->list[kind][ACTIVE]);
	}
}

static unsigned kind_at(const struct qr_page *page)
{
	return page->age & AGE_FILE ? QR_KIND_FILE : QR_KIND_ANON;
}

static void add(void *state, struct qr_page *page, enum qr_kind kind, enum qr_added why)
{
	struct lru *lru = state;
	unsigned age = kind == QR_KIND_FILE ? AGE_FILE : 0, at;

	if (why == QR_ADDED_NEW)
		age |= AGE_NEW;
	if (why == QR_ADDED_REFAULT || (why == QR_ADDED_KEPT && page->age & AGE_ACTIVE))
		age |= AGE_ACTIVE;
	page->age = (uint8_t)age;
	/* It was looked at in vain, as one that was used. */
	lru->used[kind] += why == QR_ADDED_STAYED && lru->used[kind] < lru->looked[kind];
	at = age & AGE_ACTIVE ? ACTIVE : INACTIVE;
	qr_list_add(&lru->list[kind][at], &page->link);
	lru->count[kind][at]++;
}

static void del(void *state, struct qr_page *page)
{
	struct lru *lru = state;

	qr_list_del(&page->link);
	lru->count[kind_at(page)][page->age & AGE_ACTIVE ? ACTIVE : INACTIVE]--;
}

static uint64_t pages_of(const struct lru *lru, unsigned kind)
{
	return lru->count[kind][INACTIVE] + lru->count[kind][ACTIVE];
}

/* Rounds over the pages of a kind, against what they deserve. Looks alone would wear out a short list: each of its
 * pages would be asked again before a program had the time to use it. */
static uint64_t debt(const struct lru *lru, unsigned kind)
{
	uint64_t worth = (uint64_t)(lru->used[kind] + 1) * MEMORY / (lru->looked[kind] + 1);

	return lru->turn[kind] * (worth + 1) * MEMORY / pages_of(lru, kind);
}

static struct qr_page *pick(void *state, unsigned kinds)
{
	struct lru *lru = state;
	bool anon = kinds & 1u << QR_KIND_ANON && pages_of(lru, QR_KIND_ANON) > 0;
	bool file = kinds & 1u << QR_KIND_FILE && pages_of(lru, QR_KIND_FILE) > 0;
	unsigned kind, at;

	if (!anon && !file)
		return NULL;
	if (anon && file)
		kind = debt(lru, QR_KIND_ANON) < debt(lru, QR_KIND_FILE) ? QR_KIND_ANON : QR_KIND_FILE;
	else
		kind = anon ? QR_KIND_ANON : QR_KIND_FILE;
	if (++lru->turn[kind] == MEMORY) {
		lru->turn[QR_KIND_ANON] /= 2;
		lru->turn[QR_KIND_FILE] /= 2;
	}
	at = lru->count[kind][INACTIVE] < lru->count[kind][ACTIVE] || !lru->count[kind][INACTIVE] ? ACTIVE
												  : INACTIVE;
	return QR_CONTAINER(lru->list[kind][at].prev, struct qr_page, link);
}

static bool judge(void *state, struct qr_page *page, bool used)
{
	struct lru *lru = state;
	unsigned kind = kind_at(page), age = page->age;

	if (++lru->looked[kind] == MEMORY) {
		lru->looked[kind] /= 2;
		lru->used[kind] /= 2;
	}
	lru->used[kind] += used;
	page->age = (uint8_t)(age & AGE_FILE);
	/* From the active list to the inactive one: it leaves only from there. */
	if (age & AGE_ACTIVE)
		return false;
	if (used && !(age & AGE_NEW))
		page->age |= AGE_ACTIVE;
	return !used;
}

const struct quire_policy quire_policy_lru = {
    .name = "lru",
    .bytes = sizeof(struct lru),
    .init = init,
    .add = add,
    .del = del,
    .pick = pick,
    .judge = judge,
    .refault = qr_refault_within_memory,
};

_Static_assert(sizeof(struct lru) <= QR_POLICY_BYTES, "the state fits");
