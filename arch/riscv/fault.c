/* SPDX-License-Identifier: MIT */
/* RISC-V exceptions: from scause and stval to a decoded fault.
 *
 * The privileged specification, table 23 ("Supervisor cause register values after trap"), gives codes 0 to
 * 23; the hypervisor extension adds 10 and 20 to 23. A page fault does not report whether the translation
 * was absent or forbade the access: the cause is PAGE_FAULT, and the page tables decide.
 */
#include "riscv/decode.h"

#include "entry.h"

#define RISCV_ROWS 24

#define ILL_ILLTRP 4

#define ROW(fn, sig, si, why, text)                                                 \
	{                                                                           \
		QUIRE_STEP_##fn, sig, si, QUIRE_CAUSE_##why, QUIRE_LEVEL_NONE, text \
	}
#define FAULT(text)           ROW(DO_PAGE_FAULT, QUIRE_SIGSEGV, QUIRE_SEGV_MAPERR, PAGE_FAULT, text)
#define ACCESS(text)          ROW(DO_TRAP_ACCESS_FAULT, QUIRE_SIGSEGV, QUIRE_SEGV_ACCERR, ACCESS_FAULT, text)
#define MISALIGNED(why, text) ROW(DO_TRAP_MISALIGNED, QUIRE_SIGBUS, QUIRE_BUS_ADRALN, why, text)
#define OTHER(sig, si, text)  ROW(TRAP, sig, si, NOT_A_FAULT, text)
#define UNKNOWN(why, text)    ROW(DO_TRAP_UNKNOWN, QUIRE_SIGILL, ILL_ILLTRP, why, text)

static const struct quire_fault_row causes[RISCV_ROWS] = {
    MISALIGNED(MISALIGNED_FETCH, "instruction address misaligned"),
    ACCESS("instruction access fault"),
    OTHER(QUIRE_SIGILL, QUIRE_ILL_ILLOPC, "illegal instruction"),
    ROW(DO_DEBUG, QUIRE_SIGTRAP, QUIRE_TRAP_BRKPT, DEBUG, "breakpoint"),
    MISALIGNED(ALIGNMENT, "load address misaligned"),
    ACCESS("load access fault"),
    MISALIGNED(ALIGNMENT, "store (or AMO) address misaligned"),
    ACCESS("store (or AMO) access fault"),
    OTHER(0, 0, "environment call from U-mode"),
    OTHER(QUIRE_SIGILL, ILL_ILLTRP, "environment call from S-mode"),
    OTHER(QUIRE_SIGILL, ILL_ILLTRP, "environment call from VS-mode"),
    OTHER(QUIRE_SIGILL, ILL_ILLTRP, "environment call from M-mode"),
    FAULT("instruction page fault"),
    FAULT("load page fault"),
    UNKNOWN(RESERVED, "reserved cause 14"),
    FAULT("store (or AMO) page fault"),
    UNKNOWN(NOT_A_FAULT, "double trap"),
    UNKNOWN(RESERVED, "reserved cause 17"),
    UNKNOWN(NOT_A_FAULT, "software check"),
    UNKNOWN(PARITY, "hardware error"),
    UNKNOWN(PAGE_FAULT, "instruction guest-page fault"),
    UNKNOWN(PAGE_FAULT, "load guest-page fault"),
    UNKNOWN(NOT_A_FAULT, "virtual instruction"),
    UNKNOWN(PAGE_FAULT, "store (or AMO) guest-page fault"),
};

const struct quire_fault_row *qr_riscv_rows(const struct quire_arch *arch,
					    const struct quire_profile *profile, enum quire_vector vector,
					    unsigned *out_count)
{
	if (vector != QUIRE_VECTOR_CAUSE) {
		*out_count = 0;
		return NULL;
	}
	*out_count = RISCV_ROWS;
	return causes;
}

/* The cause code alone gives the kind of access. */
static enum quire_access access_of(uint64_t cause)
{
	switch (cause) {
	case 0:
	case 1:
	case 12:
	case 20:
		return QUIRE_ACCESS_EXEC;
	case 4:
	case 5:
	case 13:
	case 21:
		return QUIRE_ACCESS_READ;
	case 6:
	case 7:
	case 15:
	case 23:
		return QUIRE_ACCESS_WRITE;
	default:
		return QUIRE_ACCESS_UNKNOWN;
	}
}

static void do_page_fault(const struct quire_arch *arch, struct quire_fault *fault)
{
	entry_step(fault, QUIRE_STEP_DO_PAGE_FAULT);
	if (quire_va_is_user(arch, fault->va))
		fault->route = QUIRE_ROUTE_PAGE_FAULT;
	else if (quire_va_is_kernel(arch, fault->va) && fault->mode != QUIRE_MODE_USER)
		entry_end(fault, QUIRE_ROUTE_KERNEL_SYNC, QUIRE_SIGSEGV, QUIRE_SEGV_MAPERR);
	else
		entry_end(fault, QUIRE_ROUTE_BAD_AREA, QUIRE_SIGSEGV, QUIRE_SEGV_MAPERR);
}

static void unhandled(struct quire_fault *fault, enum quire_step step)
{
	entry_step(fault, step);
	fault->route = QUIRE_ROUTE_UNHANDLED;
}

static void call_handler(const struct quire_arch *arch, struct quire_fault *fault, enum quire_step handler)
{
	switch (handler) {
	case QUIRE_STEP_DO_PAGE_FAULT:
		do_page_fault(arch, fault);
		break;
	case QUIRE_STEP_TRAP:
		break; /* a system call, an illegal instruction: route IGNORE */
	case QUIRE_STEP_DO_DEBUG:
		entry_step(fault, handler);
		break;
	case QUIRE_STEP_DO_TRAP_ACCESS_FAULT:
	case QUIRE_STEP_DO_TRAP_MISALIGNED:
		unhandled(fault, handler);
		break;
	default:
		unhandled(fault, QUIRE_STEP_DO_TRAP_UNKNOWN);
	}
}

/* Codes 24 to 31 and 48 to 63 are for custom use, the rest beyond the table is reserved. */
static bool cause_is_custom(uint64_t cause)
{
	return (cause >= 24 && cause <= 31) || (cause >= 48 && cause <= 63);
}

void qr_riscv_decode(const struct quire_arch *arch, const struct quire_profile *profile,
		     const struct quire_fault_row *const *rows, const struct quire_trap *trap,
		     struct quire_fault *out_fault)
{
	uint64_t cause = trap->syndrome;
	bool interrupt = cause >> (arch->long_bytes * 8 - 1) & 1;
	const struct quire_fault_row *row;

	entry_begin(out_fault, trap);
	if (trap->vector != QUIRE_VECTOR_CAUSE)
		return;
	if (interrupt) {
		out_fault->cause = QUIRE_CAUSE_NOT_A_FAULT;
		out_fault->name = "interrupt";
		return;
	}
	if (cause >= RISCV_ROWS) {
		out_fault->cause = cause_is_custom(cause) ? QUIRE_CAUSE_IMPLEMENTATION : QUIRE_CAUSE_RESERVED;
		out_fault->name = cause_is_custom(cause) ? "custom cause" : "reserved cause";
		out_fault->signal = QUIRE_SIGILL;
		out_fault->code = ILL_ILLTRP;
		unhandled(out_fault, QUIRE_STEP_DO_TRAP_UNKNOWN);
		return;
	}
	row = entry_find(rows, trap->vector, causes, (unsigned)cause);
	entry_row(out_fault, row);
	out_fault->access = access_of(cause);
	call_handler(arch, out_fault, row->handler);
}

/* The cause of a fetch, a load, a store. */
static uint64_t by_access(const struct quire_fault *fault, uint64_t fetch, uint64_t load, uint64_t store)
{
	switch (fault->access) {
	case QUIRE_ACCESS_EXEC:
		return fetch;
	case QUIRE_ACCESS_WRITE:
		return store;
	default:
		return load;
	}
}

enum quire_status qr_riscv_raise(const struct quire_arch *arch, const struct quire_fault *fault,
				 struct quire_trap *trap)
{
	trap->vector = QUIRE_VECTOR_CAUSE;
	switch (fault->cause) {
	case QUIRE_CAUSE_NOT_PRESENT:
	case QUIRE_CAUSE_PERMISSION:
	case QUIRE_CAUSE_ACCESS_FLAG:
	case QUIRE_CAUSE_PAGE_FAULT:
		trap->syndrome = by_access(fault, 12, 13, 15);
		return QUIRE_OK;
	case QUIRE_CAUSE_ACCESS_FAULT:
		trap->syndrome = by_access(fault, 1, 5, 7);
		return QUIRE_OK;
	case QUIRE_CAUSE_ALIGNMENT:
	case QUIRE_CAUSE_MISALIGNED_FETCH:
		trap->syndrome = by_access(fault, 0, 4, 6);
		return QUIRE_OK;
	default:
		return QUIRE_EINVAL;
	}
}
