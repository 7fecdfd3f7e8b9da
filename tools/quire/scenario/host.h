/* SPDX-License-Identifier: MIT */
/* Internal declarations of the host backend. */
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
	uint32_t changes;      /* system calls so far that may have made entries writable */
	_Atomic uint32_t turn; /* the current operation; from TURN_END on: the final views */
	uint32_t failed;
	char text[120];
	pid_t pid[SCN_MAX_PROCS];
	uint32_t exiting[SCN_MAX_PROCS]; /* the turn in which it exited, plus one; 0: it did not */
	struct scn_backend backend;
	struct scn_program program;
	struct scn_run run;
};

/* What a process knows about the machine and its files; set up before the first fork. */
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
	uint32_t flushed;     /* value of `changes` when this process last flushed its TLB */
	volatile char *sweep; /* pages that host_flush_tlb() drops to flush the TLB */
	uint64_t task_end;
};

/* --- Turns (host_turn.c) --- */

/* Turns after the last operation: each process records its final views, then all exit. */
enum {
	TURN_END = 1 << 16,
	TURN_LEAVE = 1 << 17
};

/* Whether `turn` is the current turn and belongs to process `self`. */
bool host_turn_is_mine(const struct host_shared *s, uint32_t turn, unsigned self);
/* Waits for a turn of process `self`, or for TURN_LEAVE. Returns the turn. */
uint32_t host_turn_take(struct host_shared *s, unsigned self);
uint32_t host_turn_next(const struct host_shared *s, uint32_t turn);
/* Ends `turn`, which process `self` has done. */
void host_turn_pass(struct host_shared *s, uint32_t turn, unsigned self);

/* `timeout` in seconds; 0: none. */
void host_futex_wait(_Atomic uint32_t *word, uint32_t expected, unsigned timeout);
void host_futex_wake(_Atomic uint32_t *word);

/* host_measure.c: the measured code and everything it touches. */
bool host_measure_init(struct scn_host *host);
/* Makes the harness's own pages present and private, so that a measured call takes no fault of its own. */
void host_warm(void);
long host_measured_call(struct scn_counts *counts, long number, const uint64_t arg[6]);
void host_measured_access(enum scn_access kind, uint64_t addr, uint8_t value, struct scn_access_result *out);
bool host_can_exec(void);
/* The architecture of this build, by the name that expectations use. */
const char *host_arch(void);

/* Flushes this process's TLB if a system call may have changed entries since the last flush. When x86
 * Linux makes an entry writable for the kernel's own access, it leaves the read-only translation in the
 * TLB, so whether the next write faults depends on the contents of the TLB. */
void host_flush_tlb(struct scn_host *host);

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
/* Unmaps the pages above the arena, or reserves them again. */
bool host_room(void *context, unsigned proc, bool open);
/* Finds a place for the arena and fills every gap above it, so that top-down searches start at its top. */
bool host_place_arena(struct scn_host *host);

#endif
