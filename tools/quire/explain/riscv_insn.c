/* SPDX-License-Identifier: MIT */
/* RISC-V's instructions that access memory, which capstone has only after version 4. All others have no text.
 * Source: the unprivileged specification, "RV32/64G Instruction Set Listings" and "RVC Instruction Set Listings". */
#include "explain.h"

#include <string.h>

/* One instruction: what the assembler calls it, and its fields. */
struct insn {
	const char *name;  /* NULL: it does not access memory, or is not known */
	const char *order; /* "": an atomic's suffix */
	unsigned base, data, source;
	int32_t offset;
	bool writes, floats, atomic;
};

static const char *const integers[32] = {"zero", "ra", "sp", "gp", "tp",  "t0",  "t1", "t2", "s0", "s1", "a0",
					 "a1",   "a2", "a3", "a4", "a5",  "a6",  "a7", "s2", "s3", "s4", "s5",
					 "s6",   "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};
static const char *const floats[32] = {"ft0", "ft1", "ft2",  "ft3",  "ft4", "ft5", "ft6",  "ft7",
				       "fs0", "fs1", "fa0",  "fa1",  "fa2", "fa3", "fa4",  "fa5",
				       "fa6", "fa7", "fs2",  "fs3",  "fs4", "fs5", "fs6",  "fs7",
				       "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11"};

/* `count` bits of a word from `low` on. */
static uint32_t bits(uint32_t word, unsigned low, unsigned count)
{
	return word >> low & ((1u << count) - 1);
}

/* The same, moved to bit `to` of a number. */
static int32_t piece(uint32_t word, unsigned low, unsigned count, unsigned to)
{
	return (int32_t)(bits(word, low, count) << to);
}

/* LOAD, LOAD-FP: immediate of the I format. */
static void load(uint32_t word, struct insn *insn)
{
	static const char *const names[2][8] = {{"lb", "lh", "lw", "ld", "lbu", "lhu", "lwu", NULL},
						{NULL, "flh", "flw", "fld", "flq", NULL, NULL, NULL}};

	insn->floats = bits(word, 2, 1);
	insn->name = names[insn->floats][bits(word, 12, 3)];
	insn->data = bits(word, 7, 5);
	insn->offset = (int32_t)word >> 20;
}

/* STORE, STORE-FP: immediate of the S format. */
static void store(uint32_t word, struct insn *insn)
{
	static const char *const names[2][8] = {{"sb", "sh", "sw", "sd", NULL, NULL, NULL, NULL},
						{NULL, "fsh", "fsw", "fsd", "fsq", NULL, NULL, NULL}};

	insn->floats = bits(word, 2, 1);
	insn->name = names[insn->floats][bits(word, 12, 3)];
	insn->data = bits(word, 20, 5);
	insn->offset = (int32_t)(word & 0xfe000000) >> 20 | piece(word, 7, 5, 0);
	insn->writes = true;
}

/* AMO: no immediate. */
static void atomic(uint32_t word, struct insn *insn)
{
	static const char *const names[2][32] = {
	    {"amoadd.w", "amoswap.w", "lr.w", "sc.w", "amoxor.w", [8] = "amoor.w", [12] = "amoand.w",
	     [16] = "amomin.w", [20] = "amomax.w", [24] = "amominu.w", [28] = "amomaxu.w"},
	    {"amoadd.d", "amoswap.d", "lr.d", "sc.d", "amoxor.d", [8] = "amoor.d", [12] = "amoand.d",
	     [16] = "amomin.d", [20] = "amomax.d", [24] = "amominu.d", [28] = "amomaxu.d"}};
	static const char *const orders[4] = {"", ".rl", ".aq", ".aqrl"};
	unsigned width = bits(word, 12, 3), function = bits(word, 27, 5);

	if (width != 2 && width != 3)
		return;
	insn->name = names[width - 2][function];
	insn->order = orders[bits(word, 25, 2)];
	insn->data = bits(word, 7, 5);
	insn->source = bits(word, 20, 5);
	insn->writes = function != 2;
	insn->atomic = true;
}

static void decode_long(uint32_t word, struct insn *insn)
{
	insn->base = bits(word, 15, 5);
	switch (word & 0x7f) {
	case 0x03:
	case 0x07:
		load(word, insn);
		break;
	case 0x23:
	case 0x27:
		store(word, insn);
		break;
	case 0x2f:
		atomic(word, insn);
		break;
	default:
		break;
	}
}

/* funct3 of C.FLD, C.LW, C.LD, -, C.FSD, C.SW, C.SD, and of their forms with sp. */
static const char *const short_names[8] = {NULL, "fld", "lw", "ld", NULL, "fsd", "sw", "sd"};

/* Quadrant 0: registers 8 to 15. */
static void decode_by_register(uint32_t half, unsigned function, struct insn *insn)
{
	insn->base = 8 + bits(half, 7, 3);
	insn->data = 8 + bits(half, 2, 3);
	insn->offset = piece(half, 10, 3, 3);
	if (function == 2 || function == 6)
		insn->offset |= piece(half, 6, 1, 2) | piece(half, 5, 1, 6);
	else
		insn->offset |= piece(half, 5, 2, 6);
}

/* Quadrant 2: at sp. */
static void decode_by_sp(uint32_t half, unsigned function, struct insn *insn)
{
	insn->base = 2;
	insn->data = insn->writes ? bits(half, 2, 5) : bits(half, 7, 5);
	if (function == 2)
		insn->offset = piece(half, 12, 1, 5) | piece(half, 4, 3, 2) | piece(half, 2, 2, 6);
	else if (!insn->writes)
		insn->offset = piece(half, 12, 1, 5) | piece(half, 5, 2, 3) | piece(half, 2, 3, 6);
	else if (function == 6)
		insn->offset = piece(half, 9, 4, 2) | piece(half, 7, 2, 6);
	else
		insn->offset = piece(half, 10, 3, 3) | piece(half, 7, 3, 6);
	/* Reserved: a load to x0. */
	if (!insn->writes && !insn->floats && insn->data == 0)
		insn->name = NULL;
}

static void decode_short(uint32_t half, struct insn *insn)
{
	unsigned quadrant = half & 3, function = half >> 13;

	if (quadrant == 1)
		return;
	insn->name = short_names[function];
	insn->writes = function > 4;
	insn->floats = function == 1 || function == 5;
	if (quadrant == 0)
		decode_by_register(half, function, insn);
	else
		decode_by_sp(half, function, insn);
}

static void write_text(const struct insn *insn, char *out, size_t size)
{
	const char *base = integers[insn->base];
	const char *data = insn->floats ? floats[insn->data] : integers[insn->data];

	if (!insn->atomic)
		snprintf(out, size, "%s %s,%d(%s)", insn->name, data, insn->offset, base);
	else if (insn->writes)
		snprintf(out, size, "%s%s %s,%s,(%s)", insn->name, insn->order, data, integers[insn->source],
			 base);
	else
		snprintf(out, size, "%s%s %s,(%s)", insn->name, insn->order, data, base);
}

bool ex_riscv_access(const uint8_t *bytes, size_t count, struct ex_access *out_access)
{
	struct insn insn = {.order = ""};
	uint32_t half;

	if (count < 2)
		return false;
	half = (uint32_t)(bytes[0] | bytes[1] << 8);
	if ((half & 3) != 3)
		decode_short(half, &insn);
	else if (count >= 4)
		decode_long(half | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24, &insn);
	if (!insn.name)
		return false;
	write_text(&insn, out_access->text, sizeof(out_access->text));
	out_access->base = insn.base ? integers[insn.base] : NULL;
	out_access->offset = insn.offset;
	out_access->writes = insn.writes;
	out_access->reads = !insn.writes || (insn.atomic && strncmp(insn.name, "sc", 2) != 0);
	return true;
}
