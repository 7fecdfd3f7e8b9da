/* SPDX-License-Identifier: MIT */
/* The only exception of the toy architecture: from its cause register to a decoded fault.
 *
 *   5   4   3      2        1   0
 *  | level |user|present|  access  |   access: 0 read, 1 write, 2 exec, 3 unknown
 */
#include "toy/decode.h"

#include "entry.h"

#define CAUSE_ACCESS   UINT64_C(3)
#define CAUSE_PRESENT  UINT64_C(4)
#define CAUSE_USER     UINT64_C(8)
#define CAUSE_LEVEL(x) ((int)((x) >> 4 & 3))

#define TOY_ROWS 8

#define ROW(si, why, text)                                                                             \
	{                                                                                              \
		QUIRE_STEP_DO_PAGE_FAULT, QUIRE_SIGSEGV, si, QUIRE_CAUSE_##why, QUIRE_LEVEL_NONE, text \
	}
#define ABSENT(what)    ROW(QUIRE_SEGV_MAPERR, NOT_PRESENT, what ", not present")
#define FORBIDDEN(what) ROW(QUIRE_SEGV_ACCERR, PERMISSION, what ", not permitted")

static const struct quire_fault_row causes[TOY_ROWS] = {
    ABSENT("read"),    ABSENT("write"),    ABSENT("exec"),    ABSENT("access"),
    FORBIDDEN("read"), FORBIDDEN("write"), FORBIDDEN("exec"), FORBIDDEN("access"),
};

const struct quire_fault_row *qr_toy_rows(const struct quire_arch *arch, const struct quire_profile *profile,
					  enum quire_vector vector, unsigned *out_count)
{
	if (vector != QUIRE_VECTOR_CAUSE) {
		*out_count = 0;
		return NULL;
	}
	*out_count = TOY_ROWS;
	return causes;
}

static void do_page_fault(const struct quire_arch *arch, struct quire_fault *fault)
{
	bool plain = fault->mode == QUIRE_MODE_KERNEL && !fault->present;

	entry_step(fault, QUIRE_STEP_DO_PAGE_FAULT);
	if (quire_va_is_user(arch, fault->va))
		fault->route = QUIRE_ROUTE_PAGE_FAULT;
	else
		entry_end(fault, plain ? QUIRE_ROUTE_KERNEL_SYNC : QUIRE_ROUTE_BAD_AREA, QUIRE_SIGSEGV,
			  QUIRE_SEGV_MAPERR);
}

static void do_bad(struct quire_fault *fault)
{
	entry_step(fault, QUIRE_STEP_DO_BAD);
	fault->route = QUIRE_ROUTE_UNHANDLED;
}

void qr_toy_decode(const struct quire_arch *arch, const struct quire_profile *profile,
		   const struct quire_fault_row *const *rows, const struct quire_trap *trap,
		   struct quire_fault *out_fault)
{
	uint64_t cause = trap->syndrome;
	const struct quire_fault_row *row;

	entry_begin(out_fault, trap);
	if (trap->vector != QUIRE_VECTOR_CAUSE)
		return;
	row = entry_find(rows, trap->vector, causes, (unsigned)(cause & (CAUSE_ACCESS | CAUSE_PRESENT)));
	entry_row(out_fault, row);
	out_fault->access = (enum quire_access)(cause & CAUSE_ACCESS);
	out_fault->mode = cause & CAUSE_USER ? QUIRE_MODE_USER : QUIRE_MODE_KERNEL;
	out_fault->present = (cause & CAUSE_PRESENT) != 0;
	out_fault->level = CAUSE_LEVEL(cause) < arch->levels ? CAUSE_LEVEL(cause) : QUIRE_LEVEL_NONE;
	if (row->handler == QUIRE_STEP_DO_PAGE_FAULT)
		do_page_fault(arch, out_fault);
	else
		do_bad(out_fault);
}

enum quire_status qr_toy_raise(const struct quire_arch *arch, const struct quire_fault *fault,
			       struct quire_trap *trap)
{
	uint64_t level = fault->level > 0 ? (uint64_t)fault->level : 0;

	if (fault->cause != QUIRE_CAUSE_NOT_PRESENT && fault->cause != QUIRE_CAUSE_PERMISSION &&
	    fault->cause != QUIRE_CAUSE_PAGE_FAULT)
		return QUIRE_EINVAL;
	trap->vector = QUIRE_VECTOR_CAUSE;
	trap->syndrome = (fault->access & CAUSE_ACCESS) | level << 4;
	if (fault->cause == QUIRE_CAUSE_PERMISSION)
		trap->syndrome |= CAUSE_PRESENT;
	if (fault->mode == QUIRE_MODE_USER)
		trap->syndrome |= CAUSE_USER;
	return QUIRE_OK;
}
