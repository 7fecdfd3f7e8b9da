/* SPDX-License-Identifier: MIT */
/* The reference model: loops over pages, values copied. */
#include "model.h"

#include <string.h>

#define ENOMEM_ -12
#define EACCES_ -13
#define EFAULT_ -14
#define EINVAL_ -22

#define PROT_W 2

static struct page *at_page(struct model *model, unsigned process, unsigned page)
{
	return &model->process[process].page[page];
}

/* Whether the page can have content: an object's page must lie before its end. */
static bool backed(const struct model *model, const struct page *page)
{
	return page->object < 0 || page->own || page->index < model->object[page->object].pages;
}

static uint64_t *words_of(struct model *model, struct page *page)
{
	static uint64_t zeroes[WORDS];

	if (page->own)
		return page->word;
	memset(zeroes, 0, sizeof(zeroes));
	return page->object < 0 ? zeroes : model->object[page->object].word[page->index];
}

/* Private content of its own, from what is seen now. */
static void make_own(struct model *model, struct page *page)
{
	if (page->own)
		return;
	memcpy(page->word, words_of(model, page), sizeof(page->word));
	page->own = true;
}

enum model_answer model_read(struct model *model, unsigned process, unsigned number, unsigned word,
			     uint64_t *out)
{
	struct page *page = at_page(model, process, number);

	*out = 0;
	if (!page->mapped)
		return ANSWER_MAPERR;
	if (page->prot == 0)
		return ANSWER_ACCERR;
	if (!backed(model, page))
		return ANSWER_BUS;
	*out = words_of(model, page)[word];
	return ANSWER_OK;
}

enum model_answer model_write(struct model *model, unsigned process, unsigned number, unsigned word,
			      uint64_t value)
{
	struct page *page = at_page(model, process, number);

	if (!page->mapped)
		return ANSWER_MAPERR;
	if (!(page->prot & PROT_W))
		return ANSWER_ACCERR;
	if (!backed(model, page))
		return ANSWER_BUS;
	if (!page->shared)
		make_own(model, page);
	words_of(model, page)[word] = value;
	return ANSWER_OK;
}

void model_unmap(struct model *model, unsigned process, unsigned at, unsigned count)
{
	for (unsigned i = at; i < at + count; i++)
		memset(at_page(model, process, i), 0, sizeof(struct page));
}

void model_map(struct model *model, unsigned process, unsigned at, unsigned count, const struct page *like)
{
	for (unsigned i = 0; i < count; i++) {
		struct page *page = at_page(model, process, at + i);

		*page = *like;
		page->mapped = true;
		page->own = false;
		if (page->object >= 0)
			page->index += i;
	}
}

/* What mlock brings in: content of its own where the program may write privately. */
static int bring_in(struct model *model, struct page *page)
{
	if (page->prot == 0 || !backed(model, page))
		return EFAULT_;
	if (!page->shared && (page->prot & PROT_W))
		make_own(model, page);
	return 0;
}

int model_protect(struct model *model, unsigned process, unsigned at, unsigned count, uint8_t prot)
{
	for (unsigned i = at; i < at + count; i++) {
		struct page *page = at_page(model, process, i);
		bool was_writable = page->prot & PROT_W;

		if (!page->mapped)
			return ENOMEM_;
		if ((prot & PROT_W) && !page->may_write)
			return EACCES_;
		page->prot = prot;
		if (page->locked && !page->shared && !was_writable && (prot & PROT_W))
			(void)bring_in(model, page);
	}
	return 0;
}

int model_move(struct model *model, unsigned process, unsigned at, unsigned count, unsigned to)
{
	if (!at_page(model, process, at)->mapped)
		return EFAULT_;
	for (unsigned i = 0; i < count; i++) {
		struct page *from = at_page(model, process, at + i);

		/* The target is unmapped vma by vma: gaps of the source leave it alone. */
		if (!from->mapped)
			continue;
		*at_page(model, process, to + i) = *from;
		memset(from, 0, sizeof(*from));
	}
	return 0;
}

int model_discard(struct model *model, unsigned process, unsigned at, unsigned count)
{
	bool hole = false;

	for (unsigned i = at; i < at + count; i++) {
		struct page *page = at_page(model, process, i);

		if (!page->mapped) {
			hole = true;
			continue;
		}
		if (page->locked)
			return EINVAL_;
		page->own = false;
	}
	return hole ? ENOMEM_ : 0;
}

int model_remove(struct model *model, unsigned process, unsigned at, unsigned count)
{
	bool hole = false;

	for (unsigned i = at; i < at + count; i++) {
		struct page *page = at_page(model, process, i);

		if (!page->mapped) {
			hole = true;
			continue;
		}
		if (page->locked || page->object < 0)
			return EINVAL_;
		if (!page->shared || !page->may_write)
			return EACCES_;
		model_punch(model, page->object, page->index, 1);
	}
	return hole ? ENOMEM_ : 0;
}

int model_advise_fork(struct model *model, unsigned process, unsigned at, unsigned count, int advice)
{
	bool hole = false;

	for (unsigned i = at; i < at + count; i++) {
		struct page *page = at_page(model, process, i);

		if (!page->mapped) {
			hole = true;
			continue;
		}
		if (advice == 18 && page->object >= 0)
			return EINVAL_;
		page->dontfork = advice == 10 || (page->dontfork && advice != 11);
		page->wipe = advice == 18 || (page->wipe && advice != 19);
	}
	return hole ? ENOMEM_ : 0;
}

int model_lock(struct model *model, unsigned process, unsigned at, unsigned count, bool lock)
{
	for (unsigned i = at; i < at + count; i++) {
		struct page *page = at_page(model, process, i);

		if (!page->mapped)
			return ENOMEM_;
		page->locked = lock;
	}
	for (unsigned i = at; lock && i < at + count; i++) {
		if (bring_in(model, at_page(model, process, i)) != 0)
			return ENOMEM_;
	}
	return 0;
}

void model_fork(struct model *model, unsigned parent, unsigned child)
{
	model->process[child] = model->process[parent];
	for (unsigned i = 0; i < WINDOW_PAGES; i++) {
		struct page *page = at_page(model, child, i);

		if (page->dontfork)
			memset(page, 0, sizeof(*page));
		page->locked = false;
		if (page->wipe)
			page->own = false;
	}
}

void model_exit(struct model *model, unsigned process)
{
	memset(&model->process[process], 0, sizeof(model->process[process]));
}

int model_object(struct model *model, uint64_t pages, bool device)
{
	for (int i = 0; i < OBJECTS; i++) {
		if (!model->object[i].used) {
			memset(&model->object[i], 0, sizeof(model->object[i]));
			model->object[i].used = true;
			model->object[i].device = device;
			model->object[i].pages = pages;
			return i;
		}
	}
	return -1;
}

void model_truncate(struct model *model, int number, uint64_t halves)
{
	struct object *object = &model->object[number];
	uint64_t pages = (halves + 1) / 2;

	for (unsigned word = WORDS / 2; halves % 2 && word < WORDS; word++)
		object->word[pages - 1][word] = 0;
	for (uint64_t i = pages; i < OBJECT_PAGES; i++)
		memset(object->word[i], 0, sizeof(object->word[i]));
	object->pages = pages;
	/* Private copies beyond the end go as well. */
	for (unsigned i = 0; i < PROCESSES * WINDOW_PAGES; i++) {
		struct page *page = at_page(model, i / WINDOW_PAGES, i % WINDOW_PAGES);

		if (page->mapped && page->object == number && page->index >= pages)
			page->own = false;
	}
}

void model_punch(struct model *model, int object, uint64_t first, uint64_t count)
{
	for (uint64_t i = first; i < first + count && i < OBJECT_PAGES; i++)
		memset(model->object[object].word[i], 0, sizeof(model->object[object].word[i]));
}

void model_collect(struct model *model, int keep)
{
	bool seen[OBJECTS] = {false};

	for (unsigned i = 0; i < PROCESSES * WINDOW_PAGES; i++) {
		const struct page *page = at_page(model, i / WINDOW_PAGES, i % WINDOW_PAGES);

		if (page->mapped && page->object >= 0)
			seen[page->object] = true;
	}
	for (int i = keep; i < OBJECTS; i++)
		model->object[i].used = seen[i];
}

unsigned model_mapped(const struct model *model, unsigned process)
{
	unsigned count = 0;

	for (unsigned i = 0; i < WINDOW_PAGES; i++)
		count += model->process[process].page[i].mapped;
	return count;
}

unsigned model_locked(const struct model *model, unsigned process)
{
	unsigned count = 0;

	for (unsigned i = 0; i < WINDOW_PAGES; i++)
		count += model->process[process].page[i].mapped && model->process[process].page[i].locked;
	return count;
}

unsigned model_own(const struct model *model, unsigned process)
{
	unsigned count = 0;

	for (unsigned i = 0; i < WINDOW_PAGES; i++)
		count += model->process[process].page[i].mapped && model->process[process].page[i].own;
	return count;
}
