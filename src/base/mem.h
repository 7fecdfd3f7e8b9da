/* SPDX-License-Identifier: MIT */
/* The four functions of libc that the core needs, and small arithmetic that every part uses. */
#ifndef QR_MEM_H
#define QR_MEM_H

#include <quire/types.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *at, int byte, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

/* A word of 64 bits that is read and written with atomics: aligned to its size also where the ABI of a
 * 32-bit machine would not, so that compilers need no library for it. */
typedef uint64_t qr_atomic64 __attribute__((aligned(8)));
typedef int64_t qr_atomic64s __attribute__((aligned(8)));

/* The word of a lock (base/lock.h): 0 free, 1 held, 2 held and waited for. */
struct qr_lock {
	uint32_t word;
};

#define QR_ARRAY_COUNT(a)                   (sizeof(a) / sizeof((a)[0]))
#define QR_CONTAINER(pointer, type, member) ((type *)((uintptr_t)(pointer)-offsetof(type, member)))
#define qr_likely(x)                        __builtin_expect(!!(x), 1)
#define qr_unlikely(x)                      __builtin_expect(!!(x), 0)

/* For bodies that a constant argument makes small. */
#define QR_INLINE static inline __attribute__((always_inline))

/* The same, with all that it calls: for what is a constant where the codec is. */
#define QR_FLATTEN static inline __attribute__((always_inline, flatten))

/* For the rare ways out of a short function: they must not cost it registers. */
#define QR_RARE __attribute__((noinline, cold))

/* The compiler has the value in one register from here on, and does not work it out again for each use. */
#define QR_ONCE(value) __asm__("" : "+r"(value))

/* For a function whose parameters are those of its caller, in the same order: it is jumped to, and gcc takes none of
 * them away, so the caller moves no register and saves none. clang leaves them by itself. */
#if defined(__GNUC__) && !defined(__clang__)
#define QR_APART __attribute__((noipa))
#else
#define QR_APART __attribute__((noinline))
#endif

/* Before a loop of a few turns, like that over the levels of one architecture: with constants for bounds
 * nothing of it is left. clang sees that by itself. */
#if defined(__GNUC__) && !defined(__clang__)
#define QR_UNROLL _Pragma("GCC unroll 8")
#else
#define QR_UNROLL
#endif

/* The number of the lowest bit that is set. A compiler's own function for it calls libgcc where the CPU has no instruction
 * (RISC-V without Zbb), and the library needs none on 64 bits. => bits != 0 */
static inline unsigned qr_lowest(uint32_t bits)
{
	unsigned n = 0;

	for (; !(bits & 0xff); bits >>= 8)
		n += 8;
	for (; !(bits & 1); bits >>= 1)
		n++;
	return n;
}

/* The smaller of two words, where 64 bits would be two. */
static inline size_t qr_min_word(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline uint64_t qr_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t qr_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* A doubly linked ring; a list head is a node that belongs to no object. */
struct qr_list {
	struct qr_list *next, *prev;
};

static inline void qr_list_init(struct qr_list *head)
{
	head->next = head->prev = head;
}

static inline bool qr_list_empty(const struct qr_list *head)
{
	return head->next == head;
}

static inline void qr_list_add(struct qr_list *head, struct qr_list *node)
{
	node->next = head->next;
	node->prev = head;
	head->next->prev = node;
	head->next = node;
}

static inline void qr_list_add_tail(struct qr_list *head, struct qr_list *node)
{
	qr_list_add(head->prev, node);
}

static inline void qr_list_del(struct qr_list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	node->next = node->prev = node;
}

#endif
