/* SPDX-License-Identifier: MIT */
/* The in-memory form of the scenario language: programs of typed operations, their results, and the
 * backends.
 *
 *   text ──scn_parse()──► struct scn_program ──scn_print()──► text
 *                               │
 *              scn_step() for each operation, in order
 *                               │ lowers an operation to a system call or an access
 *                               ▼
 *                 struct scn_backend: the running kernel, or the simulated machine
 *                               │
 *                               ▼
 *                 struct scn_result per operation ──► scn_check(), the comparator of quire conform
 *
 * Nothing here needs the library: the parser, the interpreter and the host backend are plain C with Linux
 * system calls; the static conformance program consists of them. Everything is flat and of fixed size, so
 * that a run can live in memory that its processes share. */
#ifndef QUIRE_SCENARIO_H
#define QUIRE_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	SCN_MAX_OPS = 512,
	SCN_MAX_PROCS = 8,
	SCN_MAX_FILES = 8,
	SCN_MAX_NAMES = 48,
	SCN_MAX_ROWS = 256,     /* expected layout rows of one program */
	SCN_MAX_VARIANTS = 128, /* expectations of one program that apply only to some machines */
	SCN_PROFILES = 4,
	SCN_ARCHES = 12,
	SCN_NAME_BYTES = 16,
	SCN_END_VIEWS = 3, /* final views of a process: layout, residency, memory */
	SCN_MAX_RESULTS = SCN_MAX_OPS + SCN_MAX_PROCS * SCN_END_VIEWS + SCN_MAX_FILES,
	SCN_ROOM_PAGES = 64,      /* unmapped pages above the arena that operations may reach */
	SCN_HEAP_BYTES = 1 << 24, /* bytes above the start of the heap that the views cover */
	SCN_VIEW_BYTES = 1 << 20  /* recorded layouts, residencies and digests of one run */
};

/* --- Operations --- */

enum scn_verb {
	SCN_MAP,
	SCN_UNMAP,
	SCN_PROTECT,
	SCN_REMAP,
	SCN_BRK,
	SCN_ADVISE,
	SCN_LOCK,
	SCN_UNLOCK,
	SCN_SYNC,
	SCN_MINCORE,
	SCN_LIMIT,
	SCN_FORK,
	SCN_EXIT,
	SCN_READ,
	SCN_WRITE,
	SCN_EXEC,
	SCN_KREAD,
	SCN_KWRITE,
	SCN_KZERO,
	SCN_PEEK,
	SCN_POKE,
	SCN_FREAD,
	SCN_FWRITE,
	SCN_TRUNCATE,
	SCN_PUNCH,
	SCN_SP,
	SCN_LAYOUT,
	SCN_RESIDENT,
	SCN_MEMORY,
	SCN_EVICT,
	SCN_SWAPOFF,
	SCN_STORE,
	SCN_PRESSURE,
	SCN_VERBS
};

/* A length in pages and bytes, so that a program means the same with any page size. */
struct scn_size {
	int32_t pages;
	int64_t bytes;
};

enum scn_base {
	SCN_BASE_ZERO = 0,  /* an absolute address */
	SCN_BASE_ARENA = 1, /* start of the address window that a program may use */
	SCN_BASE_HEAP = 2,  /* the initial brk */
	SCN_BASE_NAME = 3,  /* start of the mapping bound to a name */
	SCN_BASE_END = 4,   /* end of that mapping */
	SCN_BASE_KERNEL = 5 /* start of the kernel's addresses */
};

struct scn_addr {
	uint8_t base;
	uint8_t name; /* of SCN_BASE_NAME and SCN_BASE_END */
	struct scn_size off;
};

#define SCN_NONE 0xff /* no file; no name */

/* Values of prot, flags and advice are Linux's own numbers (see names.c). */
struct scn_op {
	uint8_t verb;
	uint8_t proc;   /* the process that does it */
	uint8_t name;   /* MAP, REMAP: the name to bind; SCN_NONE: none */
	uint8_t file;   /* SCN_NONE: anonymous */
	uint8_t other;  /* FORK: the child; PEEK, POKE: the target process; LIMIT: which limit */
	uint8_t value;  /* the byte to write */
	uint16_t times; /* READ, WRITE: number of accesses, one page apart */
	uint32_t prot;
	uint32_t flags; /* MAP_*, MREMAP_*, MS_*, MLOCK_*, advice; STORE: which failure */
	struct scn_addr addr;
	struct scn_addr to; /* REMAP: with MREMAP_FIXED or MREMAP_DONTUNMAP */
	struct scn_size len;
	struct scn_size len2; /* REMAP: the new length */
	struct scn_size off;  /* offset in a file */
	uint32_t line;        /* line in the text; 0: generated */
};

enum scn_file_kind {
	SCN_FILE_SHM = 0, /* in memory: memfd_create */
	SCN_FILE_DISK = 1 /* on a disk file system */
};

enum scn_fill {
	SCN_FILL_HOLE = 0,
	SCN_FILL_BYTE = 1, /* page n is filled with `fill` + n */
	SCN_FILL_CODE = 2  /* page n is filled with a one-byte instruction of x86 that touches no memory */
};

struct scn_file {
	char name[SCN_NAME_BYTES];
	uint8_t kind;
	uint8_t filled; /* enum scn_fill: whether every page is written before the program starts */
	uint8_t fill;   /* byte of page n: scn_fill_byte(file, n) */
	struct scn_size size;
};

/* --- Expectations --- */

enum {
	SCN_EXPECT_ERRNO = 1,
	SCN_EXPECT_VALUE = 2,
	SCN_EXPECT_SIGNAL = 4,
	SCN_EXPECT_SIGADDR = 8,
	SCN_EXPECT_MINOR = 16,
	SCN_EXPECT_MAJOR = 32,
	SCN_EXPECT_AT = 64, /* MAP, REMAP, BRK: the address returned */
	SCN_EXPECT_COUNT =
	    128, /* READ, WRITE, KZERO: accesses or bytes before the first failure; EVICT, PRESSURE: pages */
	SCN_EXPECT_PAGES = 256,   /* RESIDENT, MINCORE */
	SCN_EXPECT_ROWS = 512,    /* LAYOUT: exactly these rows */
	SCN_EXPECT_SWAPPED = 1024 /* RESIDENT: which pages are swapped */
};

struct scn_expect {
	uint16_t set;
	uint16_t rows_first, rows_count;
	int32_t error; /* 0, or a Linux errno */
	uint8_t value;
	uint8_t signal, code;
	uint8_t pages_count; /* at most 64 */
	uint64_t pages;      /* bit n: page n is present */
	uint8_t swapped_count;
	uint64_t swapped; /* bit n: page n is swapped */
	uint32_t minor, major;
	struct scn_size count;
	struct scn_addr addr; /* si_addr of the signal */
	struct scn_addr at;
};

struct scn_expect_row {
	struct scn_addr start, end;
	uint8_t prot;
	uint8_t shared;
	uint8_t file; /* SCN_NONE: anonymous, or the file is not compared */
};

/* A set of machines: bit n of arches[p] is architecture n (scn_arch_words) under profile p. */
struct scn_condition {
	uint16_t arches[SCN_PROFILES];
};

/* The expectation of an operation on some machines, which replaces the general one. */
struct scn_variant {
	uint16_t op;
	struct scn_condition on;
	struct scn_expect expect;
};

struct scn_program {
	uint32_t op_count;
	uint8_t proc_count, file_count, name_count;
	uint16_t row_count, variant_count;
	uint32_t needs; /* bit n: trait n (enum scn_trait) must have its usual value */
	char proc_name[SCN_MAX_PROCS][SCN_NAME_BYTES];
	char name[SCN_MAX_NAMES][SCN_NAME_BYTES];
	struct scn_file file[SCN_MAX_FILES];
	struct scn_variant variant[SCN_MAX_VARIANTS]; /* by operation, in the order of the text */
	struct scn_op op[SCN_MAX_OPS];
	struct scn_expect expect[SCN_MAX_OPS];
	struct scn_expect_row row[SCN_MAX_ROWS];
};

struct scn_error {
	unsigned line, column;
	char text[160];
	char hint[640]; /* the words that may stand there; "": none */
};

/* --- Results --- */

/* An address that means the same on every backend: see scn_place(). */
typedef uint64_t scn_place;

struct scn_counts {
	uint32_t minor, major;
};

enum scn_state {
	SCN_NOT_RUN = 0,
	SCN_RAN = 1,
	SCN_SKIPPED = 2, /* scn_result.why gives the reason */
	SCN_DEAD = 3     /* its process did not exist */
};

/* scn_result.why of the operations after one that later ones depend on, which was skipped. */
#define SCN_CUT "it comes after an operation on the store that was skipped"

struct scn_result {
	uint8_t state;
	uint8_t signal, code;
	int32_t error;  /* 0 or a Linux errno */
	scn_place at;   /* address returned, or si_addr */
	uint64_t value; /* last byte read; bytes done */
	uint64_t mix;   /* hash of all bytes read; MEMORY: of everything that was read */
	uint32_t count; /* accesses that succeeded */
	struct scn_counts counts;
	uint32_t view, view_bytes; /* recorded rows, page states or digests: a range of scn_run.view */
	const char *why;           /* SCN_SKIPPED: the reason, a constant string */
};

enum {
	SCN_KIND_ANON = 0,
	SCN_KIND_SHARED_ANON = 1,
	SCN_KIND_FILE = 2
};

/* One mapping, as /proc/self/maps shows it. */
struct scn_row {
	scn_place start, end;
	uint64_t offset; /* bytes; 0 for private anonymous memory */
	uint8_t prot, shared, kind, file;
	uint8_t pad[4];
};

/* State of one page in SCN_RESIDENT. */
enum {
	SCN_PAGE_PRESENT = 1,
	SCN_PAGE_FILE = 2,  /* a page of a file or of shared memory */
	SCN_PAGE_ALONE = 4, /* mapped by one page-table entry only */
	SCN_PAGE_SWAPPED = 8
};

/* One page in SCN_MEMORY: the result of reading it. */
struct scn_digest {
	scn_place at;
	uint64_t hash; /* of the bytes; 0 if reading raised a signal */
	uint8_t signal, code;
	uint8_t minor, major;
	uint8_t pad[4];
};

struct scn_bound {
	uint64_t start, bytes;
	uint8_t known; /* 1: an operation has bound the name */
};

struct scn_run {
	const struct scn_backend *backend;
	void *context; /* of the backend */
	const struct scn_program *program;
	struct scn_bound bound[SCN_MAX_NAMES];
	uint8_t alive[SCN_MAX_PROCS];
	uint8_t cut; /* 1: an eviction was skipped; later operations depend on it and are skipped too */
	uint32_t view_used;
	uint32_t view_lost; /* 1: SCN_VIEW_BYTES was too small; later views are truncated */
	struct scn_result result[SCN_MAX_RESULTS];
	uint8_t view[SCN_VIEW_BYTES];
};

/* --- Backends --- */

/* The system calls that operations are lowered to, with Linux's arguments in Linux's order. A file is its
 * number in the program, -1 for none. */
enum scn_call {
	SCN_CALL_MMAP,      /* addr, length, prot, flags, file, offset in bytes */
	SCN_CALL_MUNMAP,    /* addr, length */
	SCN_CALL_MPROTECT,  /* addr, length, prot */
	SCN_CALL_MREMAP,    /* addr, old, new, flags, to */
	SCN_CALL_BRK,       /* addr */
	SCN_CALL_MADVISE,   /* addr, length, advice */
	SCN_CALL_MLOCK2,    /* addr, length, flags */
	SCN_CALL_MUNLOCK,   /* addr, length */
	SCN_CALL_MSYNC,     /* addr, length, flags */
	SCN_CALL_LIMIT,     /* enum scn_limit, bytes (~0: infinity) */
	SCN_CALL_KREAD,     /* addr: the kernel reads one byte. Returns it */
	SCN_CALL_KWRITE,    /* addr, byte: the kernel writes one byte */
	SCN_CALL_KZERO,     /* addr, length: the kernel clears bytes. Returns how many before it failed */
	SCN_CALL_PEEK,      /* addr, process: reads one byte of another process */
	SCN_CALL_POKE,      /* addr, process, byte: writes one byte of another process */
	SCN_CALL_FREAD,     /* file, offset. Returns the byte */
	SCN_CALL_FWRITE,    /* file, offset, length, byte. Returns the bytes written */
	SCN_CALL_FTRUNCATE, /* file, length */
	SCN_CALL_FPUNCH,    /* file, offset, length */
	SCN_CALL_EVICT,     /* addr, length. Returns the pages that were evicted */
	SCN_CALL_SWAPOFF,   /* no arguments; the store of the machine */
	SCN_CALL_STORE,     /* enum scn_store_failure, until the next such call */
	SCN_CALL_PRESSURE,  /* pages that are to leave memory. Returns how many left */
	SCN_CALL_SP,        /* addr: the stack pointer that the following faults see */
	SCN_CALLS
};

enum scn_store_failure {
	SCN_STORE_FAIL_READ = 1, /* the next read of a page fails */
	SCN_STORE_FAIL_WRITE = 2 /* the next write of a page fails */
};

enum scn_limit {
	SCN_LIMIT_STACK,
	SCN_LIMIT_MEMLOCK,
	SCN_LIMIT_DATA,
	SCN_LIMIT_AS,
	SCN_LIMITS
};
enum scn_access {
	SCN_ACCESS_READ,
	SCN_ACCESS_WRITE,
	SCN_ACCESS_EXEC
};

struct scn_access_result {
	uint8_t signal, code, value;
	uint64_t addr; /* si_addr */
	struct scn_counts counts;
};

struct scn_backend {
	const char *name;
	const char *profile, *arch; /* used by expectations; NULL: linux-6, x86_64 */
	uint64_t page_size;
	uint64_t arena, arena_bytes;
	uint64_t heap;
	uint64_t kernel; /* 0: the one of 64-bit Linux */

	/* Returns NULL, or why this backend cannot do the operation (a constant string). */
	const char *(*cannot)(void *context, const struct scn_op *op);
	/* Returns what the system call returns, -errno on failure; adds the faults it took. */
	int64_t (*call)(void *context, unsigned proc, enum scn_call call, const uint64_t arg[6],
			struct scn_counts *counts);
	/* Before and after an operation that reaches the SCN_ROOM_PAGES pages above the arena: unmaps them, so
	 * that the operation finds nothing there; reserves them again, so that no search takes them. Returns
	 * false on failure: without memory or with too many mappings they stay unmapped, until the next time. */
	bool (*room)(void *context, unsigned proc, bool open);
	/* The process itself accesses one byte. */
	void (*access)(void *context, unsigned proc, enum scn_access kind, uint64_t addr, uint8_t value,
		       struct scn_access_result *out);
	/* Returns 0, or -errno. On the host it returns in both processes: *out_child is true in the new one. */
	int (*fork)(void *context, unsigned proc, unsigned child, bool *out_child);
	/* Ends the process. On the host it does not return, and the zygote clears scn_run.alive when it
	 * reaps the process. */
	void (*exit)(void *context, unsigned proc);
	/* mincore: state of `pages` pages into `out`. Returns 0 or -errno. */
	int (*mincore)(void *context, unsigned proc, uint64_t addr, uint64_t length, uint8_t *out);
	/* The mappings that overlap [start, end), clipped to it, in order; at most `max`.
	 * Returns how many, or -errno. */
	int (*layout)(void *context, unsigned proc, uint64_t start, uint64_t end, struct scn_row *out,
		      unsigned max);
	/* SCN_PAGE_* of each of `pages` pages from `addr`. Returns 0 or -errno. */
	int (*resident)(void *context, unsigned proc, uint64_t addr, unsigned pages, uint8_t *out);
	/* Returns a digest of the page at `addr`, which access() has just read. */
	uint64_t (*digest)(void *context, unsigned proc, uint64_t addr);
	/* Returns a digest of a file's contents and its size. */
	uint64_t (*file_digest)(void *context, unsigned file);
};

/* --- Functions --- */

/* Parses a program. On failure returns false and fills `error`; the caller adds the file's name. */
bool scn_parse(const char *text, size_t bytes, struct scn_program *out, struct scn_error *error);
/* Parses a program and calls `complain` for each line with an error. Returns their number; the program can
 * be used if it is 0. */
typedef void scn_complaint(void *context, const struct scn_error *error);
unsigned scn_parse_all(const char *text, size_t bytes, struct scn_program *out, scn_complaint *complain,
		       void *context);
/* Writes a program as text that scn_parse() reads back unchanged. `notes`: NULL, or a function that may
 * write a comment after operation `index`. */
typedef void scn_note(FILE *to, unsigned index, void *context);
void scn_print(FILE *to, const struct scn_program *program, scn_note *note, void *context);
void scn_print_op(FILE *to, const struct scn_program *program, unsigned index);
/* Writes a result in the words of an expectation. */
void scn_print_result(FILE *to, const struct scn_run *run, unsigned index);
void scn_print_row(FILE *to, const struct scn_program *program, const struct scn_row *row);

/* The name of an errno ("ENOMEM") or "errno-N" in `room`. */
const char *scn_errno_name(int error, char room[24]);
int scn_errno_number(const char *name);

/* An empty program with one process, "main". */
void scn_program_init(struct scn_program *program);
/* Prepares a run, before its first operation. */
void scn_run_init(struct scn_run *run, const struct scn_program *program, const struct scn_backend *backend,
		  void *context);
/* Does operation `index`. Returns false in a process that the operation created (host backend only). */
bool scn_step(struct scn_run *run, unsigned index);
/* After the last operation: record the layout, residency and memory of `proc`; then, from any process, the
 * files. */
void scn_finish_process(struct scn_run *run, unsigned proc);
void scn_finish_files(struct scn_run *run);
/* The number of results, including the final views; and what result `index` is about. */
unsigned scn_result_count(const struct scn_program *program);
enum scn_verb scn_result_verb(const struct scn_program *program, unsigned index);

/* One number that covers everything the comparator compares. */
uint64_t scn_run_digest(const struct scn_run *run);

uint64_t scn_bytes(const struct scn_run *run, struct scn_size size);
uint64_t scn_resolve(const struct scn_run *run, struct scn_addr addr);
scn_place scn_place_of(const struct scn_backend *backend, uint64_t va);
/* Writes a place as "arena+2p" into `room` and returns it. */
const char *scn_place_text(scn_place place, uint64_t page_size, char room[64]);
void scn_print_place(FILE *to, scn_place place, uint64_t page_size);
uint8_t scn_fill_byte(const struct scn_file *file, uint64_t page);
/* The one-byte instruction that fills page `page` of `code N`. */
uint8_t scn_code_byte(uint8_t n, uint64_t page);
uint64_t scn_hash(uint64_t seed, const void *bytes, size_t count);

/* The expectation of operation `index` on a machine: the general one, with the variants that apply to the
 * machine. */
struct scn_expect scn_expected(const struct scn_program *program, const struct scn_backend *backend,
			       unsigned index);

/* Compares the results with the expectations and calls `report` for each failed one. Returns their number. */
typedef void scn_report(void *context, unsigned index, const char *text);
unsigned scn_check(const struct scn_run *run, scn_report *report, void *context);

/* --- The running kernel (host.c) --- */

struct scn_host;
/* Creates the zygote, from which the processes of programs are forked. NULL with errno on failure. */
struct scn_host *scn_host_open(void);
/* Runs a program. The returned run is valid until the next call. NULL with *out_text (a constant string)
 * if the harness failed. */
const struct scn_run *scn_host_run(struct scn_host *host, const struct scn_program *program,
				   const char **out_text);
/* The results of the last run. */
const struct scn_run *scn_host_last(const struct scn_host *host);
void scn_host_close(struct scn_host *host);
/* Why this kernel, or this sandbox, cannot do a verb or advice; NULL when it can. */
const char *scn_host_cannot(struct scn_host *host, const struct scn_op *op);

#endif
