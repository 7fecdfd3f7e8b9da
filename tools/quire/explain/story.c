/* SPDX-License-Identifier: MIT */
/* What is said of a fault: the statements of each part, and from them a story of at most five sentences. */
#include "explain.h"
#include "words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define TEXT 248

__attribute__((format(printf, 3, 4))) static void append(char *out, size_t size, const char *format, ...)
{
	size_t length = strlen(out);
	va_list args;

	va_start(args, format);
	vsnprintf(out + length, size - length, format, args);
	va_end(args);
}

static const struct ex_statement *find(const struct ex_finding *finding, enum ex_part part)
{
	for (unsigned i = 0; i < finding->said_count; i++) {
		if (finding->said[i].part == part)
			return &finding->said[i];
	}
	return NULL;
}

/* A statement as a sentence: a capital letter, a full stop. */
static void sentence(struct ex_finding *finding, enum ex_basis basis, const char *text)
{
	char whole[TEXT];

	snprintf(whole, sizeof(whole), "%.240s", text);
	if (whole[0] >= 'a' && whole[0] <= 'z' && strchr(whole, ' ') && whole[1] != 'x' && whole[0] != '[')
		whole[0] = (char)(whole[0] - 32);
	append(whole, sizeof(whole), ".");
	ex_say(finding, EX_PART_STORY, basis, NULL, "%s", whole);
}

/* --- what, where, why ----------------------------------------------------------------------------------- */

/* Exceptions that are no access at the pc. */
static bool special_what(struct ex_finding *finding, const char *subject)
{
	unsigned class = (unsigned)(finding->fault.raw >> 26) & 63;

	if (finding->fault.cause == QUIRE_CAUSE_ASYNC_EXTERNAL_ABORT ||
	    finding->fault.cause == QUIRE_CAUSE_ASYNC_PARITY) {
		ex_say(finding, EX_PART_WHAT, EX_DECODED, NULL, "an asynchronous abort interrupted %s",
		       subject);
		return true;
	}
	if (finding->id != EX_ARM64 || !finding->decoded)
		return false;
	if (class == 0x22 || class == 0x26) {
		ex_say(finding, EX_PART_WHAT, EX_DECODED, NULL, "the %s of %s is misaligned",
		       class == 0x22 ? "program counter" : "stack pointer", subject);
		return true;
	}
	if (finding->report->kind != EX_KIND_BAD_MODE || finding->fault.access != QUIRE_ACCESS_UNKNOWN)
		return false;
	ex_say(finding, EX_PART_WHAT, EX_DECODED, NULL,
	       "%s met an exception that its vector may not take: %s", subject, finding->fault.name);
	return true;
}

static void tell_what(struct ex_finding *finding)
{
	static const char *const subjects[] = {"a program", "the kernel",
					       "something, in a mode that is not told,"};
	static const char *const verbs[] = {"read from", "write to", "execute at", "access"};
	const struct ex_report *report = finding->report;
	const struct quire_fault *fault = &finding->fault;
	const char *subject = subjects[fault->mode];
	enum ex_basis basis = finding->decoded ? EX_DECODED : EX_READ;
	char address[40];

	if (report->kind == EX_KIND_PROTECTION) {
		ex_say(finding, EX_PART_WHAT, EX_READ, NULL, "%s met a general protection fault", subject);
		return;
	}
	if (report->kind == EX_KIND_SERROR) {
		ex_say(finding, EX_PART_WHAT, EX_READ, NULL, "an SError interrupted %s",
		       fault->mode == QUIRE_MODE_USER ? "a program" : "the kernel");
		return;
	}
	if (special_what(finding, subject))
		return;
	if (report->has_address)
		snprintf(address, sizeof(address), "0x%" PRIx64, report->address);
	else
		snprintf(address, sizeof(address), "an address that is not told");
	ex_say(finding, EX_PART_WHAT, basis, NULL, "%s tried to %s %s%s", subject, verbs[fault->access],
	       address,
	       report->kind == EX_KIND_BAD_MODE ? ", by an exception that its vector may not take" : "");
}

static void where_words(const struct ex_finding *finding, char *out, size_t size)
{
	const struct ex_report *report = finding->report;
	const struct ex_source *source = &finding->source;
	const char *between = "";

	if (source->found) {
		append(out, size, "%.80s+0x%" PRIx64, source->function, source->offset);
		if (source->file[0])
			append(out, size, " (%.90s:%d)", source->file, source->line);
		between = ", ";
	} else if (report->place[0]) {
		append(out, size, "%s%s", report->aligned_pc ? "the instruction before " : "", report->place);
		between = ", ";
	}
	if (report->has_pc) {
		append(out, size, "%spc 0x%" PRIx64, between, report->pc);
		between = ", ";
	}
	if (report->object[0]) {
		append(out, size, "%sin %s", between, report->object);
		if (report->has_object_offset)
			append(out, size, "+0x%" PRIx64, report->object_offset);
		else if (report->object_base && report->has_pc && report->pc >= report->object_base)
			append(out, size, "+0x%" PRIx64, report->pc - report->object_base);
	}
}

static void task_words(const struct ex_report *report, char *out, size_t size)
{
	if (report->task[0])
		append(out, size, "task %s", report->task);
	if (report->has_pid)
		append(out, size, "%s(pid %u)", report->task[0] ? " " : "task ", report->pid);
}

static void tell_where(struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;
	char place[TEXT] = "", task[64] = "";

	where_words(finding, place, sizeof(place));
	task_words(report, task, sizeof(task));
	if (place[0] || task[0])
		ex_say(finding, EX_PART_WHERE, EX_READ, NULL, "%s%s%s", place,
		       place[0] && task[0] ? ", " : "", task);
	if (finding->source.inlined[0])
		ex_say(finding, EX_PART_WHERE, EX_DEDUCED, "the symbols", "inlined: %s",
		       finding->source.inlined);
	if (finding->source.text[0])
		ex_say(finding, EX_PART_WHERE, EX_DEDUCED, "the source file, if it is the one that was built",
		       "%d: %s", finding->source.line, finding->source.text);
	if (finding->fault.access == QUIRE_ACCESS_EXEC && report->caller_place[0])
		ex_say(finding, EX_PART_WHERE, EX_READ, NULL, "from %s", report->caller_place);
}

static void tell_why(struct ex_finding *finding)
{
	const struct quire_fault *fault = &finding->fault;
	char level[48] = "";

	if (finding->report->kind == EX_KIND_PROTECTION) {
		ex_say(finding, EX_PART_WHY, EX_DECODED, NULL,
		       "for this exception (#GP) the CPU gives neither an address nor a cause");
		return;
	}
	if (ex_hides_present(finding)) {
		ex_say(finding, EX_PART_WHY, EX_DEDUCED, "a program's fault on an address of the kernel",
		       "whether a translation exists is not told: Linux shows P set for every such address");
		return;
	}
	if (fault->cause == QUIRE_CAUSE_UNKNOWN) {
		if (finding->report->kind == EX_KIND_FAULT && !finding->report->has_si_code)
			ex_say(finding, EX_PART_WHY, EX_READ, NULL, "%s",
			       ex_cause_words(QUIRE_CAUSE_UNKNOWN));
		return;
	}
	if (finding->id == EX_ARM && fault->level != QUIRE_LEVEL_NONE)
		snprintf(level, sizeof(level), ", at the %s level",
			 fault->level == QUIRE_LEVEL_SECTION ? "section (first)" : "page (second)");
	else if (fault->level != QUIRE_LEVEL_NONE)
		snprintf(level, sizeof(level), ", at level %d", fault->level);
	ex_say(finding, EX_PART_WHY, EX_DECODED, NULL, "%s%s", ex_cause_words(fault->cause), level);
}

/* --- how it went on ---------------------------------------------------------------------------------------- */

static void tell_path(struct ex_finding *finding)
{
	const struct ex_path *path = &finding->path;
	const struct ex_report *report = finding->report;
	char text[TEXT] = "", premise[96];

	if (path->count < 2 || !finding->decoded)
		return;
	for (unsigned i = 0; i < path->count; i++)
		append(text, sizeof(text), "%s%s", i ? " > " : "", path->names[i]);
	if (report->version.text[0])
		snprintf(premise, sizeof(premise), "the code; the names are those of %u.%u",
			 report->version.major, report->version.minor);
	else
		snprintf(premise, sizeof(premise),
			 "the code; the names are those of %s: no version is printed",
			 finding->profile->name);
	ex_say(finding, EX_PART_PATH, EX_DEDUCED, premise, "%s", text);
}

static void tell_bare_end(struct ex_finding *finding)
{
	const struct ex_path *path = &finding->path;
	const char *code = quire_code_name(path->signal, path->si_code);

	if (finding->fault.route == QUIRE_ROUTE_IGNORE)
		ex_say(finding, EX_PART_END, EX_DECODED, NULL, "another handler of the kernel answers it");
	else if (finding->fault.mode != QUIRE_MODE_USER)
		ex_say(finding, EX_PART_END, EX_DEDUCED, "where nothing permits the access", "oops%s",
		       path->no_fixup ? "" : ", unless the exception table knows the instruction");
	else
		ex_say(finding, EX_PART_END, EX_DEDUCED, "where nothing permits the access",
		       "the program gets %s%s%s%s", quire_signal_name(path->signal),
		       *code != '?' && path->si_code ? " (" : "", *code != '?' && path->si_code ? code : "",
		       *code != '?' && path->si_code ? ")" : "");
}

static void tell_signal(struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;
	const struct ex_path *path = &finding->path;
	const char *code = quire_code_name(path->signal, path->si_code);
	bool has_code = path->si_code && *code != '?';

	if (report->end == EX_END_UNKNOWN && !report->maybe_not_oops &&
	    finding->fault.cause == QUIRE_CAUSE_ALIGNMENT) {
		ex_say(finding, EX_PART_END, EX_DEDUCED, "a misaligned access of a program",
		       "/proc/cpu/alignment decides whether the kernel repairs it or sends SIGBUS");
		return;
	}
	ex_say(finding, EX_PART_END, report->signal ? EX_READ : EX_DEDUCED,
	       report->signal ? NULL : "a line that the kernel prints when it sends the signal",
	       "the program gets %s%s%s%s", quire_signal_name(path->signal), has_code ? " (" : "",
	       has_code ? code : "", has_code ? ")" : "");
}

static void tell_end(struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;

	if (!report->line)
		tell_bare_end(finding);
	else if (report->kind == EX_KIND_SERROR)
		ex_say(finding, EX_PART_END, EX_READ, NULL, "the kernel reports it");
	else if (report->end == EX_END_OOPS &&
		 (report->kind != EX_KIND_FAULT || finding->path.no_fixup || !finding->decoded))
		ex_say(finding, EX_PART_END, EX_READ, NULL, "the kernel reports an oops");
	else if (report->end == EX_END_OOPS && finding->fault.mode != QUIRE_MODE_USER)
		ex_say(
		    finding, EX_PART_END, EX_DEDUCED, "the oops: a fixup would have prevented it",
		    "the exception table has no entry for the instruction, and the kernel reports an oops");
	else if (report->end == EX_END_OOPS)
		ex_say(finding, EX_PART_END, EX_READ, NULL,
		       "the kernel reports an oops, and the program ends");
	else if (finding->path.signal)
		tell_signal(finding);
}

static void tell_rule(struct ex_finding *finding)
{
	const struct ex_path *path = &finding->path;

	if (path->rule && finding->report->line)
		ex_say(finding, EX_PART_RULE, EX_DEDUCED, path->premise, "%s", path->rule);
}

/* A bare code: the lines that a kernel of the profile would print. */
static void tell_log(struct ex_finding *finding)
{
	const struct quire_fault *fault = &finding->fault;
	char text[640], *line = text;

	if (finding->report->line || !finding->report->has_address || !finding->decoded)
		return;
	if (fault->route != QUIRE_ROUTE_UNHANDLED && fault->mode != QUIRE_MODE_KERNEL)
		return;
	if (!quire_fault_describe(&finding->arch, finding->profile, fault, text, sizeof(text)))
		return;
	for (char *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		if (line == text)
			ex_say(finding, EX_PART_LOG, EX_DEDUCED,
			       "the profile, where nothing permits the access", "%s", line);
		else
			ex_say(finding, EX_PART_LOG, EX_DECODED, NULL, "%s", line);
	}
}

/* --- the story ---------------------------------------------------------------------------------------------- */

static void story_what(struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;
	const struct ex_statement *what = find(finding, EX_PART_WHAT);
	char text[TEXT], place[TEXT] = "", task[64] = "";
	enum ex_basis basis = (enum ex_basis)what->basis;

	where_words(finding, place, sizeof(place));
	task_words(report, task, sizeof(task));
	snprintf(text, sizeof(text), "%.120s", what->text);
	if (place[0] && strlen(text) + strlen(place) < 200)
		append(text, sizeof(text), "%s%s",
		       strncmp(place, "in ", 3) == 0               ? " "
		       : report->place[0] || finding->source.found ? " in "
								   : ", at ",
		       place);
	if (task[0])
		append(text, sizeof(text), "%s%.48s", place[0] ? ", " : " in ", task);
	sentence(finding, basis, text);
}

/* "kind: text" without the kind. */
static const char *behind_kind(const char *hint)
{
	const char *colon = strchr(hint, ':');

	return colon ? colon + 2 : hint;
}

/* The operand says more than a hint of the address; both say the same of a null pointer. */
static void story_address(struct ex_finding *finding)
{
	const struct ex_statement *hint = find(finding, EX_PART_ADDRESS);
	unsigned said = 0;
	char text[TEXT] = "";

	for (unsigned i = 0; i < finding->said_count; i++) {
		if (finding->said[i].part == EX_PART_OPERAND && said++ < 2)
			append(text, sizeof(text), "%s%.110s", text[0] ? ": " : "", finding->said[i].text);
	}
	if (hint &&
	    strstr(hint->text, "KASAN shadow")) /* the operand is the shadow's, and not the pointer's */
		snprintf(text, sizeof(text), "Hint: %.220s", behind_kind(hint->text));
	else if (!said && hint)
		append(text, sizeof(text), "Hint: %.220s", behind_kind(hint->text));
	if (text[0])
		sentence(finding, EX_DEDUCED, text);
}

static void tell_story(struct ex_finding *finding)
{
	static const enum ex_part then[] = {EX_PART_RULE, EX_PART_END};
	const struct ex_statement *why = find(finding, EX_PART_WHY);

	story_what(finding);
	if (why)
		sentence(finding, (enum ex_basis)why->basis, why->text);
	story_address(finding);
	for (size_t i = 0; i < sizeof(then) / sizeof(then[0]); i++) {
		const struct ex_statement *statement = find(finding, then[i]);

		if (statement)
			sentence(finding, (enum ex_basis)statement->basis, statement->text);
	}
}

void ex_tell(struct ex_finding *finding, bool short_form)
{
	tell_what(finding);
	tell_where(finding);
	tell_why(finding);
	if (!short_form)
		tell_path(finding);
	tell_rule(finding);
	tell_end(finding);
	if (!short_form)
		tell_log(finding);
	tell_story(finding);
}
