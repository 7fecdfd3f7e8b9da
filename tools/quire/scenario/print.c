/* SPDX-License-Identifier: MIT */
/* The printer. It writes programs as text that the parser can read, and results in the same words. */
#include "names.h"
#include "traits.h"

#include <inttypes.h>
#include <string.h>

static void print_bytes(FILE *to, int64_t bytes, bool sign)
{
	uint64_t n = bytes < 0 ? 0 - (uint64_t)bytes : (uint64_t)bytes;

	if (bytes < 0)
		fputc('-', to);
	else if (sign)
		fputc('+', to);
	if (n >= 1024)
		fprintf(to, "0x%" PRIx64, n);
	else
		fprintf(to, "%" PRIu64, n);
}

/* A size on its own has no leading sign; a negative byte count is printed as a large unsigned one. */
static void print_size(FILE *to, struct scn_size size)
{
	if (size.pages)
		fprintf(to, "%" PRId32 "p", size.pages);
	if (!size.pages && size.bytes < 0)
		fprintf(to, "0x%" PRIx64, (uint64_t)size.bytes);
	else if (size.bytes || !size.pages)
		print_bytes(to, size.bytes, size.pages != 0);
}

static void print_offset(FILE *to, struct scn_size size)
{
	if (size.pages)
		fprintf(to, "%+" PRId32 "p", size.pages);
	if (size.bytes)
		print_bytes(to, size.bytes, true);
}

static void print_addr(FILE *to, const struct scn_program *program, struct scn_addr addr)
{
	switch (addr.base) {
	case SCN_BASE_ARENA:
		fputs("arena", to);
		break;
	case SCN_BASE_HEAP:
		fputs("heap", to);
		break;
	case SCN_BASE_KERNEL:
		fputs("kernel", to);
		break;
	case SCN_BASE_ZERO:
		if (addr.off.bytes < 0) {
			fprintf(to, "0x%" PRIx64, (uint64_t)addr.off.bytes);
			addr.off.bytes = 0;
		} else {
			fputc('0', to);
		}
		break;
	default:
		fprintf(to, "%s%s", program->name[addr.name], addr.base == SCN_BASE_END ? ".end" : "");
	}
	print_offset(to, addr.off);
}

static void print_prot(FILE *to, uint32_t prot)
{
	uint32_t grows = prot & (SCN_PROT_GROWSDOWN | SCN_PROT_GROWSUP);

	if (prot & ~(7u | SCN_PROT_GROWSDOWN | SCN_PROT_GROWSUP) ||
	    grows == (SCN_PROT_GROWSDOWN | SCN_PROT_GROWSUP)) {
		fprintf(to, "0x%" PRIx32, prot);
		return;
	}
	if (!(prot & 7))
		fputs("none", to);
	fprintf(to, "%s%s%s", prot & 1 ? "r" : "", prot & 2 ? "w" : "", prot & 4 ? "x" : "");
	if (grows)
		fputs(grows == SCN_PROT_GROWSDOWN ? "+growsdown" : "+growsup", to);
}

/* The words for the bits of `flags`; bits without a word are printed as a number. */
static void print_flags(FILE *to, const struct scn_word *words, uint32_t flags)
{
	for (; words->name; words++) {
		if (flags & words->number) {
			fprintf(to, " %s", words->name);
			flags &= ~words->number;
		}
	}
	if (flags)
		fprintf(to, " flags 0x%" PRIx32, flags);
}

static void print_map_words(FILE *to, const struct scn_program *program, const struct scn_op *op)
{
	static const char *const type[] = {"untyped", "shared", "private", "validate"};
	uint32_t flags = op->flags & ~3u;

	fprintf(to, " %s", type[op->flags & 3]);
	if (op->file != SCN_NONE) {
		fprintf(to, " file %s", program->file[op->file].name);
		if (op->off.pages || op->off.bytes) {
			fputc(' ', to);
			print_size(to, op->off);
		}
	} else {
		flags &= ~(uint32_t)SCN_MAP_ANONYMOUS;
	}
	if (flags & SCN_MAP_NOREPLACE)
		fputs(" noreplace ", to);
	else if (flags & SCN_MAP_FIXED)
		fputs(" fixed ", to);
	else if (op->addr.base != SCN_BASE_ZERO || op->addr.off.pages || op->addr.off.bytes)
		fputs(" at ", to);
	else
		goto words;
	print_addr(to, program, op->addr);
	if (flags & SCN_MAP_NOREPLACE && flags & SCN_MAP_FIXED)
		fputs(" flags 0x10", to);
words:
	print_flags(to, scn_map_words, flags & ~(uint32_t)(SCN_MAP_NOREPLACE | SCN_MAP_FIXED));
}

static void print_operand(FILE *to, const struct scn_program *program, const struct scn_op *op, char letter)
{
	const char *name;

	switch (letter) {
	case 'a':
		fputc(' ', to);
		print_addr(to, program, op->addr);
		break;
	case 'l':
		fputc(' ', to);
		if (op->verb == SCN_LIMIT && op->len.bytes == -1)
			fputs("unlimited", to);
		else
			print_size(to, op->len);
		break;
	case 'n':
		fputc(' ', to);
		print_size(to, op->len2);
		break;
	case 'o':
		fputc(' ', to);
		print_size(to, op->off);
		break;
	case 'f':
		fprintf(to, " %s", program->file[op->file].name);
		break;
	case 'p':
		fputc(' ', to);
		print_prot(to, op->prot);
		break;
	case 'm':
		print_map_words(to, program, op);
		break;
	case 'r':
		if (op->flags & SCN_REMAP_FIXED)
			fputs(" fixed ", to);
		else if (op->to.base != SCN_BASE_ZERO || op->to.off.pages || op->to.off.bytes)
			fputs(" to ", to);
		if (op->flags & SCN_REMAP_FIXED || op->to.base != SCN_BASE_ZERO || op->to.off.pages ||
		    op->to.off.bytes)
			print_addr(to, program, op->to);
		print_flags(to, scn_remap_words, op->flags & ~(uint32_t)SCN_REMAP_FIXED);
		break;
	case 'K':
		print_flags(to, scn_lock_words, op->flags);
		break;
	case 'S':
		print_flags(to, scn_sync_words, op->flags);
		break;
	case 'F':
		fprintf(to, " %s", scn_word_name(scn_store_words, op->flags));
		break;
	case 'A':
		name = scn_word_name(scn_advice_words, op->flags);
		if (name)
			fprintf(to, " %s", name);
		else
			fprintf(to, " %" PRIu32, op->flags);
		break;
	case 'v':
		fprintf(to, " = %u", op->value);
		break;
	case 'x':
		if (op->times != 1)
			fprintf(to, " x%u", op->times);
		break;
	case 'P':
	case 'N':
		fprintf(to, " %s", program->proc_name[op->other]);
		break;
	case 'L':
		fprintf(to, " %s", scn_word_name(scn_limit_words, op->other));
		break;
	default: /* w */
		if (op->len.pages || op->len.bytes) {
			fputc(' ', to);
			print_addr(to, program, op->addr);
			fputc(' ', to);
			print_size(to, op->len);
		}
	}
}

void scn_print_op(FILE *to, const struct scn_program *program, unsigned index)
{
	const struct scn_op *op = &program->op[index];

	if (op->proc)
		fprintf(to, "%s: ", program->proc_name[op->proc]);
	if (op->name != SCN_NONE)
		fprintf(to, "%s = ", program->name[op->name]);
	fputs(scn_syntax[op->verb].name, to);
	for (const char *letter = scn_syntax[op->verb].operands; *letter; letter++)
		print_operand(to, program, op, *letter);
}

static void print_perms(FILE *to, unsigned prot, unsigned shared)
{
	fprintf(to, "%c%c%c%c", prot & 1 ? 'r' : '-', prot & 2 ? 'w' : '-', prot & 4 ? 'x' : '-',
		shared ? 's' : 'p');
}

static void print_signal(FILE *to, unsigned signal, unsigned code)
{
	const char *name = scn_word_name(scn_signal_words, signal);
	const char *code_name = scn_word_name(scn_code_words, signal << 8 | code);

	if (name)
		fputs(name, to);
	else
		fprintf(to, "signal-%u", signal);
	if (code_name)
		fprintf(to, " %s", code_name);
	else
		fprintf(to, " code-%u", code);
}

static void print_expect_rows(FILE *to, const struct scn_program *program, const struct scn_expect *expect)
{
	for (unsigned i = 0; i < expect->rows_count; i++) {
		const struct scn_expect_row *row = &program->row[expect->rows_first + i];

		fputs(i ? ", row " : "row ", to);
		print_addr(to, program, row->start);
		fputs("..", to);
		print_addr(to, program, row->end);
		fputc(' ', to);
		print_perms(to, row->prot, row->shared);
		if (row->file != SCN_NONE)
			fprintf(to, " file %s", program->file[row->file].name);
	}
	if (!expect->rows_count)
		fputs("norows", to);
}

static void print_pages(FILE *to, const char *word, uint64_t pages, unsigned count)
{
	fputs(word, to);
	for (unsigned i = 0; i < count; i++)
		fputc(pages >> i & 1 ? '1' : '.', to);
}

static void print_clauses(FILE *to, const struct scn_program *program, const struct scn_expect *expect,
			  const char *comma)
{
	char room[24];

	for (unsigned bit = 1; bit <= SCN_EXPECT_SWAPPED; bit <<= 1) {
		if (!(expect->set & bit) || bit == SCN_EXPECT_SIGADDR)
			continue;
		fputs(comma, to);
		comma = ", ";
		switch (bit) {
		case SCN_EXPECT_ERRNO:
			fputs(scn_errno_name(expect->error, room), to);
			break;
		case SCN_EXPECT_VALUE:
			fprintf(to, "value %u", expect->value);
			break;
		case SCN_EXPECT_SIGNAL:
			print_signal(to, expect->signal, expect->code);
			if (expect->set & SCN_EXPECT_SIGADDR) {
				fputs(" at ", to);
				print_addr(to, program, expect->addr);
			}
			break;
		case SCN_EXPECT_MINOR:
			fprintf(to, "minor %" PRIu32, expect->minor);
			break;
		case SCN_EXPECT_MAJOR:
			fprintf(to, "major %" PRIu32, expect->major);
			break;
		case SCN_EXPECT_AT:
			fputs("at ", to);
			print_addr(to, program, expect->at);
			break;
		case SCN_EXPECT_COUNT:
			fputs("count ", to);
			print_size(to, expect->count);
			break;
		case SCN_EXPECT_PAGES:
			print_pages(to, "pages ", expect->pages, expect->pages_count);
			break;
		case SCN_EXPECT_SWAPPED:
			print_pages(to, "swapped ", expect->swapped, expect->swapped_count);
			break;
		default:
			print_expect_rows(to, program, expect);
		}
	}
}

/* Prints a set of architectures; a complete family is printed by its name. */
static void print_arches(FILE *to, uint16_t arches, const char *before)
{
	unsigned last = 0;

	while (scn_arch_words[last].name)
		last++;
	/* Each family follows its members, so search backwards. */
	while (last-- > 0) {
		uint32_t bits = scn_arch_words[last].number;

		if ((arches & bits) != bits)
			continue;
		fprintf(to, "%s%s", before, scn_arch_words[last].name);
		before = "|";
		arches = (uint16_t)(arches & ~bits);
	}
}

/* Prints the profiles for which any architecture is in the condition. */
static void print_profiles(FILE *to, const struct scn_condition *on, const char *before)
{
	for (unsigned i = 0; i < SCN_PROFILES; i++) {
		if (!on->arches[i])
			continue;
		fprintf(to, "%s%s", before, scn_profile_words[i].name);
		before = "|";
	}
}

/* Prints profiles and architectures; or, for each profile, "not this profile, or one of these machines". */
static void print_condition(FILE *to, const struct scn_condition *on)
{
	const uint16_t all = (1 << SCN_ARCHES) - 1;
	unsigned profiles = 0, alike = 0;
	uint16_t arches = 0;

	for (unsigned i = 0; i < SCN_PROFILES; i++) {
		profiles += on->arches[i] != 0;
		arches |= on->arches[i];
	}
	for (unsigned i = 0; i < SCN_PROFILES; i++)
		alike += on->arches[i] == arches;
	fputs(" [", to);
	if (alike == profiles) {
		if (profiles < SCN_PROFILES)
			print_profiles(to, on, "");
		if (arches != all)
			print_arches(to, arches, profiles < SCN_PROFILES ? " " : "");
	} else {
		const char *blank = "";

		for (unsigned i = 0; i < SCN_PROFILES; i++) {
			if (on->arches[i] == all)
				continue;
			fprintf(to, "%s!%s", blank, scn_profile_words[i].name);
			print_arches(to, on->arches[i], "|");
			blank = " ";
		}
	}
	fputs("]", to);
}

static void print_expect(FILE *to, const struct scn_program *program, unsigned index)
{
	bool arrow = program->expect[index].set != 0;

	if (arrow)
		print_clauses(to, program, &program->expect[index], " -> ");
	for (unsigned i = 0; i < program->variant_count; i++) {
		const struct scn_variant *variant = &program->variant[i];

		if (variant->op != index)
			continue;
		fputs(arrow ? "" : " ->", to);
		arrow = true;
		print_condition(to, &variant->on);
		if (variant->expect.set)
			print_clauses(to, program, &variant->expect, " ");
		else
			fputs(" any", to);
	}
}

void scn_print(FILE *to, const struct scn_program *program, scn_note *note, void *context)
{
	for (unsigned i = 0; i < SCN_TRAITS; i++)
		if (program->needs >> i & 1)
			fprintf(to, "needs %s\n", scn_trait_rows[i].name);
	for (unsigned i = 0; i < program->file_count; i++) {
		const struct scn_file *file = &program->file[i];

		fprintf(to, "file %s %s ", file->name, file->kind == SCN_FILE_DISK ? "disk" : "shm");
		print_size(to, file->size);
		if (file->filled)
			fprintf(to, " %s %u", file->filled == SCN_FILL_CODE ? "code" : "fill", file->fill);
		fputc('\n', to);
	}
	for (unsigned i = 0; i < program->op_count; i++) {
		scn_print_op(to, program, i);
		print_expect(to, program, i);
		fputc('\n', to);
		if (note)
			note(to, i, context);
	}
}

const char *scn_place_text(scn_place place, uint64_t page_size, char room[64])
{
	static const char *const base[] = {"arena", "heap", "elsewhere", "0"};
	unsigned kind = (unsigned)(place >> 60);
	uint64_t offset = place & ~(15ull << 60);
	int used = snprintf(room, 64, "%s", base[kind & 3]);

	if (kind == 2)
		return room;
	if (offset / page_size)
		used += snprintf(room + used, 64 - (size_t)used, "+%" PRIu64 "p", offset / page_size);
	if (offset % page_size)
		snprintf(room + used, 64 - (size_t)used, "+%" PRIu64, offset % page_size);
	return room;
}

void scn_print_place(FILE *to, scn_place place, uint64_t page_size)
{
	char room[64];

	fputs(scn_place_text(place, page_size, room), to);
}

void scn_print_row(FILE *to, const struct scn_program *program, const struct scn_row *row)
{
	static const char *const kind[] = {"", " shared-anonymous", " file"};

	scn_print_place(to, row->start, 4096);
	fputs("..", to);
	scn_print_place(to, row->end, 4096);
	fputc(' ', to);
	print_perms(to, row->prot, row->shared);
	fputs(kind[row->kind % 3], to);
	if (row->kind == SCN_KIND_FILE)
		fprintf(to, " %s", row->file < program->file_count ? program->file[row->file].name : "?");
	if (row->offset)
		fprintf(to, " +0x%" PRIx64, row->offset);
}

static void print_view(FILE *to, const struct scn_run *run, unsigned index)
{
	const struct scn_result *result = &run->result[index];
	const uint8_t *view = run->view + result->view;

	if (scn_result_verb(run->program, index) == SCN_LAYOUT) {
		for (uint32_t at = 0; at + sizeof(struct scn_row) <= result->view_bytes;
		     at += sizeof(struct scn_row)) {
			struct scn_row row;

			memcpy(&row, view + at, sizeof(row));
			fputs(at ? ", " : " ", to);
			scn_print_row(to, run->program, &row);
		}
		return;
	}
	if (scn_result_verb(run->program, index) == SCN_MEMORY)
		return;
	fputs(" pages ", to);
	for (uint32_t i = 0; i < result->view_bytes; i++)
		fputc(view[i] == 0 ? '.' : (char)('0' + view[i]), to);
}

void scn_print_result(FILE *to, const struct scn_run *run, unsigned index)
{
	const struct scn_result *result = &run->result[index];
	unsigned verb = scn_result_verb(run->program, index);
	char room[24];

	if (result->state != SCN_RAN) {
		static const char *const why[] = {"not run", "", "skipped", "no such process"};

		fputs(why[result->state & 3], to);
		return;
	}
	if (result->signal) {
		print_signal(to, result->signal, result->code);
		fputs(" at ", to);
		scn_print_place(to, result->at, run->backend->page_size);
	} else {
		fputs(scn_errno_name(result->error, room), to);
		if (!result->error && (verb == SCN_MAP || verb == SCN_REMAP || verb == SCN_BRK)) {
			fputs(", at ", to);
			scn_print_place(to, result->at, run->backend->page_size);
		}
	}
	if (verb == SCN_READ || verb == SCN_KREAD || verb == SCN_PEEK || verb == SCN_FREAD)
		fprintf(to, ", value %" PRIu64, result->value);
	if (verb == SCN_READ || verb == SCN_WRITE || verb == SCN_KZERO || verb == SCN_FWRITE)
		fprintf(to, ", count %" PRIu32, result->count);
	fprintf(to, ", minor %" PRIu32, result->counts.minor);
	if (result->counts.major)
		fprintf(to, ", major %" PRIu32, result->counts.major);
	if (verb == SCN_MEMORY || index >= run->program->op_count)
		fprintf(to, ", digest %016" PRIx64, result->mix);
	if (result->view_bytes)
		print_view(to, run, index);
}
