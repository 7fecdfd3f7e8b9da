/* SPDX-License-Identifier: MIT */
/* The report that the kernel writes at the end (ports/kernel/kern/report.h): read, printed, as JSON. */
#include "run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <quire/quire.h>

#include "../explain/explain.h"

void report_init(struct run_report *report, FILE *trace, bool show_log)
{
	*report = (struct run_report){.exit_status = -1,
				      .trace = trace,
				      .show_log = show_log,
				      .ring.fd = -1,
				      .references = {.plugin = -1, .fd = -1}};
}

static void counts_free(struct run_counts *counts)
{
	for (size_t i = 0; i < counts->count; i++)
		free(counts->item[i].name);
	free(counts->item);
}

void report_free(struct run_report *report)
{
	counts_free(&report->steps);
	counts_free(&report->events);
	counts_free(&report->memory);
	free(report->panic);
	free(report->names);
	for (size_t i = 0; i < report->file_count; i++)
		free(report->files[i].name);
	free(report->files);
	symbols_free(report->symbols);
	ring_free(&report->ring);
	references_close(&report->references);
}

static void count_add(struct run_report *report, struct run_counts *counts, const char *name, uint64_t value)
{
	struct run_count *more = reallocarray(counts->item, counts->count + 1, sizeof(*more));
	char *copy = strdup(name);

	if (more)
		counts->item = more;
	if (!more || !copy) {
		free(copy);
		report->failed = true;
		return;
	}
	counts->item[counts->count++] = (struct run_count){.name = copy, .value = value};
}

static uint64_t count_of(const struct run_counts *counts, const char *name)
{
	for (size_t i = 0; i < counts->count; i++)
		if (!strcmp(counts->item[i].name, name))
			return counts->item[i].value;
	return 0;
}

/* A JSON string: the kernel's names are plain, a panic's text may be anything. */
static void json_text(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 32 || c > 126)
			fprintf(out, "\\u%04x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

/* Up to `count` numbers behind one another. */
static bool numbers(char *text, uint64_t **out, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *word = strsep(&text, " "), *end;

		if (!word || !*word || *word == '-')
			return false;
		*out[i] = strtoull(word, &end, 10);
		if (*end)
			return false;
	}
	return !text;
}

static bool take_counter(struct run_report *report, struct run_counts *counts, char *text)
{
	char *blank = strrchr(text, ' ');
	uint64_t value;

	if (!blank || !numbers(blank + 1, &(uint64_t *){&value}, 1))
		return false;
	*blank = 0;
	count_add(report, counts, text, value);
	return true;
}

static bool take_status(struct run_report *report, char *text)
{
	char *kind = strsep(&text, " ");
	uint64_t value;

	if (!text || !numbers(text, &(uint64_t *){&value}, 1) || value > 255)
		return false;
	if (!strcmp(kind, "exit"))
		report->exit_status = (int)value;
	else if (!strcmp(kind, "signal"))
		report->signal = (int)value;
	else
		return false;
	return true;
}

/* One line of the block. */
static bool take_figure(struct run_report *report, char *line)
{
	char *rest = line, *key = strsep(&rest, " ");

	if (!rest)
		return false;
	if (!strcmp(key, "status"))
		return take_status(report, rest);
	if (!strcmp(key, "counter"))
		return take_counter(report, &report->steps, rest);
	if (!strcmp(key, "event"))
		return take_counter(report, &report->events, rest);
	if (!strcmp(key, "frames"))
		return take_counter(report, &report->memory, rest);
	if (!strcmp(key, "time"))
		return numbers(rest, (uint64_t *[]){&report->boot_ns, &report->time_ns}, 2);
	if (!strcmp(key, "faults"))
		return numbers(rest, (uint64_t *[]){&report->minor, &report->major}, 2);
	if (!strcmp(key, "oopses"))
		return numbers(rest, (uint64_t *[]){&report->oopses}, 1);
	if (!strcmp(key, "memory"))
		return numbers(
		    rest,
		    (uint64_t *[]){&report->frames, &report->peak, &report->free_before, &report->free_after},
		    4);
	return true; /* a newer kernel may say more */
}

static void keep_log(struct run_report *report, const char *line)
{
	size_t length = strlen(line), room = sizeof(report->log);

	if (report->show_log)
		fprintf(stderr, "%s\n", line);
	if (length + 1 > room)
		return;
	if (report->log_length + length + 1 > room) {
		size_t drop = report->log_length + length + 1 - room;

		memmove(report->log, report->log + drop, report->log_length - drop);
		report->log_length -= drop;
	}
	memcpy(report->log + report->log_length, line, length);
	report->log_length += length;
	report->log[report->log_length++] = '\n';
}

static void take_line(struct run_report *report, char *line)
{
	if (!strncmp(line, "@trace ", 7)) {
		report->failed |= !ring_found(&report->ring, line + 7);
	} else if (!strcmp(line, "@quire-report 1")) {
		report->started = true;
	} else if (!strcmp(line, "@quire-end")) {
		report->ended = true;
	} else if (report->started && !report->ended) {
		report->failed |= !take_figure(report, line);
	} else {
		if (!strncmp(line, "panic: ", 7) && !report->panic) {
			report->panic = strdup(line + 7);
			report->failed |= !report->panic;
		}
		death_note(&report->death, line);
		keep_log(report, line);
	}
}

void report_feed(struct run_report *report, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] == '\n') {
			report->line[report->line_length] = 0;
			take_line(report, report->line);
			report->line_length = 0;
		} else if (bytes[i] != '\r' && bytes[i] && report->line_length + 1 < sizeof(report->line)) {
			report->line[report->line_length++] = bytes[i];
		}
	}
}

/* --- the table ------------------------------------------------------------------------------------- */

static const struct {
	const char *title;
	enum quire_step step, also; /* their sum; QUIRE_STEP_COUNT: no second one */
} kinds[] =
    {
	{"anonymous", QUIRE_STEP_DO_ANONYMOUS_PAGE, QUIRE_STEP_COUNT},
	{"  zero page", QUIRE_STEP_ZERO_PAGE, QUIRE_STEP_COUNT},
	{"file, read", QUIRE_STEP_DO_READ_FAULT, QUIRE_STEP_COUNT},
	{"file, private copy", QUIRE_STEP_DO_COW_FAULT, QUIRE_STEP_COUNT},
	{"file, shared write", QUIRE_STEP_DO_SHARED_FAULT, QUIRE_STEP_COUNT},
	{"absent, 2.4 and 2.6", QUIRE_STEP_DO_NO_PAGE, QUIRE_STEP_COUNT},
	{"swap", QUIRE_STEP_DO_SWAP_PAGE, QUIRE_STEP_COUNT},
	{"copy on write", QUIRE_STEP_DO_WP_PAGE, QUIRE_STEP_COUNT},
	{"  copied", QUIRE_STEP_WP_PAGE_COPY, QUIRE_STEP_COUNT},
	{"  reused", QUIRE_STEP_WP_PAGE_REUSE, QUIRE_STEP_COUNT},
	{"young or dirty", QUIRE_STEP_ESTABLISH_PTE, QUIRE_STEP_COUNT},
	{"spurious, raced", QUIRE_STEP_SPURIOUS, QUIRE_STEP_PTE_CHANGED},
	{"stack grown", QUIRE_STEP_STACK_GROWN, QUIRE_STEP_COUNT},
},
  outcomes[] = {
      {"minor", QUIRE_STEP_MINOR, QUIRE_STEP_COUNT},
      {"major", QUIRE_STEP_MAJOR, QUIRE_STEP_COUNT},
      {"SIGSEGV, not mapped", QUIRE_STEP_SIGSEGV_MAPERR, QUIRE_STEP_COUNT},
      {"SIGSEGV, not allowed", QUIRE_STEP_SIGSEGV_ACCERR, QUIRE_STEP_COUNT},
      {"SIGBUS", QUIRE_STEP_SIGBUS, QUIRE_STEP_COUNT},
      {"kernel, fixed up", QUIRE_STEP_FIXUP_EXCEPTION, QUIRE_STEP_COUNT},
      {"out of memory", QUIRE_STEP_OUT_OF_MEMORY, QUIRE_STEP_COUNT},
};

static uint64_t steps_of(const struct run_report *report, enum quire_step step, enum quire_step also)
{
	uint64_t sum = count_of(&report->steps, quire_step_name(step));

	return also == QUIRE_STEP_COUNT ? sum : sum + count_of(&report->steps, quire_step_name(also));
}

static uint64_t event_of(const struct run_report *report, enum quire_event event)
{
	return count_of(&report->events, quire_event_name(event));
}

static void print_count(FILE *out, const char *title, uint64_t count)
{
	if (count)
		fprintf(out, "  %-22s %12" PRIu64 "\n", title, count);
}

static void print_size(FILE *out, const char *title, uint64_t frames)
{
	fprintf(out, "  %-22s %12.1f MiB\n", title, (double)frames / 256);
}

void report_print(const struct run_report *report, FILE *out)
{
	fprintf(out, "\nfaults by kind\n");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		print_count(out, kinds[i].title, steps_of(report, kinds[i].step, kinds[i].also));
	fprintf(out, "faults by outcome\n");
	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++)
		print_count(out, outcomes[i].title, steps_of(report, outcomes[i].step, outcomes[i].also));
	fprintf(out, "pages\n");
	print_count(out, "zeroed", event_of(report, QUIRE_EVENT_PAGE_CLEARED));
	print_count(out, "copied", event_of(report, QUIRE_EVENT_PAGE_COPIED));
	print_count(out, "shared by fork", event_of(report, QUIRE_EVENT_FORK_PTE));
	print_count(out, "swapped in", event_of(report, QUIRE_EVENT_PSWPIN));
	print_count(out, "swapped out", event_of(report, QUIRE_EVENT_PSWPOUT));
	fprintf(out, "memory\n");
	print_size(out, "of the guest", report->frames);
	print_size(out, "peak", report->peak);
	fprintf(out, "time\n  %-22s %12.3f s\n  %-22s %12.3f s\n", "boot", (double)report->boot_ns / 1e9,
		"program", (double)report->time_ns / 1e9);
}

static void json_counts(FILE *out, const char *name, const struct run_counts *counts)
{
	fprintf(out, ",\n  \"%s\": {", name);
	for (size_t i = 0; i < counts->count; i++) {
		fputs(i ? ", " : "", out);
		json_text(out, counts->item[i].name);
		fprintf(out, ": %" PRIu64, counts->item[i].value);
	}
	fputc('}', out);
}

static void json_signal(FILE *out, int signal)
{
	fprintf(out, ",\n  \"signal\": {\"number\": %d, \"name\": ", signal);
	if (run_signal_name(signal))
		json_text(out, run_signal_name(signal));
	else
		fputs("null", out);
	fputc('}', out);
}

enum {
	MOST_FAULTS = 10000 /* in the report; the trace has all */
};

/* Faults of the trace, as it has them: one in `every`. */
static void copy_faults(FILE *trace, uint64_t every, FILE *out)
{
	uint64_t seen = 0;
	char *line = NULL;
	size_t room = 0;
	ssize_t length;

	rewind(trace);
	while ((length = getline(&line, &room, trace)) > 0) {
		if (!strstr(line, "\"way\": ") || seen++ % every)
			continue;
		line[length - 1] = '\0';
		fprintf(out, "%s\n    %s", seen > 1 ? "," : "", line);
	}
	free(line);
	fseek(trace, 0, SEEK_END);
}

/* Without a trace, the log has the faults of which programs died. */
static void explain_faults(const struct run_report *report, const struct run_options *options, FILE *out)
{
	const struct ex_options how = {
	    .arch = ex_arch_find(options->arch),
	    .profile = quire_profile_find(options->profile ? options->profile : "linux-6"),
	    .mode = QUIRE_MODE_UNKNOWN,
	    .short_form = true};
	json_t *faults = ex_faults_json(&how, report->log, report->log_length), *fault;
	size_t i;

	json_array_foreach(faults, i, fault)
	{
		fputs(i ? ",\n    " : "\n    ", out);
		json_dumpf(fault, out, JSON_ENSURE_ASCII);
	}
	json_decref(faults);
}

static void json_faults(const struct run_report *report, const struct run_options *options, FILE *out)
{
	uint64_t every = report->trace ? (report->ring.faults + MOST_FAULTS - 1) / MOST_FAULTS : 1;

	every += !every;
	fprintf(out, ",\n  \"faults_from\": \"%s\",\n  \"faults_every\": %" PRIu64 ",\n  \"faults\": [",
		report->trace ? "trace" : "log", every);
	if (report->trace)
		copy_faults(report->trace, every, out);
	else
		explain_faults(report, options, out);
	fputc(']', out);
}

int report_json(const struct run_report *report, const struct run_options *options, FILE *out)
{
	fprintf(out, "{\n  \"version\": 2,\n  \"arch\": ");
	json_text(out, options->arch);
	fprintf(out, ",\n  \"profile\": ");
	json_text(out, options->profile ? options->profile : "linux-6");
	fprintf(out, ",\n  \"cpus\": %u,\n  \"mem_mib\": %" PRIu64 ",\n  \"icount\": %s", options->cpus,
		options->mem_mib, options->icount ? "true" : "false");
	fprintf(out, ",\n  \"complete\": %s", report->ended && !report->failed ? "true" : "false");
	if (report->exit_status >= 0)
		fprintf(out, ",\n  \"exit\": %d", report->exit_status);
	if (report->signal)
		json_signal(out, report->signal);
	if (report->oopses)
		fprintf(out, ",\n  \"oopses\": %" PRIu64, report->oopses);
	if (report->panic) {
		fprintf(out, ",\n  \"panic\": ");
		json_text(out, report->panic);
	}
	fprintf(out,
		",\n  \"minor\": %" PRIu64 ",\n  \"major\": %" PRIu64 ",\n  \"time_ns\": %" PRIu64
		",\n  \"boot_ns\": %" PRIu64,
		report->minor, report->major, report->time_ns, report->boot_ns);
	fprintf(out,
		",\n  \"frames\": %" PRIu64 ",\n  \"peak_frames\": %" PRIu64 ",\n  \"free_before\": %" PRIu64
		",\n  \"free_after\": %" PRIu64,
		report->frames, report->peak, report->free_before, report->free_after);
	json_counts(out, "steps", &report->steps);
	json_counts(out, "events", &report->events);
	json_counts(out, "memory", &report->memory);
	json_faults(report, options, out);
	fputs("\n}\n", out);
	return ferror(out) ? -1 : 0;
}
