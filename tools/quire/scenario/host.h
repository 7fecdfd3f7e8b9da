/* SPDX-License-Identifier: MIT */
/* Inside the host backend: what its files share. */
#ifndef QUIRE_SCENARIO_HOST_H
#define QUIRE_SCENARIO_HOST_H

#include "scenario.h"

#include <setjmp.h>
#include <stdatomic.h>
#include <sys/types.h>

/* Memory shared by the conductor, the zygote and the program's processes. */
struct host_shared {
	_Atomic uint32_t request, reply; /* counters: the conductor asks, the zygote answers */
	_Atomic uint32_t quit;
	uint32_t changes;      /* entries that system calls may have made writable so far */
	_Atomic uint32_t turn; /* the operation to be done now, or SCN_MAX_OPS + process: its end */
	uint32_t failed;
	char text[120];
	pid_t pid[SCN_MAX_PROCS];
	uint32_t exiting[SCN_MAX_PROCS]; /* the turn in which it left, plus one */
	struct scn_backend backend;
	struct scn_program program;
	struct scn_run run;
};

/* What a process needs to know of the machine and of the files; made before the first fork. */
struct host_files {
	int fd[SCN_MAX_FILES];
	uint64_t inode[SCN_MAX_FILES];
	int pipe[2];
	int zero;
};

struct scn_host {
	struct host_shared *shared;
	struct host_files files;
	pid_t zygote;
	unsigned self;        /* in a program's process: its number */
	uint32_t forgotten;   /* changes that this process's translations are as new as */
	volatile char *sweep; /* pages that are there to be dropped */
	uint64_t task_end;
};

/* --- Turns (host_turn.c) --- */

/* Turns after the last operation: each process writes down its end; then all leave. */
enum {
	TURN_END = 1 << 16,
	TURN_LEAVE = 1 << 17
};

/* Whether process `self` does this turn: it is the turn that is on, and the process's own. */
bool host_turn_is_mine(const struct host_shared *s, uint32_t turn, unsigned self);
/* Waits until it is the turn of process `self`, or everybody's to leave. Returns the turn. */
uint32_t host_turn_take(struct host_shared *s, unsigned self);
uint32_t host_turn_next(const struct host_shared *s, uint32_t turn);
/* `self` has done `turn`. */
void host_turn_pass(struct host_shared *s, uint32_t turn, unsigned self);

/* `timeout` in seconds; 0: none. */
void host_futex_wait(_Atomic uint32_t *word, uint32_t expected, unsigned timeout);
void host_futex_wake(_Atomic uint32_t *word);

/* host_measure.c: the parts that are measured, and everything they touch. */
bool host_measure_init(struct scn_host *host);
/* Makes the harness's own pages present and private, until a measured call takes no fault of its own. */
void host_warm(void);
long host_measured_call(struct scn_counts *counts, long number, const uint64_t arg[6]);
void host_measured_access(enum scn_access kind, uint64_t addr, uint8_t value, struct scn_access_result *out);
bool host_can_exec(void);
/* The machine it was built for, as expectations name it. */
const char *host_arch(void);

/* Makes the CPU forget this process's translations when a system call may have changed entries since.
 * x86 Linux leaves a read-only one in the TLB when it makes the entry writable for the kernel's own
 * access: the next write may fault or not, as the TLB happens to remember. */
void host_forget(struct scn_host *host);

/* host_calls.c */
int64_t host_call(void *context, unsigned proc, enum scn_call call, const uint64_t arg[6],
		  struct scn_counts *counts);
const char *host_cannot(void *context, const struct scn_op *op);
bool host_files_open(struct scn_host *host);
void host_files_close(struct scn_host *host);
uint64_t host_file_digest(void *context, unsigned file);

/* host_view.c */
int host_layout(void *context, unsigned proc, uint64_t start, uint64_t end, struct scn_row *out,
		unsigned max);
int host_resident(void *context, unsigned proc, uint64_t addr, unsigned pages, uint8_t *out);
int host_mincore(void *context, unsigned proc, uint64_t addr, uint64_t length, uint8_t *out);
uint64_t host_digest(void *context, unsigned proc, uint64_t addr);
/* Finds a place for the arena and takes every gap above it, so that searches start at its top. */
bool host_place_arena(struct scn_host *host);

#endif
