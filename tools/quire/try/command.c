/* SPDX-License-Identifier: MIT */
/* quire try: runs scenario files on the simulated machine or on the running kernel, and judges them. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../command.h"
#include "try.h"

enum { TEXT_BYTES = 1 << 20 };

struct session {
	struct try_options options;
	struct scn_sim *sim;
	struct scn_host *host;
	struct try_report report;
	json_t *list;
	unsigned files, bad_files, unreadable;
};

static void failed(void *context, unsigned index, const char *text)
{
	struct try_report *report = context;
	unsigned line = report->program->op[index].line;

	report->failed++;
	if (report->json)
		json_array_append_new(report->failures, json_pack("{s:i,s:s}", "line", (int)line, "text", text));
	else
		printf("%s:%u: %s\n", report->path, line, text);
}

/* Reads a file whole. NULL with a message. */
static char *read_text(const char *path, size_t *out_bytes)
{
	FILE *from = fopen(path, "r");
	char *text = from ? malloc(TEXT_BYTES) : NULL;

	if (text)
		*out_bytes = fread(text, 1, TEXT_BYTES, from);
	if (!text || ferror(from) || *out_bytes == TEXT_BYTES) {
		fprintf(stderr, "quire try: %s: %s\n", path, errno ? strerror(errno) : "too large");
		free(text);
		text = NULL;
	}
	if (from)
		fclose(from);
	return text;
}

static bool load(const char *path, struct scn_program *out)
{
	struct scn_error error;
	size_t bytes = 0;
	char *text = read_text(path, &bytes);
	bool good;

	if (!text)
		return false;
	good = scn_parse(text, bytes, out, &error);
	if (!good)
		fprintf(stderr, "%s:%u:%u: %s\n", path, error.line, error.column, error.text);
	free(text);
	return good;
}

static const struct scn_run *run_program(struct session *s, const struct scn_program *program, const char **why)
{
	const struct scn_run *run;

	if (!s->options.on_host)
		return scn_sim_run(s->sim, program, why);
	run = scn_host_run(s->host, program, why);
	if (run && (s->options.trace || s->options.json))
		try_results(&s->report, run);
	return run;
}

static void begin_report(struct session *s, const char *path, const struct scn_program *program)
{
	struct try_report *r = &s->report;

	memset(r, 0, sizeof(*r));
	r->options = &s->options;
	r->path = path;
	r->program = program;
	if (s->options.json) {
		r->json = json_object();
		r->failures = json_array();
		r->faults = json_array();
		r->ops = json_array();
	} else if (s->options.trace) {
		printf("%s\n", path);
	}
}

static void end_report(struct session *s, const char *why)
{
	struct try_report *r = &s->report;

	if (r->json) {
		json_object_set_new(r->json, "file", json_string(r->path));
		json_object_set_new(r->json, "passed", json_boolean(!why && !r->failed));
		if (why)
			json_object_set_new(r->json, "broken", json_string(why));
		json_object_set_new(r->json, "skipped", json_integer(r->skipped));
		json_object_set_new(r->json, "failures", r->failures);
		json_object_set_new(r->json, "operations", r->ops);
		json_decref(r->faults);
		json_array_append_new(s->list, r->json);
		return;
	}
	if (why)
		printf("%s: broken: %s\n", r->path, why);
	else if (r->failed)
		printf("%s: %u expectations not met\n", r->path, r->failed);
	else if (!s->options.quiet)
		printf("%s: passed, %u operations%s\n", r->path, (unsigned)r->program->op_count,
		       r->skipped ? ", some skipped" : "");
}

static void try_file(struct session *s, const char *path)
{
	struct scn_program *program = malloc(sizeof(*program));
	const struct scn_run *run;
	const char *why = NULL;

	s->files++;
	if (!program || !load(path, program)) {
		s->unreadable++;
		free(program);
		return;
	}
	begin_report(s, path, program);
	run = run_program(s, program, &why);
	if (run) {
		for (unsigned i = 0; i < program->op_count; i++)
			s->report.skipped += run->result[i].state == SCN_SKIPPED;
		scn_check(run, failed, &s->report);
	}
	s->bad_files += !run || s->report.failed;
	end_report(s, run ? NULL : why);
	free(program);
}

static int is_scenario(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return n > 4 && strcmp(entry->d_name + n - 4, ".scn") == 0;
}

static void try_path(struct session *s, const char *path)
{
	struct dirent **entry;
	struct stat st;
	int count;

	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
		try_file(s, path);
		return;
	}
	count = scandir(path, &entry, is_scenario, alphasort);
	for (int i = 0; i < count; i++) {
		char name[4096];

		snprintf(name, sizeof(name), "%s/%s", path, entry[i]->d_name);
		try_file(s, name);
		free(entry[i]);
	}
	if (count >= 0)
		free(entry);
	if (count <= 0) {
		fprintf(stderr, "quire try: %s: no scenarios (*.scn) there\n", path);
		s->unreadable++;
	}
}

/* --- Options --- */

static int usage(const char *what, const char *word)
{
	fprintf(stderr, "quire try: %s%s%s; see quire try --help\n", what, word ? ": " : "", word ? word : "");
	return QUIRE_EXIT_USAGE;
}

/* Bytes with K, M or G. */
static bool memory_size(const char *text, uint64_t *out)
{
	char *end;
	unsigned shift;

	errno = 0;
	*out = strtoull(text, &end, 10);
	shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
	if (errno || text[0] < '0' || text[0] > '9' || end[shift != 0] || *out > (uint64_t)1 << 40 >> shift)
		return false;
	*out <<= shift;
	return true;
}

static int take_value(struct try_options *o, const char *name, const char *value)
{
	uint64_t n;

	if (strcmp(name, "--arch") == 0) {
		if (!quire_arch_find(value))
			return usage("no such architecture", value);
		o->sim.arch = value;
	} else if (strcmp(name, "--profile") == 0) {
		if (!quire_profile_find(value))
			return usage("no such profile", value);
		o->sim.profile = value;
	} else if (strcmp(name, "--mem") == 0) {
		if (!memory_size(value, &o->sim.ram_bytes))
			return usage("not an amount of memory", value);
	} else if (strcmp(name, "--cpus") == 0) {
		if (!memory_size(value, &n) || n < 1 || n > 64)
			return usage("--cpus is 1 to 64", NULL);
		o->sim.cpus = (unsigned)n;
	} else if (strcmp(name, "--mutant") == 0) {
		o->sim.mutant = value;
	} else if (strcmp(name, "--on") == 0) {
		o->on_host = strcmp(value, "host") == 0;
		if (!o->on_host && strcmp(value, "sim") != 0)
			return usage("--on is sim or host", NULL);
	} else {
		return usage("unknown option", name);
	}
	return 0;
}

/* Returns the number of paths moved to the front of argv + 1, or -1 - exit status. */
static int parse_options(struct try_options *o, int argc, char **argv)
{
	int paths = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--trace") == 0) {
			o->trace = true;
		} else if (strcmp(argv[i], "--json") == 0) {
			o->json = true;
		} else if (strcmp(argv[i], "--quiet") == 0) {
			o->quiet = true;
		} else if (strncmp(argv[i], "--", 2) != 0) {
			argv[1 + paths++] = argv[i];
		} else if (i + 1 == argc) {
			return -1 - usage("a value is missing", argv[i]);
		} else {
			int status = take_value(o, argv[i], argv[i + 1]);

			if (status)
				return -1 - status;
			i++;
		}
	}
	return paths ? paths : -1 - usage("no scenario was named", NULL);
}

void try_help(FILE *out)
{
	fputs("usage: quire try [OPTION...] FILE-OR-FOLDER...\n\n"
	      "Runs scenarios and checks their expectations. Exit status 1: one was not met.\n\n"
	      "  --on sim|host    the simulated machine (default), or the running kernel\n"
	      "  --arch A         i386, x86_64, arm, arm64, riscv64, ... (default x86_64)\n"
	      "  --profile P      linux-2.4, linux-2.6, linux-4.14, linux-6 (default)\n"
	      "  --mem N          RAM of the machine, such as 64M\n"
	      "  --cpus N         its CPUs; processes are spread over them\n"
	      "  --trace          print every operation, and the way of each fault\n"
	      "  --json           the same as JSON\n"
	      "  --mutant NAME    with that rule of the library broken (builds with mutants only)\n"
	      "  --quiet          only what fails\n",
	      out);
}

static bool open_machine(struct session *s)
{
	const char *why = "the host's processes could not be made";

	if (s->options.on_host) {
		s->host = scn_host_open();
	} else {
		s->options.sim.check_each_step = true;
		s->options.sim.check_every = 1;
		s->options.sim.trace_context = &s->report;
		if (s->options.trace || s->options.json) {
			s->options.sim.trace = try_trace;
			s->options.sim.before = try_before;
		}
		s->sim = scn_sim_open(&s->options.sim, &why);
	}
	if (s->host || s->sim)
		return true;
	fprintf(stderr, "quire try: %s\n", why);
	return false;
}

int try_command(int argc, char **argv)
{
	struct session s = {0};
	int paths = parse_options(&s.options, argc, argv);
	unsigned findings = 0;

	if (paths < 0)
		return -1 - paths;
	if (!open_machine(&s))
		return QUIRE_EXIT_USAGE;
	s.list = json_array();
	for (int i = 0; i < paths; i++)
		try_path(&s, argv[1 + i]);
	if (s.host)
		scn_host_close(s.host);
	if (s.sim)
		findings = scn_sim_close(s.sim);
	if (s.options.json) {
		json_dumpf(s.list, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (s.files > 1) {
		printf("%u scenarios, %u failed, %u unreadable\n", s.files, s.bad_files, s.unreadable);
	}
	json_decref(s.list);
	if (s.unreadable)
		return QUIRE_EXIT_USAGE;
	return s.bad_files || findings ? QUIRE_EXIT_NOTHING : QUIRE_EXIT_OK;
}
