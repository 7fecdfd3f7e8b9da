/* SPDX-License-Identifier: MIT */
/* Compares results with expectations and reports each failed expectation as one line. */
#include "names.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

struct checker {
	const struct scn_run *run;
	unsigned index;
	unsigned failed;
	scn_report *report;
	void *context;
};

__attribute__((format(printf, 2, 3))) static void differ(struct checker *c, const char *format, ...)
{
	char text[200];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	c->failed++;
	if (c->report)
		c->report(c->context, c->index, text);
}

/* An address as text for a message. */
static const char *place_text(const struct scn_run *run, scn_place place, char room[64])
{
	return scn_place_text(place, run->backend->page_size, room);
}

static const char *signal_text(unsigned signal, unsigned code, char room[48])
{
	const char *name = scn_word_name(scn_signal_words, signal);
	const char *code_name = scn_word_name(scn_code_words, signal << 8 | code);

	if (signal == SCN_SIGKILL)
		snprintf(room, 48, "SIGKILL");
	else if (name && code_name)
		snprintf(room, 48, "%s %s", name, code_name);
	else if (name)
		snprintf(room, 48, "%s code %u", name, code);
	else
		snprintf(room, 48, "signal %u code %u", signal, code);
	return room;
}

/* What the operation did: its signal, its errno, or "ok". */
static const char *outcome_text(const struct scn_result *got, char room[48])
{
	return got->signal ? signal_text(got->signal, got->code, room) : scn_errno_name(got->error, room);
}

static bool is_bound(const struct scn_run *run, struct scn_addr addr)
{
	return (addr.base != SCN_BASE_NAME && addr.base != SCN_BASE_END) || run->bound[addr.name].known;
}

static void check_place(struct checker *c, struct scn_addr want, scn_place got)
{
	scn_place expected = scn_place_of(c->run->backend, scn_resolve(c->run, want));
	char room[2][64];

	if (!is_bound(c->run, want))
		differ(c, "expected at %s, whose map has failed", c->run->program->name[want.name]);
	else if (expected != got)
		differ(c, "expected at %s, got at %s", place_text(c->run, expected, room[0]),
		       place_text(c->run, got, room[1]));
}

static void check_error(struct checker *c, const struct scn_expect *want, const struct scn_result *got)
{
	char room[2][48];

	if (got->error != want->error || got->signal)
		differ(c, "expected %s, got %s", scn_errno_name(want->error, room[0]),
		       outcome_text(got, room[1]));
}

static void check_signal(struct checker *c, const struct scn_expect *want, const struct scn_result *got)
{
	char room[2][48];

	if (want->signal != got->signal || want->code != got->code)
		differ(c, "expected %s, got %s", signal_text(want->signal, want->code, room[0]),
		       outcome_text(got, room[1]));
	else if (want->set & SCN_EXPECT_SIGADDR)
		check_place(c, want->addr, got->at);
}

/* Compares which of `count` pages have the property `what` with the pages in `want`. */
static void check_pages(struct checker *c, const struct scn_result *got, uint64_t want, unsigned count,
			uint8_t bit, const char *what)
{
	const uint8_t *pages = c->run->view + got->view;

	if (got->view_bytes != count) {
		differ(c, "expected %u pages, got %" PRIu32, count, got->view_bytes);
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		if ((want >> i & 1) != ((pages[i] & bit) != 0)) {
			differ(c, "page %u: expected %s%s, got the opposite", i, want >> i & 1 ? "" : "not ",
			       what);
			return;
		}
	}
}

static bool row_matches(const struct scn_run *run, const struct scn_expect_row *want,
			const struct scn_row *got)
{
	return scn_place_of(run->backend, scn_resolve(run, want->start)) == got->start &&
	       scn_place_of(run->backend, scn_resolve(run, want->end)) == got->end &&
	       want->prot == got->prot && want->shared == got->shared &&
	       (want->file == SCN_NONE || (got->kind == SCN_KIND_FILE && want->file == got->file));
}

static void check_rows(struct checker *c, const struct scn_expect *want, const struct scn_result *got)
{
	unsigned count = (unsigned)(got->view_bytes / sizeof(struct scn_row));

	for (unsigned i = 0; i < want->rows_count && i < count; i++) {
		struct scn_row row;
		char room[2][64];

		memcpy(&row, c->run->view + got->view + i * sizeof(row), sizeof(row));
		if (row_matches(c->run, &c->run->program->row[want->rows_first + i], &row))
			continue;
		differ(c, "row %u: got %s..%s %c%c%c%c", i, place_text(c->run, row.start, room[0]),
		       place_text(c->run, row.end, room[1]), row.prot & 1 ? 'r' : '-',
		       row.prot & 2 ? 'w' : '-', row.prot & 4 ? 'x' : '-', row.shared ? 's' : 'p');
		return;
	}
	if (count != want->rows_count)
		differ(c, "expected %u rows, got %u", want->rows_count, count);
}

static void check_number(struct checker *c, const char *what, uint64_t want, uint64_t got)
{
	if (want != got)
		differ(c, "expected %s %" PRIu64 ", got %s %" PRIu64, what, want, what, got);
}

static bool holds_on(const struct scn_condition *on, const struct scn_backend *backend)
{
	const char *arch = backend->arch ? backend->arch : "x86_64";
	uint32_t profile = 3, bits = 0;

	(void)scn_word_number(scn_profile_words, backend->profile ? backend->profile : "linux-6", &profile);
	/* The name of a family is also the name of its first machine. */
	(void)scn_word_number(scn_arch_words, arch, &bits);
	return on->arches[profile] & bits & (0u - bits);
}

/* A new outcome replaces all expectations; any other clause replaces only expectations of its own kind. */
static void replace(struct scn_expect *into, const struct scn_expect *by)
{
	const unsigned faults = SCN_EXPECT_MINOR | SCN_EXPECT_MAJOR;

	if (!by->set || by->set & (SCN_EXPECT_ERRNO | SCN_EXPECT_SIGNAL)) {
		*into = *by;
		return;
	}
	if (by->set & faults) {
		into->set = (uint16_t)(into->set & ~faults);
		into->minor = by->minor;
		into->major = by->major;
	}
	if (by->set & SCN_EXPECT_VALUE)
		into->value = by->value;
	if (by->set & SCN_EXPECT_AT)
		into->at = by->at;
	if (by->set & SCN_EXPECT_COUNT)
		into->count = by->count;
	if (by->set & SCN_EXPECT_PAGES) {
		into->pages = by->pages;
		into->pages_count = by->pages_count;
	}
	if (by->set & SCN_EXPECT_SWAPPED) {
		into->swapped = by->swapped;
		into->swapped_count = by->swapped_count;
	}
	if (by->set & SCN_EXPECT_ROWS) {
		into->rows_first = by->rows_first;
		into->rows_count = by->rows_count;
	}
	into->set |= by->set;
}

struct scn_expect scn_expected(const struct scn_program *program, const struct scn_backend *backend,
			       unsigned index)
{
	struct scn_expect expect = program->expect[index];

	for (unsigned i = 0; i < program->variant_count; i++) {
		const struct scn_variant *variant = &program->variant[i];

		if (variant->op == index && holds_on(&variant->on, backend))
			replace(&expect, &variant->expect);
	}
	return expect;
}

static void check_op(struct checker *c)
{
	const struct scn_expect expect = scn_expected(c->run->program, c->run->backend, c->index);
	const struct scn_expect *want = &expect;
	const struct scn_result *got = &c->run->result[c->index];
	char room[48];

	if (!want->set || got->state == SCN_SKIPPED)
		return;
	if (got->state != SCN_RAN) {
		differ(c, "%s", got->state == SCN_DEAD ? "its process has ended" : "it did not run");
		return;
	}
	if (want->set & SCN_EXPECT_ERRNO)
		check_error(c, want, got);
	if (want->set & SCN_EXPECT_SIGNAL)
		check_signal(c, want, got);
	else if (got->signal && !(want->set & SCN_EXPECT_ERRNO))
		differ(c, "expected no signal, got %s", outcome_text(got, room));
	if (want->set & SCN_EXPECT_VALUE && !got->signal)
		check_number(c, "value", want->value, got->value);
	if (want->set & SCN_EXPECT_MINOR)
		check_number(c, "minor", want->minor, got->counts.minor);
	if (want->set & SCN_EXPECT_MAJOR)
		check_number(c, "major", want->major, got->counts.major);
	if (want->set & SCN_EXPECT_COUNT)
		check_number(c, "count", scn_bytes(c->run, want->count), got->count);
	if (want->set & SCN_EXPECT_AT)
		check_place(c, want->at, got->at);
	if (want->set & SCN_EXPECT_PAGES)
		check_pages(c, got, want->pages, want->pages_count, SCN_PAGE_PRESENT, "present");
	if (want->set & SCN_EXPECT_SWAPPED)
		check_pages(c, got, want->swapped, want->swapped_count, SCN_PAGE_SWAPPED, "swapped");
	if (want->set & SCN_EXPECT_ROWS)
		check_rows(c, want, got);
}

unsigned scn_check(const struct scn_run *run, scn_report *report, void *context)
{
	struct checker c = {.run = run, .report = report, .context = context};

	for (c.index = 0; c.index < run->program->op_count; c.index++)
		check_op(&c);
	return c.failed;
}
