/* SPDX-License-Identifier: MIT */
/* What the compiler asks of its library: 64-bit division (Run-time ABI for the Arm Architecture, 5.3.1). */
#include <stdint.h>

uint64_t divide_unsigned(uint64_t n, uint64_t d, uint64_t *out_rest);
int64_t divide_signed(int64_t n, int64_t d, int64_t *out_rest);

static unsigned zeros_before(uint64_t n)
{
	uint32_t high = (uint32_t)(n >> 32);

	return (unsigned)(high ? __builtin_clz(high) : 32 + __builtin_clz((uint32_t)n));
}

/* Bit by bit, but for what the CPU divides itself. */
uint64_t divide_unsigned(uint64_t n, uint64_t d, uint64_t *out_rest)
{
	uint64_t quotient = 0;

	if (!(n >> 32) && !(d >> 32)) {
		quotient = (uint32_t)n / (uint32_t)d;
		n = (uint32_t)n % (uint32_t)d;
	} else if (n >= d) {
		unsigned bits = zeros_before(d) - zeros_before(n);

		d <<= bits;
		for (unsigned i = 0; i <= bits; i++) {
			quotient <<= 1;
			if (n >= d) {
				n -= d;
				quotient |= 1;
			}
			d >>= 1;
		}
	}
	*out_rest = n;
	return quotient;
}

static uint64_t magnitude(int64_t n)
{
	return n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
}

/* The rest has the sign of what is divided. */
int64_t divide_signed(int64_t n, int64_t d, int64_t *out_rest)
{
	uint64_t rest, q = divide_unsigned(magnitude(n), magnitude(d), &rest);

	*out_rest = (int64_t)(n < 0 ? 0 - rest : rest);
	return (int64_t)((n < 0) != (d < 0) ? 0 - q : q);
}

/* The quotient is returned in r0 and r1, the rest in r2 and r3. */
#define WITH_REST(name, function)                                                                          \
	__asm__(".text\n\t.arm\n\t.globl " name "\n\t.type " name ", %function\n" name ":\n\t.fnstart\n\t" \
		"push {r4, lr}\n\t.save {r4, lr}\n"                                                        \
		"\tsub sp, sp, #16\n\t.pad #16\n\t"                                                        \
		"add r4, sp, #8\n\tstr r4, [sp]\n"                                                         \
		"\tbl " function "\n\t"                                                                    \
		"ldrd r2, r3, [sp, #8]\n\t"                                                                \
		"add sp, sp, #16\n\tpop {r4, pc}\n"                                                        \
		"\t.fnend")
WITH_REST("__aeabi_uldivmod", "divide_unsigned");
WITH_REST("__aeabi_ldivmod", "divide_signed");

int __ctzdi2(uint64_t n);
int __popcountsi2(uint32_t n);
int __popcountdi2(uint64_t n);

int __ctzdi2(uint64_t n)
{
	return (uint32_t)n ? __builtin_ctz((uint32_t)n) : 32 + __builtin_ctz((uint32_t)(n >> 32));
}

int __popcountsi2(uint32_t n)
{
	n -= n >> 1 & 0x55555555;
	n = (n & 0x33333333) + (n >> 2 & 0x33333333);
	return (int)(((n + (n >> 4)) & 0x0f0f0f0f) * 0x01010101 >> 24);
}

int __popcountdi2(uint64_t n)
{
	return __popcountsi2((uint32_t)n) + __popcountsi2((uint32_t)(n >> 32));
}
