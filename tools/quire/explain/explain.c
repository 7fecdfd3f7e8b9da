/* SPDX-License-Identifier: MIT */
/* The command: options, files, bare codes, and the loop over what is found. */
#include "explain.h"
#include "group.h"
#include "../command.h"
#include "../option.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OUTPUT_BUFFER (1 << 16)

struct session {
	struct ex_options options;
	struct ex_style style;
	struct ex_groups *groups; /* NULL: each report is written at once */
	bool json;
	bool failed; /* memory ran out while writing */
	unsigned found, refused, resolved;
	enum ex_arch last;     /* of the last finding: for reports without a sign of their own */
	struct ex_report bare; /* what the options say of a bare code */
};

static void refuse(void *context, unsigned line, const char *what)
{
	struct session *session = context;

	session->refused++;
	fflush(stdout);
	fprintf(stderr, "quire explain: line %u: %s\n", line, what);
}

static void emit(void *context, const struct ex_report *report, unsigned times)
{
	static const char unknown[] = "a report that does not tell its machine; --arch can name it";
	struct session *session = context;
	struct ex_finding finding;

	session->resolved += report->resolved ? times : 0;
	switch (ex_find_out(&session->options, report, session->last, &finding)) {
	case EX_NOTHING:
		return;
	case EX_FOREIGN:
		refuse(session, report->line, report->foreign ? report->foreign : unknown);
		return;
	default:
		break;
	}
	session->last = finding.id;
	finding.number = ++session->found;
	finding.times = times;
	if (session->json) {
		if (!ex_render_json(stdout, &finding, session->found == 1))
			session->failed = true;
		return;
	}
	if (finding.number > 1 && session->style.form != EX_FORM_BRIEF)
		fputc('\n', stdout);
	ex_render(stdout, &finding, &session->style);
}

static void take(void *context, const struct ex_report *report)
{
	struct session *session = context;

	if (session->groups)
		ex_groups_add(session->groups, report);
	else
		emit(session, report, 1);
}

void explain_help(FILE *out)
{
	fputs(
	    "usage: quire explain [OPTIONS] [FILE...]\n"
	    "       quire explain [OPTIONS] --arch ARCH CODE...\n\n"
	    "Explains every memory fault in a kernel log (FILE; - or none for standard input), or the "
	    "syndrome\n"
	    "CODE itself: what was attempted, why the hardware refused, and how the kernel decided. What "
	    "the\n"
	    "report does not prove is left out.\n\n"
	    "  --long             each line with where it comes from: read, decoded, or deduced from what\n"
	    "  --brief            one line for each fault\n"
	    "  --arch ARCH        x86_64, i386, arm, arm-lpae, arm64, riscv64; told by a log's wording\n"
	    "  --profile PROFILE  linux-2.4, linux-2.6, linux-4.14, linux-6: whose rules; told by the "
	    "version\n"
	    "                     that a report prints, or its wording\n"
	    "  --symbols FILE     vmlinux, System.map, kallsyms, or a module (.ko): addresses become "
	    "functions\n"
	    "                     and source lines; may be given several times\n"
	    "  --json             an array with one object for each fault\n"
	    "  --color WHEN       auto (default: on a terminal, and NO_COLOR is unset), always, never\n"
	    "  --releases         print what changed in the fault path, and when\n\n"
	    "with a bare CODE (hexadecimal; RISC-V causes without 0x are decimal):\n"
	    "  --address ADDRESS  the faulting address (CR2, DFAR, IFAR, FAR_EL1, stval)\n"
	    "  --mode MODE        user or kernel, where the code does not say (ARM, RISC-V)\n"
	    "  --ifsr             ARM: the code is of IFSR (a prefetch abort), not of DFSR\n"
	    "  --pc ADDRESS       the instruction\n"
	    "  --sp ADDRESS       the stack pointer\n"
	    "  --help             this text\n\n"
	    "exit status: 0 something was explained, 1 nothing was found, 2 bad use or an unreadable file\n",
	    out);
}

/* Of a file, or of this process: nothing that the help could mend. */
static int failure(const char *what, const char *why)
{
	fprintf(stderr, "quire explain: %s%s%s\n", what, why ? ": " : "", why ? why : "");
	return QUIRE_EXIT_USAGE;
}

/* --- files ------------------------------------------------------------------------------------------ */

static char *read_all(FILE *file, size_t *out_size)
{
	size_t room = 1 << 20, size = 0;
	char *data = malloc(room);

	while (data) {
		size_t got = fread(data + size, 1, room - size, file);
		char *larger;

		size += got;
		if (size < room)
			break;
		if (room > SIZE_MAX / 2) {
			free(data);
			return NULL;
		}
		larger = realloc(data, room *= 2);
		if (!larger) {
			free(data);
			return NULL;
		}
		data = larger;
	}
	*out_size = size;
	return data;
}

static int explain_file(struct session *session, const char *path)
{
	bool standard = strcmp(path, "-") == 0;
	FILE *file = standard ? stdin : fopen(path, "rb");
	const struct ex_sink sink = {take, refuse, session};
	size_t size = 0;
	char *data, *text;
	int failed;

	if (!file)
		return failure(path, strerror(errno));
	errno = 0;
	data = read_all(file, &size);
	failed = ferror(file) ? errno : 0;
	if (!standard)
		fclose(file);
	if (!data || failed) {
		free(data);
		return failure(path, failed ? strerror(failed) : "out of memory");
	}
	text = ex_undisguise(data, size, &size);
	if (text)
		ex_scan_log(text, size, &sink);
	if (session->groups)
		ex_groups_flush(session->groups);
	if (text != data)
		free(text);
	free(data);
	return text ? QUIRE_EXIT_OK : failure(path, "out of memory");
}

/* --- bare codes --------------------------------------------------------------------------------------- */

static bool parse_number(const char *text, int base, uint64_t *out_value)
{
	char *end;

	if (!ex_is_word(*text))
		return false;
	errno = 0;
	*out_value = strtoull(text, &end, base);
	return errno == 0 && *end == '\0';
}

static bool parse_hex(const char *text, uint64_t *out_value)
{
	return parse_number(text, 16, out_value);
}

static bool has_0x(const char *text)
{
	return text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
}

/* A name that is a number and no file: a code. */
static bool is_code(const struct session *session, const char *text, uint64_t *out_code)
{
	bool decimal = session->options.arch == EX_RISCV64 && !has_0x(text);

	if (!session->options.arch && !has_0x(text))
		return false;
	if (!parse_number(text, decimal ? 10 : 16, out_code))
		return false;
	return access(text, F_OK) != 0;
}

static int explain_code(struct session *session, const char *text, uint64_t code)
{
	struct ex_report report = session->bare;

	if (!session->options.arch && ex_arch_of_code(code) == EX_ARCH_NONE)
		return option_error("explain", "this code may be of several architectures: say --arch", text);
	if (!session->options.arch)
		ex_vote(&report, EX_ARM64, 1);
	report.has_code = true;
	report.code = code;
	if (session->options.arch == EX_ARM && (code & UINT64_C(0x80000000)))
		report.prefetch = true;
	else if (session->options.arch == EX_ARM_LPAE && (code & UINT64_C(0x80000000)))
		report.prefetch = true;
	emit(session, &report, 1);
	return QUIRE_EXIT_OK;
}

/* --- options ------------------------------------------------------------------------------------------ */

enum {
	OPTION_ARCH = 256,
	OPTION_PROFILE,
	OPTION_SYMBOLS,
	OPTION_JSON,
	OPTION_LONG,
	OPTION_BRIEF,
	OPTION_RELEASES,
	OPTION_COLOR,
	OPTION_ADDRESS,
	OPTION_MODE,
	OPTION_IFSR,
	OPTION_PC,
	OPTION_SP,
	OPTION_HELP
};

static const struct option long_options[] = {
    {"arch", required_argument, NULL, OPTION_ARCH},
    {"profile", required_argument, NULL, OPTION_PROFILE},
    {"symbols", required_argument, NULL, OPTION_SYMBOLS},
    {"long", no_argument, NULL, OPTION_LONG},
    {"brief", no_argument, NULL, OPTION_BRIEF},
    {"releases", no_argument, NULL, OPTION_RELEASES},
    {"json", no_argument, NULL, OPTION_JSON},
    {"color", required_argument, NULL, OPTION_COLOR},
    {"colour", required_argument, NULL, OPTION_COLOR},
    {"address", required_argument, NULL, OPTION_ADDRESS},
    {"mode", required_argument, NULL, OPTION_MODE},
    {"ifsr", no_argument, NULL, OPTION_IFSR},
    {"pc", required_argument, NULL, OPTION_PC},
    {"sp", required_argument, NULL, OPTION_SP},
    {"help", no_argument, NULL, OPTION_HELP},
    {NULL, 0, NULL, 0},
};

static bool set_colour(struct session *session, const char *when)
{
	if (strcmp(when, "always") == 0)
		session->style.colour = true;
	else if (strcmp(when, "never") == 0)
		session->style.colour = false;
	else
		return strcmp(when, "auto") == 0;
	return true;
}

static bool set_mode(struct session *session, const char *mode)
{
	if (strcmp(mode, "user") == 0)
		session->bare.mode = QUIRE_MODE_USER;
	else if (strcmp(mode, "kernel") == 0)
		session->bare.mode = QUIRE_MODE_KERNEL;
	else
		return false;
	return true;
}

/* Returns an exit status, or -1 to go on. */
static int set_option(struct session *session, int option, const char *value)
{
	struct ex_report *bare = &session->bare;
	bool good = true;

	switch (option) {
	case OPTION_ARCH:
		session->options.arch = ex_arch_find(value);
		good = session->options.arch != EX_ARCH_NONE;
		break;
	case OPTION_PROFILE:
		session->options.profile = quire_profile_find(value);
		good = session->options.profile != NULL;
		break;
	case OPTION_SYMBOLS:
		session->options.symbols = ex_symbols_open(session->options.symbols, value);
		return session->options.symbols ? -1 : QUIRE_EXIT_USAGE;
	case OPTION_LONG:
		session->style.form = EX_FORM_LONG;
		break;
	case OPTION_BRIEF:
		session->style.form = EX_FORM_BRIEF;
		break;
	case OPTION_RELEASES:
		ex_print_releases(stdout);
		return QUIRE_EXIT_OK;
	case OPTION_JSON:
		session->json = true;
		break;
	case OPTION_COLOR:
		good = set_colour(session, value);
		break;
	case OPTION_ADDRESS:
		good = bare->has_address = parse_hex(value, &bare->address);
		bare->address_digits = 16;
		break;
	case OPTION_MODE:
		good = set_mode(session, value);
		break;
	case OPTION_IFSR:
		session->options.prefetch = true;
		break;
	case OPTION_PC:
		good = bare->has_pc = parse_hex(value, &bare->pc);
		break;
	case OPTION_SP:
		good = bare->has_sp = parse_hex(value, &bare->sp);
		break;
	case OPTION_HELP:
		explain_help(stdout);
		return QUIRE_EXIT_OK;
	default:
		return QUIRE_EXIT_USAGE;
	}
	return good ? -1 : option_error("explain", "not a value it can have", value);
}

static int explain_arguments(struct session *session, int argc, char **argv)
{
	int status = QUIRE_EXIT_OK;

	if (argc == 0)
		return explain_file(session, "-");
	for (int i = 0; i < argc && status == QUIRE_EXIT_OK; i++) {
		uint64_t code;

		if (is_code(session, argv[i], &code))
			status = explain_code(session, argv[i], code);
		else
			status = explain_file(session, argv[i]);
	}
	return status;
}

/* Everything is read: what is said about the whole, and the exit status. */
static int conclude(const struct session *session, int status)
{
	if (session->failed)
		return failure("out of memory", NULL);
	if (status != QUIRE_EXIT_OK)
		return status;
	if (!session->found && session->resolved)
		fprintf(stderr, "quire explain: each fault of the trace was resolved: %u\n",
			session->resolved);
	else if (!session->found && !session->refused)
		fputs("quire explain: no fault report was found\n", stderr);
	return session->found ? QUIRE_EXIT_OK : QUIRE_EXIT_NOTHING;
}

static int run(struct session *session, int argc, char **argv)
{
	int status;

	session->options.disassembler = ex_disassembler_open();
	session->options.short_form = !session->json && session->style.form != EX_FORM_LONG;
	if (!session->json)
		session->groups = ex_groups_open(emit, session);
	setvbuf(stdout, NULL, _IOFBF, OUTPUT_BUFFER);
	if (session->json)
		fputc('[', stdout);
	status = explain_arguments(session, argc, argv);
	if (session->json)
		fputs(session->found ? "\n]\n" : "]\n", stdout);
	ex_groups_close(session->groups);
	ex_disassembler_close(session->options.disassembler);
	return conclude(session, status);
}

int explain_command(int argc, char **argv)
{
	struct session session = {.style = {.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR")}};
	int option, status = -1;
	bool began = false;

	session.bare.mode = QUIRE_MODE_UNKNOWN;
	session.bare.access = QUIRE_ACCESS_UNKNOWN;
	while (status < 0 && (option = option_next("explain", argc, argv, "", long_options, &began)) != -1)
		status = set_option(&session, option, optarg);
	if (status < 0 && optind == argc && isatty(STDIN_FILENO))
		status = option_error("explain", "no log and no code", NULL);
	if (status < 0)
		status = run(&session, argc - optind, argv + optind);
	ex_symbols_close(session.options.symbols);
	return status;
}
