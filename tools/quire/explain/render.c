/* SPDX-License-Identifier: MIT */
/* A finding as text for people. */
#include "explain.h"
#include "words.h"

#include <inttypes.h>
#include <string.h>

#define LABEL_WIDTH 10
#define TEXT_WIDTH  92

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

static void label(const struct page *page, const char *name)
{
	fprintf(page->out, "  %s%-*s%s", paint(page, CYAN), LABEL_WIDTH, name, paint(page, NORMAL));
}

static const char *digits_of(const struct ex_finding *finding, uint64_t value, char *out, size_t size)
{
	snprintf(out, size, "0x%0*" PRIx64, finding->arch.long_bytes * 2, value);
	return out;
}

static void render_head(const struct page *page, const struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;

	fprintf(page->out, "%sFault %u%s: %s", paint(page, BOLD), finding->number, paint(page, NORMAL),
		ex_arch_name(finding->id));
	if (report->line)
		fprintf(page->out, ", line %u of the log", report->line);
	fprintf(page->out, ", rules of %s%s\n", finding->profile->name,
		finding->profile_guessed && report->line ? " (by its wording)" : "");
	if (report->wording[0])
		fprintf(page->out, "  %s%s%s\n", paint(page, RED), report->wording, paint(page, NORMAL));
}

static void render_what(const struct page *page, const struct ex_finding *finding)
{
	static const char *const who[] = {"A program", "The kernel", "Something (in a mode not told)"};
	static const char *const did[] = {"read from", "write to", "fetch an instruction from", "access"};
	const struct ex_report *report = finding->report;
	char number[24];

	label(page, "what");
	fprintf(page->out, "%s tried to %s ", who[finding->fault.mode], did[finding->fault.access]);
	if (report->has_address)
		fprintf(page->out, "%s\n", digits_of(finding, report->address, number, sizeof(number)));
	else
		fputs("an address that is not told\n", page->out);
}

static void render_where(const struct page *page, const struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;
	char number[24];
	const char *between = "";

	if (!report->has_pc && !report->place[0] && !report->task[0] && !finding->source.found)
		return;
	label(page, "where");
	if (finding->source.found) {
		fprintf(page->out, "%s+0x%" PRIx64, finding->source.function, finding->source.offset);
		if (finding->source.file[0])
			fprintf(page->out, " (%s:%d)", finding->source.file, finding->source.line);
		between = ", ";
	} else if (report->place[0]) {
		fprintf(page->out, "%s", report->place);
		between = ", ";
	}
	if (report->has_pc) {
		fprintf(page->out, "%spc %s", between,
			digits_of(finding, report->pc, number, sizeof(number)));
		between = ", ";
	}
	if (report->object[0]) {
		fprintf(page->out, "%sin %s", between, report->object);
		if (report->object_base && report->has_pc && report->pc >= report->object_base)
			fprintf(page->out, "+0x%" PRIx64, report->pc - report->object_base);
		between = ", ";
	}
	if (report->task[0])
		fprintf(page->out, "%stask %s", between, report->task);
	if (report->has_pid)
		fprintf(page->out, " (pid %u)", report->pid);
	fputc('\n', page->out);
}

static void render_bits(const struct page *page, const struct ex_finding *finding)
{
	struct ex_bit bits[EX_BITS];
	unsigned count = ex_bits(finding, bits);

	for (unsigned i = 0; i < count; i++) {
		char range[8];

		if (bits[i].high == bits[i].low)
			snprintf(range, sizeof(range), "%u", bits[i].low);
		else
			snprintf(range, sizeof(range), "%u:%u", bits[i].high, bits[i].low);
		fprintf(page->out, "  %*s%5s  %-9s %#4x  %s\n", LABEL_WIDTH, "", range, bits[i].field,
			bits[i].value, bits[i].meaning);
	}
}

static void render_level(const struct page *page, const struct ex_finding *finding)
{
	if (finding->fault.level == QUIRE_LEVEL_NONE && finding->id != EX_ARM64)
		return;
	if (finding->id == EX_ARM)
		fprintf(page->out, ", at the %s level",
			finding->fault.level == QUIRE_LEVEL_SECTION ? "section (first)" : "page (second)");
	else if (finding->fault.level != QUIRE_LEVEL_NONE)
		fprintf(page->out, ", at level %d", finding->fault.level);
}

static void render_why(const struct page *page, const struct ex_finding *finding)
{
	label(page, "why");
	fprintf(page->out, "%s", ex_cause_words(finding->fault.cause));
	render_level(page, finding);
	fputc('\n', page->out);
	if (!finding->decoded)
		return;
	fprintf(page->out, "  %*s%s 0x%" PRIx64 ": %s\n", LABEL_WIDTH, "", finding->reg, finding->fault.raw,
		finding->fault.name);
	render_bits(page, finding);
	if (finding->report->walk[0])
		fprintf(page->out, "  %*swalk %s\n", LABEL_WIDTH, "", finding->report->walk);
}

static void render_way(const struct page *page, const struct ex_finding *finding)
{
	const struct ex_way *way = &finding->way;
	char end[128];
	size_t column = 0;

	if (!finding->decoded)
		return;
	label(page, "then");
	for (unsigned i = 0; i < way->count; i++) {
		const char *name = quire_step_name((enum quire_step)way->steps[i]);

		if (i && column + strlen(name) + 3 > TEXT_WIDTH) {
			fprintf(page->out, "\n  %*s> ", LABEL_WIDTH, "");
			column = 2;
		} else if (i) {
			fputs(" > ", page->out);
			column += 3;
		}
		fputs(name, page->out);
		column += strlen(name);
	}
	fputc('\n', page->out);
	label(page, "rule");
	fprintf(page->out, "%s: %s\n", quire_step_name(way->reason), quire_step_text(way->reason));
	ex_end_words(finding, end, sizeof(end));
	label(page, "end");
	fprintf(page->out, "%s\n", end);
	if (way->assumed && finding->fault.route == QUIRE_ROUTE_PAGE_FAULT)
		fprintf(page->out,
			"  %*s(if no mapping at the address permits it; else handle_mm_fault resolves "
			"it)\n",
			LABEL_WIDTH, "");
}

static void render_code(const struct page *page, const struct ex_finding *finding)
{
	const struct ex_listing *listing = &finding->listing;
	char number[24];

	if (!listing->count)
		return;
	label(page, "code");
	for (unsigned i = 0; i < listing->count; i++) {
		if (i)
			fprintf(page->out, "  %*s", LABEL_WIDTH, "");
		fprintf(page->out, "%s%s", paint(page, listing->line[i].fault ? BOLD : ""),
			listing->line[i].fault ? "=> " : "   ");
		if (finding->report->has_pc)
			fprintf(page->out, "%s  ",
				digits_of(finding, listing->line[i].address, number, sizeof(number)));
		fprintf(page->out, "%s%s\n", listing->line[i].text,
			paint(page, listing->line[i].fault ? NORMAL : ""));
	}
}

void ex_render(FILE *out, const struct ex_finding *finding, bool colour)
{
	struct page page = {out, colour};

	render_head(&page, finding);
	render_what(&page, finding);
	render_where(&page, finding);
	render_why(&page, finding);
	render_way(&page, finding);
	for (unsigned i = 0; i < finding->hints_count; i++) {
		label(&page, i ? "" : "address");
		fprintf(out, "%s\n", finding->hints[i].text);
	}
	render_code(&page, finding);
}
