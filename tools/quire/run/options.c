/* SPDX-License-Identifier: MIT */
/* The command line of `quire run`. */
#include "run.h"

#include "../option.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void run_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("quire run: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

void run_help(FILE *out)
{
	fputs(
	    "usage: quire run [OPTION]... [--] PROGRAM [ARGUMENT]...\n"
	    "       quire run --selftest [OPTION]...\n"
	    "\n"
	    "Runs a Linux program of this machine in a guest whose kernel is the reference kernel: every "
	    "page of\n"
	    "it comes through the library's fault path. Needs qemu-system.\n"
	    "\n"
	    "  --arch A            the guest's architecture (default: the program's)\n"
	    "  --mem SIZE          its memory, with K, M or G (default 256M, at least 16M; packed files come "
	    "on top)\n"
	    "  --mem-limit SIZE    what the program and its children may have of it together (default: all)\n"
	    "  --swap SIZE|FILE    a disk to swap to: made for the run, or FILE as mkswap made it\n"
	    "  --cpus N            its CPUs, 1 to 16 (default 2; with --icount 1)\n"
	    "  --policy P          what leaves memory first: lru (default) or gen\n"
	    "  --profile P         the rules it runs under, as `linux-2.6' (default linux-6)\n"
	    "  --root DIR          DIR with all that is in it becomes the guest's /\n"
	    "  --file HOST[:GUEST] packs a file or a directory too; may be repeated. Programs bring their "
	    "libraries\n"
	    "  --trace FILE        writes one JSON object a fault into FILE; - shows them on standard "
	    "output, on a\n"
	    "                      terminal as trees with symbol and mapping\n"
	    "  --report FILE       writes a page of the faults (HTML) into FILE\n"
	    "  --perfetto FILE     writes them as trace events, for ui.perfetto.dev\n"
	    "  --references        records the pages that the program accesses, by a plugin of QEMU: what "
	    "less "
	    "memory\n"
	    "                      would have cost, in the page and the trace (x86-64; slower)\n"
	    "  --json FILE         writes the report as JSON into FILE\n"
	    "  --timeout S         S seconds without any output are a hang (default: never)\n"
	    "  --oops MODE         a mistake of the kernel that costs a task: `fail' the run (default), "
	    "`allow' "
	    "it,\n"
	    "                      or `panic'\n"
	    "  --icount            clocks count instructions exactly (qemu -icount shift=0,sleep=off)\n"
	    "  --pack FILE         writes the guest's files as a cpio archive into FILE, and boots nothing\n"
	    "  --kernel FILE       the kernel to boot (default: the one built with this command)\n"
	    "  --log               the kernel's log to standard error\n"
	    "  --quiet             no table at the end\n"
	    "  --selftest          no program: the kernel tests itself and says so in its exit status\n"
	    "  --help              this text\n"
	    "\n"
	    "Exit status: the program's; 128 plus the number of the signal that killed it; 125 when the "
	    "guest could\n"
	    "not be started, panicked or hung; 126 and 127 when PROGRAM cannot be run or is not found.\n",
	    out);
}

enum {
	MEM_LEAST_MIB = 16,
	MEM_MOST_MIB = 1024 * 1024
};

/* A size in MiB from digits and a unit. Returns false when it is none, or not from `least` on. */
static bool parse_mem(const char *text, uint64_t least, uint64_t *out_mib)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || end == text || text[0] == '-' || n > UINT64_MAX >> 30)
		return false;
	switch (*end) {
	case 'K':
	case 'k':
		n >>= 10;
		end++;
		break;
	case 'M':
	case 'm':
		end++;
		break;
	case 'G':
	case 'g':
		n <<= 10;
		end++;
		break;
	case 0:
		n >>= 20;
		break;
	}
	if (*end == 'i' && end[1] == 'B')
		end += 2;
	*out_mib = n;
	return !*end && n >= least && n <= MEM_MOST_MIB;
}

/* HOST[:GUEST]. A host name that holds a colon can be given when the file exists as it is written. */
static int add_file(struct run_options *options, char *text)
{
	struct run_file *more = reallocarray(options->files, options->file_count + 1, sizeof(*more));
	struct run_file file = {.host = text};
	char *colon = strrchr(text, ':');
	struct stat st;

	if (!more) {
		run_error("out of memory");
		return -1;
	}
	options->files = more;
	if (colon && lstat(text, &st)) {
		*colon = 0;
		file.guest = colon + 1;
		if (file.guest[0] != '/') {
			run_error("--file %s:%s: the guest's path must be absolute", text, file.guest);
			return -1;
		}
	}
	if (!text[0]) {
		run_error("--file: no file is named");
		return -1;
	}
	options->files[options->file_count++] = file;
	return 0;
}

static bool parse_oops(const char *text, enum run_oops *out_oops)
{
	static const char *const names[] = {
	    [OOPS_FAILS] = "fail", [OOPS_ALLOWED] = "allow", [OOPS_PANICS] = "panic"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i]) == 0) {
			*out_oops = (enum run_oops)i;
			return true;
		}
	}
	return false;
}

/* A word of the kernel's command line must not end it or hold another. */
static bool is_word(const char *text)
{
	return *text && !text[strcspn(text, " \t\n\",")];
}

enum option_value {
	OPT_ARCH = 256,
	OPT_MEM,
	OPT_MEM_LIMIT,
	OPT_SWAP,
	OPT_CPUS,
	OPT_PROFILE,
	OPT_POLICY,
	OPT_ROOT,
	OPT_FILE,
	OPT_TRACE,
	OPT_JSON,
	OPT_REPORT,
	OPT_PERFETTO,
	OPT_TIMEOUT,
	OPT_OOPS,
	OPT_ICOUNT,
	OPT_REFERENCES,
	OPT_KERNEL,
	OPT_LOG,
	OPT_QUIET,
	OPT_SELFTEST,
	OPT_PACK,
	OPT_HELP
};

static const struct option table[] = {
    {"arch", required_argument, NULL, OPT_ARCH},
    {"mem", required_argument, NULL, OPT_MEM},
    {"mem-limit", required_argument, NULL, OPT_MEM_LIMIT},
    {"swap", required_argument, NULL, OPT_SWAP},
    {"cpus", required_argument, NULL, OPT_CPUS},
    {"profile", required_argument, NULL, OPT_PROFILE},
    {"policy", required_argument, NULL, OPT_POLICY},
    {"root", required_argument, NULL, OPT_ROOT},
    {"file", required_argument, NULL, OPT_FILE},
    {"trace", required_argument, NULL, OPT_TRACE},
    {"json", required_argument, NULL, OPT_JSON},
    {"report", required_argument, NULL, OPT_REPORT},
    {"perfetto", required_argument, NULL, OPT_PERFETTO},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"oops", required_argument, NULL, OPT_OOPS},
    {"icount", no_argument, NULL, OPT_ICOUNT},
    {"references", no_argument, NULL, OPT_REFERENCES},
    {"kernel", required_argument, NULL, OPT_KERNEL},
    {"log", no_argument, NULL, OPT_LOG},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"selftest", no_argument, NULL, OPT_SELFTEST},
    {"pack", required_argument, NULL, OPT_PACK},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static int take_option(struct run_options *options, int option, char *value)
{
	bool ok = true;

	switch (option) {
	case OPT_ARCH:
		options->arch = value;
		ok = is_word(value) && !strchr(value, '/');
		break;
	case OPT_MEM:
		ok = parse_mem(value, MEM_LEAST_MIB, &options->mem_mib);
		break;
	case OPT_MEM_LIMIT:
		ok = parse_mem(value, 1, &options->limit_mib);
		break;
	case OPT_SWAP:
		options->swap = value;
		ok = *value;
		/* What is no size is a file. */
		if (!parse_mem(value, MEM_LEAST_MIB, &options->swap_mib))
			options->swap_mib = 0;
		break;
	case OPT_CPUS:
		ok = option_unsigned(value, 1, 16, &options->cpus);
		break;
	case OPT_PROFILE:
		options->profile = value;
		ok = is_word(value);
		break;
	case OPT_POLICY:
		options->policy = value;
		ok = !strcmp(value, "lru") || !strcmp(value, "gen");
		break;
	case OPT_TIMEOUT:
		ok = option_unsigned(value, 1, 1000000, &options->timeout);
		break;
	case OPT_OOPS:
		ok = parse_oops(value, &options->oops);
		break;
	case OPT_ROOT:
		options->root = value;
		break;
	case OPT_FILE:
		return add_file(options, value);
	case OPT_TRACE:
		options->trace = value;
		break;
	case OPT_JSON:
		options->json = value;
		break;
	case OPT_REPORT:
		options->report = value;
		break;
	case OPT_PERFETTO:
		options->perfetto = value;
		break;
	case OPT_PACK:
		options->pack = value;
		break;
	case OPT_KERNEL:
		options->kernel = value;
		break;
	case OPT_ICOUNT:
		options->icount = true;
		break;
	case OPT_REFERENCES:
		options->references = true;
		break;
	case OPT_LOG:
		options->keep_log = true;
		break;
	case OPT_QUIET:
		options->quiet = true;
		break;
	case OPT_SELFTEST:
		options->selftest = true;
		break;
	}
	if (ok)
		return 0;
	if (option == OPT_MEM) {
		run_error("--mem %s: not a size from %uM to %uG; see quire run --help", value, MEM_LEAST_MIB,
			  MEM_MOST_MIB / 1024);
		return -1;
	}
	for (size_t i = 0; table[i].name; i++)
		if (table[i].val == option)
			run_error("--%s %s: not a value it can have; see quire run --help", table[i].name,
				  value);
	return -1;
}

int run_options_parse(struct run_options *options, int argc, char **argv)
{
	static char *no_program[] = {NULL};
	struct stat st;
	bool began = false;
	int option;

	*options = (struct run_options){.mem_mib = 256, .swap_fd = -1};
	while ((option = option_next("run", argc, argv, "+", table, &began)) != -1) {
		if (option == OPT_HELP) {
			run_help(stdout);
			return 1;
		}
		if (option == '?')
			return -1;
		if (take_option(options, option, optarg))
			return -1;
	}
	options->argv = options->selftest ? no_program : argv + optind;
	if (!options->selftest && !argv[optind]) {
		run_error("no program is named; see quire run --help");
		return -1;
	}
	if (options->selftest && argv[optind]) {
		run_error("--selftest runs no program");
		return -1;
	}
	if (options->root && (stat(options->root, &st) || !S_ISDIR(st.st_mode))) {
		run_error("--root %s: not a directory", options->root);
		return -1;
	}
	if (options->icount && options->cpus > 1) {
		run_error("--icount counts the instructions of one CPU: --cpus must be 1");
		return -1;
	}
	if (options->references && !run_is_traced(options)) {
		run_error("--references: they go into what --report or --trace writes");
		return -1;
	}
	if (!options->cpus)
		options->cpus = options->icount ? 1 : 2;
	return 0;
}

bool run_is_traced(const struct run_options *options)
{
	return options->trace || options->report || options->perfetto;
}

void run_options_free(struct run_options *options)
{
	free(options->files);
	options->files = NULL;
	options->file_count = 0;
}
