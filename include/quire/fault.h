/* SPDX-License-Identifier: MIT */
/* A fault: as the CPU raised it, as it was decoded, the steps it took, and what to do next.
 *
 *   struct quire_trap ──decode (arch, pure)──► struct quire_fault ──quire_handle_fault()──► struct quire_outcome
 *    raw registers                              access, cause, route                  RESUME, SIGNAL, ...
 *                       every function passed is one step in struct quire_trace
 */
#ifndef QUIRE_FAULT_H
#define QUIRE_FAULT_H

#include <quire/steps.h>
#include <quire/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Which exception was taken, and so which registers `syndrome` and `address` came from. */
enum quire_vector {
	QUIRE_VECTOR_PAGE_FAULT = 0,     /* x86: #PF, error code and CR2 */
	QUIRE_VECTOR_DATA_ABORT = 1,     /* ARM: DFSR and DFAR */
	QUIRE_VECTOR_PREFETCH_ABORT = 2, /* ARM: IFSR and IFAR */
	QUIRE_VECTOR_SYNC = 3,           /* ARM64: ESR_EL1 and FAR_EL1, synchronous exceptions */
	QUIRE_VECTOR_CAUSE = 4           /* RISC-V: scause and stval; toy: its one cause register */
};

enum quire_access {
	QUIRE_ACCESS_READ = 0,
	QUIRE_ACCESS_WRITE = 1,
	QUIRE_ACCESS_EXEC = 2,
	QUIRE_ACCESS_UNKNOWN = 3 /* the syndrome does not say */
};

enum quire_mode {
	QUIRE_MODE_USER = 0,
	QUIRE_MODE_KERNEL = 1,
	QUIRE_MODE_UNKNOWN = 2
};

/* Why the hardware refused. */
enum quire_cause {
	QUIRE_CAUSE_UNKNOWN = 0,
	QUIRE_CAUSE_NOT_PRESENT,  /* translation fault at some level */
	QUIRE_CAUSE_PERMISSION,   /* a translation exists and forbids it */
	QUIRE_CAUSE_ACCESS_FLAG,  /* a translation exists and is marked old */
	QUIRE_CAUSE_ADDRESS_SIZE, /* an address is wider than the tables say */
	QUIRE_CAUSE_ALIGNMENT,
	QUIRE_CAUSE_DOMAIN,         /* ARM short descriptors: domain forbids */
	QUIRE_CAUSE_RESERVED_BIT,   /* x86: a reserved bit is set in an entry */
	QUIRE_CAUSE_PROTECTION_KEY, /* x86: PKU, PKS */
	QUIRE_CAUSE_SHADOW_STACK,   /* x86: CET */
	QUIRE_CAUSE_SGX,            /* x86: enclave page cache map */
	QUIRE_CAUSE_RMP,            /* x86: SEV-SNP reverse map table */
	QUIRE_CAUSE_HLAT,           /* x86: hypervisor-managed linear address translation */
	QUIRE_CAUSE_TAG_CHECK,      /* ARM64: MTE */
	QUIRE_CAUSE_EXTERNAL_ABORT,
	QUIRE_CAUSE_WALK_EXTERNAL_ABORT, /* external abort while the tables were walked */
	QUIRE_CAUSE_ASYNC_EXTERNAL_ABORT,
	QUIRE_CAUSE_PARITY, /* parity or ECC, synchronous */
	QUIRE_CAUSE_WALK_PARITY,
	QUIRE_CAUSE_ASYNC_PARITY,
	QUIRE_CAUSE_TLB_CONFLICT,
	QUIRE_CAUSE_TLB_MAINTENANCE, /* instruction cache or TLB maintenance */
	QUIRE_CAUSE_ATOMIC,          /* ARM64: unsupported atomic hardware update, exclusive fault */
	QUIRE_CAUSE_DEBUG,
	QUIRE_CAUSE_ACCESS_FAULT, /* RISC-V: physical memory attribute or protection */
	QUIRE_CAUSE_MISALIGNED_FETCH,
	QUIRE_CAUSE_PAGE_FAULT,     /* RISC-V: not present or not permitted, it does not say which */
	QUIRE_CAUSE_IMPLEMENTATION, /* implementation defined: lockdown, unsupported exclusive */
	QUIRE_CAUSE_GRANULE,        /* ARM64: granule protection */
	QUIRE_CAUSE_NOT_A_FAULT,    /* an exception class that is no memory fault: system call, ... */
	QUIRE_CAUSE_RESERVED,       /* the manual reserves the encoding */
	QUIRE_CAUSE_COUNT
};

/* Table levels in a fault, numbered as the architecture numbers them; -1 where it does not say.
 * ARM short descriptors have two of their own. */
enum {
	QUIRE_LEVEL_NONE = -1,
	QUIRE_LEVEL_SECTION = 1,
	QUIRE_LEVEL_PAGE = 2
};

/* Where the architecture's entry sends a fault. */
enum quire_route {
	QUIRE_ROUTE_PAGE_FAULT = 0,  /* do_page_fault: find the vma */
	QUIRE_ROUTE_KERNEL_SYNC = 1, /* a kernel address: copy the top-level entry or fill, else bad area */
	QUIRE_ROUTE_BAD_AREA = 2,    /* no look-up: signal to a user, fixup or oops to the kernel */
	QUIRE_ROUTE_UNHANDLED = 3,   /* no handler: the row's signal in user mode, die in kernel mode */
	QUIRE_ROUTE_IGNORE = 4       /* not a memory fault: for the caller's other handlers */
};

/* Facts about the interrupted context, ORed into quire_trap.context. */
enum {
	QUIRE_CTX_ATOMIC = 1,         /* in an interrupt, or preemption is off: may not sleep */
	QUIRE_CTX_INTERRUPTS_OFF = 2, /* they were off when the exception was taken */
	QUIRE_CTX_PERSISTENT = 4      /* the kernel context cannot be ended: an oops there panics */
};

/* An exception as the CPU raised it: the port copies registers, and interprets none. */
struct quire_trap {
	enum quire_vector vector;
	enum quire_mode mode; /* from the saved status register; what the syndrome says wins */
	uint64_t syndrome;    /* error code, DFSR or IFSR, ESR_EL1, scause */
	quire_va address;     /* CR2, DFAR or IFAR, FAR_EL1, stval */
	quire_va pc;          /* the interrupted instruction */
	quire_va sp;          /* the user's stack pointer; of the kernel when in kernel mode */
	uint32_t context;     /* QUIRE_CTX_* */
};

/* One row of an architecture's syndrome table: the handler of the code, and the signal without one. */
struct quire_fault_row {
	enum quire_step handler; /* QUIRE_STEP_DO_PAGE_FAULT, ..DO_TRANSLATION_FAULT, ..DO_BAD, ... */
	uint8_t signal;          /* QUIRE_SIG*; 0: none */
	uint8_t code;            /* SEGV_*, BUS_*; 0 where Linux sends SI_USER or the kernel's own */
	uint8_t cause;           /* enum quire_cause */
	int8_t level;            /* as the architecture numbers it, or QUIRE_LEVEL_NONE */
	const char *name;        /* as the log of that kernel spells it */
};

/* A fault, decoded. Decoding is pure: the same trap under the same profile gives the same fault.
 * It is one cache line, since every fault fills it. */
struct quire_fault {
	quire_va va;
	quire_va pc;
	quire_va sp;
	uint64_t raw;     /* the syndrome as it came */
	const char *name; /* the row's */
	uint8_t vector;   /* enum quire_vector */
	uint8_t access;   /* enum quire_access */
	uint8_t mode;     /* enum quire_mode */
	uint8_t cause;    /* enum quire_cause */
	int8_t level;     /* as the architecture numbers it, or QUIRE_LEVEL_NONE */
	uint8_t route;    /* enum quire_route */
	uint8_t present;  /* 1: a translation was found (x86 P bit; permission and access-flag faults) */
	uint8_t signal;   /* the row's */
	uint8_t code;
	uint8_t steps_count;
	uint8_t steps[6]; /* enum quire_step: the entry functions passed, in order */
	uint32_t context; /* QUIRE_CTX_* */
};

enum quire_outcome_kind {
	QUIRE_RESUME = 0,   /* return from the exception: the access will succeed, or fault again */
	QUIRE_SIGNAL = 1,   /* send {signal, code, va} to the faulting thread */
	QUIRE_FIXUP = 2,    /* continue the kernel at `pc`: the exception table has it */
	QUIRE_OOPS = 3,     /* kernel bug: report; end the task with SIGKILL where that is possible */
	QUIRE_PANIC = 4,    /* kernel bug in a context that cannot be ended */
	QUIRE_OOM_KILL = 5, /* no frame: the host's out-of-memory policy; then the access may be repeated */
	QUIRE_NOT_OURS = 6  /* QUIRE_ROUTE_IGNORE */
};

/* What a resumed access has found: which page answers it. */
enum quire_resume_page {
	QUIRE_RESUME_NONE =
	    0, /* no page was asked for: young or dirty was set, a translation was stale, another
	                              * CPU was faster, a kernel address */
	QUIRE_RESUME_ZERO_PAGE = 1, /* the shared zero page */
	QUIRE_RESUME_FRESH = 2,     /* a cleared frame of its own */
	QUIRE_RESUME_COPY = 3,      /* a copy of its own, of another's page or of a file's */
	QUIRE_RESUME_REUSE = 4,     /* the page that was there, writable now */
	QUIRE_RESUME_FILE = 5,      /* a page of a file or of shared memory */
	QUIRE_RESUME_SWAPPED = 6    /* its page, back from swap */
};

/* What the trap handler must do next. Two words: it comes back in registers. */
struct quire_outcome {
	uint8_t kind;    /* enum quire_outcome_kind */
	uint8_t major;   /* RESUME: 1 when I/O was needed (major fault) */
	uint8_t counted; /* 1 when Linux counts it as a fault of the task (minor or major) */
	uint8_t signal;  /* SIGNAL, OOM_KILL where the profile kills: which */
	uint8_t code;    /* SIGNAL: si_code */
	uint8_t rule;    /* enum quire_step: the rule that decided. RESUME: what mapped or changed the page */
	uint8_t page;    /* RESUME: enum quire_resume_page */
	union {
		quire_va va; /* SIGNAL: si_addr; OOPS, PANIC, OOM_KILL: the address of the fault */
		quire_va pc; /* FIXUP: where to continue */
	};
};

/* The record of one fault, filled when the caller passes one. */
struct quire_trace {
	struct quire_fault fault;
	struct quire_outcome outcome;
	quire_pfn pfn;       /* the frame that the address maps to at the end; n == 0 when none */
	uint64_t pte_before; /* bits of the last-level entry when it was first looked at; 0: none */
	uint64_t pte_after;
	uint16_t steps_total;                    /* steps taken, also those beyond the array */
	uint8_t steps[QUIRE_CONFIG_TRACE_STEPS]; /* enum quire_step, in order; behind them nothing is set */
};

/* Decodes and resolves one exception.
 *
 * What:      decodes `trap` by the system's architecture and profile (and its replaced rows), then
 *            resolves the fault (src/fault/fault.c).
 * `mm`:      the address space of the interrupted thread; NULL when it has none (a kernel thread).
 * `trace`:   NULL, or where to write the record.
 * Returns    the outcome. It never fails: running out of memory is the outcome OOM_KILL.
 * Context    that of the exception; may sleep for the mm lock, pages, memory; never with QUIRE_CTX_ATOMIC in the trap.
 *            Stack: large.
 * Locks      none of the library's may be held. */
struct quire_outcome quire_handle_trap(struct quire_system *system, struct quire_mm *mm,
				       const struct quire_trap *trap,
				       struct quire_trace *trace) QUIRE_MUST_USE;

/* Resolves a fault that is decoded already, for a port with its own decoder. Returns the outcome.
 * Context: as quire_handle_trap(). Stack: large. */
struct quire_outcome quire_handle_fault(struct quire_system *system, struct quire_mm *mm,
					const struct quire_fault *fault,
					struct quire_trace *trace) QUIRE_MUST_USE;

/* Replaces one row of the syndrome table at run time (ARM and ARM64: hook_fault_code).
 *
 * `vector`, `index`: which table and row. `row`: copied; its name must outlive the system.
 * Returns    QUIRE_OK; QUIRE_EINVAL: no such table or row, or a handler this table cannot have;
 *            QUIRE_ENOMEM: the first replacement copies the tables, and no frame could be had.
 * On failure nothing is changed.
 * Context    does not sleep. Not while another CPU may be in quire_handle_trap(). */
enum quire_status quire_fault_hook(struct quire_system *system, enum quire_vector vector, unsigned index,
				   const struct quire_fault_row *row) QUIRE_MUST_USE;

struct quire_arch;
struct quire_profile;

/* Writes the lines that the profile's kernel logs about a fault that nothing resolved: "Unhandled fault: ..." for
 * a status without a handler, "Unable to handle kernel ..." for kernel mode, and on ARM64 the fields of ESR_EL1
 * ("Mem abort info: ..."). Pure.
 *
 * `fault`:   decoded by `arch` under `profile`: quire_trace.fault, or what quire_arch.decode() gave.
 * `buffer`:  receives the lines, separated by '\n', none at the end; what does not fit in `size` bytes, the
 *            zero byte included, is left out. NULL: nothing is written.
 * Returns    bytes written, without the zero byte; 0: that kernel logs no such line (a program's own fault).
 * Context    any. No memory is allocated. */
size_t quire_fault_describe(const struct quire_arch *arch, const struct quire_profile *profile,
			    const struct quire_fault *fault, char *buffer, size_t size);

/* --- names for people: each is a constant string, "?" for a number outside the enum. Any context. --- */

/* Returns "read", "write", "exec" or "unknown". Any context. */
const char *quire_access_name(enum quire_access access);
/* Returns "user", "kernel" or "unknown". Any context. */
const char *quire_mode_name(enum quire_mode mode);
/* Returns "not-present", "permission", ... Any context. */
const char *quire_cause_name(enum quire_cause cause);
/* Returns the name of a route, "page-fault" for example. Any context. */
const char *quire_route_name(enum quire_route route);
/* Returns "resume", "signal", ... Any context. */
const char *quire_outcome_name(enum quire_outcome_kind kind);
/* Returns "none", "zero-page", "fresh", "copy", "reuse", "file" or "swapped". Any context. */
const char *quire_resume_page_name(enum quire_resume_page page);
/* Returns "SIGSEGV", ... Any context. */
const char *quire_signal_name(unsigned signal);
/* Returns "SEGV_MAPERR", ... Any context. */
const char *quire_code_name(unsigned signal, unsigned code);

#ifdef __cplusplus
}
#endif
#endif
