/* SPDX-License-Identifier: MIT */
/* The command: options, files, bare codes, and the loop over what is found. */
#include "explain.h"
#include "../command.h"
#include "../option.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OUTPUT_BUFFER (1 << 16)

struct session {
	struct ex_options options;
	bool json, colour;
	bool failed; /* memory ran out while writing */
	unsigned found;
	enum ex_arch last; /* of the last finding: for reports without a sign of their own */
	const char *symbols_path;
	struct ex_report bare; /* what the options say of a bare code */
};

static void emit(void *context, const struct ex_report *report)
{
	struct session *session = context;
	struct ex_finding finding;

	if (!ex_find_out(&session->options, report, session->last, &finding))
		return;
	session->last = finding.id;
	finding.number = ++session->found;
	if (session->json) {
		if (!ex_render_json(stdout, &finding, session->found == 1))
			session->failed = true;
		return;
	}
	if (finding.number > 1)
		fputc('\n', stdout);
	ex_render(stdout, &finding, session->colour);
}

void explain_help(FILE *out)
{
	fputs(
	    "usage: quire explain [OPTIONS] FILE...\n"
	    "       quire explain [OPTIONS] --arch ARCH CODE...\n\n"
	    "Explains every memory fault in a kernel log (FILE, or - for standard input), or the syndrome\n"
	    "CODE itself: what was attempted, why the hardware refused, and what the kernel did next.\n\n"
	    "  --arch ARCH        x86_64, i386, arm, arm-lpae, arm64, riscv64; guessed from a log's wording\n"
	    "  --profile PROFILE  linux-2.4, linux-2.6, linux-4.14, linux-6: whose rules; guessed likewise\n"
	    "  --symbols VMLINUX  an image with symbols: addresses become functions and source lines\n"
	    "  --json             an array with one object for each fault\n"
	    "  --color WHEN       auto (default: on a terminal, and NO_COLOR is unset), always, never\n\n"
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
	size_t size = 0;
	char *data;
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
	ex_scan_log(data, size, emit, session);
	free(data);
	return QUIRE_EXIT_OK;
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
	emit(session, &report);
	return QUIRE_EXIT_OK;
}

/* --- options ------------------------------------------------------------------------------------------ */

enum {
	OPTION_ARCH = 256,
	OPTION_PROFILE,
	OPTION_SYMBOLS,
	OPTION_JSON,
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
		session->colour = true;
	else if (strcmp(when, "never") == 0)
		session->colour = false;
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
		session->symbols_path = value;
		break;
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

	for (int i = 0; i < argc && status == QUIRE_EXIT_OK; i++) {
		uint64_t code;

		if (is_code(session, argv[i], &code))
			status = explain_code(session, argv[i], code);
		else
			status = explain_file(session, argv[i]);
	}
	return status;
}

int explain_command(int argc, char **argv)
{
	struct session session = {.colour = isatty(STDOUT_FILENO) && !getenv("NO_COLOR")};
	int option, status = -1;
	bool began = false;

	session.bare.mode = QUIRE_MODE_UNKNOWN;
	session.bare.access = QUIRE_ACCESS_UNKNOWN;
	while (status < 0 && (option = option_next("explain", argc, argv, "", long_options, &began)) != -1)
		status = set_option(&session, option, optarg);
	if (status >= 0)
		return status;
	if (optind == argc)
		return option_error("explain", "no log and no code", NULL);

	if (session.symbols_path) {
		session.options.symbols = ex_symbols_open(session.symbols_path);
		if (!session.options.symbols)
			return QUIRE_EXIT_USAGE;
	}
	session.options.disassembler = ex_disassembler_open();
	setvbuf(stdout, NULL, _IOFBF, OUTPUT_BUFFER);
	if (session.json)
		fputc('[', stdout);
	status = explain_arguments(&session, argc - optind, argv + optind);
	if (session.json)
		fputs(session.found ? "\n]\n" : "]\n", stdout);
	ex_disassembler_close(session.options.disassembler);
	ex_symbols_close(session.options.symbols);

	if (session.failed)
		return failure("out of memory", NULL);
	if (status != QUIRE_EXIT_OK)
		return status;
	if (!session.found)
		fputs("quire explain: no fault report was found\n", stderr);
	return session.found ? QUIRE_EXIT_OK : QUIRE_EXIT_NOTHING;
}
