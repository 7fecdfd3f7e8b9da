/* SPDX-License-Identifier: MIT */
/* quire_check() finds each thing that can be wrong, and says which. */
#include "tests/page/box.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "file/file.h"
#include "mm/mm.h"
#include "page/rmap.h"

/* A parent and a child of fork, a private and a shared mapping of a file, memory of the port. */
struct scene {
	struct box box;
	struct quire_mm *parent, *child;
	struct quire_file *file;
	quire_va anon, shared, private;
	quire_pfn pfn;
	char why[200];
};

static quire_va map(struct scene *scene, struct quire_file *file, uint32_t flags)
{
	struct quire_mapping how = {
	    .length = 6 * qr_page_bytes(scene->box.system),
	    .prot = QUIRE_PROT_READ | QUIRE_PROT_WRITE,
	    .flags = flags | QUIRE_MAP_POPULATE | (file ? 0 : QUIRE_MAP_ANONYMOUS),
	    .file = file,
	};
	quire_va va;

	assert_int_equal(quire_mmap(scene->parent, &how, &va), QUIRE_OK);
	return va;
}

static void begin(struct scene *scene, const struct quire_arch *arch)
{
	memset(scene, 0, sizeof(*scene));
	box_make(&scene->box, arch, (struct box_range[]){{0x40, 700, false}, {0}}, NULL);
	/* The mm lock is taken by one thread here: ranks of two mms would be told as disorder. */
	scene->box.host.lock_event = NULL;
	assert_int_equal(quire_mm_create(scene->box.system, NULL, &scene->parent), QUIRE_OK);
	assert_int_equal(
	    quire_file_create(scene->box.system, NULL, NULL, 64 << arch->page_shift, &scene->file), QUIRE_OK);
	scene->anon = map(scene, NULL, QUIRE_MAP_PRIVATE);
	scene->shared = map(scene, scene->file, QUIRE_MAP_SHARED);
	scene->private = map(scene, scene->file, QUIRE_MAP_PRIVATE);
	assert_int_equal(quire_mm_fork(scene->parent, &scene->child), QUIRE_OK);
	assert_int_equal(quire_frame_alloc(scene->box.system, 2, 0, &scene->pfn), QUIRE_OK);
}

static void expect_right(struct scene *scene)
{
	enum quire_status status = quire_check(scene->box.system, scene->why, sizeof(scene->why));

	if (status != QUIRE_OK)
		fail_msg("%s: %s", scene->box.arch->name, scene->why);
	assert_string_equal(scene->why, "");
}

static void expect_wrong(struct scene *scene, const char *part)
{
	assert_int_equal(quire_check(scene->box.system, scene->why, sizeof(scene->why)), QUIRE_EINVAL);
	if (!strstr(scene->why, part))
		fail_msg("it says \"%s\", and not \"%s\"", scene->why, part);
	/* A short buffer gets the beginning, ended. */
	char few[12];

	assert_int_equal(quire_check(scene->box.system, few, sizeof(few)), QUIRE_EINVAL);
	assert_memory_equal(few, scene->why, sizeof(few) - 1);
	assert_int_equal(few[11], '\0');
	assert_int_equal(quire_check(scene->box.system, NULL, 0), QUIRE_EINVAL);
}

static void end(struct scene *scene)
{
	quire_frame_free(scene->box.system, scene->pfn, 2);
	quire_mm_put(scene->child);
	expect_right(scene);
	quire_mm_put(scene->parent);
	quire_file_put(scene->file);
	expect_right(scene);
	box_end(&scene->box);
}

static void *entry_of(struct scene *scene, quire_va va)
{
	void *entry = qr_pt_find(&scene->parent->pt, va, 0);

	assert_non_null(entry);
	return entry;
}

static struct qr_page *page_of(struct scene *scene, quire_va va)
{
	const struct quire_arch *arch = scene->box.arch;

	return qr_page_of(scene->box.system, arch->pfn(arch, qr_pte_get(arch, 0, entry_of(scene, va)), 0));
}

static void test_right(void **state)
{
	(void)state;
	for (unsigned i = 0; quire_arch_at(i); i++) {
		struct scene scene;
		quire_va end_of_user = (quire_va)quire_arch_at(i)->user_end;

		/* The toy has too few pages for the scene's layout. */
		if (end_of_user >> quire_arch_at(i)->page_shift < 4096)
			continue;
		begin(&scene, quire_arch_at(i));
		expect_right(&scene);
		end(&scene);
	}
}

#define WRONG(scene, place, value, part)         \
	do {                                     \
		__typeof__(place) was = (place); \
		(place) = (value);               \
		expect_wrong(scene, part);       \
		(place) = was;                   \
		expect_right(scene);             \
	} while (0)

static void test_counts(void **state)
{
	struct scene s;
	struct quire_system *system;

	(void)state;
	begin(&s, quire_arch_at(0));
	system = s.box.system;
	/* One frame at least is in the list of the CPU. */
	qr_frame_free(system, qr_frame_alloc(system, 0, 0, QUIRE_PAGE_PORT), 0);
	expect_right(&s);
	WRONG(&s, page_of(&s, s.anon)->ref, was + 1, "3 references, and 2 are held");
	WRONG(&s, page_of(&s, s.shared)->ref, was - 1, "references, and");
	WRONG(&s, s.parent->slot[0].anon, was + 1, "anon 12 file 0 shmem");
	WRONG(&s, s.child->slot[0].swap, 1, "swap 1 counted");
	WRONG(&s, system->committed, was + 3, "pages are promised, and");
	WRONG(&s, system->zone[QR_ZONE_LINEAR].free, was - 1, "in its lists, and");
	WRONG(&s, system->cpu[0].frames[QR_ZONE_LINEAR].count, was - 1, "frames are cpu, and");
	WRONG(&s, system->cpu[0].busy, 1, "its lists are taken");
	WRONG(&s, system->states[QUIRE_PAGE_ANON], was + 1, "frames are anon, and");
	WRONG(&s, s.parent->pt.tables, was + 4096, "bytes of tables, and");
	WRONG(&s, qr_page_at(system, entry_of(&s, s.anon))->ref, was + 1, "tables in it");
	WRONG(&s, qr_page_at(system, entry_of(&s, s.anon))->u.table.base, was + 0x1000, "says that it maps");
	WRONG(&s, qr_page_at(system, entry_of(&s, s.anon))->lock.word, 1, "is locked");
	WRONG(&s, s.file->dirty, was + 1, "dirty pages or promises");
	WRONG(&s, system->cpu[0].dirty, was + 1, "wait to be written, and");
	WRONG(&s, s.parent->total_vm, was + 1, "its vmas");
	WRONG(&s, qr_find_vma(s.parent, s.anon)->file, s.file, "does not know it");
	WRONG(&s, s.parent->writer, 1, "its lock is held");
	WRONG(&s, page_of(&s, s.anon)->pfn, was + 1, "its descriptor was overwritten");
	end(&s);
}

static void test_mappings(void **state)
{
	const struct quire_arch *arch = quire_arch_at(0);
	struct qr_page *page, *other;
	struct scene s;
	quire_va own;
	void *entry;
	quire_pte pte;

	(void)state;
	begin(&s, arch);
	entry = entry_of(&s, s.anon);
	pte = qr_pte_get(arch, 0, entry);
	page = page_of(&s, s.anon);
	other = page_of(&s, s.anon + (quire_va)qr_page_bytes(s.box.system));

	/* Each of these is the trace of a well-known kind of bug. */
	qr_pte_set(arch, 0, entry, (quire_pte){0});
	expect_wrong(&s, "anon 11 file 0");
	qr_pte_set(
	    arch, 0, entry,
	    arch->make(arch, qr_page_pfn(s.box.system, other), QUIRE_PROT_READ | QUIRE_PROT_USER, 0, 0));
	expect_wrong(&s, "whose reverse map does not know it");
	qr_pte_set(arch, 0, entry,
		   arch->with_prot(arch, pte, arch->prot(arch, pte, 0) | QUIRE_PROT_WRITE, 0));
	expect_wrong(&s, "may write to private memory that is mapped elsewhere too");
	qr_pte_set(arch, 0, entry, pte);
	expect_right(&s);

	entry = entry_of(&s, s.shared);
	pte = qr_pte_get(arch, 0, entry);
	qr_page_set_state(s.box.system, page, QUIRE_PAGE_SHMEM);
	expect_wrong(&s, "whose reverse map is not one");
	qr_page_set_state(s.box.system, page, QUIRE_PAGE_ANON);
	/* Mapped by the parent alone. */
	own = map(&s, NULL, QUIRE_MAP_PRIVATE);
	page = page_of(&s, own);
	qr_page_set_state(s.box.system, page, QUIRE_PAGE_SHMEM);
	expect_wrong(&s, "may write to the page of a file, and is private");
	assert_int_equal(quire_mprotect(s.parent, own, 1, QUIRE_PROT_READ), QUIRE_OK);
	expect_wrong(&s, "anon 17 file 0");
	qr_page_set_state(s.box.system, page, QUIRE_PAGE_ANON);
	page = page_of(&s, s.shared);
	page->u.cache.index++;
	expect_wrong(&s, "and should map another");
	page->u.cache.index--;
	qr_rmap_del(s.box.system, page, entry);
	expect_wrong(&s, "whose reverse map does not know it");
	assert_int_equal(qr_rmap_add(s.box.system, page, entry), QUIRE_OK);
	expect_right(&s);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_right),
	    cmocka_unit_test(test_counts),
	    cmocka_unit_test(test_mappings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
