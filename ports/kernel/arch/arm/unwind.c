/* SPDX-License-Identifier: MIT */
/* The chain of calls in the kernel, by the tables that the compiler wrote: .ARM.exidx and .ARM.extab.
 *
 *   a row of the index:   start of a function, from here    how to leave it: 1, or three bytes, or where there are more
 *
 * Exception Handling ABI for the Arm Architecture, sections 5, 6 and 9.3. The tables describe a function after its
 * first instructions, where it saves registers. A pc among those is one of a function that has saved them. */
#include "unwind.h"

#include "kern/kernel.h"

struct row {
	uint32_t start, how;
};
extern const struct row unwind_index[], unwind_index_end[];
extern const char image_start[], text_end[];

#define CANNOT 1u
#define INLINE 0x80000000u
#define FINISH 0xb0

/* The compact model's, which is done here: the rows only name them. */
void __aeabi_unwind_cpp_pr0(void);
void __aeabi_unwind_cpp_pr1(void);
void __aeabi_unwind_cpp_pr0(void)
{
}
void __aeabi_unwind_cpp_pr1(void)
{
}

/* The bytes of an entry, the uppermost of each word first. */
struct bytes {
	const uint32_t *word;
	unsigned left; /* in all words */
	unsigned at;   /* in this one: 3 is the uppermost */
};

/* 31 bits with a sign, from their own address. */
static uint32_t from_here(const uint32_t *at)
{
	return (uint32_t)(uintptr_t)at + (uint32_t)((int32_t)(*at << 1) >> 1);
}

/* The last row that begins at `pc` or before; NULL: none does. */
static const struct row *find_row(uint32_t pc)
{
	const struct row *low = unwind_index, *high = unwind_index_end;

	while (low < high) {
		const struct row *middle = low + (high - low) / 2;

		if (from_here(&middle->start) <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	return low == unwind_index ? NULL : low - 1;
}

static bool find_bytes(const struct row *row, struct bytes *out)
{
	const uint32_t *word = &row->how;

	if (*word == CANNOT)
		return false;
	if (!(*word & INLINE))
		word = (const uint32_t *)(uintptr_t)from_here(word);
	switch (*word >> 24) {
	case 0x80:
		*out = (struct bytes){word, 3, 2};
		return true;
	case 0x81:
	case 0x82:
		*out = (struct bytes){word, 2 + 4 * (*word >> 16 & 0xff), 1};
		return true;
	default:
		return false;
	}
}

/* Behind the last byte stands FINISH. */
static unsigned take(struct bytes *b)
{
	unsigned byte;

	if (!b->left)
		return FINISH;
	b->left--;
	byte = *b->word >> (8 * b->at) & 0xff;
	if (b->at--)
		return byte;
	b->at = 3;
	b->word++;
	return byte;
}

/* Pops the registers of `mask`, the lowest first. */
static bool pop(struct unwind *u, uint32_t *vsp, unsigned mask)
{
	uint32_t popped_sp = 0;

	for (unsigned i = 0; i < 16; i++) {
		if (!(mask >> i & 1))
			continue;
		if (*vsp & 3 || *vsp < u->stack || *vsp >= u->stack_end)
			return false;
		if (i == UNWIND_SP)
			popped_sp = *(const uint32_t *)(uintptr_t)*vsp;
		else
			u->reg[i] = *(const uint32_t *)(uintptr_t)*vsp;
		*vsp += 4;
	}
	if (mask >> UNWIND_SP & 1)
		*vsp = popped_sp;
	return true;
}

static uint32_t take_leb(struct bytes *b)
{
	uint32_t value = 0;
	unsigned shift = 0, byte;

	do {
		byte = take(b);
		value |= (byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80 && shift < 32);
	return value;
}

/* One instruction that begins with `byte`, and is not FINISH. */
static bool run_one(struct unwind *u, struct bytes *b, unsigned byte, uint32_t *vsp)
{
	unsigned mask;

	if (byte < 0x40) {
		*vsp += ((byte & 0x3f) << 2) + 4;
		return true;
	}
	if (byte < 0x80) {
		*vsp -= ((byte & 0x3f) << 2) + 4;
		return true;
	}
	if (byte < 0x90) {
		mask = ((byte & 15) << 8 | take(b)) << 4;
		return mask && pop(u, vsp, mask);
	}
	if (byte < 0xa0) {
		*vsp = u->reg[byte & 15];
		return (byte & 15) != UNWIND_SP && (byte & 15) != UNWIND_PC;
	}
	if (byte < 0xb0) {
		mask = ((2u << (byte & 7)) - 1) << 4;
		return pop(u, vsp, mask | (byte & 8 ? 1u << UNWIND_LR : 0));
	}
	if (byte == 0xb1) {
		mask = take(b);
		return mask && mask < 16 && pop(u, vsp, mask);
	}
	if (byte == 0xb2) {
		*vsp += 0x204 + (take_leb(b) << 2);
		return true;
	}
	return false; /* a coprocessor's registers: the kernel saves none in a function */
}

/* A jump to no code: nothing is known but where the call came from. */
static bool leave_unknown(struct unwind *u)
{
	u->reg[UNWIND_PC] = u->reg[UNWIND_LR];
	return u->steps == 1;
}

static bool in_text(uint32_t pc)
{
	return pc >= (uintptr_t)image_start && pc < (uintptr_t)text_end;
}

static bool leave(struct unwind *u)
{
	/* A return address is behind its call, which may be its function's last instruction. */
	uint32_t pc = u->reg[UNWIND_PC] - (u->steps++ ? 4 : 0), vsp = u->reg[UNWIND_SP];
	const struct row *row = in_text(pc) ? find_row(pc) : NULL;
	struct bytes bytes;

	if (!row || !find_bytes(row, &bytes))
		return leave_unknown(u);
	u->reg[UNWIND_PC] = 0;
	for (unsigned byte; (byte = take(&bytes)) != FINISH;)
		if (!run_one(u, &bytes, byte, &vsp))
			return false;
	if (!u->reg[UNWIND_PC])
		u->reg[UNWIND_PC] = u->reg[UNWIND_LR];
	/* Stacks grow down: the caller's frame lies above. */
	if (vsp < u->reg[UNWIND_SP] || (vsp == u->reg[UNWIND_SP] && u->steps > 1))
		return false;
	u->reg[UNWIND_SP] = vsp;
	return true;
}

bool unwind_step(struct unwind *u)
{
	return leave(u) && in_text(u->reg[UNWIND_PC]);
}
