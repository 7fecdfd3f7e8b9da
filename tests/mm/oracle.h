/* SPDX-License-Identifier: MIT */
/* Small memory programs that run twice, on the library and on the Linux underneath, and what they show.
 *
 * A program works in a window of WINDOW_PAGES pages at WINDOW. After every operation the two are
 * compared in: the result, the value, and each line of /proc/self/smaps that lies in the window. */
#ifndef ORACLE_H
#define ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#define WINDOW       UINT64_C(0x700000000000)
#define PAGE         UINT64_C(4096)
#define WINDOW_PAGES 48
#define HEAP_AT      32 /* page of the window where the heap starts: a program that uses brk */
#define FILE_PAGES   12
#define MAX_OPS      128
#define MAX_LINES    64

enum op_kind {
	OP_MMAP,     /* address, length, prot, flags, file (0 none, 1 read-write, 2 read-only, 3 write-only),
			offset */
	OP_MUNMAP,   /* address, length */
	OP_MPROTECT, /* address, length, prot */
	OP_MREMAP,   /* address, old length, new length, flags, new address */
	OP_BRK,      /* bytes above the heap's start */
	OP_MADVISE,  /* address, length, advice */
	OP_MINCORE,  /* address, length */
	OP_MLOCK,    /* address, length, flags */
	OP_MUNLOCK,  /* address, length */
	OP_MLOCKALL, /* flags */
	OP_MUNLOCKALL,
	OP_MSYNC, /* address, length, flags */
	OP_READ,  /* address */
	OP_WRITE, /* address, byte */
	OP_FORK,  /* 0: the child goes on, 1: the parent */
	OP_LIMIT, /* enum quire_limit; AS and DATA: pages above what is used; MEMLOCK: pages */
	OP_DROP_RIGHTS,
	OP_COUNT
};

struct op {
	uint8_t kind;
	uint64_t a[6];
};

struct program {
	unsigned count;
	bool heap; /* brk starts at page HEAP_AT */
	struct op op[MAX_OPS];
};

/* A line of smaps. */
struct line {
	uint64_t start, end, offset;
	uint32_t flags; /* LINE_* */
	uint32_t rss, anonymous;
};

enum {
	LINE_READ = 1,
	LINE_WRITE = 2,
	LINE_EXEC = 4,
	LINE_SHARED = 8,
	LINE_MAYREAD = 16,
	LINE_MAYWRITE = 32,
	LINE_MAYEXEC = 64,
	LINE_GROWSDOWN = 128,
	LINE_LOCKED = 256,
	LINE_ACCOUNT = 512,
	LINE_NORESERVE = 1024,
	LINE_DONTFORK = 2048,
	LINE_SEQUENTIAL = 4096,
	LINE_RANDOM = 8192,
	LINE_WIPEONFORK = 16384,
	LINE_DONTDUMP = 32768
};

struct result {
	int status;     /* 0, -errno; accesses: signal << 8 | code */
	uint64_t value; /* address within the window, byte read, bits of mincore, ... */
	unsigned lines;
	struct line line[MAX_LINES];
};

/* An address that is in no window: a mapping that the system placed itself. It is unmapped at once. */
#define ELSEWHERE UINT64_C(0xe15e)

/* Whether this process may do what the programs do: locks, low addresses, a heap elsewhere. */
bool oracle_host_privileged(void);
void oracle_run_host(const struct program *program, struct result *results);
void oracle_run_library(const struct program *program, struct result *results);

#endif
