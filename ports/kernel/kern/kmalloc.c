/* SPDX-License-Identifier: MIT */
/* Small memory: frames of the library, cut into pieces of a power of two.
 *
 *   frame:  struct slab | piece | piece | ...     up to 1 KiB; a frame without pieces in use goes back
 *   frames: struct slab | one object ...           larger: 1 << order frames
 *
 * The head is found from any object by rounding its address down, because no object starts at a page. */
#include "kern/lock.h"
#include "kern/swap.h"

#define SLAB_MAGIC     0x51736c62
#define HEAD_BYTES     64
#define SMALLEST_SHIFT 4
#define CLASSES        7 /* 16 to 1024 */
#define LARGE          CLASSES

struct slab {
	uint32_t magic;
	uint16_t class, order; /* order: of a large object */
	struct list link;      /* in its class, while it has free pieces */
	void *free;
	unsigned in_use;
};
_Static_assert(sizeof(struct slab) <= HEAD_BYTES, "head");

static struct {
	struct spinlock lock;
	struct list partial;
} classes[CLASSES];

static unsigned class_of(size_t bytes)
{
	return bytes <= 1u << SMALLEST_SHIFT
		   ? 0
		   : 32 - SMALLEST_SHIFT - (unsigned)__builtin_clz((unsigned)bytes - 1);
}

static void *frames(unsigned order, unsigned flags)
{
	unsigned tries = 0;
	quire_pfn pfn;

	while (quire_frame_alloc(the_system, order, QUIRE_FRAME_LINEAR | flags, &pfn)) {
		if (!pages_left(tries++))
			return NULL;
	}
	return quire_frame_address(the_system, pfn);
}

static struct slab *new_slab(unsigned class)
{
	size_t bytes = (size_t)1 << (SMALLEST_SHIFT + class);
	struct slab *slab = frames(0, 0);
	char *end = (char *)slab + PAGE_SIZE;

	if (!slab)
		return NULL;
	slab->magic = SLAB_MAGIC;
	slab->class = (uint16_t) class;
	slab->free = NULL;
	slab->in_use = 0;
	for (char *piece = (char *)slab + MAX(bytes, HEAD_BYTES); piece + bytes <= end; piece += bytes) {
		*(void **)(void *)piece = slab->free;
		slab->free = piece;
	}
	return slab;
}

static void *small_alloc(unsigned class)
{
	struct slab *slab;
	void *piece;

	spin_lock(&classes[class].lock);
	if (!classes[class].partial.next)
		list_init(&classes[class].partial);
	if (list_empty(&classes[class].partial)) {
		slab = new_slab(class);
		if (!slab) {
			spin_unlock(&classes[class].lock);
			return NULL;
		}
		list_append(&classes[class].partial, &slab->link);
	}
	slab = list_first(&classes[class].partial, struct slab, link);
	piece = slab->free;
	slab->free = *(void **)piece;
	slab->in_use++;
	if (!slab->free)
		list_remove(&slab->link);
	spin_unlock(&classes[class].lock);
	return piece;
}

static void small_free(struct slab *slab, void *piece)
{
	unsigned class = slab->class;
	bool empty;

	spin_lock(&classes[class].lock);
	if (!slab->free)
		list_append(&classes[class].partial, &slab->link);
	*(void **)piece = slab->free;
	slab->free = piece;
	empty = --slab->in_use == 0;
	if (empty)
		list_remove(&slab->link);
	spin_unlock(&classes[class].lock);
	if (empty)
		page_free(slab);
}

static void *large_alloc(size_t bytes)
{
	struct slab *slab;
	unsigned order = 0;

	while (order <= 10 && (PAGE_SIZE << order) < bytes + HEAD_BYTES)
		order++;
	if (order > 10)
		return NULL;
	slab = frames(order, 0);
	if (!slab)
		return NULL;
	slab->magic = SLAB_MAGIC;
	slab->class = LARGE;
	slab->order = (uint16_t)order;
	return (char *)slab + HEAD_BYTES;
}

void *kmalloc(size_t bytes)
{
	unsigned tries = 0;
	void *object;

	if (bytes > (size_t)1 << (SMALLEST_SHIFT + CLASSES - 1))
		return large_alloc(bytes);
	/* A class is locked while it gets a frame: pages leave without the lock. */
	while ((object = small_alloc(class_of(bytes))) == NULL && pages_left(tries++))
		;
	return object;
}

void *kzalloc(size_t bytes)
{
	void *object = kmalloc(bytes);

	return object ? memset(object, 0, bytes) : NULL;
}

void *krealloc(void *old, size_t old_bytes, size_t bytes)
{
	void *object = kmalloc(bytes);

	if (!object)
		return NULL;
	if (old)
		memcpy(object, old, MIN(old_bytes, bytes));
	kfree(old);
	return object;
}

void kfree(void *object)
{
	struct slab *slab = (struct slab *)ALIGN_DOWN((uintptr_t)object, PAGE_SIZE);

	if (!object)
		return;
	if (slab->magic != SLAB_MAGIC)
		panic("kfree(%p): nothing was allocated there", object);
	if (slab->class == LARGE) {
		slab->magic = 0;
		quire_frame_free(the_system, quire_frame_of(the_system, slab), slab->order);
	} else {
		small_free(slab, object);
	}
}

char *kstrdup(const char *text)
{
	size_t bytes = strlen(text) + 1;
	char *copy = kmalloc(bytes);

	return copy ? memcpy(copy, text, bytes) : NULL;
}

void *page_alloc(void)
{
	return frames(0, 0);
}

void *page_zalloc(void)
{
	return frames(0, QUIRE_FRAME_ZERO);
}

void page_free(void *page)
{
	quire_frame_free(the_system, quire_frame_of(the_system, page), 0);
}
