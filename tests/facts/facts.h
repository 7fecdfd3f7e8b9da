/* SPDX-License-Identifier: MIT */
/* Facts: what a program can measure of a kernel's memory management, as lines "fact<TAB>value".
 *
 *   count.c   faults of accesses: tables of steps        calls.c   system calls and their errno
 *   file.c    the same for files; their signals          kernel.c  accesses by the kernel; frames after fork
 *   signal.c  signals of anonymous memory                stack.c   growth of the stack
 *                          │
 *              struct facts_machine: a fresh process, system calls, accesses
 *                          │
 *   sim.c     the simulated machine under a profile and an architecture
 *   linux.c   the running Linux
 *
 * The names and values are those that genuine kernels were measured with (expected.tsv). Nothing but
 * sim.c needs the library. */
#ifndef FACTS_H
#define FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define FACTS_PAGE ((uint64_t)4096)
/* An address that nothing is mapped at in a fresh process, and far from everything else. */
#define FACTS_HOLE ((uint64_t)0x50000000)

enum {
	FACTS_R = 1,
	FACTS_W = 2,
	FACTS_X = 4,
	FACTS_RW = 3
};

/* mmap's flags: Linux's numbers. */
enum {
	FACTS_SHARED = 0x01,
	FACTS_PRIVATE = 0x02,
	FACTS_FIXED = 0x10,
	FACTS_ANON = 0x20,
	FACTS_GROWSDOWN = 0x100,
	FACTS_LOCKED = 0x2000,
	FACTS_NORESERVE = 0x4000,
	FACTS_POPULATE = 0x8000
};

enum {
	FACTS_EPERM = 1,
	FACTS_EBADF = 9,
	FACTS_EFAULT = 14,
	FACTS_ENOSYS = 38
};

/* Arguments are Linux's, in Linux's order; results are the system call's, -errno on failure. */
enum facts_call {
	FACTS_MMAP, /* offset in bytes; the file is a number that file() gave, -1: none */
	FACTS_MUNMAP,
	FACTS_MPROTECT,
	FACTS_MREMAP,
	FACTS_BRK,
	FACTS_MADVISE,
	FACTS_MLOCK,
	FACTS_MLOCK2,
	FACTS_MUNLOCK,
	FACTS_MLOCKALL,
	FACTS_MSYNC,
	FACTS_FTRUNCATE, /* file, length */
	FACTS_LIMIT,     /* enum facts_limit, bytes */
	FACTS_SETUID,    /* a user without rights */
	FACTS_COPY_IN,   /* addr, bytes: the kernel reads them, for write(2) to a pipe: all or EFAULT */
	FACTS_COPY_OUT   /* addr, bytes: the kernel writes them, for read(2) of a pipe */
};

enum facts_limit {
	FACTS_LIMIT_STACK,
	FACTS_LIMIT_AS,
	FACTS_LIMIT_MEMLOCK
};

enum facts_kind {
	FACTS_READ,
	FACTS_WRITE,
	FACTS_EXEC
};

/* What lies behind a file. */
enum facts_fs {
	FACTS_MEMORY, /* its pages are the only copy: writes need not be told */
	FACTS_RAM,    /* the first write is told, and nothing is ever written back */
	FACTS_DISK    /* its pages are written back: the first write is told, again each time */
};

struct facts_counts {
	uint32_t minor, major;
};

struct facts_access {
	unsigned signal, code; /* 0: none */
	uint64_t addr;         /* si_addr */
	uint8_t value;         /* READ: what was read; WRITE: what is written */
	struct facts_counts counts;
};

/* The one kernel that a column is about, and what of its boot the values depend on. */
struct facts_column {
	const char *profile, *arch;
	const char *kernel;  /* what was measured */
	uint64_t task_top;   /* the end of user addresses that the facts speak of */
	uint64_t task_end;   /* the end that the kernel means; 0: the architecture's */
	uint64_t stack_end;  /* where the main stack ends */
	unsigned around;     /* the page of its 64 KiB at which files of /t were mapped: chance of one boot */
	enum facts_fs ramfs; /* what lies behind a file of ramfs: RAM since 3.6 */
	bool read_implies_exec; /* the measured program's personality */
	const uint64_t *kernel_address;
	unsigned kernel_addresses;
};

extern const struct facts_column facts_columns[];
extern const unsigned facts_column_count;

struct facts_machine {
	void *context;
	/* A fresh process 0 with text, heap and stack, and the rights of root. False: it could not be made. */
	bool (*begin)(void *context);
	/* Every process and file ends. */
	void (*end)(void *context);
	int64_t (*call)(void *context, unsigned proc, enum facts_call call, const uint64_t arg[6],
			struct facts_counts *counts);
	/* One byte by the process itself, with the stack pointer at `sp`; 0: in its main stack.
	 * Before: access->value is what a write writes. After: the rest. */
	void (*access)(void *context, unsigned proc, enum facts_kind kind, uint64_t addr, uint64_t sp,
		       struct facts_access *access);
	/* Process `child` begins as a copy of `proc`; one ends. */
	bool (*fork)(void *context, unsigned proc, unsigned child);
	void (*exit)(void *context, unsigned proc);
	/* A file of `pages` pages, every one in memory if `cached`, before the process that maps it begins.
	 * Negative: the machine has no such files. */
	int (*file)(void *context, enum facts_fs fs, unsigned pages, bool cached);
	/* mincore of process 0. */
	int (*mincore)(void *context, uint64_t addr, uint64_t length, uint8_t *out);
	/* The mapping of process 0 that holds `addr`; 0: its main stack. */
	bool (*region)(void *context, uint64_t addr, uint64_t *out_start, uint64_t *out_end);
	/* The frame behind an address of a process; 0: none. */
	uint64_t (*frame)(void *context, unsigned proc, uint64_t addr);
	/* Strict overcommit without any room, or the default again. NULL: not here. */
	void (*strict)(void *context, bool on);
};

/* One run. */
struct facts {
	const struct facts_machine *machine;
	const struct facts_column *column;
	FILE *to;
	uint64_t stack_start, stack_end; /* of the fresh process */
	int file;                        /* the file that steps map */
	uint64_t file_at;                /* where the next mapping of it goes */
};

/* --- what every fact is made of (value.c) --- */

/* A fresh process. Failure ends the run: false once is false for ever. */
bool facts_begin(struct facts *f);
void facts_end(struct facts *f);

int64_t facts_call(struct facts *f, enum facts_call call, uint64_t a, uint64_t b, uint64_t c);
int64_t facts_call_with(struct facts *f, enum facts_call call, const uint64_t arg[6]);
/* An anonymous mapping, or one of `file` (-1: none) from its start. */
int64_t facts_map(struct facts *f, uint64_t at, uint64_t bytes, uint32_t prot, uint32_t flags, int file);
struct facts_access facts_access(struct facts *f, enum facts_kind kind, uint64_t addr, uint64_t sp);
void facts_write(struct facts *f, uint64_t addr, uint8_t value);

/* A line: the name, then the value. */
void facts_name(struct facts *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
void facts_value(struct facts *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Values: "ok" or an errno; "m1M0"; "ok" or a signal, with its distance from the access. */
const char *facts_errno(int64_t result, char room[32]);
const char *facts_signal(const struct facts *f, const struct facts_access *access, uint64_t addr,
			 char room[96]);
/* Whole lines. */
void facts_error(struct facts *f, const char *name, int64_t result);
void facts_counts(struct facts *f, const char *prefix, const char *name, struct facts_counts counts);
/* In a fresh process: what an access does. */
void facts_probe(struct facts *f, const char *prefix, const char *name, enum facts_kind kind, uint64_t addr);

/* --- steps (count.c) --- */

enum facts_verb {
	FACTS_DO_MAP,     /* page: pages; prot; flags. The following steps mean this mapping */
	FACTS_DO_MAPFILE, /* the same of the file of the run */
	FACTS_DO_READ,    /* pages from page, one by one: the faults of all are added up */
	FACTS_DO_WRITE,
	FACTS_DO_PROTECT, /* pages from page */
	FACTS_DO_ADVISE,  /* flags: the advice */
	FACTS_DO_SYNC,
	FACTS_DO_LOCK,
	FACTS_DO_COPY_OUT, /* 32 bytes written by the kernel */
	FACTS_DO_REMAP,    /* the first page moves and becomes four */
	FACTS_DO_FORK,     /* process page begins */
	FACTS_DO_EXIT
};

struct facts_step {
	uint8_t verb, proc;
	uint16_t page, pages; /* pages: 0 is 1 */
	uint32_t prot, flags;
	const char *fact; /* the fact that the faults of this step are; NULL: nobody asks */
};

void facts_steps(struct facts *f, const char *prefix, const struct facts_step *step, unsigned count);
#define FACTS_STEPS(f, prefix, table) facts_steps(f, prefix, table, sizeof(table) / sizeof((table)[0]))

/* --- the groups --- */

void facts_measure(struct facts *f); /* all of them */
void facts_of_counts(struct facts *f);
void facts_of_files(struct facts *f);
void facts_of_signals(struct facts *f);
void facts_of_stack(struct facts *f);
void facts_of_calls(struct facts *f);
void facts_of_limits(struct facts *f);
void facts_of_kernel(struct facts *f);

/* The simulated machine for a column. NULL with *out_why. */
struct facts_machine *facts_sim_open(const struct facts_column *column, const char **out_why);
/* Returns how often the machine or the library found itself wrong. */
unsigned facts_sim_close(struct facts_machine *machine);

/* The running Linux. NULL with *out_why. */
struct facts_machine *facts_linux_open(const char **out_why);
void facts_linux_close(struct facts_machine *machine);

#endif
