/* SPDX-License-Identifier: MIT */
/* What the compiler asks of its library: 64-bit division, and atomic operations on 64 bits. */
#include <stdbool.h>
#include <stdint.h>

/* --- division --------------------------------------------------------------------------------- */

uint64_t __udivmoddi4(uint64_t n, uint64_t d, uint64_t *out_rest);
uint64_t __udivdi3(uint64_t n, uint64_t d);
uint64_t __umoddi3(uint64_t n, uint64_t d);
int64_t __divdi3(int64_t n, int64_t d);
int64_t __moddi3(int64_t n, int64_t d);
int __ctzdi2(uint64_t n);

/* high:low / d, where the quotient has 32 bits. */
static uint32_t divide(uint32_t high, uint32_t low, uint32_t d, uint32_t *out_rest)
{
	uint32_t quotient;

	__asm__("divl %4" : "=a"(quotient), "=d"(*out_rest) : "0"(low), "1"(high), "rm"(d));
	return quotient;
}

/* By the divisor's 32 uppermost bits, which is right or one too large (Knuth volume 2, 4.3.1, theorem B with both
 * shifted right by one). */
static uint64_t divide_by_large(uint64_t n, uint64_t d, uint64_t *out_rest)
{
	unsigned shift = 32 - (unsigned)__builtin_clz((uint32_t)(d >> 32));
	uint64_t half = n >> 1;
	uint32_t rest, top = (uint32_t)(d >> shift);
	uint32_t q = divide((uint32_t)(half >> 32), (uint32_t)half, top, &rest);

	q = (uint32_t)((uint64_t)q >> (shift - 1));
	if (q)
		q--;
	*out_rest = n - q * d;
	if (*out_rest >= d) {
		q++;
		*out_rest -= d;
	}
	return q;
}

uint64_t __udivmoddi4(uint64_t n, uint64_t d, uint64_t *out_rest)
{
	uint32_t high = (uint32_t)(n >> 32), quotient, rest = high, unused;
	uint64_t whole = 0;

	if (d >> 32) {
		uint64_t left;

		whole = divide_by_large(n, d, &left);
		if (out_rest)
			*out_rest = left;
		return whole;
	}
	if (high >= (uint32_t)d)
		whole = (uint64_t)divide(0, high, (uint32_t)d, &rest) << 32;
	quotient = divide(rest, (uint32_t)n, (uint32_t)d, &unused);
	if (out_rest)
		*out_rest = unused;
	return whole | quotient;
}

uint64_t __udivdi3(uint64_t n, uint64_t d)
{
	return __udivmoddi4(n, d, 0);
}

uint64_t __umoddi3(uint64_t n, uint64_t d)
{
	uint64_t rest;

	(void)__udivmoddi4(n, d, &rest);
	return rest;
}

static uint64_t magnitude(int64_t n)
{
	return n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
}

int64_t __divdi3(int64_t n, int64_t d)
{
	uint64_t q = __udivdi3(magnitude(n), magnitude(d));

	return (int64_t)((n < 0) != (d < 0) ? 0 - q : q);
}

int64_t __moddi3(int64_t n, int64_t d)
{
	uint64_t rest = __umoddi3(magnitude(n), magnitude(d));

	return (int64_t)(n < 0 ? 0 - rest : rest);
}

int __ctzdi2(uint64_t n)
{
	return (uint32_t)n ? __builtin_ctz((uint32_t)n) : 32 + __builtin_ctz((uint32_t)(n >> 32));
}

/* --- atomic operations, each with the order of LOCK: the whole one ---------------------------- */

/* The names are the compiler's, and it knows them with other types. */
#define NAMED(name) __asm__(#name)
uint64_t load_8(const volatile void *at, int order) NAMED(__atomic_load_8);
void store_8(volatile void *at, uint64_t value, int order) NAMED(__atomic_store_8);
uint64_t exchange_8(volatile void *at, uint64_t value, int order) NAMED(__atomic_exchange_8);
bool compare_exchange_8(volatile void *at, void *expected, uint64_t desired, int order, int otherwise)
    NAMED(__atomic_compare_exchange_8);

/* *at becomes `desired` if it is `expected`. Returns what it was. */
static inline uint64_t compare_exchange(volatile void *at, uint64_t expected, uint64_t desired)
{
	__asm__ volatile("lock cmpxchg8b (%1)"
			 : "+A"(expected)
			 : "r"(at), "b"((uint32_t)desired), "c"((uint32_t)(desired >> 32))
			 : "memory", "cc");
	return expected;
}

/* What is compared with is what would be stored, whatever EBX and ECX are: what is there stays. */
uint64_t load_8(const volatile void *at, int order)
{
	uint64_t value;

	__asm__ volatile("mov %%ebx, %%eax\n\tmov %%ecx, %%edx\n\tlock cmpxchg8b (%1)"
			 : "=&A"(value)
			 : "r"(at)
			 : "memory", "cc");
	return value;
}

/* A first guess, in two halves: a wrong one costs a round. */
static uint64_t glance(const volatile void *at)
{
	const volatile uint32_t *half = at;

	return half[0] | (uint64_t)half[1] << 32;
}

uint64_t exchange_8(volatile void *at, uint64_t value, int order)
{
	uint64_t seen = glance(at), was;

	while ((was = compare_exchange(at, seen, value)) != seen)
		seen = was;
	return seen;
}

void store_8(volatile void *at, uint64_t value, int order)
{
	uint64_t seen = glance(at);

	__asm__ volatile("1:\n\tlock cmpxchg8b (%1)\n\tjne 1b"
			 : "+A"(seen)
			 : "r"(at), "b"((uint32_t)value), "c"((uint32_t)(value >> 32))
			 : "memory", "cc");
}

bool compare_exchange_8(volatile void *at, void *expected, uint64_t desired, int order, int otherwise)
{
	uint64_t *wanted = expected, was = compare_exchange(at, *wanted, desired);

	if (was == *wanted)
		return true;
	*wanted = was;
	return false;
}

#define FETCH(name, operator)                                                                       \
	uint64_t name##_8(volatile void *at, uint64_t value, int order) NAMED(__atomic_##name##_8); \
	uint64_t name##_8(volatile void *at, uint64_t value, int order)                             \
	{                                                                                           \
		uint64_t seen = glance(at), was;                                                    \
                                                                                                    \
		while ((was = compare_exchange(at, seen, seen operator value)) != seen)             \
			seen = was;                                                                 \
		return seen;                                                                        \
	}
FETCH(fetch_add, +)
FETCH(fetch_sub, -)
FETCH(fetch_and, &)
FETCH(fetch_or, |)
