/* SPDX-License-Identifier: MIT */
/* x86 page faults: from the error code and CR2 to a decoded fault.
 *
 *   31        15       7    6    5    4    3     2    1    0     Intel SDM vol. 3A, 4.7, figure 4-12;
 *  +---+-----+---+---+----+----+----+----+------+---+----+---+   AMD APM vol. 2, 8.4.2 (bit 31)
 *  |RMP|  0  |SGX| 0 |HLAT| SS | PK | I  | RSVD | U | W  | P |
 *  +---+-----+---+---+----+----+----+----+------+---+----+---+
 *
 * Linux has no table for these. Here the low five bits index one, so that each of the 32 combinations has
 * a row and a name and can be hooked as on other architectures. The bits above give finer causes, which
 * replace the row's.
 */
#include "x86/decode.h"

#include "entry.h"

#define PF_PRESENT  (UINT64_C(1) << 0)
#define PF_WRITE    (UINT64_C(1) << 1)
#define PF_USER     (UINT64_C(1) << 2)
#define PF_RESERVED (UINT64_C(1) << 3)
#define PF_FETCH    (UINT64_C(1) << 4)
#define PF_KEY      (UINT64_C(1) << 5)
#define PF_SHADOW   (UINT64_C(1) << 6)
#define PF_HLAT     (UINT64_C(1) << 7)
#define PF_SGX      (UINT64_C(1) << 15)
#define PF_RMP      (UINT64_C(1) << 31)

#define PF_ROWS 32

#define ROW(sig, si, why, text)                                                              \
	{                                                                                    \
		QUIRE_STEP_DO_PAGE_FAULT, sig, si, QUIRE_CAUSE_##why, QUIRE_LEVEL_NONE, text \
	}

/* The rows for P = 0 and P = 1. */
#define PAIR(what)                                                                     \
	ROW(QUIRE_SIGSEGV, QUIRE_SEGV_MAPERR, NOT_PRESENT, what ", not-present page"), \
	    ROW(QUIRE_SIGSEGV, QUIRE_SEGV_ACCERR, PERMISSION, what ", protection violation")
/* RSVD without P is not architectural; the row still reports the reserved bit, as the error code does. */
#define RESERVED_PAIR(what)                                                                   \
	ROW(QUIRE_SIGKILL, 0, RESERVED_BIT, what ", reserved bit (without the present bit)"), \
	    ROW(QUIRE_SIGKILL, 0, RESERVED_BIT, what ", reserved bit in a paging entry")

static const struct quire_fault_row error_codes[PF_ROWS] = {
    PAIR("supervisor read"),
    PAIR("supervisor write"),
    PAIR("user read"),
    PAIR("user write"),
    RESERVED_PAIR("supervisor read"),
    RESERVED_PAIR("supervisor write"),
    RESERVED_PAIR("user read"),
    RESERVED_PAIR("user write"),
    PAIR("supervisor instruction fetch"),
    PAIR("supervisor instruction fetch (with the write bit)"),
    PAIR("user instruction fetch"),
    PAIR("user instruction fetch (with the write bit)"),
    RESERVED_PAIR("supervisor instruction fetch"),
    RESERVED_PAIR("supervisor instruction fetch (with the write bit)"),
    RESERVED_PAIR("user instruction fetch"),
    RESERVED_PAIR("user instruction fetch (with the write bit)"),
};

const struct quire_fault_row *qr_x86_rows(const struct quire_arch *arch, const struct quire_profile *profile,
					  enum quire_vector vector, unsigned *out_count)
{
	if (vector != QUIRE_VECTOR_PAGE_FAULT) {
		*out_count = 0;
		return NULL;
	}
	*out_count = PF_ROWS;
	return error_codes;
}

/* The causes given by the bits above the table, most specific first: a check after the translation (RMP,
 * SGX) says more than the translation does. */
static void refine_cause(struct quire_fault *fault)
{
	uint64_t code = fault->raw;

	if (code & PF_RMP) {
		fault->cause = QUIRE_CAUSE_RMP;
		fault->name = "RMP violation";
	} else if (code & PF_SGX) {
		fault->cause = QUIRE_CAUSE_SGX;
		fault->name = "SGX access control violation";
		fault->code = QUIRE_SEGV_ACCERR;
	} else if (code & PF_RESERVED) {
		fault->cause = QUIRE_CAUSE_RESERVED_BIT;
	} else if (code & PF_HLAT) {
		fault->cause = QUIRE_CAUSE_HLAT;
		fault->name = "no translation by HLAT paging";
	} else if (code & PF_KEY) {
		fault->cause = QUIRE_CAUSE_PROTECTION_KEY;
		fault->name = "protection keys violation";
		fault->code = QUIRE_SEGV_PKUERR;
	} else if ((code & PF_SHADOW) && (code & PF_PRESENT)) {
		/* Without P it is an ordinary absent page that a shadow-stack access touched. */
		fault->cause = QUIRE_CAUSE_SHADOW_STACK;
		fault->name = "shadow stack access violation";
		fault->code = QUIRE_SEGV_ACCERR;
	}
}

/* Not a user address: a kernel address, or a non-canonical one. */
static bool fault_in_kernel_space(const struct quire_arch *arch, const struct quire_fault *fault)
{
	return !quire_va_is_user(arch, fault->va);
}

/* Routes a kernel address to vmalloc_fault or to bad area. Top levels are synced lazily, so the address
 * may be valid in the kernel's table and missing only from this root. 2.4 looks there whatever the error
 * code is, later kernels only if no other bits are set. */
static void kernel_address(const struct quire_profile *profile, struct quire_fault *fault)
{
	const struct quire_arch_rules *rules = quire_profile_rules(profile, QUIRE_FAMILY_X86);
	bool plain = !(fault->raw & (PF_RESERVED | PF_USER | PF_PRESENT));

	if (profile->release >= QUIRE_LINUX_2_6)
		entry_step(fault, QUIRE_STEP_FAULT_IN_KERNEL_SPACE);
	if (profile->release == QUIRE_LINUX_6)
		entry_step(fault, QUIRE_STEP_DO_KERN_ADDR_FAULT);
	if (plain || rules->vmalloc_rule == QUIRE_VMALLOC_ANY)
		entry_end(fault, QUIRE_ROUTE_KERNEL_SYNC, QUIRE_SIGSEGV, QUIRE_SEGV_MAPERR);
	else
		entry_end(fault, QUIRE_ROUTE_BAD_AREA, QUIRE_SIGSEGV, QUIRE_SEGV_MAPERR);
}

static void user_address(const struct quire_profile *profile, struct quire_fault *fault)
{
	if (profile->release == QUIRE_LINUX_6) {
		entry_step(fault, QUIRE_STEP_DO_USER_ADDR_FAULT);
		/* The kernel never executes user memory on purpose, so no look-up can resolve this. */
		if (fault->access == QUIRE_ACCESS_EXEC && fault->mode == QUIRE_MODE_KERNEL) {
			entry_end(fault, QUIRE_ROUTE_BAD_AREA, QUIRE_SIGSEGV, QUIRE_SEGV_ACCERR);
			return;
		}
	}
	/* A reserved bit in an entry means corrupt tables. Later kernels die at once; 2.4 did not check. */
	if (fault->cause == QUIRE_CAUSE_RESERVED_BIT && profile->release != QUIRE_LINUX_2_4)
		entry_end(fault, QUIRE_ROUTE_UNHANDLED, QUIRE_SIGKILL, 0);
	else if (fault->cause == QUIRE_CAUSE_RESERVED_BIT)
		entry_end(fault, QUIRE_ROUTE_PAGE_FAULT, QUIRE_SIGSEGV, QUIRE_SEGV_ACCERR);
	else
		fault->route = QUIRE_ROUTE_PAGE_FAULT;
}

/* By fault_in_kernel_space. */
static void do_page_fault(const struct quire_arch *arch, const struct quire_profile *profile,
			  struct quire_fault *fault)
{
	entry_step(fault, QUIRE_STEP_DO_PAGE_FAULT);
	if (fault_in_kernel_space(arch, fault))
		kernel_address(profile, fault);
	else
		user_address(profile, fault);
}

static void do_bad(struct quire_fault *fault)
{
	entry_step(fault, QUIRE_STEP_DO_BAD);
	fault->route = QUIRE_ROUTE_UNHANDLED;
}

void qr_x86_decode(const struct quire_arch *arch, const struct quire_profile *profile,
		   const struct quire_fault_row *const *rows, const struct quire_trap *trap,
		   struct quire_fault *out_fault)
{
	struct quire_fault *fault = out_fault;
	const struct quire_fault_row *row;
	uint64_t code = trap->syndrome;

	entry_begin(fault, trap);
	if (trap->vector != QUIRE_VECTOR_PAGE_FAULT)
		return;

	row = entry_find(rows, trap->vector, error_codes, (unsigned)(code & (PF_ROWS - 1)));
	entry_row(fault, row);
	fault->present = (code & PF_PRESENT) != 0;
	/* U gives the mode of the access, which may differ from the interrupted ring: an implicit
	 * supervisor access (to a descriptor table) made by user code counts as the kernel's (SDM 4.6.1). */
	fault->mode = code & PF_USER ? QUIRE_MODE_USER : QUIRE_MODE_KERNEL;
	fault->access = code & PF_FETCH   ? QUIRE_ACCESS_EXEC
			: code & PF_WRITE ? QUIRE_ACCESS_WRITE
					  : QUIRE_ACCESS_READ;
	refine_cause(fault);

	if (row->handler == QUIRE_STEP_DO_PAGE_FAULT)
		do_page_fault(arch, profile, fault);
	else
		do_bad(fault);
}

enum quire_status qr_x86_raise(const struct quire_arch *arch, const struct quire_fault *fault,
			       struct quire_trap *trap)
{
	uint64_t code = 0;

	if (fault->cause == QUIRE_CAUSE_PERMISSION || fault->cause == QUIRE_CAUSE_RESERVED_BIT)
		code = PF_PRESENT;
	else if (fault->cause != QUIRE_CAUSE_NOT_PRESENT && fault->cause != QUIRE_CAUSE_PAGE_FAULT)
		return QUIRE_EINVAL;
	if (fault->cause == QUIRE_CAUSE_RESERVED_BIT)
		code |= PF_RESERVED;
	if (fault->access == QUIRE_ACCESS_WRITE)
		code |= PF_WRITE;
	if (fault->mode == QUIRE_MODE_USER)
		code |= PF_USER;
	/* I/D is set only where it can matter, with NX (SDM 4.7). */
	if (fault->access == QUIRE_ACCESS_EXEC && (arch->caps & QUIRE_CAP_NX))
		code |= PF_FETCH;
	trap->vector = QUIRE_VECTOR_PAGE_FAULT;
	trap->syndrome = code;
	return QUIRE_OK;
}
