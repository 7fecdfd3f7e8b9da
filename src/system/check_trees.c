/* SPDX-License-Identifier: MIT */
/* Recounting page tables: tables against their descriptors, leaves against the reverse maps. */
#include "system/checker.h"

#include "kmap/kmap.h"
#include "mm/mm.h"
#include "page/rmap.h"

/* What one tree holds. */
struct tree {
	struct qr_checker *checker;
	const struct qr_pt *pt;
	uint64_t table_bytes;
	struct qr_pt_counts counts;
	const char *name;
};

/* --- tables ---------------------------------------------------------------------------------------- */

/* Checks that `entry` of `level` names a table of this tree, at the right place. Returns its page; NULL: a
 * difference was reported. */
static struct qr_page *check_table(struct tree *tree, const char *entry, unsigned level, quire_va va)
{
	const struct quire_system *system = tree->checker->system;
	const struct quire_arch *arch = qr_arch(system);
	quire_pa table = arch->table_pa(arch, qr_pte_get(arch, level, entry), level);
	struct qr_page *page = qr_page_of(system, (quire_pfn){table.v >> arch->page_shift});
	quire_va base;

	if (!page || qr_page_state(page) != QUIRE_PAGE_TABLE || page->u.table.pt != tree->pt ||
	    page->level != level - 1) {
		qr_check_fail(tree->checker,
			      "%s: the entry of level %u for %x names a table that is not its own",
			      tree->name, (uint64_t)level, (uint64_t)va);
		return NULL;
	}
	qr_rmap_owner(system, qr_pa_linear(system, table), &base);
	if (base != (va & ~(quire_va)(((uint64_t)1 << arch->level[level].shift) - 1))) {
		qr_check_fail(tree->checker, "%s: the table for %x says that it maps %x", tree->name,
			      (uint64_t)va, (uint64_t)base);
		return NULL;
	}
	if (qr_lock_held(&page->lock)) {
		qr_check_fail(tree->checker, "%s: the table for %x is locked, and nothing runs", tree->name,
			      (uint64_t)va);
		return NULL;
	}
	return page;
}

/* How many of the entries beside `entry` name tables in the frame of `page`. */
static uint64_t siblings(const struct tree *tree, const char *entry, unsigned level, size_t index,
			 const struct qr_page *page, bool *out_first)
{
	const struct quire_system *system = tree->checker->system;
	const struct quire_arch *arch = qr_arch(system);
	size_t slots = ((size_t)1 << arch->page_shift) / arch->level[level - 1].table_bytes, count = 0;
	const char *table = entry - index * arch->level[level].entry_bytes;

	*out_first = true;
	if (slots <= 1)
		return 1;
	for (size_t i = index & ~(slots - 1); i <= (index | (slots - 1)); i++) {
		quire_pte pte = qr_pte_get(arch, level, table + i * arch->level[level].entry_bytes);

		if (arch->kind(arch, pte, level) != QUIRE_PTE_TABLE ||
		    arch->table_pa(arch, pte, level).v >> arch->page_shift != page->pfn)
			continue;
		count++;
		if (i < index)
			*out_first = false;
	}
	return count;
}

/* Tables below those in the frame of `page`, tables of `level` that are no root. */
static uint64_t tables_below(const struct tree *tree, const struct qr_page *page, unsigned level)
{
	const struct quire_system *system = tree->checker->system;
	const struct quire_arch *arch = qr_arch(system);
	const char *frame = qr_page_linear(system, page);
	uint64_t count = 0;

	for (uint64_t at = 0; level > 0 && at < qr_page_bytes(system); at += arch->level[level].entry_bytes)
		count += arch->kind(arch, qr_pte_get(arch, level, frame + at), level) == QUIRE_PTE_TABLE;
	return count;
}

static uint64_t frames_of(const struct quire_arch *arch, unsigned level)
{
	uint64_t frame = (uint64_t)1 << arch->page_shift;

	return (arch->level[level].table_bytes + frame - 1) / frame;
}

/* The tables of level - 1 in [start, end). */
static bool check_level(struct tree *tree, unsigned level, quire_va start, quire_va end)
{
	const struct quire_arch *arch = qr_arch(tree->checker->system);
	uint64_t span = (uint64_t)1 << arch->level[level].shift;
	struct qr_pt_run run;

	for (quire_va va = start; qr_pt_next_run_at(tree->pt, va, end, level, &run); va = run.end) {
		const char *entry = run.entry;
		quire_va at = run.va;

		for (size_t i = 0; run.level == level && i < run.count;
		     i++, entry += run.stride, at += (quire_va)span) {
			enum quire_pte_kind kind = arch->kind(arch, qr_pte_get(arch, level, entry), level);
			struct qr_page *page;
			uint64_t held;
			bool first;

			if (kind == QUIRE_PTE_BAD || kind == QUIRE_PTE_SWAP)
				return qr_check_fail(tree->checker,
						     "%s: the entry of level %u for %x was written by no one",
						     tree->name, (uint64_t)level, (uint64_t)at);
			if (kind != QUIRE_PTE_TABLE)
				continue;
			page = check_table(tree, entry, level, at);
			if (!page)
				return false;
			held = siblings(tree, entry, level, qr_pt_index(arch, level, at), page, &first) +
			       tables_below(tree, page, level - 1);
			if (page->ref != held)
				return qr_check_fail(
				    tree->checker,
				    "frame %x (table): %u references, and %u tables in it or below",
				    page->pfn, (uint64_t)page->ref, held);
			tree->table_bytes += arch->level[level - 1].table_bytes;
			tree->checker->table_frames += first ? frames_of(arch, level - 1) : 0;
		}
	}
	return true;
}

/* --- leaves ------------------------------------------------------------------------------------------ */

struct search {
	const void *entry;
	bool found;
};

static bool is_entry(void *context, struct qr_page *page, void *entry)
{
	struct search *search = context;

	(void)page;
	search->found = entry == search->entry;
	return !search->found;
}

static void count_leaf(struct tree *tree, const struct qr_page *page, uint64_t pages)
{
	switch (qr_page_state(page)) {
	case QUIRE_PAGE_ANON:
		tree->counts.anon += pages;
		break;
	case QUIRE_PAGE_FILE:
		tree->counts.file += pages;
		break;
	case QUIRE_PAGE_SHMEM:
		tree->counts.shmem += pages;
		break;
	default:
		break;
	}
}

/* Writable private memory is mapped once: else one program would see another's stores. A page of a file is
 * mapped at its index. */
static bool check_use(struct tree *tree, struct qr_page *page, quire_pte pte, unsigned level, quire_va va)
{
	const struct quire_system *system = tree->checker->system;
	const struct quire_arch *arch = qr_arch(system);
	const struct quire_vma *vma = tree->pt->mm ? qr_find_vma(tree->pt->mm, va) : NULL;
	quire_prot prot = arch->prot(arch, pte, level);
	enum quire_page_state state = page ? qr_page_state(page) : QUIRE_PAGE_ZERO;

	/* The kernel's, and the port's own above the program (quire_mm_map_fixed()). */
	if (!tree->pt->mm || va >= tree->pt->mm->task_end)
		return true;
	if (!vma || va < vma->start)
		return qr_check_fail(tree->checker, "%s: %x is mapped, and lies in no vma", tree->name,
				     (uint64_t)va);
	if (!page)
		return true;
	if ((prot & QUIRE_PROT_WRITE) && !(vma->flags & QR_VM_SHARED)) {
		if (state == QUIRE_PAGE_FILE || state == QUIRE_PAGE_SHMEM)
			return qr_check_fail(tree->checker,
					     "%s: %x may write to the page of a file, and is private",
					     tree->name, (uint64_t)va);
		if (state == QUIRE_PAGE_ANON && qr_rmap_count(page) != 1)
			return qr_check_fail(
			    tree->checker, "%s: %x may write to private memory that is mapped elsewhere too",
			    tree->name, (uint64_t)va);
	}
	if ((state == QUIRE_PAGE_FILE || state == QUIRE_PAGE_SHMEM) && page->u.cache.file &&
	    (page->u.cache.file != vma->file || page->u.cache.index != qr_vma_index(vma, va)))
		return qr_check_fail(tree->checker, "%s: %x maps page %u of a file, and should map another",
				     tree->name, (uint64_t)va, page->u.cache.index);
	return true;
}

static bool check_leaf(struct tree *tree, void *entry, quire_pte pte, unsigned level, quire_va va)
{
	struct quire_system *system = tree->checker->system;
	const struct quire_arch *arch = qr_arch(system);
	struct qr_page *page = qr_page_of(system, arch->pfn(arch, pte, level));
	struct search search = {.entry = entry};

	if (page && qr_page_state(page) == QUIRE_PAGE_ZERO)
		page = NULL;
	if (page) {
		if (qr_page_state(page) <= QUIRE_PAGE_CPU || qr_page_state(page) == QUIRE_PAGE_TABLE ||
		    qr_page_state(page) == QUIRE_PAGE_OBJECT)
			return qr_check_fail(tree->checker, "%s: %x maps frame %x, which is %s", tree->name,
					     (uint64_t)va, page->pfn,
					     quire_page_state_name(qr_page_state(page)));
		if (!qr_rmap_sound(system, page))
			return qr_check_fail(tree->checker,
					     "%s: %x maps frame %x, whose reverse map is not one", tree->name,
					     (uint64_t)va, page->pfn);
		qr_rmap_each(system, page, is_entry, &search);
		if (!search.found)
			return qr_check_fail(tree->checker,
					     "%s: %x maps frame %x, whose reverse map does not know it",
					     tree->name, (uint64_t)va, page->pfn);
		tree->checker->leaves++;
		count_leaf(tree, page, (uint64_t)1 << (arch->level[level].shift - arch->page_shift));
	}
	return check_use(tree, page, pte, level, va);
}

static bool check_leaves(struct tree *tree, quire_va start, quire_va end)
{
	const struct quire_arch *arch = qr_arch(tree->checker->system);
	struct qr_pt_run run;

	for (quire_va va = start; qr_pt_next_run(tree->pt, va, end, &run); va = run.end) {
		char *entry = run.entry;
		quire_va at = run.va;

		for (size_t i = 0; i < run.count;
		     i++, entry += run.stride, at += (quire_va)1 << arch->page_shift) {
			quire_pte pte = qr_pte_get(arch, run.level, entry);

			switch (arch->kind(arch, pte, run.level)) {
			case QUIRE_PTE_NONE:
				break;
			case QUIRE_PTE_SWAP:
				tree->counts.swap += !qr_swap_is_marker(arch->swap_value(arch, pte));
				break;
			case QUIRE_PTE_LEAF:
				if (!check_leaf(tree, entry, pte, run.level, at))
					return false;
				break;
			default:
				return qr_check_fail(tree->checker,
						     "%s: the entry for %x was written by no one", tree->name,
						     (uint64_t)at);
			}
		}
	}
	return true;
}

/* --- trees --------------------------------------------------------------------------------------------- */

static bool check_tree(struct tree *tree, quire_va start, quire_va end)
{
	const struct quire_arch *width = qr_width(tree->checker->system);

	for (unsigned level = 1; level < width->levels; level++) {
		if (!check_level(tree, level, start, end))
			return false;
	}
	return check_leaves(tree, start, end);
}

static bool check_mm_counts(struct tree *tree, const struct quire_mm *mm)
{
	int64_t anon = 0, file = 0, shmem = 0, swap = 0;

	for (uint32_t i = 0; i < mm->slots; i++) {
		anon += mm->slot[i].anon;
		file += mm->slot[i].file;
		shmem += mm->slot[i].shmem;
		swap += mm->slot[i].swap;
	}
	if ((uint64_t)anon == tree->counts.anon && (uint64_t)file == tree->counts.file &&
	    (uint64_t)shmem == tree->counts.shmem && (uint64_t)swap == tree->counts.swap)
		return true;
	return qr_check_fail(tree->checker,
			     "%s: anon %u file %u shmem %u swap %u are mapped, and anon %u file %u "
			     "shmem %u swap %u counted",
			     tree->name, tree->counts.anon, tree->counts.file, tree->counts.shmem,
			     tree->counts.swap, (uint64_t)anon, (uint64_t)file, (uint64_t)shmem,
			     (uint64_t)swap);
}

static bool check_kernel(struct qr_checker *checker)
{
	const struct quire_arch *arch = qr_arch(checker->system);
	const struct qr_kmap *kmap = checker->system->kmap;
	struct tree tree = {.checker = checker, .name = "kernel"};

	tree.pt = &kmap->pt;
	checker->table_frames += frames_of(arch, qr_width(checker->system)->levels - 1u);
	/* Outside the area of kernel mappings the entries of the root are the port's (quire_kernel_root()). */
	if (!check_tree(&tree, kmap->start, kmap->end))
		return false;
	if (tree.table_bytes != kmap->pt.tables)
		return qr_check_fail(checker, "kernel: %u bytes of tables, and %u counted", tree.table_bytes,
				     kmap->pt.tables);
	return true;
}

bool qr_check_trees(struct qr_checker *checker)
{
	const struct quire_arch *arch = qr_arch(checker->system);
	struct qr_list *at = &checker->system->mms;

	if (!check_kernel(checker))
		return false;
	while ((at = at->next) != &checker->system->mms) {
		const struct quire_mm *mm = QR_CONTAINER(at, struct quire_mm, link);
		struct tree tree = {.checker = checker, .pt = &mm->pt, .name = "mm"};

		checker->table_frames += frames_of(arch, qr_width(checker->system)->levels - 1u);
		if (!check_tree(&tree, 0, (quire_va)qr_width(checker->system)->user_end) ||
		    !check_mm_counts(&tree, mm))
			return false;
		if (tree.table_bytes != mm->pt.tables)
			return qr_check_fail(checker, "mm: %u bytes of tables, and %u counted",
					     tree.table_bytes, mm->pt.tables);
	}
	return true;
}
