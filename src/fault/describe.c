/* SPDX-License-Identifier: MIT */
/* The lines that the described kernels log about a fault that nothing resolved.
 *
 *   a status without a handler   ARM, ARM64: "Unhandled fault: ..." (RISC-V, x86: their oops says it)
 *   kernel mode, no fixup        "Unable to handle kernel ... at virtual address ...", as each release and
 *                                architecture words it
 *   ARM64, both                  mem_abort_decode: the fields of ESR_EL1 (DDI 0487, D17.2.37)
 *
 * The wordings are those of kernel logs, which tests/explain/logs has samples of. */
#include <quire/port/arch.h>

#include "base/text.h"

#define PAGE 4096u

struct report {
	struct qr_text text;
	const struct quire_arch *arch;
	const struct quire_profile *profile;
	const struct quire_fault *fault;
};

static void say(struct report *report, const char *string)
{
	qr_text_string(&report->text, string);
}

static void hex(struct report *report, uint64_t value, unsigned width)
{
	qr_text_number(&report->text, value, 16, width);
}

/* "  LABEL = value" of the low bits of the syndrome. */
static void field(struct report *report, const char *label, unsigned shift, unsigned bits)
{
	say(report, label);
	say(report, " = ");
	qr_text_number(&report->text, report->fault->raw >> shift & (((uint64_t)1 << bits) - 1), 10, 1);
}

static void address(struct report *report)
{
	hex(report, report->fault->va, report->arch->long_bytes * 2u);
}

/* --- ARM64: the syndrome register ---------------------------------------------------------------------- */

static const char *class_name(unsigned class)
{
	switch (class) {
	case 0x20:
		return "IABT (lower EL)";
	case 0x21:
		return "IABT (current EL)";
	case 0x22:
		return "PC Alignment";
	case 0x24:
		return "DABT (lower EL)";
	case 0x25:
		return "DABT (current EL)";
	case 0x26:
		return "SP Alignment";
	default:
		return "Unknown";
	}
}

static void data_abort_decode(struct report *report)
{
	uint64_t esr = report->fault->raw;

	say(report, "\nData abort info:\n");
	if (esr & UINT64_C(1) << 24) { /* ISV */
		say(report, "  Access size = ");
		qr_text_number(&report->text, (uint64_t)1 << (esr >> 22 & 3), 10, 1);
		field(report, " byte(s)\n  SSE", 21, 1);
		field(report, ", SRT", 16, 5);
		field(report, "\n  SF", 15, 1);
		field(report, ", AR", 14, 1);
	} else {
		say(report, "  ISV = 0, ISS = 0x");
		hex(report, esr & 0x1ffffff, 8);
	}
	field(report, "\n  CM", 8, 1);
	field(report, ", WnR", 6, 1);
}

static void mem_abort_decode(struct report *report)
{
	uint64_t esr = report->fault->raw;
	unsigned class = (unsigned)(esr >> 26) & 63;
	bool names_status = report->profile->release >= QUIRE_LINUX_6;

	say(report, "\nMem abort info:\n");
	if (names_status) {
		say(report, "  ESR = 0x");
		hex(report, esr, 16);
		say(report, "\n  EC = 0x");
		hex(report, class, 2);
		say(report, ": ");
	} else {
		say(report, "  Exception class = ");
	}
	say(report, class_name(class));
	say(report, ", IL = ");
	say(report, esr & UINT64_C(1) << 25 ? "32 bits" : "16 bits");
	field(report, "\n  SET", 11, 2);
	field(report, ", FnV", 10, 1);
	field(report, "\n  EA", 9, 1);
	field(report, ", S1PTW", 7, 1);
	if (names_status) {
		say(report, "\n  FSC = 0x");
		hex(report, esr & 63, 2);
		say(report, ": ");
		say(report, report->fault->name);
	}
	if (class == 0x24 || class == 0x25)
		data_abort_decode(report);
}

/* --- a status without a handler -------------------------------------------------------------------------- */

static void unhandled(struct report *report)
{
	const struct quire_fault *fault = report->fault;
	bool arm64 = report->arch->family == QUIRE_FAMILY_ARM64;
	bool prefetch = fault->vector == QUIRE_VECTOR_PREFETCH_ABORT;

	if (arm64 && report->profile->release >= QUIRE_LINUX_6) {
		say(report, "Unhandled fault at 0x");
	} else {
		say(report, prefetch ? "Unhandled prefetch abort: " : "Unhandled fault: ");
		say(report, fault->name);
		say(report, " (0x");
		hex(report, fault->raw, arm64 ? 8 : 3);
		say(report, ") at 0x");
	}
	address(report);
	if (arm64)
		mem_abort_decode(report);
}

/* --- kernel mode ------------------------------------------------------------------------------------------ */

/* What a kernel access was refused for, by ARM64's words. */
static const char *refusal(const struct quire_fault *fault)
{
	if (fault->access == QUIRE_ACCESS_WRITE)
		return "write to read-only memory";
	return fault->access == QUIRE_ACCESS_EXEC ? "execute from non-executable memory"
						  : "read from unreadable memory";
}

static const char *what_failed(const struct report *report)
{
	const struct quire_fault *fault = report->fault;

	if (report->arch->family == QUIRE_FAMILY_ARM64 && fault->cause == QUIRE_CAUSE_PERMISSION)
		return refusal(fault);
	return fault->va < PAGE ? "NULL pointer dereference" : "paging request";
}

static const char *access_name(const struct quire_fault *fault)
{
	return fault->access == QUIRE_ACCESS_EXEC    ? "execute"
	       : fault->access == QUIRE_ACCESS_WRITE ? "write"
						     : "read";
}

static void unable_to_handle(struct report *report)
{
	bool arm_6 = report->arch->family == QUIRE_FAMILY_ARM && report->profile->release >= QUIRE_LINUX_6;

	if (arm_6)
		say(report, "8<--- cut here ---\n");
	say(report, "Unable to handle kernel ");
	say(report, what_failed(report));
	say(report, " at virtual address ");
	address(report);
	if (arm_6) {
		say(report, " when ");
		say(report, access_name(report->fault));
	}
	if (report->arch->family == QUIRE_FAMILY_ARM64)
		mem_abort_decode(report);
}

/* 2.6 and 4.14 print the address with the format for pointers, which spells NULL out. */
static void pointer(struct report *report)
{
	if (report->fault->va != 0) {
		address(report);
		return;
	}
	for (unsigned i = 6; i < report->arch->long_bytes * 2u; i++)
		say(report, " ");
	say(report, "(null)");
}

/* The error code in words, since 5.1. */
static void page_fault_flags(struct report *report)
{
	const struct quire_fault *fault = report->fault;

	say(report, "\n#PF: supervisor ");
	say(report, fault->access == QUIRE_ACCESS_EXEC    ? "instruction fetch"
		    : fault->access == QUIRE_ACCESS_WRITE ? "write access"
							  : "read access");
	say(report, " in kernel mode\n#PF: error_code(0x");
	hex(report, fault->raw, 4);
	say(report, ") - ");
	say(report, !fault->present                              ? "not-present page"
		    : fault->cause == QUIRE_CAUSE_RESERVED_BIT   ? "reserved bit violation"
		    : fault->cause == QUIRE_CAUSE_PROTECTION_KEY ? "protection keys violation"
		    : fault->cause == QUIRE_CAUSE_RMP            ? "RMP violation"
								 : "permissions violation");
}

static void x86_kernel(struct report *report)
{
	switch (report->profile->release) {
	case QUIRE_LINUX_2_4:
		unable_to_handle(report);
		return;
	case QUIRE_LINUX_2_6:
	case QUIRE_LINUX_4_14:
		say(report, "BUG: unable to handle kernel ");
		say(report, what_failed(report));
		say(report, " at ");
		pointer(report);
		return;
	default:
		say(report, report->fault->va < PAGE ? "BUG: kernel NULL pointer dereference, address: "
						     : "BUG: unable to handle page fault for address: ");
		address(report);
		page_fault_flags(report);
	}
}

size_t quire_fault_describe(const struct quire_arch *arch, const struct quire_profile *profile,
			    const struct quire_fault *fault, char *buffer, size_t size)
{
	struct report report = {
	    .text = qr_text_in(buffer, buffer ? size : 0), .arch = arch, .profile = profile, .fault = fault};
	bool arm = arch->family == QUIRE_FAMILY_ARM || arch->family == QUIRE_FAMILY_ARM64;

	if (fault->route == QUIRE_ROUTE_IGNORE)
		return 0;
	if (fault->route == QUIRE_ROUTE_UNHANDLED) {
		if (arm)
			unhandled(&report);
	} else if (fault->mode != QUIRE_MODE_USER) {
		if (arch->family == QUIRE_FAMILY_X86)
			x86_kernel(&report);
		else
			unable_to_handle(&report);
	}
	return report.text.used;
}
