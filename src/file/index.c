/* SPDX-License-Identifier: MIT */
/* A file's index of pages: a radix tree of 64 slots a node, as tall as its largest index needs.
 *
 * A place may hold a value instead, an odd word: where the page of shared memory went (swap), or when the page of a
 * file was dropped (reclaim). Values are no pages: what looks for pages does not see them. */
#include "file/file.h"

#include "page/slab.h"

#define NODE_BITS  6
#define NODE_SLOTS QR_INDEX_NODE
#define NODE_MASK  (NODE_SLOTS - 1)

/* height 0 is an empty tree; in a node of height 1 the slots are pages. */
struct node {
	struct node *parent;
	uint32_t used[2]; /* bit n of the 64: slot n is not NULL */
	void *slot[NODE_SLOTS];
};

_Static_assert(sizeof(struct node) <= QR_CACHE_NODE_BYTES, "a node fits its slab object");
_Static_assert(NODE_SLOTS == 1u << NODE_BITS, "a slot for each value of its bits");

static void fill(struct node *node, unsigned place, void *entry)
{
	node->slot[place] = entry;
	node->used[place >> 5] |= (uint32_t)1 << (place & 31);
}

static void empty(struct node *node, unsigned place)
{
	node->slot[place] = NULL;
	node->used[place >> 5] &= ~((uint32_t)1 << (place & 31));
}

/* The first slot in use from `place` on; NODE_SLOTS: none. */
static unsigned next_used(const struct node *node, unsigned place)
{
	uint32_t half = place < 32 ? node->used[0] >> place : 0;

	if (half)
		return place + qr_lowest(half);
	if (place < 32)
		place = 32;
	half = node->used[1] >> (place - 32);
	return half ? place + qr_lowest(half) : NODE_SLOTS;
}

/* The 32 slots from `place` on: bit n is that of slot place + n. */
static uint32_t used_from(const struct node *node, unsigned place)
{
	if (place >= 32)
		return node->used[1] >> (place - 32);
	return place == 0 ? node->used[0] : node->used[0] >> place | node->used[1] << (32 - place);
}

static bool within(const struct quire_file *file, uint64_t index)
{
	unsigned bits = file->height * NODE_BITS;

	if (bits < 32)
		return index >> 32 == 0 && (uint32_t)index >> bits == 0;
	return bits >= 64 || index >> bits == 0;
}

static unsigned slot_at(uint64_t index, unsigned height)
{
	return (unsigned)(index >> ((height - 1) * NODE_BITS)) & NODE_MASK;
}

QR_INLINE void *entry_at(const struct quire_file *file, uint64_t index)
{
	const struct node *node = file->root;

	if (!within(file, index))
		return NULL;
	for (unsigned height = file->height; height > 1 && node; height--)
		node = node->slot[slot_at(index, height)];
	return node ? node->slot[index & NODE_MASK] : NULL;
}

struct qr_page *qr_index_find(const struct quire_file *file, uint64_t index)
{
	void *entry = entry_at(file, index);

	return qr_likely(!qr_index_is_value(entry)) ? entry : NULL;
}

uintptr_t qr_index_value(const struct quire_file *file, uint64_t index)
{
	const void *entry = file->values ? entry_at(file, index) : NULL;

	return qr_index_is_value(entry) ? (uintptr_t)entry : 0;
}

/* Frees empty nodes from `node` upwards, then levels at the top that are not needed. */
static void prune(struct quire_file *file, struct node *node)
{
	while (node && (node->used[0] | node->used[1]) == 0) {
		struct node *parent = node->parent;

		if (parent) {
			unsigned place = next_used(parent, 0);

			while (parent->slot[place] != node)
				place = next_used(parent, place + 1);
			empty(parent, place);
		} else {
			file->root = NULL;
			file->height = 0;
		}
		qr_slab_free(file->system, QR_SLAB_CACHE_NODE, node);
		node = parent;
	}
	while (file->height > 1) {
		struct node *root = file->root;

		if (root->used[0] != 1 || root->used[1] != 0)
			break;
		file->root = root->slot[0];
		((struct node *)file->root)->parent = NULL;
		file->height--;
		qr_slab_free(file->system, QR_SLAB_CACHE_NODE, root);
	}
}

/* Adds levels above the root until `index` fits. */
static enum quire_status grow(struct quire_file *file, uint64_t index)
{
	while (file->height == 0 || !within(file, index)) {
		struct node *root = file->root;
		struct node *above = qr_slab_alloc(file->system, QR_SLAB_CACHE_NODE);

		if (!above)
			return QUIRE_ENOMEM;
		if (root) {
			fill(above, 0, root);
			root->parent = above;
		}
		file->root = above;
		file->height++;
	}
	return QUIRE_OK;
}

enum quire_status qr_index_insert(struct quire_file *file, uint64_t index, struct qr_page *page)
{
	enum quire_status status = grow(file, index);
	struct node *node = file->root;

	for (unsigned height = file->height; status == QUIRE_OK && height > 1; height--) {
		unsigned place = slot_at(index, height);
		struct node *below = node->slot[place];

		if (!below) {
			below = qr_slab_alloc(file->system, QR_SLAB_CACHE_NODE);
			if (!below) {
				status = QUIRE_ENOMEM;
				break;
			}
			below->parent = node;
			fill(node, place, below);
		}
		node = below;
	}
	if (status == QUIRE_OK && node->slot[index & NODE_MASK])
		status = QUIRE_EEXIST;
	if (status != QUIRE_OK) {
		prune(file, node);
		return status;
	}
	fill(node, (unsigned)index & NODE_MASK, page);
	file->pages++;
	return QUIRE_OK;
}

/* The node of height 1 that has `index`; NULL: none. */
QR_INLINE struct node *node_of(const struct quire_file *file, uint64_t index)
{
	struct node *node = file->root;
	unsigned height = file->height;
	uint32_t low = (uint32_t)index;

	if (!within(file, index))
		return NULL;
	/* As many levels as 32 bits need: shifts of words. */
	for (; height > 5 && node; height--)
		node = node->slot[slot_at(index, height)];
	for (; height > 1 && node; height--)
		node = node->slot[low >> ((height - 1) * NODE_BITS) & NODE_MASK];
	return node;
}

static void count_entry(struct quire_file *file, const void *entry, uint64_t by)
{
	if (qr_index_is_value(entry))
		file->values += by;
	else
		file->pages += by;
}

void *qr_index_remove(struct quire_file *file, uint64_t index)
{
	struct node *node = node_of(file, index);
	void *entry = node ? node->slot[index & NODE_MASK] : NULL;

	if (!entry)
		return NULL;
	empty(node, (unsigned)index & NODE_MASK);
	count_entry(file, entry, UINT64_MAX);
	prune(file, node);
	return entry;
}

bool qr_index_replace(struct quire_file *file, uint64_t index, const void *old, void *entry)
{
	struct node *node = node_of(file, index);

	if (!node || node->slot[index & NODE_MASK] != old)
		return false;
	node->slot[index & NODE_MASK] = entry;
	count_entry(file, old, UINT64_MAX);
	count_entry(file, entry, 1);
	return true;
}

/* The node of the lowest height that there is on the way to `at`; *out_height: its height. */
static const struct node *deepest(const struct quire_file *file, uint64_t at, unsigned *out_height)
{
	const struct node *node = file->root;
	unsigned height = file->height;

	while (height > 1 && node->slot[slot_at(at, height)]) {
		node = node->slot[slot_at(at, height)];
		height--;
	}
	*out_height = height;
	return node;
}

/* The node of height 1 that has the first page in [*index, last]; sets *index to it. NULL: none. */
static const struct node *seek(const struct quire_file *file, uint64_t *index, uint64_t last)
{
	uint64_t at = *index;

	while (at <= last && file->height > 0 && within(file, at)) {
		unsigned height;
		const struct node *node = deepest(file, at, &height);
		unsigned shift = (height - 1) * NODE_BITS;
		unsigned here = slot_at(at, height);
		unsigned end = here + (unsigned)qr_min(NODE_MASK - here, (last >> shift) - (at >> shift));
		unsigned place = next_used(node, here);

		if (place > end && end < NODE_MASK)
			return NULL; /* nothing up to `last` */
		if (place != here)
			at = ((at >> shift) + (place - here)) << shift;
		if (at < *index)
			return NULL; /* wrapped at the end of 64-bit indices */
		if (place <= end && height == 1) {
			*index = at;
			return node;
		}
	}
	return NULL;
}

void *qr_index_next_entry(const struct quire_file *file, uint64_t *index, uint64_t last)
{
	const struct node *node = seek(file, index, last);

	return node ? node->slot[*index & NODE_MASK] : NULL;
}

struct qr_page *qr_index_next(const struct quire_file *file, uint64_t *index, uint64_t last)
{
	void *entry = qr_index_next_entry(file, index, last);

	while (qr_unlikely(qr_index_is_value(entry))) {
		if (*index == last)
			return NULL;
		++*index;
		entry = qr_index_next_entry(file, index, last);
	}
	return entry;
}

uint32_t qr_index_used(const struct quire_file *file, uint64_t index, unsigned count,
		       struct qr_page *const **out_run)
{
	const struct node *node = node_of(file, index);
	unsigned place = (unsigned)index & NODE_MASK, beyond = 32 - count;

	if (!node)
		return 0;
	*out_run = (struct qr_page *const *)(const void *)&node->slot[place];
	return used_from(node, place) << beyond >> beyond;
}
