/* SPDX-License-Identifier: MIT */
/* Trees of tables: roots made and freed, tables placed in frames.
 *
 *   table smaller than a frame   lies at the place that its index gives; siblings share the frame,
 *                                whose ref counts them
 *   table of a frame             is the frame
 *   table larger than a frame    a block; each frame's descriptor has its own base
 *
 * In every case va == base of the frame + ((offset in the frame / entry bytes) << shift). */
#include "pt/tree.h"

static unsigned order_of(const struct quire_arch *arch, uint64_t bytes)
{
	unsigned order = 0;

	while ((uint64_t)1 << (arch->page_shift + order) < bytes)
		order++;
	return order;
}

/* A cleared block for a table of `level` that maps from `base` on. */
static struct qr_page *new_block(struct qr_pt *pt, unsigned level, uint64_t base)
{
	const struct quire_arch *arch = qr_arch(pt->system);
	unsigned order = order_of(arch, arch->level[level].table_bytes);
	size_t frame = (size_t)1 << arch->page_shift;
	uint64_t span = (uint64_t)(frame / arch->level[level].entry_bytes) << arch->level[level].shift;
	struct qr_page *page =
	    qr_frame_alloc(pt->system, order, QUIRE_FRAME_LINEAR | QR_FRAME_BLANK, QUIRE_PAGE_TABLE);

	if (!page)
		return NULL;
	for (size_t i = 0; i < (size_t)1 << order; i++) {
		page[i].u.table.pt = pt;
		page[i].u.table.base = (quire_va)(base + i * span);
		page[i].level = (uint8_t)level;
		page[i].linear = (char *)qr_page_linear(pt->system, page) + i * frame;
	}
	return page;
}

/* Where the kernel's half begins in a root that has both. */
static size_t kernel_half(const struct quire_system *system)
{
	const struct quire_arch *arch = qr_arch(system), *width = qr_width(system);
	unsigned top = width->levels - 1u;

	return qr_pt_index(arch, top, (quire_va)width->kernel_start) * arch->level[top].entry_bytes;
}

/* Copies the kernel's half of a root that has both, a frame at a time. Who adds to it holds PT of the frame. */
static void copy_kernel_half(struct qr_pt *to, const struct qr_pt *kernel)
{
	struct quire_system *system = to->system;
	const struct quire_level *level = &qr_arch(system)->level[qr_width(system)->levels - 1u];
	size_t end = (size_t)level->entry_bytes << level->index_bits, next;

	for (size_t at = kernel_half(system); at < end; at = next) {
		struct qr_page *frame = qr_page_at(system, kernel->root + at);

		next = qr_min_word((at | (size_t)qr_page_mask(system)) + 1, end);
		qr_pt_lock(kernel, frame);
		memcpy(to->root + at, kernel->root + at, next - at);
		qr_pt_unlock(kernel, frame);
	}
}

enum quire_status qr_pt_create(struct quire_system *system, struct quire_mm *mm, const struct qr_pt *kernel,
			       struct qr_pt *out_pt)
{
	const struct quire_arch *arch = qr_arch(system);
	unsigned top = qr_width(system)->levels - 1u;
	const struct quire_level *level = &arch->level[top];
	uint64_t covers = (uint64_t)1 << (level->shift + level->index_bits);
	uint64_t base = 0;
	struct qr_page *page;

	/* The kernel's half has its own root: its first entry maps the first address of the half. */
	if ((arch->caps & QUIRE_CAP_SPLIT_ROOT) && !mm)
		base = qr_width(system)->kernel_start & ~(covers - 1);
	*out_pt = (struct qr_pt){.system = system, .mm = mm};
	page = new_block(out_pt, top, base);
	if (!page)
		return QUIRE_ENOMEM;
	out_pt->root = qr_page_linear(system, page);
	out_pt->root_pa = (quire_pa){page->pfn << arch->page_shift};

	if (kernel && !(arch->caps & QUIRE_CAP_SPLIT_ROOT))
		copy_kernel_half(out_pt, kernel);
	if (system->host->pte_sync)
		system->host->pte_sync(system->host_context, NULL);
	return QUIRE_OK;
}

static bool is_zero(const struct quire_system *system, const struct qr_page *table)
{
	const uint64_t *word = qr_page_linear(system, table);

	for (uint64_t i = 0; i < qr_page_bytes(system) / sizeof(*word); i++) {
		if (word[i] != 0)
			return false;
	}
	return true;
}

void qr_table_free(struct quire_system *system, struct qr_page *table)
{
	unsigned order = qr_page_order(table);

	if (order == 0) {
		qr_assert_whole(system, is_zero(system, table));
		qr_page_set(table, QR_PAGE_ZEROED);
	}
	qr_frame_free(system, table, order);
}

void qr_pt_destroy(struct qr_pt *pt)
{
	const struct quire_arch *arch = qr_arch(pt->system);
	struct qr_page *page = qr_page_at(pt->system, pt->root);
	size_t kernel = kernel_half(pt->system);

	qr_assert(pt->system, __atomic_load_n(&pt->tables, __ATOMIC_RELAXED) == 0);
	/* Without tables the program's half is empty. */
	if (pt->mm &&
	    arch->level[qr_width(pt->system)->levels - 1u].table_bytes == qr_page_bytes(pt->system)) {
		if (!(arch->caps & QUIRE_CAP_SPLIT_ROOT))
			memset(pt->root + kernel, 0, (size_t)qr_page_bytes(pt->system) - kernel);
		qr_table_free(pt->system, page);
	} else {
		qr_page_put(pt->system, page);
	}
	pt->root = NULL;
}

/* The frame that siblings of entry `index` lie in already; NULL: none. => lock of the table held. */
static struct qr_page *sibling_frame(const struct qr_pt *pt, unsigned level, const char *table, size_t index,
				     size_t slots)
{
	const struct quire_arch *arch = qr_arch(pt->system);

	for (size_t i = index & ~(slots - 1); i <= (index | (slots - 1)); i++) {
		quire_pte pte = qr_pte_get(arch, level, table + i * arch->level[level].entry_bytes);
		struct qr_page *page;

		if (arch->kind(arch, pte, level) != QUIRE_PTE_TABLE)
			continue;
		page = qr_page_of(pt->system,
				  (quire_pfn){arch->table_pa(arch, pte, level).v >> arch->page_shift});
		/* A table of the port may lie anywhere. */
		if (page && qr_page_state(page) == QUIRE_PAGE_TABLE && page->u.table.pt == pt)
			return page;
	}
	return NULL;
}

/* A cleared table of level - 1 for `entry` of `level`; {0}: no frame. => lock of the table held. */
static quire_pa place_table(struct qr_pt *pt, unsigned level, const char *entry, quire_va va)
{
	const struct quire_arch *arch = qr_arch(pt->system);
	size_t bytes = arch->level[level - 1].table_bytes;
	size_t frame = (size_t)1 << arch->page_shift;
	size_t slots = bytes < frame ? frame / bytes : 1;
	uint64_t span = (uint64_t)slots << arch->level[level].shift;
	size_t index = qr_pt_index(arch, level, va);
	size_t offset = (index & (slots - 1)) * bytes;
	struct qr_page *page = NULL;

	if (slots > 1)
		page = sibling_frame(pt, level, entry - index * arch->level[level].entry_bytes, index, slots);
	if (page) {
		qr_page_get(page);
		memset((char *)qr_page_linear(pt->system, page) + offset, 0, bytes);
	} else {
		page = new_block(pt, level - 1, va & ~(span - 1));
	}
	return page ? (quire_pa){(page->pfn << arch->page_shift) + offset} : (quire_pa){0};
}

char *qr_pt_make_table(struct qr_pt *pt, unsigned level, char *entry, quire_va va, unsigned *made)
{
	struct quire_system *system = pt->system;
	const struct quire_arch *arch = qr_arch(system);
	struct qr_page *parent = qr_page_at(system, entry);
	quire_pte pte;
	quire_pa table = {0};

	qr_pt_lock(pt, parent);
	pte = qr_pte_get(arch, level, entry);
	switch (arch->kind(arch, pte, level)) {
	case QUIRE_PTE_NONE:
		table = place_table(pt, level, entry, va);
		if (table.v == 0)
			break;
		/* A root is freed with its tree and counts no tables. */
		if (level < qr_width(pt->system)->levels - 1u)
			qr_page_get(parent);
		qr_pte_set(arch, level, entry, arch->table(arch, table, level));
		__atomic_fetch_add(&pt->tables, arch->level[level - 1].table_bytes, __ATOMIC_RELAXED);
		++*made;
		/* The cleared table, and the entry that names it. */
		if (system->host->pte_sync)
			system->host->pte_sync(system->host_context, NULL);
		break;
	case QUIRE_PTE_TABLE: /* another CPU was faster */
		table = arch->table_pa(arch, pte, level);
		break;
	default:
		break;
	}
	qr_pt_unlock(pt, parent);
	return table.v ? qr_pa_linear(system, table) : NULL;
}
