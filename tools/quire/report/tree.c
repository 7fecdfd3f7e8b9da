/* SPDX-License-Identifier: MIT */
/* Prints the path of a fault as a tree: each step below its caller, with the deciding rule marked. */
#include "fault.h"

#include <inttypes.h>
#include <string.h>

#include <quire/fault.h>

/* The depth of a step in the tree. Steps of the same depth are siblings. */
static unsigned depth(enum quire_step step)
{
	if (step < QUIRE_STEP_MMAP_LOCK_TAKEN)
		return step == QUIRE_STEP_TRAP ? 0 : 1;
	if (step < QUIRE_STEP_HANDLE_MM_FAULT)
		return 2;
	if (step >= QUIRE_STEP_LOCK_DROPPED)
		return 1;
	switch (step) {
	case QUIRE_STEP_HANDLE_MM_FAULT:
		return 2;
	case QUIRE_STEP_HANDLE_MM_FAULT_LEVELS:
		return 3;
	case QUIRE_STEP_TABLE_ALLOCATED:
	case QUIRE_STEP_HANDLE_PTE_FAULT:
		return 4;
	case QUIRE_STEP_DO_ANONYMOUS_PAGE:
	case QUIRE_STEP_DO_NO_PAGE:
	case QUIRE_STEP_DO_FAULT:
	case QUIRE_STEP_DO_SWAP_PAGE:
	case QUIRE_STEP_DO_WP_PAGE:
	case QUIRE_STEP_ESTABLISH_PTE:
	case QUIRE_STEP_SPURIOUS:
	case QUIRE_STEP_PTE_CHANGED:
	case QUIRE_STEP_PTE_CORRUPT:
		return 5;
	case QUIRE_STEP_DO_READ_FAULT:
	case QUIRE_STEP_DO_COW_FAULT:
	case QUIRE_STEP_DO_SHARED_FAULT:
		return 6;
	default:
		return 7;
	}
}

/* The steps of a fault. No step is more than one level deeper than the step before it. */
struct tree {
	unsigned count;
	enum quire_step step[FAULT_WAY_STEPS];
	unsigned depth[FAULT_WAY_STEPS];
	unsigned decided; /* index of the step that decided */
};

/* QUIRE_STEP_COUNT: a name that this build does not know. */
static enum quire_step step_of(const char *name)
{
	unsigned step = 0;

	while (step < QUIRE_STEP_COUNT && strcmp(quire_step_name((enum quire_step)step), name) != 0)
		step++;
	return (enum quire_step)step;
}

static bool passes(const struct tree *tree, enum quire_step step)
{
	for (unsigned i = 0; i < tree->count; i++)
		if (tree->step[i] == step)
			return true;
	return false;
}

static void build_tree(const struct fault_record *r, struct tree *tree)
{
	unsigned raised, above = 0;

	tree->count = r->way_count;
	tree->decided = tree->count;
	for (unsigned i = 0; i < tree->count; i++)
		tree->step[i] = step_of(r->way[i]);
	/* Kernels before 3.12 have no __handle_mm_fault, so the steps below it move up one level. */
	raised = passes(tree, QUIRE_STEP_HANDLE_MM_FAULT_LEVELS) ? 0 : 1;
	for (unsigned i = 0; i < tree->count; i++) {
		unsigned d = depth(tree->step[i]);

		if (d > 3)
			d -= raised;
		tree->depth[i] = i && d > above + 1 ? above + 1 : i ? d : 0;
		above = tree->depth[i];
		if (r->rule && strcmp(r->way[i], r->rule) == 0)
			tree->decided = i;
	}
}

/* Whether a step of depth `level` follows before a shallower one, so that a vertical line continues. */
static bool continues_below(const struct tree *tree, unsigned at, unsigned level)
{
	for (unsigned i = at + 1; i < tree->count; i++) {
		if (tree->depth[i] == level)
			return true;
		if (tree->depth[i] < level)
			return false;
	}
	return false;
}

static void print_step(FILE *to, const struct fault_record *r, const struct tree *tree, unsigned i)
{
	bool known = tree->step[i] < QUIRE_STEP_COUNT;
	int width = 44;

	fputs("      ", to);
	for (unsigned level = 0; level < tree->depth[i]; level++, width -= 3)
		fputs(continues_below(tree, i, level) ? "│  " : "   ", to);
	fputs(continues_below(tree, i, tree->depth[i]) ? "├─ " : "└─ ", to);
	fprintf(to, "%-*s%s%s\n", width, r->way[i], known ? quire_step_text(tree->step[i]) : "",
		i == tree->decided ? "  ◄ decided" : "");
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* "by main+0x12 (a.c:3), pc 0x401012 in a[401000+1000], task a (pid 2)" */
static void print_instruction(FILE *to, const struct fault_record *r)
{
	if (!r->pc.known)
		return;
	fputs("      by ", to);
	if (r->symbol && *r->symbol)
		fprintf(to, "%s%s%s%s, ", r->symbol, r->source ? " (" : "", r->source ? r->source : "",
			r->source ? ")" : "");
	fprintf(to, "pc 0x%" PRIx64, r->pc.value);
	if (r->in.end && r->in.name)
		fprintf(to, " in %s[%" PRIx64 "+%" PRIx64 "]", last_part(r->in.name), r->in.start,
			r->in.end - r->in.start);
	if (r->process)
		fprintf(to, ", task %s (pid %d)", r->process, r->pid);
	fputc('\n', to);
	if (r->on.end)
		fprintf(to, "      on 0x%" PRIx64 "-0x%" PRIx64 " %s %s\n", r->on.start, r->on.end,
			r->on.prot, r->on.name ? r->on.name : "anonymous");
	else if (r->mode && strcmp(r->mode, "user") == 0)
		fputs("      on no mapping\n", to);
}

static void print_end(FILE *to, const struct fault_record *r)
{
	fprintf(to, "      => %s", r->outcome);
	if (r->signal)
		fprintf(to, " %s %s", quire_signal_name(r->signal), quire_code_name(r->signal, r->code));
	if (strcmp(r->outcome, quire_outcome_name(QUIRE_RESUME)) == 0)
		fprintf(to, ", %s", r->uncounted ? "not counted" : r->major > 0 ? "major" : "minor");
	if (r->frame.known)
		fprintf(to, ", frame 0x%" PRIx64, r->frame.value);
	fputc('\n', to);
}

void fault_print(FILE *to, const struct fault_record *r)
{
	struct tree tree;

	fprintf(to, "    fault: %s by %s at 0x%" PRIx64 ", %s, syndrome 0x%" PRIx64 "\n", r->access, r->mode,
		r->address.value, r->cause, r->syndrome.value);
	print_instruction(to, r);
	build_tree(r, &tree);
	for (unsigned i = 0; i < tree.count; i++)
		print_step(to, r, &tree, i);
	print_end(to, r);
}
