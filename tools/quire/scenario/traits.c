/* SPDX-License-Identifier: MIT */
/* The table of traits: the name of each, how it is printed and parsed, and how it is applied. */
#include "traits.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "names.h"

/* --- Operations to leave out --- */

static bool is_exec(const struct scn_op *op)
{
	return op->verb == SCN_EXEC;
}

static bool is_execute_only(const struct scn_op *op)
{
	return (op->verb == SCN_MAP || op->verb == SCN_PROTECT) && (op->prot & 7) == 4;
}

static bool is_remote(const struct scn_op *op)
{
	return op->verb == SCN_PEEK || op->verb == SCN_POKE;
}

static bool is_merge_advice(const struct scn_op *op)
{
	return op->verb == SCN_ADVISE && (op->flags == 12 || op->flags == 13);
}

static bool is_huge_advice(const struct scn_op *op)
{
	return op->verb == SCN_ADVISE && (op->flags == 14 || op->flags == 15);
}

static bool is_searching(const struct scn_op *op)
{
	return (op->verb == SCN_MAP && !(op->flags & (SCN_MAP_FIXED | SCN_MAP_NOREPLACE))) ||
	       (op->verb == SCN_REMAP &&
		(op->flags & (SCN_REMAP_MAYMOVE | SCN_REMAP_FIXED)) == SCN_REMAP_MAYMOVE);
}

static bool is_file_map(const struct scn_op *op)
{
	return op->verb == SCN_MAP && op->file != SCN_NONE;
}

/* Files are not operations: scn_traits_leave_out() turns them into files in memory. */
static bool leaves_no_operation_out(const struct scn_op *op)
{
	return false;
}

/* --- The table --- */

#define FLAG(way_, recorded_, usual_, name_, yes_, no_)                                            \
	.name = (name_), .yes = (yes_), .no = (no_), .unit = SCN_UNIT_FLAG, .way = SCN_WAY_##way_, \
	.recorded = (recorded_), .usual = (usual_), .most = 1
#define NUMBER(unit_, way_, recorded_, usual_, most_, name_, yes_, no_)                               \
	.name = (name_), .yes = (yes_), .no = (no_), .unit = SCN_UNIT_##unit_, .way = SCN_WAY_##way_, \
	.recorded = (recorded_), .usual = (usual_), .most = (most_)

const struct scn_trait_row scn_trait_rows[SCN_TRAITS] = {
    [SCN_TRAIT_ZERO_PAGE] = {FLAG(APPLIED, true, 1, "zero-page", "zero page", "no zero page")},
    [SCN_TRAIT_PROTECT_UPGRADES] = {FLAG(APPLIED, true, 1, "protect-upgrades", "mprotect upgrades",
					 "no upgrade by mprotect")},
    [SCN_TRAIT_FAULT_AROUND] = {NUMBER(BYTES, APPLIED, true, 65536, 1 << 21, "fault-around", "fault-around",
				       "no fault-around"),
				.bound = 131072, .what = "map of a file: fault-around of more than 128 KiB",
				.leaves_out = is_file_map},
    [SCN_TRAIT_STACK_GAP] = {NUMBER(PAGES, APPLIED, true, 256, 2048, "stack-gap", "stack gap",
				    "no stack gap")},
    [SCN_TRAIT_TOP_DOWN] = {FLAG(LEFT_OUT, false, 1, "top-down", "mmap from the top", "mmap from the bottom"),
			    .what = "map and remap without an address: the search begins far from the arena",
			    .leaves_out = is_searching},
    [SCN_TRAIT_OVERCOMMIT] = {FLAG(APPLIED, true, 1, "overcommit", "overcommit", "no overcommit")},
    [SCN_TRAIT_MIN_ADDR] = {NUMBER(BYTES, APPLIED, false, 65536, 1 << 19, "min-addr", "lowest address",
				   "lowest address 0")},
    [SCN_TRAIT_MAPPINGS] = {NUMBER(COUNT, APPLIED, true, 400, 400, "mappings", "mappings", "no mappings")},
    [SCN_TRAIT_STACK_LIMIT] = {NUMBER(PAGES, APPLIED, true, 8192, 8192, "stack-limit", "stack limit",
				      "no stack")},
    [SCN_TRAIT_MEMLOCK_LIMIT] = {NUMBER(PAGES, APPLIED, true, 2048, 2048, "memlock-limit", "memlock limit",
					"no locked memory")},
    [SCN_TRAIT_NX] = {FLAG(LEFT_OUT, false, 1, "nx", "NX", "no NX"),
		      .what = "exec: this CPU executes any readable page", .leaves_out = is_exec},
    [SCN_TRAIT_EXECUTE_ONLY] = {FLAG(LEFT_OUT, false, 0, "execute-only", "execute-only memory",
				     "no execute-only memory"),
				.what = "protection x: protection keys make it unreadable",
				.leaves_out = is_execute_only},
    [SCN_TRAIT_REMOTE] = {FLAG(LEFT_OUT, false, 1, "remote", "access to siblings", "no access to siblings"),
			  .what = "peek, poke: this kernel refuses access to another process",
			  .leaves_out = is_remote},
    [SCN_TRAIT_DISK] = {FLAG(LEFT_OUT, false, 1, "disk", "files on a disk", "no files on a disk"),
			.what = "files on a disk become files in memory: no folder for them is on a disk",
			.leaves_out = leaves_no_operation_out},
    [SCN_TRAIT_MERGEABLE] = {FLAG(LEFT_OUT, false, 1, "mergeable", "merge advice", "no merge advice"),
			     .what = "advise mergeable, unmergeable: not in this kernel",
			     .leaves_out = is_merge_advice},
    [SCN_TRAIT_HUGE_ADVICE] = {FLAG(LEFT_OUT, false, 1, "huge-advice", "huge-page advice",
				    "no huge-page advice"),
			       .what = "advise hugepage, nohugepage: not in this kernel",
			       .leaves_out = is_huge_advice},
    [SCN_TRAIT_COUNTS] = {FLAG(NEEDED, true, 1, "counts", "fault counts", "no fault counts")},
    [SCN_TRAIT_PAGEMAP] = {FLAG(NEEDED, true, 1, "pagemap", "pagemap", "no pagemap")},
    [SCN_TRAIT_FIRST_WRITE] = {NUMBER(PAGES, NEEDED, true, 1, 512, "first-write", "first write brings",
				      "first write maps nothing")},
    [SCN_TRAIT_FIRST_SHARED] = {NUMBER(PAGES, NEEDED, true, 1, 512, "first-shared",
				       "first write of shared memory brings",
				       "first write of shared memory maps nothing")},
    [SCN_TRAIT_HUGE_PAGES] = {FLAG(REPORTED, false, 0, "huge-pages", "huge pages, disabled for the programs",
				   "no huge pages")},
    [SCN_TRAIT_SWAP] = {FLAG(REPORTED, false, 0, "swap", "swap in use: pages may be evicted", "no swap")},
    [SCN_TRAIT_KSM] = {FLAG(REPORTED, false, 0, "ksm", "KSM runs", "no KSM")},
};

/* --- Queries --- */

void scn_traits_usual(struct scn_traits *out)
{
	for (unsigned i = 0; i < SCN_TRAITS; i++)
		out->value[i] = scn_trait_rows[i].usual;
	out->known = 0;
}

bool scn_traits_is_usual(const struct scn_traits *traits, enum scn_trait trait)
{
	return traits->value[trait] == scn_trait_rows[trait].usual;
}

enum scn_trait scn_traits_obstacle(const struct scn_traits *traits)
{
	for (unsigned i = 0; i < SCN_TRAITS; i++)
		if (scn_trait_rows[i].way == SCN_WAY_NEEDED &&
		    !scn_traits_is_usual(traits, (enum scn_trait)i))
			return (enum scn_trait)i;
	return SCN_TRAITS;
}

enum scn_trait scn_traits_missing(const struct scn_traits *traits, uint32_t needs)
{
	for (unsigned i = 0; i < SCN_TRAITS; i++)
		if (needs >> i & 1 && !scn_traits_is_usual(traits, (enum scn_trait)i))
			return (enum scn_trait)i;
	return SCN_TRAITS;
}

static bool is_left_out(const struct scn_traits *traits, unsigned trait)
{
	const struct scn_trait_row *row = &scn_trait_rows[trait];

	if (row->bound && traits->value[trait] > row->bound)
		return true;
	return row->way == SCN_WAY_LEFT_OUT && !scn_traits_is_usual(traits, (enum scn_trait)trait);
}

enum scn_trait scn_traits_shown_by(const struct scn_traits *traits, const struct scn_program *program)
{
	for (unsigned t = 0; t < SCN_TRAITS; t++)
		for (unsigned i = 0; is_left_out(traits, t) && i < program->op_count; i++)
			if (scn_trait_rows[t].leaves_out(&program->op[i]))
				return (enum scn_trait)t;
	return SCN_TRAITS;
}

unsigned scn_traits_leave_out(const struct scn_traits *traits, struct scn_program *program)
{
	unsigned kept = 0, left = 0;

	for (unsigned i = 0; i < program->op_count; i++) {
		bool out = false;

		for (unsigned t = 0; t < SCN_TRAITS; t++)
			out |= is_left_out(traits, t) && scn_trait_rows[t].leaves_out(&program->op[i]);
		if (out)
			left++;
		else
			program->op[kept++] = program->op[i];
	}
	program->op_count = kept;
	for (unsigned i = 0; i < program->file_count && is_left_out(traits, SCN_TRAIT_DISK); i++) {
		left += program->file[i].kind == SCN_FILE_DISK;
		program->file[i].kind = SCN_FILE_SHM;
	}
	return left;
}

/* --- Text --- */

static const char *number_text(const struct scn_trait_row *row, int64_t value, char room[32])
{
	const char *more = value >= row->most ? " or more" : "";

	switch (row->unit) {
	case SCN_UNIT_BYTES:
		snprintf(room, 32, "%" PRId64 " KiB%s", value / 1024, more);
		break;
	case SCN_UNIT_PAGES:
		snprintf(room, 32, "%" PRId64 " page%s%s", value, value == 1 ? "" : "s", more);
		break;
	default:
		snprintf(room, 32, "%" PRId64 "%s", value, more);
	}
	return room;
}

const char *scn_trait_text(const struct scn_traits *traits, enum scn_trait trait, char room[80])
{
	const struct scn_trait_row *row = &scn_trait_rows[trait];
	int64_t value = traits->value[trait];
	char number[32];

	if (row->unit == SCN_UNIT_FLAG || value == 0)
		snprintf(room, 80, "%s", value ? row->yes : row->no);
	else
		snprintf(room, 80, "%s %s", row->yes, number_text(row, value, number));
	return room;
}

enum {
	LINE_COLUMNS = 110
};

/* Writes one word of a wrapped list; the caller keeps `column`. */
static void print_word(FILE *to, const char *indent, const char *text, bool last, size_t *column)
{
	size_t n = strlen(text) + 2;

	if (*column + n > LINE_COLUMNS) {
		fprintf(to, "\n%s       ", indent);
		*column = strlen(indent) + 7;
	}
	fprintf(to, " %s%s", text, last ? "\n" : ";");
	*column += n;
}

static bool is_known(const struct scn_traits *traits, unsigned trait)
{
	return traits->known >> trait & 1;
}

void scn_traits_print(FILE *to, const char *indent, const struct scn_traits *traits)
{
	size_t column = strlen(indent) + 7;
	unsigned last = SCN_TRAITS;
	char room[80], unknown[100];

	for (unsigned i = 0; i < SCN_TRAITS; i++)
		if (scn_trait_rows[i].way != SCN_WAY_REPORTED ||
		    !scn_traits_is_usual(traits, (enum scn_trait)i))
			last = i;
	fprintf(to, "%straits:", indent);
	for (unsigned i = 0; i < SCN_TRAITS; i++) {
		if (scn_trait_rows[i].way == SCN_WAY_REPORTED &&
		    scn_traits_is_usual(traits, (enum scn_trait)i))
			continue;
		scn_trait_text(traits, (enum scn_trait)i, room);
		snprintf(unknown, sizeof(unknown), "unknown: %s", scn_trait_rows[i].name);
		print_word(to, indent, is_known(traits, i) ? room : unknown, i == last, &column);
	}
}

void scn_traits_print_left_out(FILE *to, const char *indent, const struct scn_traits *traits)
{
	for (unsigned i = 0; i < SCN_TRAITS; i++)
		if (is_left_out(traits, i))
			fprintf(to, "%sleft out on this kernel: %s\n", indent, scn_trait_rows[i].what);
}

enum scn_trait scn_trait_find(const char *name, size_t length)
{
	for (unsigned i = 0; i < SCN_TRAITS; i++)
		if (strlen(scn_trait_rows[i].name) == length &&
		    memcmp(scn_trait_rows[i].name, name, length) == 0)
			return (enum scn_trait)i;
	return SCN_TRAITS;
}

static bool read_value(const char *text, const char *end, const struct scn_trait_row *row, int64_t *out)
{
	size_t length = (size_t)(end - text);
	char *stop;

	if (length == 3 && memcmp(text, "yes", 3) == 0 && row->unit == SCN_UNIT_FLAG) {
		*out = 1;
		return true;
	}
	if (length == 2 && memcmp(text, "no", 2) == 0) {
		*out = 0;
		return true;
	}
	if (row->unit == SCN_UNIT_FLAG || *text < '0' || *text > '9')
		return false;
	*out = strtoll(text, &stop, 0);
	return stop == end && *out <= row->most;
}

const char *scn_traits_read(const char *text, struct scn_traits *traits)
{
	while (*text) {
		const char *equals = strchr(text, '=');
		const char *end = text + strcspn(text, ",");
		enum scn_trait trait;

		if (!equals || equals > end)
			return "a trait is written NAME=VALUE";
		trait = scn_trait_find(text, (size_t)(equals - text));
		if (trait == SCN_TRAITS)
			return "no such trait";
		if (!read_value(equals + 1, end, &scn_trait_rows[trait], &traits->value[trait]))
			return "not a value of this trait";
		traits->known |= 1u << trait;
		text = *end ? end + 1 : end;
	}
	return NULL;
}
