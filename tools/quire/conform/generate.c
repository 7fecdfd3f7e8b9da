/* SPDX-License-Identifier: MIT */
/* The generator: programs that stay near edges, because rules differ there. This file makes choices and
 * picks operations; generate_op.c fills them in. */
#include "generate.h"

#include <string.h>

#include "../scenario/names.h"

/* --- Choices --- */

struct conform_choice conform_seeded(uint64_t seed, uint64_t program)
{
	/* Hashed one after the other, so that neighbouring seeds share no programs. */
	uint64_t first = scn_hash(0, &seed, sizeof(seed));
	struct conform_choice choice = {.state = scn_hash(first, &program, sizeof(program))};

	return choice;
}

static uint32_t next_random(struct conform_choice *c)
{
	uint64_t z;

	if (c->bytes) {
		uint32_t value = 0;

		for (unsigned i = 0; i < 2; i++)
			value = value << 8 | (c->used < c->count ? c->bytes[c->used++] : 0);
		return value;
	}
	/* splitmix64 */
	z = c->state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ z >> 31) >> 16);
}

unsigned conform_below(struct generator *g, unsigned n)
{
	return next_random(g->choice) % n;
}

bool conform_percent(struct generator *g, unsigned n)
{
	return conform_below(g, 100) < n;
}

static uint8_t some_byte(struct generator *g)
{
	return scn_code_byte((uint8_t)conform_below(g, 16), 0);
}

bool conform_has_disk_file(const struct generator *g)
{
	for (unsigned i = 0; i < g->program->file_count; i++)
		if (g->program->file[i].kind == SCN_FILE_DISK)
			return true;
	return false;
}

/* --- Programs --- */

struct weight {
	uint8_t verb;
	uint8_t weight;
	uint16_t needs; /* CONFORM_* */
};

static const struct weight weights[] = {
    {SCN_MAP, 14, 0},
    {SCN_UNMAP, 6, 0},
    {SCN_PROTECT, 9, 0},
    {SCN_REMAP, 6, CONFORM_REMAP},
    {SCN_BRK, 3, CONFORM_BRK},
    {SCN_ADVISE, 10, CONFORM_ADVISE},
    {SCN_LOCK, 2, CONFORM_LOCKS},
    {SCN_UNLOCK, 1, CONFORM_LOCKS},
    {SCN_SYNC, 1, 0},
    {SCN_MINCORE, 2, 0},
    {SCN_LIMIT, 2, CONFORM_LOCKS | CONFORM_STACK},
    {SCN_FORK, 4, CONFORM_FORK},
    {SCN_EXIT, 1, CONFORM_FORK},
    {SCN_READ, 14, 0},
    {SCN_WRITE, 19, 0},
    {SCN_EXEC, 2, CONFORM_EXEC},
    {SCN_KREAD, 2, CONFORM_KERNEL},
    {SCN_KWRITE, 2, CONFORM_KERNEL},
    {SCN_KZERO, 2, CONFORM_KERNEL},
    {SCN_PEEK, 1, CONFORM_REMOTE},
    {SCN_POKE, 1, CONFORM_REMOTE},
    {SCN_FREAD, 1, CONFORM_FILES},
    {SCN_FWRITE, 2, CONFORM_FILES},
    {SCN_TRUNCATE, 2, CONFORM_FILES},
    {SCN_PUNCH, 2, CONFORM_FILES},
    {SCN_LAYOUT, 3, 0},
    {SCN_RESIDENT, 3, 0},
};

static unsigned total_weight(void)
{
	unsigned total = 0;

	for (unsigned i = 0; i < sizeof(weights) / sizeof(weights[0]); i++)
		total += weights[i].weight;
	return total;
}

static bool possible(const struct generator *g, unsigned verb)
{
	switch (verb) {
	case SCN_FORK:
		return g->program->proc_count < 5;
	case SCN_EXIT:
		return g->living > 1;
	case SCN_REMAP:
		return !conform_has_disk_file(g);
	case SCN_FREAD:
	case SCN_FWRITE:
	case SCN_TRUNCATE:
	case SCN_PUNCH:
		return g->program->file_count != 0;
	default:
		return true;
	}
}

static unsigned some_verb(struct generator *g)
{
	for (;;) {
		unsigned at = conform_below(g, total_weight()), i = 0;

		while (at >= weights[i].weight)
			at -= weights[i++].weight;
		if ((weights[i].needs & ~g->features) == 0 && possible(g, weights[i].verb))
			return weights[i].verb;
		if (g->choice->bytes && g->choice->used >= g->choice->count)
			return SCN_LAYOUT;
	}
}

static void next_op(struct generator *g)
{
	struct scn_program *p = g->program;
	struct scn_op *op = &p->op[p->op_count];
	unsigned proc;

	memset(op, 0, sizeof(*op));
	memset(&p->expect[p->op_count], 0, sizeof(p->expect[0]));
	op->file = op->name = op->other = SCN_NONE;
	proc = conform_below(g, p->proc_count);
	while (!g->process[proc].alive)
		proc = (proc + 1) % p->proc_count;
	op->proc = (uint8_t)proc;
	g->now = &g->process[proc];
	op->verb = (uint8_t)(p->op_count == 0 ? SCN_MAP : some_verb(g));
	op->value =
	    op->verb == SCN_WRITE || op->verb == SCN_KWRITE || op->verb == SCN_POKE || op->verb == SCN_FWRITE
		? some_byte(g)
		: 0;
	conform_generate_op(g, op);
	p->op_count++;
}

static void generate_files(struct generator *g)
{
	unsigned count = g->features & CONFORM_FILES ? conform_below(g, 3) : 0;

	for (unsigned i = 0; i < count; i++) {
		struct scn_file *file = &g->program->file[g->program->file_count++];

		snprintf(file->name, sizeof(file->name), "f%u", i);
		file->kind =
		    g->features & CONFORM_DISK && conform_percent(g, 40) ? SCN_FILE_DISK : SCN_FILE_SHM;
		file->size.pages = (int32_t)conform_below(g, 20) + (file->kind == SCN_FILE_DISK);
		file->size.bytes = conform_percent(g, 40) ? 1 + (int64_t)conform_below(g, 4094) : 0;
		file->filled =
		    file->kind == SCN_FILE_DISK || conform_percent(g, 60) ? SCN_FILL_CODE : SCN_FILL_HOLE;
		file->fill = file->filled ? (uint8_t)conform_below(g, 16) : 0;
	}
}

void conform_generate(struct conform_choice *choice, unsigned ops, unsigned features, struct scn_program *out)
{
	struct generator g = {.choice = choice, .features = features, .program = out, .living = 1};
	unsigned length;

	scn_program_init(out);
	for (unsigned i = 0; i < SCN_MAX_PROCS; i++)
		g.process[i].alive = true;
	generate_files(&g);
	length = ops - ops / 4 + conform_below(&g, ops / 2 + 1);
	if (length > SCN_MAX_OPS)
		length = SCN_MAX_OPS;
	while (out->op_count < length && !(choice->bytes && choice->used >= choice->count))
		next_op(&g);
}
