/* SPDX-License-Identifier: MIT */
/* A finding as text for people: its statements, in one of three forms. */
#include "explain.h"

#include <inttypes.h>
#include <string.h>

#define LABEL_WIDTH 8
#define BASIS_WIDTH 8
#define TEXT_WIDTH  96

struct page {
	FILE *out;
	bool colour;
};

static const char *paint(const struct page *page, const char *sequence)
{
	return page->colour ? sequence : "";
}

#define BOLD   "\033[1m"
#define RED    "\033[31m"
#define CYAN   "\033[36m"
#define NORMAL "\033[0m"

/* The text, broken at blanks; lines after the first are indented. One write: a FILE takes its lock for each. */
static void wrap(const struct page *page, const char *text, unsigned indent, unsigned column)
{
	char out[1024];
	size_t used = 0;

	while (*text) {
		size_t word = strcspn(text, " ");

		if (used + word + indent + 2 > sizeof(out))
			break;
		if (column > indent && column + 1 + word > TEXT_WIDTH) {
			out[used++] = '\n';
			memset(out + used, ' ', indent);
			used += indent;
			column = indent;
		} else if (column > indent) {
			out[used++] = ' ';
			column++;
		}
		memcpy(out + used, text, word);
		used += word;
		column += (unsigned)word;
		text += word;
		text += strspn(text, " ");
	}
	out[used++] = '\n';
	fwrite(out, 1, used, page->out);
}

static void render_origin(const struct page *page, const struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;

	if (report->line && finding->times > 1)
		fprintf(page->out, ", %u times, first at line %u", finding->times, report->line);
	else if (report->line)
		fprintf(page->out, ", line %u", report->line);
	if (report->version.text[0])
		fprintf(page->out, ", Linux %s\n", report->version.text);
	else if (report->kind == EX_KIND_DUMP)
		fputc('\n', page->out);
	else if (finding->profile_guessed && report->line)
		fprintf(page->out, ", rules of %s by its wording\n", finding->profile->name);
	else
		fprintf(page->out, ", rules of %s\n", finding->profile->name);
}

static void render_head(const struct page *page, const struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;

	fprintf(page->out, "%sFault %u%s: %s", paint(page, BOLD), finding->number, paint(page, NORMAL),
		ex_arch_name(finding->id));
	render_origin(page, finding);
	if (report->wording[0])
		fprintf(page->out, "  %s%s%s\n", paint(page, RED), report->wording, paint(page, NORMAL));
}

static void render_story(const struct page *page, const struct ex_finding *finding)
{
	for (unsigned i = 0; i < finding->said_count; i++) {
		if (finding->said[i].part != EX_PART_STORY)
			continue;
		fputs("  ", page->out);
		wrap(page, finding->said[i].text, 2, 2);
	}
}

static void render_code(const struct page *page, const struct ex_finding *finding)
{
	const struct ex_listing *listing = &finding->listing;

	for (unsigned i = 0; i < listing->count; i++) {
		fprintf(page->out, "  %s%-*s%s", paint(page, CYAN), LABEL_WIDTH, i ? "" : "code",
			paint(page, NORMAL));
		fprintf(page->out, "%s%s", paint(page, i ? "" : BOLD), i ? "   " : "=> ");
		if (finding->report->has_pc)
			fprintf(page->out, "0x%0*" PRIx64 "  ", finding->arch.long_bytes * 2,
				listing->line[i].address);
		fprintf(page->out, "%s%s\n", listing->line[i].text, paint(page, i ? "" : NORMAL));
	}
}

/* --- the long form -------------------------------------------------------------------------------------- */

static void render_bits(const struct page *page, const struct ex_finding *finding)
{
	struct ex_bit bits[EX_BITS];
	unsigned count;

	if (!finding->decoded)
		return;
	count = ex_bits(finding, bits);
	fprintf(page->out, "  %s%-*s%s %-*s %s 0x%" PRIx64 ": %s\n", paint(page, CYAN), LABEL_WIDTH, "code",
		paint(page, NORMAL), BASIS_WIDTH, "decoded", finding->reg, finding->fault.raw,
		finding->fault.name);
	for (unsigned i = 0; i < count; i++) {
		char range[8];

		if (bits[i].high == bits[i].low)
			snprintf(range, sizeof(range), "%u", bits[i].low);
		else
			snprintf(range, sizeof(range), "%u:%u", bits[i].high, bits[i].low);
		fprintf(page->out, "  %*s  %5s  %-9s %#4x  %s\n", LABEL_WIDTH + BASIS_WIDTH, "", range,
			bits[i].field, bits[i].value, bits[i].meaning);
	}
}

static void render_statement(const struct page *page, const struct ex_statement *statement, bool first)
{
	unsigned indent = 2 + LABEL_WIDTH + 1 + BASIS_WIDTH + 1;

	fprintf(page->out, "  %s%-*s%s %-*s ", paint(page, CYAN), LABEL_WIDTH,
		first ? ex_part_name((enum ex_part)statement->part) : "", paint(page, NORMAL), BASIS_WIDTH,
		ex_basis_name((enum ex_basis)statement->basis));
	wrap(page, statement->text, indent, indent);
	if (!statement->premise[0])
		return;
	fprintf(page->out, "%*sfrom:", (int)indent, "");
	wrap(page, statement->premise, indent, indent + 5);
}

static void render_part(const struct page *page, const struct ex_finding *finding, enum ex_part part)
{
	bool first = true;

	for (unsigned i = 0; i < finding->said_count; i++) {
		if (finding->said[i].part != part)
			continue;
		render_statement(page, &finding->said[i], first);
		first = false;
	}
}

static void render_long(const struct page *page, const struct ex_finding *finding)
{
	for (int part = EX_PART_STORY + 1; part < EX_PARTS; part++) {
		render_part(page, finding, (enum ex_part)part);
		if (part == EX_PART_WHY)
			render_bits(page, finding);
	}
}

/* --- one line --------------------------------------------------------------------------------------------- */

static void render_brief(const struct page *page, const struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;
	const char *what = "", *place = report->place;

	for (unsigned i = 0; i < finding->said_count && !*what; i++) {
		if (finding->said[i].part == EX_PART_WHAT)
			what = finding->said[i].text;
	}
	fprintf(page->out, "%s%u%s: %s: %s%s%s", report->line ? "line " : "code ",
		report->line ? report->line : finding->number, finding->times > 1 ? " and later" : "",
		ex_arch_name(finding->id), what, *place ? " in " : "", place);
	if (report->task[0])
		fprintf(page->out, ", task %s", report->task);
	if (finding->times > 1)
		fprintf(page->out, ", %u times", finding->times);
	fputc('\n', page->out);
}

void ex_render(FILE *out, const struct ex_finding *finding, const struct ex_style *style)
{
	struct page page = {out, style->colour};

	if (style->form == EX_FORM_BRIEF) {
		render_brief(&page, finding);
		return;
	}
	render_head(&page, finding);
	render_story(&page, finding);
	if (style->form == EX_FORM_LONG)
		render_long(&page, finding);
	render_code(&page, finding);
	if (style->form == EX_FORM_SHORT) {
		for (unsigned i = 0; i < finding->said_count; i++) {
			if (finding->said[i].part != EX_PART_NOTE)
				continue;
			fprintf(out, "  %s%-*s%s", paint(&page, CYAN), LABEL_WIDTH, "note",
				paint(&page, NORMAL));
			wrap(&page, finding->said[i].text, 2 + LABEL_WIDTH, 2 + LABEL_WIDTH);
		}
	}
}
