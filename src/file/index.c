/* SPDX-License-Identifier: MIT */
/* A file's index of pages: a radix tree of 64 slots a node, as tall as its largest index needs.
 *
 * A place may hold a value instead, an odd word: where the page of shared memory went (swap), or when the page of a
 * file was dropped (reclaim). Values are no pages: what looks for pages does not see them. */
#include "file/file.h"

#include "page/slab.h"

#define NODE_BITS  6
#define NODE_SLOTS (1u << NODE_BITS)
#define NODE_MASK  (NODE_SLOTS - 1)

/* height 0 is an empty tree; in a node of height 1 the slots are pages. */
struct node {
	struct node *parent;
	uint32_t count; /* slots in use */
	uint32_t place; /* our slot in the parent */
	void *slot[NODE_SLOTS];
};

_Static_assert(sizeof(struct node) <= QR_CACHE_NODE_BYTES, "a node fits its slab object");

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
	while (node && node->count == 0) {
		struct node *parent = node->parent;

		if (parent) {
			parent->slot[node->place] = NULL;
			parent->count--;
		} else {
			file->root = NULL;
			file->height = 0;
		}
		qr_slab_free(file->system, QR_SLAB_CACHE_NODE, node);
		node = parent;
	}
	while (file->height > 1) {
		struct node *root = file->root;

		if (root->count != 1 || !root->slot[0])
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
			above->slot[0] = root;
			above->count = 1;
			root->parent = above;
			root->place = 0;
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
			below->place = place;
			node->slot[place] = below;
			node->count++;
		}
		node = below;
	}
	if (status == QUIRE_OK && node->slot[index & NODE_MASK])
		status = QUIRE_EEXIST;
	if (status != QUIRE_OK) {
		prune(file, node);
		return status;
	}
	node->slot[index & NODE_MASK] = page;
	node->count++;
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
	node->slot[index & NODE_MASK] = NULL;
	node->count--;
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
		unsigned place = here;

		while (place <= end && !node->slot[place])
			place++;
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

unsigned qr_index_run(const struct quire_file *file, uint64_t *index, uint64_t last,
		      struct qr_page *const **out_run)
{
	const struct node *node = node_of(file, *index);
	unsigned place, room;

	if (!node)
		node = seek(file, index, last);
	if (!node)
		return 0;
	place = (unsigned)*index & NODE_MASK;
	room = NODE_MASK - place;
	*out_run = (struct qr_page *const *)(const void *)&node->slot[place];
	return 1 + (last - *index < room ? (unsigned)(last - *index) : room);
}
