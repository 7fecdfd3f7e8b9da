/* SPDX-License-Identifier: MIT */
/* What the compiler asks of its library where the machine has no instruction for it (no Zbb). */
#include <stdint.h>

int __clzdi2(uint64_t n);
int __ctzdi2(uint64_t n);
int __popcountdi2(uint64_t n);
uint64_t __bswapdi2(uint64_t n);
uint32_t __bswapsi2(uint32_t n);
unsigned char __atomic_fetch_or_1(volatile void *at, unsigned char bits, int order);

/* => n is not 0. */
int __clzdi2(uint64_t n)
{
	int zeroes = 0;

	for (int half = 32; half; half /= 2) {
		if (!(n >> (64 - half))) {
			zeroes += half;
			n <<= half;
		}
	}
	return zeroes;
}

/* Sums of 2, 4 and 8 bits side by side; the product adds the bytes. */
int __popcountdi2(uint64_t n)
{
	n -= n >> 1 & 0x5555555555555555;
	n = (n & 0x3333333333333333) + (n >> 2 & 0x3333333333333333);
	n = (n + (n >> 4)) & 0x0f0f0f0f0f0f0f0f;
	return (int)(n * 0x0101010101010101 >> 56);
}

/* => n is not 0: the bits below the lowest one. */
int __ctzdi2(uint64_t n)
{
	return __popcountdi2((n & -n) - 1);
}

uint64_t __bswapdi2(uint64_t n)
{
	n = (n >> 8 & 0x00ff00ff00ff00ff) | (n & 0x00ff00ff00ff00ff) << 8;
	n = (n >> 16 & 0x0000ffff0000ffff) | (n & 0x0000ffff0000ffff) << 16;
	return n >> 32 | n << 32;
}

uint32_t __bswapsi2(uint32_t n)
{
	n = (n >> 8 & 0x00ff00ff) | (n & 0x00ff00ff) << 8;
	return n >> 16 | n << 16;
}

/* Atomic instructions are of words: the other three bytes get no bit. Little endian. */
unsigned char __atomic_fetch_or_1(volatile void *at, unsigned char bits, int order)
{
	uint32_t *word = (uint32_t *)((uintptr_t)at & ~3ul);
	unsigned shift = 8 * ((uintptr_t)at & 3);

	return (unsigned char)(__atomic_fetch_or(word, (uint32_t)bits << shift, __ATOMIC_SEQ_CST) >> shift);
}
