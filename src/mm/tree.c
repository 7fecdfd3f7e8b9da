/* SPDX-License-Identifier: MIT */
/* The index of vmas: an AVL tree by address whose nodes know the widest gap below them.
 *
 *   before:   prev.end ........ gap ........ start      gap(vma): what a search may use below vma;
 *                                |<- guard ->|          a growing vma keeps its guard pages
 *
 *   node.gap == max(gap(node), left.gap, right.gap)     so a search for a gap descends like one for
 *   |height(left) - height(right)| <= 1                 an address: O(log n), upwards or downwards
 *
 * Parent links instead of a stack of ancestors: nothing here recurses or needs memory. */
#include "mm/mm.h"

static int height(const struct quire_vma *node)
{
	return node ? node->height : 0;
}

/* Where the free gap below `vma` ends. */
static quire_va gap_end(const struct quire_mm *mm, const struct quire_vma *vma)
{
	uint64_t guard;
	quire_va floor;

	if (!(vma->flags & QR_VM_GROWSDOWN))
		return vma->start;
	guard = mm->system->stack_guard_pages << qr_arch(mm->system)->page_shift;
	floor = vma->prev ? vma->prev->end : 0;
	return vma->start - floor > guard ? vma->start - (quire_va)guard : floor;
}

static quire_va gap_start(const struct quire_vma *vma)
{
	return vma->prev ? vma->prev->end : 0;
}

static quire_va own_gap(const struct quire_mm *mm, const struct quire_vma *vma)
{
	return gap_end(mm, vma) - gap_start(vma);
}

/* Brings a node up to date with its children. Returns whether anything above it may change. */
static bool update(const struct quire_mm *mm, struct quire_vma *node)
{
	quire_va gap = own_gap(mm, node), was = node->gap;
	int left = height(node->left), right = height(node->right), old = node->height;

	if (node->left && node->left->gap > gap)
		gap = node->left->gap;
	if (node->right && node->right->gap > gap)
		gap = node->right->gap;
	node->gap = gap;
	node->height = (int8_t)(1 + (left > right ? left : right));
	return node->gap != was || node->height != old;
}

static void update_up(const struct quire_mm *mm, struct quire_vma *node)
{
	while (node && update(mm, node))
		node = node->parent;
}

/* Replaces `old` by `node`, which may be NULL, in its parent. */
static void replace(struct quire_mm *mm, struct quire_vma *old, struct quire_vma *node)
{
	struct quire_vma *parent = old->parent;

	if (!parent)
		mm->root = node;
	else if (parent->left == old)
		parent->left = node;
	else
		parent->right = node;
	if (node)
		node->parent = parent;
}

static struct quire_vma *rotate_left(struct quire_mm *mm, struct quire_vma *node)
{
	struct quire_vma *top = node->right;

	replace(mm, node, top);
	node->right = top->left;
	if (node->right)
		node->right->parent = node;
	top->left = node;
	node->parent = top;
	update(mm, node);
	update(mm, top);
	return top;
}

static struct quire_vma *rotate_right(struct quire_mm *mm, struct quire_vma *node)
{
	struct quire_vma *top = node->left;

	replace(mm, node, top);
	node->left = top->right;
	if (node->left)
		node->left->parent = node;
	top->right = node;
	node->parent = top;
	update(mm, node);
	update(mm, top);
	return top;
}

static void rebalance_up(struct quire_mm *mm, struct quire_vma *node)
{
	for (; node; node = node->parent) {
		int lean = height(node->left) - height(node->right);

		if (lean > 1) {
			if (height(node->left->left) < height(node->left->right))
				rotate_left(mm, node->left);
			node = rotate_right(mm, node);
		} else if (lean < -1) {
			if (height(node->right->right) < height(node->right->left))
				rotate_right(mm, node->right);
			node = rotate_left(mm, node);
		} else if (!update(mm, node)) {
			return;
		}
	}
}

struct quire_vma *qr_find_vma(const struct quire_mm *mm, quire_va va)
{
	struct quire_vma *node = mm->root, *found = NULL;

	while (node) {
		if (va < node->start) {
			found = node;
			node = node->left;
		} else if (va < node->end) {
			return node;
		} else {
			node = node->right;
		}
	}
	return found;
}

struct quire_vma *qr_find_vma_intersection(const struct quire_mm *mm, quire_va start, quire_va end)
{
	struct quire_vma *vma = qr_find_vma(mm, start);

	return vma && vma->start < end ? vma : NULL;
}

struct quire_vma *qr_last_vma(const struct quire_mm *mm)
{
	struct quire_vma *node = mm->root;

	while (node && node->right)
		node = node->right;
	return node;
}

void qr_vma_link(struct quire_mm *mm, struct quire_vma *vma)
{
	struct quire_vma **link = &mm->root, *parent = NULL, *prev = NULL, *next = NULL;

	while (*link) {
		parent = *link;
		if (vma->start < parent->start) {
			next = parent;
			link = &parent->left;
		} else {
			prev = parent;
			link = &parent->right;
		}
	}
	qr_assert_contract(mm->system, vma->start < vma->end);
	qr_assert_contract(mm->system,
			   (!prev || prev->end <= vma->start) && (!next || vma->end <= next->start));
	vma->left = vma->right = NULL;
	vma->height = 0;
	vma->parent = parent;
	vma->prev = prev;
	vma->next = next;
	*link = vma;
	if (prev)
		prev->next = vma;
	else
		mm->first = vma;
	if (next)
		next->prev = vma;
	mm->vmas++;
	rebalance_up(mm, vma);
	update_up(mm, next);
}

void qr_vma_unlink(struct quire_mm *mm, struct quire_vma *vma)
{
	struct quire_vma *next = vma->next, *from;

	if (vma->left && vma->right) {
		/* The next one has no left child; it takes this place. */
		if (next->parent == vma) {
			from = next;
		} else {
			from = next->parent;
			replace(mm, next, next->right);
			next->right = vma->right;
			next->right->parent = next;
		}
		next->left = vma->left;
		next->left->parent = next;
		/* The gap that the nodes above have recorded for this place. */
		next->gap = vma->gap;
		next->height = vma->height;
		replace(mm, vma, next);
	} else {
		from = vma->parent;
		replace(mm, vma, vma->left ? vma->left : vma->right);
	}
	if (vma->prev)
		vma->prev->next = next;
	else
		mm->first = next;
	if (next)
		next->prev = vma->prev;
	mm->vmas--;
	vma->left = vma->right = vma->parent = vma->prev = vma->next = NULL;
	rebalance_up(mm, from);
	update_up(mm, next);
}

void qr_vma_moved(struct quire_mm *mm, struct quire_vma *vma)
{
	update_up(mm, vma);
	update_up(mm, vma->next);
}

/* The highest vma of `node`'s subtree whose own gap holds `length`. => node->gap >= length. */
static struct quire_vma *highest_in(const struct quire_mm *mm, struct quire_vma *node, uint64_t length)
{
	for (;;) {
		if (node->right && node->right->gap >= length)
			node = node->right;
		else if (own_gap(mm, node) >= length)
			return node;
		else
			node = node->left;
	}
}

static struct quire_vma *lowest_in(const struct quire_mm *mm, struct quire_vma *node, uint64_t length)
{
	for (;;) {
		if (node->left && node->left->gap >= length)
			node = node->left;
		else if (own_gap(mm, node) >= length)
			return node;
		else
			node = node->right;
	}
}

/* The highest vma below `vma` in the tree whose own gap holds `length`; NULL: none. */
static struct quire_vma *next_lower(const struct quire_mm *mm, struct quire_vma *vma, uint64_t length)
{
	for (;;) {
		if (vma->left && vma->left->gap >= length)
			return highest_in(mm, vma->left, length);
		while (vma->parent && vma->parent->left == vma)
			vma = vma->parent;
		vma = vma->parent;
		if (!vma || own_gap(mm, vma) >= length)
			return vma;
	}
}

static struct quire_vma *next_higher(const struct quire_mm *mm, struct quire_vma *vma, uint64_t length)
{
	for (;;) {
		if (vma->right && vma->right->gap >= length)
			return lowest_in(mm, vma->right, length);
		while (vma->parent && vma->parent->right == vma)
			vma = vma->parent;
		vma = vma->parent;
		if (!vma || own_gap(mm, vma) >= length)
			return vma;
	}
}

/* The gap below `vma` (NULL: above the last one), cut to [low, high). Returns its length. */
static uint64_t clipped_gap(const struct quire_mm *mm, const struct quire_vma *vma, uint64_t low,
			    uint64_t high, uint64_t *out_start)
{
	const struct quire_vma *last = vma ? NULL : qr_last_vma(mm);
	uint64_t start = vma ? gap_start(vma) : last ? last->end : 0;
	uint64_t end = vma ? gap_end(mm, vma) : UINT64_MAX;

	start = qr_max(start, low);
	end = qr_min(end, high);
	*out_start = start;
	return end > start ? end - start : 0;
}

/* The lowest vma that starts at or above `va`; NULL: none. */
static struct quire_vma *first_from(const struct quire_mm *mm, uint64_t va)
{
	struct quire_vma *node = mm->root, *found = NULL;

	while (node) {
		if (node->start >= va) {
			found = node;
			node = node->left;
		} else {
			node = node->right;
		}
	}
	return found;
}

enum quire_status qr_gap_top_down(const struct quire_mm *mm, uint64_t length, quire_va low, quire_va high,
				  quire_va *out_va)
{
	struct quire_vma *vma = first_from(mm, high);
	uint64_t start, room;

	/* Only the gap that `high` lies in can be cut by it. */
	room = clipped_gap(mm, vma, low, high, &start);
	if (room < length) {
		if (vma)
			vma = next_lower(mm, vma, length);
		else
			vma = mm->root && mm->root->gap >= length ? highest_in(mm, mm->root, length) : NULL;
		if (!vma)
			return QUIRE_ENOMEM;
		room = clipped_gap(mm, vma, low, high, &start);
		/* The highest full gap, cut by `low`: all others are lower. */
		if (room < length)
			return QUIRE_ENOMEM;
	}
	*out_va = (quire_va)(start + room - length);
	return QUIRE_OK;
}

enum quire_status qr_gap_bottom_up(const struct quire_mm *mm, uint64_t length, quire_va low, quire_va high,
				   quire_va *out_va)
{
	struct quire_vma *vma = first_from(mm, low);
	uint64_t start, room = clipped_gap(mm, vma, low, high, &start);

	while (room < length) {
		if (!vma)
			return QUIRE_ENOMEM;
		vma = next_higher(mm, vma, length);
		room = clipped_gap(mm, vma, low, high, &start);
		if (vma && room < length)
			return QUIRE_ENOMEM;
	}
	*out_va = (quire_va)start;
	return QUIRE_OK;
}

static bool node_valid(const struct quire_mm *mm, const struct quire_vma *node)
{
	uint64_t gap = own_gap(mm, node);
	int left = height(node->left), right = height(node->right);

	if (node->left)
		gap = qr_max(gap, node->left->gap);
	if (node->right)
		gap = qr_max(gap, node->right->gap);
	return node->gap == gap && node->height == 1 + (left > right ? left : right) && left - right <= 1 &&
	       right - left <= 1 && (!node->left || node->left->parent == node) &&
	       (!node->right || node->right->parent == node) &&
	       (node->parent ? node->parent->left == node || node->parent->right == node : mm->root == node);
}

/* The tree's own order, without the list: the successor of `node`. */
static const struct quire_vma *successor(const struct quire_vma *node)
{
	if (node->right) {
		for (node = node->right; node->left;)
			node = node->left;
		return node;
	}
	while (node->parent && node->parent->right == node)
		node = node->parent;
	return node->parent;
}

bool qr_mm_valid(const struct quire_mm *mm)
{
	const struct quire_vma *vma = mm->root, *prev = NULL;
	uint64_t mask = qr_page_mask(mm->system), total = 0, locked = 0;
	uint32_t count = 0;

	while (vma && vma->left)
		vma = vma->left;
	if (vma != mm->first)
		return false;
	for (; vma; prev = vma, vma = successor(vma)) {
		if (vma->mm != mm || vma->start >= vma->end || ((vma->start | vma->end) & mask) != 0 ||
		    vma->end > mm->task_end || vma->prev != prev || (prev && prev->next != vma) ||
		    (prev && prev->end > vma->start) || !node_valid(mm, vma) || ++count > mm->vmas)
			return false;
		total += qr_vma_pages(vma);
		locked += vma->flags & QR_VM_LOCKED ? qr_vma_pages(vma) : 0;
	}
	return count == mm->vmas && (!prev || !prev->next) && total == mm->total_vm &&
	       locked == mm->locked_vm;
}
