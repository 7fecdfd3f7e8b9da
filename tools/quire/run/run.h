/* SPDX-License-Identifier: MIT */
/* quire run: a program of this machine in a guest whose kernel is the reference kernel.
 *
 *   options ──► pack: program, interpreter, libraries, files ──► cpio archive
 *                                                                  │
 *   terminal, pipes ◄──► session: two serial lines, a log ◄──► QEMU ◄───┘ + kernel
 *                             │                                    └► ring of records in its RAM
 *                             └► report: table, JSON, exit status ◄────── trace ◄──┘ */
#ifndef QUIRE_RUN_H
#define QUIRE_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "../../../ports/kernel/port/trace.h"

/* Exit statuses that are not the program's. */
enum {
	RUN_FAILED = 125,      /* bad arguments, no QEMU, no kernel, panic, hang */
	RUN_NOT_PROGRAM = 126, /* found, but nothing that can be run */
	RUN_NOT_FOUND = 127
};

struct run_file {
	const char *host;
	const char *guest; /* absolute; NULL: the same as on the host */
};

/* What a mistake of the kernel, that would cost one task only, is to mean. */
enum run_oops {
	OOPS_FAILS = 0, /* the run goes on, and has failed */
	OOPS_ALLOWED,   /* it is what the run is for */
	OOPS_PANICS     /* the machine ends at once */
};

struct run_options {
	const char *arch;     /* NULL, until run_pack() has found the program: that one's */
	const char *profile;  /* NULL: the kernel's default */
	const char *policy;   /* NULL: the kernel's default */
	const char *root;     /* a directory that becomes the guest's /; NULL: none */
	const char *trace;    /* file for one JSON object a fault; "-": standard output; NULL: none */
	const char *report;   /* file for the page; NULL: none */
	const char *perfetto; /* file for trace events; NULL: none */
	const char *json;     /* file for the report; NULL: none */
	const char *kernel;   /* path of the kernel; NULL: search */
	const char *swap;     /* a file or a device with a swap area; NULL: none, or one of swap_mib */
	const char *pack;     /* file for the archive, instead of a boot; NULL: boot */
	uint64_t mem_mib;
	uint64_t limit_mib; /* of the program and its children; 0: none */
	uint64_t swap_mib;  /* 0: as `swap` says */
	int swap_fd;        /* the disk; -1: none. Set by run_command() */
	unsigned cpus;
	unsigned timeout; /* seconds without output that count as a hang; 0: never */
	enum run_oops oops;
	bool icount;
	bool references;        /* the accesses of programs are recorded */
	bool quiet;             /* no table */
	bool keep_log;          /* the kernel's log to standard error */
	bool selftest;          /* no program: the kernel tests itself */
	struct run_file *files; /* allocated; as long as the options */
	size_t file_count;
	char **argv; /* PROGRAM and its arguments, NULL-terminated; argv[0] NULL with selftest */
};

/* Reads the command line. Returns 0; 1: --help was printed; -1: an error was told on standard error. */
int run_options_parse(struct run_options *options, int argc, char **argv);
void run_options_free(struct run_options *options);

/* --- swap.c ---------------------------------------------------------------------------------------- */

/* Opens the disk that the options ask for, or makes it. Returns a descriptor, or -1 and a message on standard error. */
int run_swap_open(const struct run_options *options);

/* --- archive.c: a cpio archive in the making ------------------------------------------------------- */

struct archive;

struct archive *archive_create(void);
void archive_free(struct archive *archive);

/* Adds the host's file at `host` as `guest` (absolute), with the directories above it. Symbolic links on
 * the way, and in the last component, are added as links, and what they name too, when `guest` and
 * `host` are the same path. `base`: a directory that is the host's / for this path, or "".
 * A directory is added without its content. Adding twice is harmless. `out_real`: NULL, or PATH_MAX bytes
 * for the path without links, below `base`.
 * Returns 0, or -1 and a message on standard error. */
int archive_add_path(struct archive *archive, const char *base, const char *path, char *out_real);
int archive_add_as(struct archive *archive, const char *host, const char *guest);
/* A directory with everything below. */
int archive_add_tree(struct archive *archive, const char *host, const char *guest);
/* A made directory with its parents; a made file with content (copied). */
int archive_add_dir(struct archive *archive, const char *guest, unsigned mode);
int archive_add_data(struct archive *archive, const char *guest, unsigned mode, const void *data,
		     size_t length);
/* Whether `guest` is in the archive. */
bool archive_has(const struct archive *archive, const char *guest);

/* Writes the archive to a descriptor: `newc`, padded to 512 bytes. Returns its length, or -1 and a message.
 */
int64_t archive_write(const struct archive *archive, int fd);

/* --- libraries.c: what a dynamic program needs ----------------------------------------------------- */

/* Adds the interpreter and, transitively, the libraries of the ELF file at base + path, which has no links
 * in it and is not added itself: $ORIGIN is where the file is. A script adds its interpreter likewise.
 * Returns 0; 1: it is nothing that can be run; -1 and a message. */
int libraries_add(struct archive *archive, const char *base, const char *path);

/* The ELF machine of the file ("x86_64", "arm64", ...); NULL: no ELF file, or an unknown one. */
const char *elf_machine(const char *path);

/* --- pack.c ---------------------------------------------------------------------------------------- */

/* Makes the archive for `options` and writes it into options->pack, or else into a new memory file.
 * *out_fd: to be closed.
 * Returns 0, or an exit status above after a message. */
int run_pack(struct run_options *options, int *out_fd, uint64_t *out_length);

/* Whether standard input is packed too, instead of being fed through a line. */
bool run_input_is_packed(const struct run_options *options);

/* --- ring.c ---------------------------------------------------------------------------------------- */

/* The guest's RAM as QEMU lays it out. */
struct run_ram {
	uint64_t bytes;
	uint64_t base;  /* physical address of its first byte */
	uint64_t below; /* bytes below 4 GiB, if there are more; 0: all of it is in one piece */
};

struct run_ring {
	int fd; /* a file in memory that is the guest's RAM; -1: none */
	struct run_ram ram;
	struct trace_ring *map; /* NULL: not found yet */
	uint64_t bytes;
	uint32_t tail;
	FILE *records; /* all that was read */
	bool reading;  /* its position is that of `read` */
	long read;
	uint64_t faults;
};

union run_record {
	struct trace_head head;
	struct trace_fault fault;
	struct trace_task task;
	struct trace_memory memory;
	struct trace_name name;
	unsigned char bytes[256];
};

/* Makes the guest's RAM. Returns 0, or -1 after a message. */
int ring_memory(struct run_ring *ring, const struct run_ram *ram);
/* What stands after "@trace " in the kernel's log. Returns false when no ring is there. */
bool ring_found(struct run_ring *ring, const char *text);
/* Takes what is in the ring, so that the guest has room. Returns false when it is damaged. */
bool ring_drain(struct run_ring *ring);
/* The next record of those taken. */
bool ring_next(struct run_ring *ring, union run_record *out);
void ring_free(struct run_ring *ring);

/* --- references.c ----------------------------------------------------------------------------------- */

/* The accesses of the guest's programs, as QEMU's plugin leaves them (references.h). */
struct references_head;
struct run_references {
	int plugin, fd; /* files in memory; -1: none */
	const struct references_head *map;
};

/* Makes the files. Returns 0, or -1 after a message. */
int references_open(struct run_references *references);
/* Whether QEMU took the plugin. */
bool references_began(const struct run_references *references);
/* The line of the trace (docs/report.md). NULL: memory ran out, or they are damaged. */
json_t *references_json(const struct run_references *references);
void references_close(struct run_references *references);

/* --- report.c -------------------------------------------------------------------------------------- */

struct run_count {
	char *name;
	uint64_t value;
};

struct run_counts {
	struct run_count *item;
	size_t count;
};

/* Lines of the kernel's log about processes that died. "": none. */
struct run_death {
	char fault[256];
	char hungry[160];
};

struct trace_names;
struct trace_symbols;

/* The files of the guest that a fault was in. */
struct trace_files {
	uint32_t number;
	char *name;
};

struct run_report {
	bool started, ended; /* the first and the last line of the block came */
	int exit_status;     /* -1: unknown */
	int signal;          /* 0: none */
	char *panic;         /* NULL: none */
	struct run_death death;
	uint64_t oopses;
	uint64_t minor, major, time_ns, boot_ns;
	uint64_t frames, peak, free_before, free_after;
	struct run_counts steps, events, memory;
	struct run_ring ring;
	struct run_references references;
	struct trace_names *names; /* of processes, for the trace; allocated */
	size_t name_count;
	struct trace_files *files;
	size_t file_count;
	struct trace_symbols *symbols;
	FILE *trace; /* where faults go as JSON; NULL: nowhere */
	FILE *shown; /* where they go at once; NULL: nowhere */
	bool drawn;  /* as trees, else as JSON */
	bool failed; /* a line of the block could not be read, or memory ran out */
	bool show_log;
	char log[8192]; /* the end of the log, for when it is needed */
	size_t log_length;
	char line[4096]; /* collected so far */
	size_t line_length;
};

void report_init(struct run_report *report, FILE *trace, bool show_log);
void report_feed(struct run_report *report, const char *bytes, size_t length);
void report_print(const struct run_report *report, FILE *out);
int report_json(const struct run_report *report, const struct run_options *options, FILE *out);
void report_free(struct run_report *report);

/* --- trace.c --------------------------------------------------------------------------------------- */

/* Writes the records that the ring gave so far. `options`: where the guest's files are on this machine. */
void trace_write(struct run_report *report, const struct run_options *options);
/* The first line: what is traced. */
void trace_begin(struct run_report *report, const struct run_options *options);
/* The last line of a run that came to its end. */
void trace_end(struct run_report *report);

/* --- symbol.c -------------------------------------------------------------------------------------- */

struct run_symbol {
	char name[160];   /* "main+0x12"; "": none is known */
	char source[200]; /* "main.c:12"; "" */
};
/* The function at `offset` of a file of the guest. NULL: none is known. */
const struct run_symbol *symbol_of(struct trace_symbols **symbols, const struct run_options *options,
				   const char *guest, uint64_t offset);
void symbols_free(struct trace_symbols *symbols);

/* --- progress.c ------------------------------------------------------------------------------------ */

struct run_progress {
	bool on, drawn;
	uint64_t begin_ns, last_ns;
	uint64_t last_faults;
};

bool progress_wanted(const struct run_options *options);
/* How long to wait for bytes, so that the line keeps moving; -1: for ever. */
int progress_wait_ms(const struct run_progress *progress, int left_ms);
/* Draws the line, at most twice a second. `faults`: 0 without a trace. */
void progress_draw(struct run_progress *progress, uint64_t now_ns, uint64_t faults);
/* Takes the line away. */
void progress_clear(struct run_progress *progress);

/* --- death.c --------------------------------------------------------------------------------------- */

/* "SIGSEGV"; NULL: a real-time signal or none. */
const char *run_signal_name(int signal);
/* Keeps a line of the kernel's log if it says why a process died. */
void death_note(struct run_death *death, const char *line);
/* Says on standard error how the program died, if a signal or the lack of memory ended it. */
void death_print(const struct run_report *report, const char *program);

/* --- qemu.c, session.c ----------------------------------------------------------------------------- */

/* The lines to the guest: our ends. -1: closed. */
struct run_lines {
	int out; /* standard input, framed, and output */
	int err;
	int log;       /* the kernel's log, with the report at its end */
	bool firmware; /* the firmware speaks on `out` too, before the kernel does: up to a NUL */
};

/* Starts QEMU. Returns its process id, or -1 after a message. */
int qemu_start(const struct run_options *options, int archive_fd, uint64_t archive_length,
	       struct run_lines *out_lines, struct run_report *report);
/* Whether the run is traced: the trace is asked for, or something that is made of it. */
bool run_is_traced(const struct run_options *options);

void qemu_close(struct run_lines *lines);

/* Moves bytes until QEMU ends. Returns the exit status of `quire run`. */
int session_run(const struct run_options *options, int pid, struct run_lines *lines,
		struct run_report *report);

/* Messages on standard error, "quire run: ...". */
void run_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The subcommand (command.h). */
int run_command(int argc, char **argv);
void run_help(FILE *out);

#endif
