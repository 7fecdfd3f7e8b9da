/* SPDX-License-Identifier: MIT */
/* ARM64 synchronous exceptions: from ESR_EL1 and FAR_EL1 to a decoded fault.
 *
 *  31    26 25 24  23..22  21  20..16 15 14 13   12..11 10  9  8    7    6   5    0   DDI 0487,
 * |   EC   |IL|ISV|  SAS |SSE|  SRT  |SF|AR|VNCR|  SET |FnV|EA|CM|S1PTW|WnR|  FSC  |  D17.2.37
 *
 *  EC ──► do_mem_abort ──row──► do_translation_fault   user: do_page_fault, kernel: do_bad_area
 *                               do_page_fault          access flag, permission
 *                               do_alignment_fault     do_bad_area
 *                               do_sea, do_bad         the row's signal, or die
 *     ──► do_sp_pc_abort, do_debug_exception           not a translation fault
 *     ──► anything else                                not a fault: the caller's other handlers
 */
#include "arm64/fault_rows.h"

#include "entry.h"

#define ESR_FSC   UINT64_C(63)
#define ESR_WNR   (UINT64_C(1) << 6)
#define ESR_CM    (UINT64_C(1) << 8)
#define ESR_EC(x) ((unsigned)((x) >> 26) & 63)

/* TBI0: the top byte of a user address is a tag. Neither the page tables nor Linux read it (DDI 0487,
 * "Address tagging in AArch64 state"). Bit 55 tells a kernel address from a user address. */
static quire_va without_tag(quire_va address)
{
	return (uint64_t)address & UINT64_C(1) << 55 ? address
						     : (quire_va)(address & UINT64_C(0x00ffffffffffffff));
}

#define ESR_IL (UINT64_C(1) << 25)

#define EC_IABT_LOWER 0x20
#define EC_IABT_SAME  0x21
#define EC_DABT_LOWER 0x24
#define EC_DABT_SAME  0x25

/* No look-up. Signal and code come from the row: MAPERR for a translation fault, ADRALN for alignment. */
static void do_bad_area(struct quire_fault *fault)
{
	entry_step(fault, QUIRE_STEP_DO_BAD_AREA);
	fault->route = QUIRE_ROUTE_BAD_AREA;
}

static void do_page_fault(const struct quire_arch *arch, struct quire_fault *fault)
{
	entry_step(fault, QUIRE_STEP_DO_PAGE_FAULT);
	if (quire_va_is_user(arch, fault->va)) {
		fault->route = QUIRE_ROUTE_PAGE_FAULT;
		return;
	}
	/* No vma of a process covers a kernel address. */
	entry_end(fault, QUIRE_ROUTE_BAD_AREA, QUIRE_SIGSEGV, QUIRE_SEGV_MAPERR);
}

static void do_translation_fault(const struct quire_arch *arch, struct quire_fault *fault)
{
	entry_step(fault, QUIRE_STEP_DO_TRANSLATION_FAULT);
	if (quire_va_is_user(arch, fault->va))
		do_page_fault(arch, fault);
	else
		do_bad_area(fault);
}

static void do_alignment_fault(struct quire_fault *fault)
{
	entry_step(fault, QUIRE_STEP_DO_ALIGNMENT);
	do_bad_area(fault);
}

static void do_tag_check_fault(struct quire_fault *fault)
{
	entry_step(fault, QUIRE_STEP_DO_TAG_CHECK);
	do_bad_area(fault);
}

/* In user mode the row's signal is sent; in kernel mode the kernel dies. This sets only the route:
 * src/fault does the rest. */
static void arm64_notify_die(struct quire_fault *fault)
{
	fault->route = QUIRE_ROUTE_UNHANDLED;
}

static void do_sea(struct quire_fault *fault)
{
	entry_step(fault, QUIRE_STEP_DO_SEA);
	arm64_notify_die(fault);
}

static void do_bad(struct quire_fault *fault)
{
	entry_step(fault, QUIRE_STEP_DO_BAD);
	arm64_notify_die(fault);
}

static void do_mem_abort(const struct quire_arch *arch, struct quire_fault *fault, enum quire_step handler)
{
	entry_step(fault, QUIRE_STEP_DO_MEM_ABORT);
	switch (handler) {
	case QUIRE_STEP_DO_PAGE_FAULT:
		do_page_fault(arch, fault);
		break;
	case QUIRE_STEP_DO_TRANSLATION_FAULT:
		do_translation_fault(arch, fault);
		break;
	case QUIRE_STEP_DO_ALIGNMENT:
		do_alignment_fault(fault);
		break;
	case QUIRE_STEP_DO_TAG_CHECK:
		do_tag_check_fault(fault);
		break;
	case QUIRE_STEP_DO_SEA:
		do_sea(fault);
		break;
	default:
		do_bad(fault);
	}
}

/* Decodes an abort of any of the four classes, with the row from esr_to_fault_info. The class gives the
 * mode and the kind of access; the fault status code gives the cause. */
static void decode_abort(const struct quire_arch *arch, const struct quire_fault_row *row, unsigned ec,
			 struct quire_fault *fault)
{
	bool fetch = ec == EC_IABT_LOWER || ec == EC_IABT_SAME;

	entry_row(fault, row);
	fault->mode = ec == EC_IABT_LOWER || ec == EC_DABT_LOWER ? QUIRE_MODE_USER : QUIRE_MODE_KERNEL;
	if (fetch)
		fault->access = QUIRE_ACCESS_EXEC;
	else /* cache maintenance sets WnR and writes nothing */
		fault->access =
		    (fault->raw & ESR_WNR) && !(fault->raw & ESR_CM) ? QUIRE_ACCESS_WRITE : QUIRE_ACCESS_READ;
	do_mem_abort(arch, fault, row->handler);
}

static void do_sp_pc_abort(struct quire_fault *fault)
{
	entry_step(fault, QUIRE_STEP_DO_SP_PC_ABORT);
	arm64_notify_die(fault);
}

static void do_debug_exception(struct quire_fault *fault)
{
	entry_step(fault, QUIRE_STEP_DO_DEBUG);
	fault->route = QUIRE_ROUTE_IGNORE;
}

static const struct quire_fault_row *esr_to_fault_info(const struct quire_fault_row *const *rows,
						       const struct quire_fault_row *own,
						       const struct quire_trap *trap)
{
	return entry_find(rows, trap->vector, own, (unsigned)(trap->syndrome & ESR_FSC));
}

void qr_arm64_decode(const struct quire_arch *arch, const struct quire_profile *profile,
		     const struct quire_fault_row *const *rows, const struct quire_trap *trap,
		     struct quire_fault *out_fault)
{
	unsigned ec = ESR_EC(trap->syndrome);
	const struct qr_arm64_class *class = qr_arm64_class(ec);
	const struct quire_fault_row *own;
	unsigned count;

	entry_begin(out_fault, trap);
	out_fault->va = without_tag(trap->address);
	own = qr_arm64_rows(arch, profile, trap->vector, &count);
	if (!own)
		return;
	out_fault->name = class->name;
	out_fault->cause = (enum quire_cause) class->cause;
	out_fault->signal = class->signal;
	out_fault->code = class->code;
	switch (class->handler) {
	case QUIRE_STEP_DO_MEM_ABORT:
		decode_abort(arch, esr_to_fault_info(rows, own, trap), ec, out_fault);
		break;
	case QUIRE_STEP_DO_SP_PC_ABORT:
		do_sp_pc_abort(out_fault);
		break;
	case QUIRE_STEP_DO_DEBUG:
		do_debug_exception(out_fault);
		break;
	default:
		break; /* a system call, an undefined instruction, ...: route IGNORE */
	}
}

/* The fault status code, DDI 0487, ESR_EL1, ISS encoding for an exception from a Data Abort. -1: none. */
static int status_of(const struct quire_fault *fault)
{
	int level = fault->level >= 0 && fault->level < 4 ? fault->level : 3;

	switch (fault->cause) {
	case QUIRE_CAUSE_ADDRESS_SIZE:
		return level;
	case QUIRE_CAUSE_NOT_PRESENT:
	case QUIRE_CAUSE_PAGE_FAULT:
		return 4 + level;
	case QUIRE_CAUSE_ACCESS_FLAG:
		return 8 + level;
	case QUIRE_CAUSE_PERMISSION:
		return 12 + level;
	case QUIRE_CAUSE_EXTERNAL_ABORT:
		return 0x10;
	case QUIRE_CAUSE_WALK_EXTERNAL_ABORT:
		return 0x14 + level;
	case QUIRE_CAUSE_ALIGNMENT:
		return 0x21;
	default:
		return -1;
	}
}

enum quire_status qr_arm64_raise(const struct quire_arch *arch, const struct quire_fault *fault,
				 struct quire_trap *trap)
{
	bool fetch = fault->access == QUIRE_ACCESS_EXEC, user = fault->mode == QUIRE_MODE_USER;
	int status = status_of(fault);
	uint64_t class;

	if (status < 0)
		return QUIRE_EINVAL;
	if (fetch)
		class = user ? EC_IABT_LOWER : EC_IABT_SAME;
	else
		class = user ? EC_DABT_LOWER : EC_DABT_SAME;
	trap->vector = QUIRE_VECTOR_SYNC;
	/* IL is 1 for a data abort without a valid ISS[23:14], and ISV is 0 at stage 1. */
	trap->syndrome = class << 26 | ESR_IL | (uint64_t)status;
	if (fault->access == QUIRE_ACCESS_WRITE)
		trap->syndrome |= ESR_WNR;
	return QUIRE_OK;
}
