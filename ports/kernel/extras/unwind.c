/* SPDX-License-Identifier: MIT */
/* The chain of calls in the kernel, from the call frame information that the compiler wrote (.eh_frame).
 *
 *   .eh_frame:  CIE (rules at every function's start)  FDE (one function: how the rules change)  ...
 *   a row:      CFA = register + offset; each saved register at CFA + offset
 *
 * DWARF 4, 6.4 and 7.23; LSB core 10.6 (the augmentation). Assembly has no such information: a pc there is
 * taken for one of a function that has pushed nothing. */
#include "extras/unwind.h"

#ifdef ARCH_DWARF_REGISTERS

#define ROWS_KEPT 4 /* DW_CFA_remember_state nests this deep at most */

/* Low six bits of these three hold an operand. */
enum {
	CFA_ADVANCE_LOC = 1,
	CFA_OFFSET = 2,
	CFA_RESTORE = 3
};
enum {
	CFA_NOP = 0x00,
	CFA_SET_LOC = 0x01,
	CFA_ADVANCE_LOC1 = 0x02,
	CFA_ADVANCE_LOC2 = 0x03,
	CFA_ADVANCE_LOC4 = 0x04,
	CFA_UNDEFINED = 0x07,
	CFA_SAME_VALUE = 0x08,
	CFA_REMEMBER_STATE = 0x0a,
	CFA_RESTORE_STATE = 0x0b,
	CFA_DEF_CFA = 0x0c,
	CFA_DEF_CFA_REGISTER = 0x0d,
	CFA_DEF_CFA_OFFSET = 0x0e,
	CFA_GNU_ARGS_SIZE = 0x2e
};
enum {
	PE_UDATA4 = 0x03,
	PE_SDATA4 = 0x0b,
	PE_PCREL = 0x10
};

/* Bytes that are read in order; `bad` once they are not what was expected. */
struct reader {
	const uint8_t *at, *end;
	bool bad;
};

struct row {
	uint64_t cfa_register;
	int64_t cfa_offset;
	uint64_t saved; /* bit n: register n lies at CFA + offset[n] */
	int64_t offset[ARCH_DWARF_REGISTERS];
};

struct program {
	uint64_t code_align;
	int64_t data_align;
	uint64_t start, end; /* the function */
	struct reader initial, changes;
};

/* --- reading ---------------------------------------------------------------------------------- */

static uint64_t take(struct reader *r, unsigned bytes)
{
	uint64_t value = 0;

	if ((size_t)(r->end - r->at) < bytes) {
		r->bad = true;
		r->at = r->end;
		return 0;
	}
	memcpy(&value, r->at, bytes);
	r->at += bytes;
	return value;
}

static uint64_t take_leb(struct reader *r, bool is_signed)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = (uint8_t)take(r, 1);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80 && !r->bad);
	if (is_signed && byte & 0x40 && shift < 64)
		value |= ~0ull << shift;
	return value;
}

static uint64_t take_address(struct reader *r, unsigned encoding)
{
	uint64_t place = (uintptr_t)r->at;
	int64_t value = (int32_t)take(r, 4);

	if ((encoding & 0x0f) == PE_UDATA4)
		value = (uint32_t)value;
	else if ((encoding & 0x0f) != PE_SDATA4)
		r->bad = true;
	if (encoding & ~(PE_PCREL | 0x0fu))
		r->bad = true;
	return (uint64_t)value + (encoding & PE_PCREL ? place : 0);
}

/* The CIE at `at`, its length word included: its rules, and how its FDEs write addresses. */
static bool read_cie(const uint8_t *at, const uint8_t *end, struct program *out, unsigned *out_encoding)
{
	struct reader r = {at, end, false};
	uint64_t length = take(&r, 4), version;
	const char *augmentation;
	const uint8_t *data_end;

	r.end = r.at + MIN(length, (uint64_t)(r.end - r.at));
	if (take(&r, 4) != 0)
		return false;
	version = take(&r, 1);
	augmentation = (const char *)r.at;
	while (take(&r, 1))
		;
	out->code_align = take_leb(&r, false);
	out->data_align = (int64_t)take_leb(&r, true);
	/* Version 3 differs in the return address's column alone, which version 1 has as one byte: below 128 alike. */
	if ((version != 1 && version != 3) || take_leb(&r, false) != ARCH_DWARF_RA ||
	    strcmp(augmentation, "zR") != 0)
		return false;
	length = take_leb(&r, false);
	data_end = r.at + length;
	*out_encoding = (unsigned)take(&r, 1);
	r.at = data_end;
	out->initial = r;
	return !r.bad && data_end <= r.end;
}

/* The FDE whose function holds `pc`. */
static bool find_program(const struct unwind_image *image, uint64_t pc, struct program *out)
{
	struct reader all = {image->frames, image->frames_end, false};

	while (all.at < all.end) {
		uint64_t length = take(&all, 4), back;
		struct reader r = {all.at, all.at + MIN(length, (uint64_t)(all.end - all.at)), false};
		const uint8_t *id = r.at;
		unsigned encoding;

		if (!length || all.bad)
			return false;
		all.at = r.end;
		back = take(&r, 4);
		if (!back)
			continue; /* a CIE */
		if (back > (uint64_t)(id - image->frames) ||
		    !read_cie(id - back, image->frames_end, out, &encoding))
			return false;
		out->start = take_address(&r, encoding);
		out->end = out->start + take(&r, 4);
		if (r.bad || pc < out->start || pc >= out->end)
			continue;
		length = take_leb(&r, false);
		r.at += MIN(length, (uint64_t)(r.end - r.at));
		out->changes = r;
		return true;
	}
	return false;
}

/* --- the rules at one pc ---------------------------------------------------------------------- */

static void set_saved(struct reader *r, struct row *row, uint64_t reg, int64_t offset)
{
	if (reg >= ARCH_DWARF_REGISTERS) {
		r->bad = true;
		return;
	}
	row->saved |= 1ull << reg;
	row->offset[reg] = offset;
}

static void forget_saved(struct reader *r, struct row *row, const struct row *initial, uint64_t reg)
{
	if (reg >= ARCH_DWARF_REGISTERS) {
		r->bad = true;
		return;
	}
	row->saved &= ~(1ull << reg);
	row->saved |= initial->saved & 1ull << reg;
	row->offset[reg] = initial->offset[reg];
}

struct machine {
	struct row row, initial, kept[ROWS_KEPT];
	unsigned kept_count;
	uint64_t pc;
};

/* One instruction whose whole first byte is its name. */
static void run_one(struct machine *m, struct reader *r, const struct program *p, unsigned name)
{
	struct row nothing = {0};

	switch (name) {
	case CFA_NOP:
		break;
	case CFA_ADVANCE_LOC1:
	case CFA_ADVANCE_LOC2:
	case CFA_ADVANCE_LOC4:
		m->pc += take(r, 1u << (name - CFA_ADVANCE_LOC1)) * p->code_align;
		break;
	case CFA_UNDEFINED:
	case CFA_SAME_VALUE:
		forget_saved(r, &m->row, &nothing, take_leb(r, false));
		break;
	case CFA_REMEMBER_STATE:
		r->bad |= m->kept_count == ROWS_KEPT;
		if (!r->bad)
			m->kept[m->kept_count++] = m->row;
		break;
	case CFA_RESTORE_STATE:
		r->bad |= !m->kept_count;
		if (!r->bad)
			m->row = m->kept[--m->kept_count];
		break;
	case CFA_DEF_CFA:
		m->row.cfa_register = take_leb(r, false);
		m->row.cfa_offset = (int64_t)take_leb(r, false);
		break;
	case CFA_DEF_CFA_REGISTER:
		m->row.cfa_register = take_leb(r, false);
		break;
	case CFA_DEF_CFA_OFFSET:
		m->row.cfa_offset = (int64_t)take_leb(r, false);
		break;
	case CFA_GNU_ARGS_SIZE:
		(void)take_leb(r, false);
		break;
	default: /* expressions: gcc and clang write none for C without dynamic stacks */
		r->bad = true;
	}
}

/* Runs instructions until they speak of what lies behind `pc`. */
static bool run(struct machine *m, struct reader r, const struct program *p, uint64_t pc)
{
	while (r.at < r.end && !r.bad && m->pc <= pc) {
		unsigned byte = (unsigned)take(&r, 1), operand = byte & 0x3f;

		switch (byte >> 6) {
		case CFA_ADVANCE_LOC:
			m->pc += operand * p->code_align;
			break;
		case CFA_OFFSET:
			set_saved(&r, &m->row, operand, (int64_t)take_leb(&r, false) * p->data_align);
			break;
		case CFA_RESTORE:
			forget_saved(&r, &m->row, &m->initial, operand);
			break;
		default:
			run_one(m, &r, p, byte);
		}
	}
	return !r.bad;
}

/* --- a step ----------------------------------------------------------------------------------- */

static bool read_stack(const struct unwind *u, uint64_t at, uint64_t *out)
{
	if (at & (sizeof(uintptr_t) - 1) || at < u->stack || at >= u->stack_end)
		return false;
	*out = *(const uintptr_t *)(uintptr_t)at;
	return true;
}

static enum unwind_result returns_to(struct unwind *u, uint64_t pc)
{
	u->pc = pc;
	return pc >= u->image->text && pc < u->image->text_end ? UNWIND_CALLER : UNWIND_LOST;
}

/* The caller of a function that has a frame, by `row`. Where calls push nothing, the function that was
 * interrupted may not have saved the return address, and may have no frame. */
static enum unwind_result leave_frame(struct unwind *u, const struct row *row)
{
	bool saved = row->saved & 1ull << ARCH_DWARF_RA, innermost = u->steps == 1 && !ARCH_CALL_PUSHES;
	uint64_t cfa;

	if (row->cfa_register >= ARCH_DWARF_REGISTERS || (!saved && !innermost))
		return UNWIND_LOST;
	cfa = u->reg[row->cfa_register] + (uint64_t)row->cfa_offset;
	for (unsigned i = 0; i < ARCH_DWARF_REGISTERS; i++)
		if (row->saved & 1ull << i && !read_stack(u, cfa + (uint64_t)row->offset[i], &u->reg[i]))
			return UNWIND_LOST;
	/* Stacks grow down: the caller's frame lies above. */
	if (cfa < u->reg[ARCH_DWARF_SP] || (cfa == u->reg[ARCH_DWARF_SP] && !innermost))
		return UNWIND_LOST;
	u->reg[ARCH_DWARF_SP] = cfa;
	return returns_to(u, u->reg[ARCH_DWARF_RA]);
}

/* Assembly, or a wild jump: nothing is known but where the call came from. */
static enum unwind_result leave_unknown(struct unwind *u)
{
	uint64_t pc = u->reg[ARCH_DWARF_RA];

	if (ARCH_CALL_PUSHES) {
		if (!read_stack(u, u->reg[ARCH_DWARF_SP], &pc))
			return UNWIND_LOST;
		u->reg[ARCH_DWARF_SP] += sizeof(uintptr_t);
	}
	return returns_to(u, pc);
}

enum unwind_result unwind_step(struct unwind *u)
{
	struct machine machine = {0};
	struct program program;
	uint64_t pc = u->pc;

	/* A return address is behind its call, which may be its function's last instruction. */
	if (u->steps++)
		pc--;
	if (u->steps > 1 && pc >= u->image->entry && pc < u->image->entry_end)
		return UNWIND_END;
	if (!find_program(u->image, pc, &program))
		return u->steps == 1 ? leave_unknown(u) : UNWIND_LOST;
	if (!run(&machine, program.initial, &program, UINT64_MAX))
		return UNWIND_LOST;
	machine.initial = machine.row;
	machine.pc = program.start;
	if (!run(&machine, program.changes, &program, pc))
		return UNWIND_LOST;
	return leave_frame(u, &machine.row);
}

#endif
