/* SPDX-License-Identifier: MIT */
/* quire try: runs scenario files on the simulated machine or on the running kernel, and checks the
 * results. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../command.h"
#include "../option.h"
#include "../report/report.h"

#include <quire/config.h>
#include "try.h"

enum {
	TEXT_BYTES = 1 << 20
};

struct session {
	struct try_options options;
	struct scn_sim *sim;
	struct scn_host *host;
	struct try_report report;
	json_t *list;
	unsigned files, bad_files, skipped_files, unreadable, left_out;
};

/* Reads a whole file. NULL after a message. */
static char *read_text(const char *path, size_t *out_bytes)
{
	FILE *from;
	char *text;

	errno = 0;
	from = fopen(path, "r");
	text = from ? malloc(TEXT_BYTES) : NULL;

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

static void complain(void *context, const struct scn_error *error)
{
	const char *const *path = context;

	try_error(*path, error);
}

static bool load(const char *path, struct scn_program *out)
{
	size_t bytes = 0;
	char *text = read_text(path, &bytes);
	unsigned errors;

	if (!text)
		return false;
	errors = scn_parse_all(text, bytes, out, complain, &path);
	free(text);
	if (errors == 0 && out->op_count == 0) {
		fprintf(stderr, "%s: the scenario has no operations\n", path);
		return false;
	}
	return errors == 0;
}

static const struct scn_run *run_program(struct session *s, const struct scn_program *program,
					 const char **why)
{
	const struct scn_run *run;

	if (!s->options.on_host)
		return scn_sim_run(s->sim, program, why);
	run = scn_host_run(s->host, program, why);
	if (run && (s->options.trace || s->options.json))
		try_results(&s->report, run);
	return run;
}

/* Whether the machine lacks a trait that the scenario needs; if so, prints it. */
static bool lacks(struct session *s, const char *path, const struct scn_program *program)
{
	const struct scn_traits *traits = &s->options.traits;
	enum scn_trait missing = scn_traits_obstacle(traits);
	char room[80];

	if (missing == SCN_TRAITS)
		missing = scn_traits_missing(traits, program->needs);
	/* The simulated machine emulates these traits; on the kernel, scenarios that show them are left
	 * out. */
	if (missing == SCN_TRAITS && s->options.on_host)
		missing = scn_traits_shown_by(traits, program);
	if (missing == SCN_TRAITS)
		return false;
	s->left_out++;
	scn_trait_text(traits, missing, room);
	if (s->options.json)
		json_array_append_new(s->list, json_pack("{s:s,s:s}", "file", path, "left_out", room));
	else
		printf("%s: left out: this machine has %s\n", path, room);
	return true;
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
	if (lacks(s, path, program)) {
		free(program);
		return;
	}
	try_begin(&s->report, &s->options, path, program);
	run = run_program(s, program, &why);
	if (run)
		try_judge(&s->report, run);
	s->bad_files += !run || s->report.failed;
	s->skipped_files += run && !s->report.failed && s->report.skipped;
	try_end(&s->report, run ? NULL : why, s->list);
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
		fprintf(stderr, "quire try: %s: the folder has no scenarios (*.scn)\n", path);
		s->unreadable++;
	}
}

/* --- Options --- */

enum {
	OPT_ON = 256,
	OPT_ARCH,
	OPT_PROFILE,
	OPT_MEM,
	OPT_CPUS,
	OPT_TRACE,
	OPT_JSON,
	OPT_REPORT,
	OPT_DRAW,
	OPT_MUTANT,
	OPT_TRAIT,
	OPT_ALLOW_SKIPS,
	OPT_QUIET,
	OPT_HELP
};

static const struct option table[] = {
    {"on", required_argument, NULL, OPT_ON},
    {"arch", required_argument, NULL, OPT_ARCH},
    {"profile", required_argument, NULL, OPT_PROFILE},
    {"mem", required_argument, NULL, OPT_MEM},
    {"cpus", required_argument, NULL, OPT_CPUS},
    {"trace", no_argument, NULL, OPT_TRACE},
    {"json", no_argument, NULL, OPT_JSON},
    {"draw", no_argument, NULL, OPT_DRAW},
    {"report", required_argument, NULL, OPT_REPORT},
    {"mutant", required_argument, NULL, OPT_MUTANT},
    {"trait", required_argument, NULL, OPT_TRAIT},
    {"allow-skips", no_argument, NULL, OPT_ALLOW_SKIPS},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

/* Returns 0, or an exit status after a message. */
static int take_option(struct try_options *o, int option, const char *value)
{
	const char *problem;

	o->sim_only |= option == OPT_ARCH || option == OPT_PROFILE || option == OPT_MEM ||
		       option == OPT_CPUS || option == OPT_TRACE || option == OPT_MUTANT ||
		       option == OPT_REPORT || option == OPT_DRAW;
	switch (option) {
	case OPT_ON:
		o->on_host = strcmp(value, "host") == 0;
		return o->on_host || strcmp(value, "sim") == 0
			   ? 0
			   : option_error("try", "--on is sim or host", value);
	case OPT_ARCH:
		o->sim.arch = value;
		return quire_arch_find(value) ? 0 : option_error("try", "no such architecture", value);
	case OPT_PROFILE:
		o->sim.profile = value;
		return quire_profile_find(value) ? 0 : option_error("try", "no such profile", value);
	case OPT_MEM:
		return option_bytes(value, &o->sim.ram_bytes)
			   ? 0
			   : option_error("try", "not an amount of memory", value);
	case OPT_CPUS:
		return option_unsigned(value, 1, 64, &o->sim.cpus)
			   ? 0
			   : option_error("try", "--cpus is 1 to 64", value);
	case OPT_MUTANT:
		o->sim.mutant = value;
		return QUIRE_CONFIG_MUTANTS ? 0 : option_error("try", "this build has no mutants", value);
	case OPT_TRAIT:
		problem = scn_traits_read(value, &o->traits);
		o->with_traits = true;
		return problem ? option_error("try", problem, value) : 0;
	case OPT_TRACE:
		o->trace = true;
		return 0;
	case OPT_JSON:
		o->json = true;
		return 0;
	case OPT_DRAW:
		o->draw = true;
		return 0;
	case OPT_REPORT:
		o->page = value;
		return page_is_there()
			   ? 0
			   : option_error("try", "this quire was built without D3 (Debian: node-d3)",
					  "--report");
	case OPT_ALLOW_SKIPS:
		o->allow_skips = true;
		return 0;
	case OPT_QUIET:
		o->quiet = true;
		return 0;
	default:
		return QUIRE_EXIT_USAGE;
	}
}

void try_help(FILE *out)
{
	fputs("usage: quire try [OPTION...] FILE-OR-FOLDER...\n\n"
	      "Runs scenarios and checks their expectations.\n\n"
	      "  --on sim|host    the simulated machine (default), or the running kernel\n"
	      "  --arch A         i386, x86_64, arm, arm64, riscv64, ... (default x86_64)\n"
	      "  --profile P      linux-2.4, linux-2.6, linux-4.14, linux-6 (default)\n"
	      "  --mem N          RAM of the machine, such as 64M\n"
	      "  --cpus N         its CPUs; processes are spread over them\n"
	      "  --trace          print every operation, and the path of each fault\n"
	      "  --json           print the same as JSON\n"
	      "  --draw           draw the address space after each operation, a letter a page\n"
	      "  --report FILE    write a page (HTML) of the scenario's faults into FILE\n"
	      "  --mutant NAME    break that rule of the library (builds with mutants only)\n"
	      "  --trait T=V,...  give the machine these traits of a kernel: zero-page=no (not with --on "
	      "host)\n"
	      "  --allow-skips    operations that the machine cannot do are no reason for exit status 3\n"
	      "  --quiet          print only what fails, what is skipped and what is left out\n"
	      "  --help           this text\n\n"
	      "Exit status: 0 all expectations met, 1 some not met, 2 bad use or an unreadable file,\n"
	      "3 none failed, but an operation was skipped.\n",
	      out);
}

static bool open_machine(struct session *s)
{
	const char *why = "cannot create the processes on the host";

	if (s->options.on_host) {
		s->host = scn_host_open();
		if (s->host)
			scn_host_traits(s->host, &s->options.traits);
	} else {
		if (s->options.with_traits)
			s->options.sim.traits = &s->options.traits;
		s->options.sim.check_each_step = true;
		s->options.sim.check_every = 1;
		s->options.sim.trace_context = &s->report;
		if (s->options.trace || s->options.json || s->options.record || s->options.draw) {
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

static bool write_page(struct session *s)
{
	bool good;

	if (!s->options.record)
		return true;
	fputs("{\"version\": 1, \"end\": {}}\n", s->options.record);
	good = report_to_file(s->options.record, s->options.page, "try", page_write);
	fclose(s->options.record);
	return good;
}

int try_command(int argc, char **argv)
{
	struct session s = {0};
	unsigned findings = 0;
	bool began = false;
	int option;

	scn_traits_usual(&s.options.traits);
	while ((option = option_next("try", argc, argv, "", table, &began)) != -1) {
		int status;

		if (option == OPT_HELP) {
			try_help(stdout);
			return QUIRE_EXIT_OK;
		}
		status = take_option(&s.options, option, optarg);
		if (status)
			return status;
	}
	if (optind == argc)
		return option_error("try", "no scenario is named", NULL);
	if (s.options.sim_only && s.options.on_host)
		return option_error(
		    "try",
		    "--arch, --profile, --mem, --cpus, --trace, --draw, --report and --mutant are "
		    "for the simulated machine",
		    "--on host");
	if (s.options.with_traits && s.options.on_host)
		return option_error("try", "--trait cannot change the running kernel", NULL);
	if (s.options.page && optind + 1 < argc)
		return option_error("try", "--report is of one scenario", argv[optind + 1]);
	if (s.options.page && !(s.options.record = tmpfile()))
		return option_error("try", "there is no place for a file of its own", "--report");
	if (!open_machine(&s))
		return QUIRE_EXIT_USAGE;
	s.list = json_array();
	for (int i = optind; i < argc; i++)
		try_path(&s, argv[i]);
	if (s.host)
		scn_host_close(s.host);
	if (s.sim)
		findings = scn_sim_close(s.sim);
	if (s.options.json) {
		json_dumpf(s.list, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (s.files > 1) {
		printf("%u scenarios, %u failed, %u skipped, %u unreadable, %u left out\n", s.files,
		       s.bad_files, s.skipped_files, s.unreadable, s.left_out);
	}
	json_decref(s.list);
	if (s.unreadable || !write_page(&s))
		return QUIRE_EXIT_USAGE;
	if (s.bad_files || findings)
		return QUIRE_EXIT_NOTHING;
	return s.skipped_files && !s.options.allow_skips ? QUIRE_EXIT_SKIPPED : QUIRE_EXIT_OK;
}
