/* SPDX-License-Identifier: MIT */
/* What the kernel tells `quire run` of each fault and task: records in a ring in the guest's RAM, which the host maps.
 * The kernel says where it is in a line of the log, "@trace <physical address> <bytes>", both hexadecimal.
 *
 *   head: the next record is written there; the kernel's    tail: up to there all is read; the host's
 *   Both count bytes of data[], and head == tail is empty. A record does not wrap: a FILL goes to the end.
 *
 * Every number is little-endian, as all machines with this kernel are, and aligned to its size. */
#ifndef KERNEL_PORT_TRACE_H
#define KERNEL_PORT_TRACE_H

#include <stdint.h>

#define TRACE_MAGIC 0x3130676e69527251 /* "QrRing01" */

struct trace_ring {
	uint64_t magic;
	uint32_t size; /* of data[]; a multiple of 8 */
	volatile uint32_t head, tail;
	uint32_t spare[11];
	uint8_t data[];
};

enum trace_kind {
	TRACE_FILL = 0, /* the rest up to the end is not used */
	TRACE_FAULT = 1,
	TRACE_TASK = 2,
	TRACE_MEMORY = 3,
	TRACE_NAME = 4
};

/* Every record begins so. `bytes`: of all of it, a multiple of 8. */
struct trace_head {
	uint16_t bytes;
	uint8_t kind;  /* enum trace_kind */
	uint8_t steps; /* FAULT: how many there are */
	int32_t pid;
	uint64_t ns;
};

/* What FILL has: as much as there is at least, since every record has a multiple of 8 bytes. */
struct trace_fill {
	uint16_t bytes;
	uint8_t kind, steps;
	int32_t pid;
};

/* A mapping; start == end: not told. */
struct trace_mapping {
	uint64_t start, end, offset; /* offset: into the file */
	uint32_t file;               /* its number: a NAME came before; 0: none */
	uint16_t flags;              /* QUIRE_REGION_* */
	uint8_t prot;                /* quire_prot */
	uint8_t spare;
};

/* What a task last faulted in and on: still so while no system call has ended since. */
struct trace_places {
	uint32_t calls; /* 0: nothing is known */
	struct trace_mapping of_pc, of_address;
};

#define TRACE_STEPS 32

struct trace_fault {
	struct trace_head head;
	int32_t tid;
	uint8_t mode, access, cause; /* enums of <quire/fault.h> */
	uint8_t outcome, rule, major, signal, code;
	uint32_t spare;
	uint64_t address, pc, syndrome, before, after, frame;
	struct trace_mapping of_pc, of_address;
	uint8_t steps[TRACE_STEPS]; /* enum quire_step */
};

/* The path of a file, when it is first told of. No two files of a run have one number. */
struct trace_name {
	struct trace_head head;
	uint64_t file;
	char name[104];
};

enum trace_task_kind {
	TRACE_FORK = 0,
	TRACE_EXEC = 1,
	TRACE_EXIT = 2
};

struct trace_task {
	struct trace_head head;
	uint32_t what;  /* enum trace_task_kind */
	int32_t parent; /* FORK */
	char name[16];  /* EXEC */
};

/* Memory, at most every TRACE_MEMORY_NS: frames in each state, and what was done so far. */
#define TRACE_MEMORY_NS 1000000
struct trace_memory {
	struct trace_head head;
	uint64_t frames[16];                                            /* by enum quire_page_state */
	uint64_t zeroed, read, copied, forked, swapped_in, swapped_out; /* pages, since the start */
};

#endif
