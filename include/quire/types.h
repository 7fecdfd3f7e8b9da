/* SPDX-License-Identifier: MIT */
/* The words every part of Quire speaks: addresses, frames, table entries, protections, status.
 *
 * What the comments of functions say of their caller:
 *   Any context       takes no lock and does not sleep
 *   does not sleep    takes spinlocks of the library: not from an interrupt, which may have come in the middle of it
 *   may sleep for     in host.wait, with no spinlock of the library held:
 *     the mm lock     until no other thread changes the layout of that address space, or uses it where this one changes it
 *     pages           while a file's or a store's function reads or writes a page or releases a file, or another thread
 *                     holds the page's lock for that. Anonymous memory only, and no store: never
 *     memory          where no frame is free: until pages of others have left, as for pages
 *     the kernel map  until no other thread changes it
 *   Stack             bytes of the caller's stack at most, without the port's own functions; nothing said is small:
 *                     small 1,024, middle 2,048, large 3,456 and with a store 3,584. docs/stack.md has the figures */
#ifndef QUIRE_TYPES_H
#define QUIRE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <quire/config.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define QUIRE_MUST_USE __attribute__((warn_unused_result))
#else
#define QUIRE_MUST_USE
#endif

/* A virtual address, in bytes. The only address type that is plain arithmetic. */
#if QUIRE_CONFIG_VA_BITS == 32
typedef uint32_t quire_va;
#else
typedef uint64_t quire_va;
#endif

/* A physical address, in bytes. */
typedef struct quire_pa {
	uint64_t v;
} quire_pa;

/* The number of a physical frame: physical address >> page shift of the architecture. */
typedef struct quire_pfn {
	uint64_t n;
} quire_pfn;

/* An entry of a page table of any level, in the format of its architecture, zero-extended. */
typedef struct quire_pte {
	uint64_t bits;
} quire_pte;

/* Protections, positive: a bit that is set allows. Values of READ, WRITE and EXEC are those of
 * PROT_READ, PROT_WRITE and PROT_EXEC. */
typedef uint32_t quire_prot;
enum {
	QUIRE_PROT_NONE = 0,
	QUIRE_PROT_READ = 1,
	QUIRE_PROT_WRITE = 2,
	QUIRE_PROT_EXEC = 4,
	QUIRE_PROT_USER = 8, /* user mode may use it; in ptes only */
	QUIRE_PROT_RWX = 7,
	QUIRE_PROT_MASK = 15,
	QUIRE_PROT_GROWSDOWN = 0x01000000, /* mprotect: down to the start of a growing stack */
	QUIRE_PROT_GROWSUP = 0x02000000    /* mprotect: accepted where the vma grows up; none does */
};

/* Status of an operation. The numbers are fixed: they are Linux's, negated, so that a kernel with
 * Linux's ABI returns them as they are. Zero is success; nothing is positive. */
enum quire_status {
	QUIRE_OK = 0,
	QUIRE_EPERM = -1,
	QUIRE_ENOENT = -2,
	QUIRE_ESRCH = -3,
	QUIRE_EINTR = -4,
	QUIRE_EIO = -5,
	QUIRE_ENXIO = -6,
	QUIRE_EBADF = -9,
	QUIRE_EAGAIN = -11,
	QUIRE_ENOMEM = -12,
	QUIRE_EACCES = -13,
	QUIRE_EFAULT = -14,
	QUIRE_EBUSY = -16,
	QUIRE_EEXIST = -17,
	QUIRE_ENODEV = -19,
	QUIRE_EINVAL = -22,
	QUIRE_ENFILE = -23,
	QUIRE_ETXTBSY = -26,
	QUIRE_EFBIG = -27,
	QUIRE_ENOSPC = -28,
	QUIRE_ERANGE = -34,
	QUIRE_ENOSYS = -38,
	QUIRE_EOVERFLOW = -75,
	QUIRE_EOPNOTSUPP = -95,
	/* Quire's own, outside Linux's numbers: never returned to a program. */
	QUIRE_NO_NX = -1001,        /* the architecture cannot forbid execution of what may be read */
	QUIRE_NO_EXECONLY = -1002,  /* it cannot allow execution without reading */
	QUIRE_NO_WRITEONLY = -1003, /* it cannot allow writing without reading */
	QUIRE_NO_LEAF = -1004       /* no page of this size at this level */
};

/* Returns the name of a status, as errno(3) and the enum above spell it ("ENOMEM", "NO_NX").
 * A constant string; "E?" for a number that is not a status. Any context. */
const char *quire_status_name(enum quire_status status);

/* Signals and their codes, with Linux's numbers on every architecture that Quire knows. */
enum {
	QUIRE_SIGILL = 4,
	QUIRE_SIGTRAP = 5,
	QUIRE_SIGBUS = 7,
	QUIRE_SIGFPE = 8,
	QUIRE_SIGKILL = 9,
	QUIRE_SIGSEGV = 11,

	QUIRE_SI_KERNEL = 0x80,
	QUIRE_SEGV_MAPERR = 1,
	QUIRE_SEGV_ACCERR = 2,
	QUIRE_SEGV_BNDERR = 3,
	QUIRE_SEGV_PKUERR = 4,
	QUIRE_SEGV_MTESERR = 9,
	QUIRE_SEGV_CPERR = 10,
	QUIRE_BUS_ADRALN = 1,
	QUIRE_BUS_ADRERR = 2,
	QUIRE_BUS_OBJERR = 3,
	QUIRE_BUS_MCEERR_AR = 4,
	QUIRE_ILL_ILLOPC = 1,
	QUIRE_ILL_ILLOPN = 2,
	QUIRE_ILL_PRVOPC = 5,
	QUIRE_TRAP_BRKPT = 1,
	QUIRE_TRAP_HWBKPT = 4
};

struct quire_system;  /* one machine's memory under one profile: no globals */
struct quire_mm;      /* an address space */
struct quire_file;    /* a mappable object */
struct quire_arch;    /* an architecture: <quire/port/arch.h> */
struct quire_host;    /* what the library runs on: <quire/port/host.h> */
struct quire_profile; /* a set of rules: <quire/profile.h> */
struct quire_trap;    /* an exception as the CPU raised it */
struct quire_fault;   /* the same, decoded */
struct quire_outcome; /* what the trap handler must do next */
struct quire_trace;   /* the way that a fault took */

#ifdef __cplusplus
}
#endif
#endif
