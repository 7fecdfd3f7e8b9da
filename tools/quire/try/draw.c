/* SPDX-License-Identifier: MIT */
/* quire try --draw: the address space of every process after each operation, one character a page, in 80 columns.
 *
 *   main   A          rw-p  ##==..ff
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "try.h"

enum {
	MOST_ROWS = 64,
	WIDTH = 46, /* pages in one line */
	MOST_PAGES = 4 * WIDTH
};

/* What a page looks like, and its colour (ECMA-48, SGR). */
static const struct look {
	char letter;
	const char *colour, *means;
} looks[] = {
    {'.', "2", "not there"},  {'#', "34", "its own"}, {'=', "31", "shared after a fork"},
    {'f', "32", "of a file"}, {'s', "35", "swapped"},
};

static const struct look *look_of(uint8_t state)
{
	if (state & SCN_PAGE_SWAPPED)
		return &looks[4];
	if (!(state & SCN_PAGE_PRESENT))
		return &looks[0];
	if (state & SCN_PAGE_FILE)
		return &looks[3];
	return state & SCN_PAGE_ALONE ? &looks[1] : &looks[2];
}

static bool has_colour(void)
{
	const char *no = getenv("NO_COLOR");

	return isatty(1) && !(no && *no);
}

static const char *name_at(const struct scn_run *run, uint64_t start)
{
	for (unsigned i = 0; i < run->program->name_count; i++)
		if (run->bound[i].known && run->bound[i].start == start)
			return run->program->name[i];
	return "";
}

static void draw_pages(const uint8_t *states, unsigned count, bool colour)
{
	for (unsigned i = 0; i < count; i++) {
		const struct look *look = look_of(states[i]);

		if (i && i % WIDTH == 0)
			printf("\n%34s", "");
		if (colour)
			printf("\033[%sm%c\033[0m", look->colour, look->letter);
		else
			putchar(look->letter);
	}
}

static void draw_row(const struct scn_run *run, unsigned proc, const struct scn_row *row, bool colour)
{
	uint64_t pages = (row->end - row->start) / run->backend->page_size;
	unsigned shown = (unsigned)(pages < MOST_PAGES ? pages : MOST_PAGES);
	uint8_t states[MOST_PAGES];

	if (run->backend->resident(run->context, proc, row->start, shown, states) != 0)
		return;
	printf("    %-8.8s %-15.15s %c%c%c%c ", run->program->proc_name[proc], name_at(run, row->start),
	       row->prot & 1 ? 'r' : '-', row->prot & 2 ? 'w' : '-', row->prot & 4 ? 'x' : '-',
	       row->shared ? 's' : 'p');
	draw_pages(states, shown, colour);
	if (shown < pages)
		printf(" and %llu more", (unsigned long long)(pages - shown));
	putchar('\n');
}

void try_draw(const struct scn_run *run)
{
	const struct scn_backend *b = run->backend;
	const uint64_t window[2][2] = {{b->heap, b->heap + SCN_HEAP_BYTES},
				       {b->arena, b->arena + b->arena_bytes}};
	bool colour = has_colour();
	struct scn_row rows[MOST_ROWS];

	for (unsigned proc = 0; proc < run->program->proc_count; proc++) {
		for (unsigned i = 0; run->alive[proc] && i < 2; i++) {
			int count =
			    b->layout(run->context, proc, window[i][0], window[i][1], rows, MOST_ROWS);

			for (int k = 0; k < count; k++)
				draw_row(run, proc, &rows[k], colour);
		}
	}
}

void try_draw_legend(void)
{
	fputs("    pages:", stdout);
	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++)
		printf("%s %c %s", i ? "," : "", looks[i].letter, looks[i].means);
	putchar('\n');
}
