/* SPDX-License-Identifier: MIT */
/* ARM aborts: from DFSR or IFSR and the fault address to a decoded fault.
 *
 *        31      13   12   11   10    9    8 7      4 3     0    DDI 0406C, B4.1.51 (DFSR), B4.1.96
 *  short |LNX_PF|CM |ExT|WnR|FS[4]|LPAE| - | Domain |FS[3:0]|    (IFSR: no WnR, CM, Domain)
 *  long  |LNX_PF|CM |ExT|WnR|  -  |LPAE|   -  |  STATUS[5:0]|
 *
 *  do_DataAbort, do_PrefetchAbort ──row──► do_translation_fault   user: do_page_fault
 *                                          do_page_fault          kernel: its own table, or bad area
 *                                          do_sect_fault          bad area, no look-up
 *                                          do_bad                 arm_notify_die
 *
 * Bit 31 is not a hardware bit: Linux sets it to mark a prefetch abort, and it appears in Linux's logs.
 */
#include "arm/fault_rows.h"

#include "entry.h"

#define FSR_WRITE UINT64_C(0x800)
#define FSR_CM    UINT64_C(0x2000)

/* The end of user addresses for LPAE decoding. The library has no LPAE architecture that could give it. */
#define LPAE_USER_END UINT64_C(0xc0000000)

/* What the handlers need besides the fault. */
struct abort {
	const struct quire_profile *profile;
	uint64_t user_end;
	struct quire_fault *fault;
};

static unsigned short_index(uint64_t fsr)
{
	return (unsigned)((fsr & 15) | (fsr & 0x400) >> 6);
}

const struct quire_fault_row *qr_arm_rows(const struct quire_arch *arch, const struct quire_profile *profile,
					  enum quire_vector vector, unsigned *out_count)
{
	if (vector != QUIRE_VECTOR_DATA_ABORT && vector != QUIRE_VECTOR_PREFETCH_ABORT) {
		*out_count = 0;
		return NULL;
	}
	*out_count = ARM_ROWS;
	return qr_arm_short_rows(profile, vector);
}

/* No look-up: __do_user_fault with SIGSEGV and MAPERR, whatever the row says, or __do_kernel_fault. */
static void do_bad_area(const struct abort *abort)
{
	entry_step(abort->fault, QUIRE_STEP_DO_BAD_AREA);
	entry_end(abort->fault, QUIRE_ROUTE_BAD_AREA, QUIRE_SIGSEGV, QUIRE_SEGV_MAPERR);
}

/* Whether a fault on a kernel address in this mode may be resolved from the kernel's own table. Early
 * releases do not check the mode. */
static bool may_sync(const struct abort *abort)
{
	const struct quire_arch_rules *rules = quire_profile_rules(abort->profile, QUIRE_FAMILY_ARM);

	return rules->vmalloc_rule == QUIRE_VMALLOC_ANY || abort->fault->mode != QUIRE_MODE_USER;
}

/* A kernel address arrives here with a page translation fault: a lazily mapped page may be missing. No
 * other fault on a kernel address can be resolved, because no vma covers it. */
static void do_page_fault(const struct abort *abort)
{
	struct quire_fault *fault = abort->fault;

	entry_step(fault, QUIRE_STEP_DO_PAGE_FAULT);
	fault->route = QUIRE_ROUTE_PAGE_FAULT;
	if (fault->va >= abort->user_end && (fault->cause != QUIRE_CAUSE_NOT_PRESENT || !may_sync(abort)))
		entry_end(fault, QUIRE_ROUTE_BAD_AREA, QUIRE_SIGSEGV, QUIRE_SEGV_MAPERR);
}

/* This process may lack the first-level entry of a kernel address: it is copied from init_mm. */
static void do_translation_fault(const struct abort *abort)
{
	entry_step(abort->fault, QUIRE_STEP_DO_TRANSLATION_FAULT);
	if (abort->fault->va < abort->user_end)
		do_page_fault(abort);
	else if (may_sync(abort))
		entry_end(abort->fault, QUIRE_ROUTE_KERNEL_SYNC, QUIRE_SIGSEGV, QUIRE_SEGV_MAPERR);
	else
		do_bad_area(abort);
}

static void do_sect_fault(const struct abort *abort)
{
	entry_step(abort->fault, QUIRE_STEP_DO_SECT_FAULT);
	do_bad_area(abort);
}

/* In user mode the row's signal and code are sent; in kernel mode the kernel dies. This sets only the
 * route: src/fault does the rest. */
static void arm_notify_die(const struct abort *abort)
{
	abort->fault->route = QUIRE_ROUTE_UNHANDLED;
}

static void do_bad(const struct abort *abort)
{
	entry_step(abort->fault, QUIRE_STEP_DO_BAD);
	arm_notify_die(abort);
}

/* Linux may emulate the access; this library does not, so the signal is sent. */
static void do_alignment(const struct abort *abort)
{
	entry_step(abort->fault, QUIRE_STEP_DO_ALIGNMENT);
	arm_notify_die(abort);
}

/* Breakpoints belong to the debugger, not to the memory system. */
static void do_debug(const struct abort *abort)
{
	entry_step(abort->fault, QUIRE_STEP_DO_DEBUG);
	abort->fault->route = QUIRE_ROUTE_IGNORE;
}

static void call_handler(const struct abort *abort, enum quire_step handler)
{
	switch (handler) {
	case QUIRE_STEP_DO_PAGE_FAULT:
		do_page_fault(abort);
		break;
	case QUIRE_STEP_DO_TRANSLATION_FAULT:
		do_translation_fault(abort);
		break;
	case QUIRE_STEP_DO_SECT_FAULT:
		do_sect_fault(abort);
		break;
	case QUIRE_STEP_DO_ALIGNMENT:
		do_alignment(abort);
		break;
	case QUIRE_STEP_DO_DEBUG:
		do_debug(abort);
		break;
	default:
		do_bad(abort);
	}
}

/* A cache maintenance operation sets WnR although it writes nothing; kernels before 6 took it for a write.
 * WnR means nothing after an asynchronous abort or a watchpoint. */
static enum quire_access data_access(const struct abort *abort)
{
	const struct quire_fault *fault = abort->fault;

	switch (fault->cause) {
	case QUIRE_CAUSE_ASYNC_EXTERNAL_ABORT:
	case QUIRE_CAUSE_ASYNC_PARITY:
		return QUIRE_ACCESS_UNKNOWN;
	default:
		break;
	}
	if ((fault->raw & FSR_CM) && abort->profile->release == QUIRE_LINUX_6)
		return QUIRE_ACCESS_READ;
	return fault->raw & FSR_WRITE ? QUIRE_ACCESS_WRITE : QUIRE_ACCESS_READ;
}

static void do_DataAbort(const struct abort *abort, const struct quire_fault_row *row)
{
	entry_step(abort->fault, QUIRE_STEP_DO_DATA_ABORT);
	abort->fault->access = data_access(abort);
	call_handler(abort, row->handler);
}

static void do_PrefetchAbort(const struct abort *abort, const struct quire_fault_row *row)
{
	entry_step(abort->fault, QUIRE_STEP_DO_PREFETCH_ABORT);
	abort->fault->access = QUIRE_ACCESS_EXEC;
	call_handler(abort, row->handler);
}

void qr_arm_decode(const struct quire_arch *arch, const struct quire_profile *profile,
		   const struct quire_fault_row *const *rows, const struct quire_trap *trap,
		   struct quire_fault *out_fault)
{
	struct abort abort = {profile, arch->user_end, out_fault};
	const struct quire_fault_row *own, *row;
	unsigned count;

	entry_begin(out_fault, trap);
	own = qr_arm_rows(arch, profile, trap->vector, &count);
	if (!own)
		return;
	row = entry_find(rows, trap->vector, own, short_index(trap->syndrome));
	entry_row(out_fault, row);
	if (trap->vector == QUIRE_VECTOR_DATA_ABORT)
		do_DataAbort(&abort, row);
	else
		do_PrefetchAbort(&abort, row);
}

void quire_arm_lpae_decode(const struct quire_profile *profile, const struct quire_trap *trap,
			   struct quire_fault *out_fault)
{
	struct abort abort = {profile, LPAE_USER_END, out_fault};
	const struct quire_fault_row *own, *row;
	unsigned count;

	entry_begin(out_fault, trap);
	own = quire_arm_lpae_rows(profile, trap->vector, &count);
	if (!own)
		return;
	row = &own[trap->syndrome & (ARM_LPAE_ROWS - 1)];
	entry_row(out_fault, row);
	if (trap->vector == QUIRE_VECTOR_DATA_ABORT)
		do_DataAbort(&abort, row);
	else
		do_PrefetchAbort(&abort, row);
}

/* FS[3:0] of a cause that the walk finds, at the first level; at the second, 2 or 3 more (DDI 0406C, table B3-23).
 * -1: none. */
static int status_of(const struct quire_fault *fault)
{
	bool page = fault->level != QUIRE_LEVEL_SECTION;

	switch (fault->cause) {
	case QUIRE_CAUSE_ALIGNMENT:
		return 1;
	case QUIRE_CAUSE_ACCESS_FLAG:
		return page ? 6 : 3;
	case QUIRE_CAUSE_NOT_PRESENT:
	case QUIRE_CAUSE_PAGE_FAULT:
		return page ? 7 : 5;
	case QUIRE_CAUSE_EXTERNAL_ABORT:
		return 8;
	case QUIRE_CAUSE_DOMAIN:
		return page ? 11 : 9;
	case QUIRE_CAUSE_WALK_EXTERNAL_ABORT:
		return page ? 14 : 12;
	case QUIRE_CAUSE_PERMISSION:
		return page ? 15 : 13;
	default:
		return -1;
	}
}

enum quire_status qr_arm_raise(const struct quire_arch *arch, const struct quire_fault *fault,
			       struct quire_trap *trap)
{
	int status = status_of(fault);

	if (status < 0)
		return QUIRE_EINVAL;
	trap->syndrome = (uint64_t)status;
	trap->vector = QUIRE_VECTOR_PREFETCH_ABORT;
	if (fault->access == QUIRE_ACCESS_EXEC)
		return QUIRE_OK; /* IFSR has no WnR */
	trap->vector = QUIRE_VECTOR_DATA_ABORT;
	if (fault->access == QUIRE_ACCESS_WRITE)
		trap->syndrome |= FSR_WRITE;
	return QUIRE_OK;
}
