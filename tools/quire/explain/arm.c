/* SPDX-License-Identifier: MIT */
/* ARM, short descriptors and LPAE: what their kernels print, and the bits of DFSR and IFSR. Also the
 * announcement that ARM, ARM64, RISC-V and the older x86 kernels share. */
#include "explain.h"

#include <string.h>

/* The GE flags, which came with ARMv6 (DDI 0406C, B1.3.3). */
#define PSR_GE UINT64_C(0xf0000)
/* Set by Linux, not by the hardware, to mark a prefetch abort. */
#define FSR_PREFETCH UINT64_C(0x80000000)

/* A code by its own shape: ARM64's has an exception class and IL, ARM's at most bits 13:0 and 31. */
static void vote_by_code(struct ex_report *report, uint64_t code)
{
	enum ex_arch arch = ex_arch_of_code(code);

	if (arch == EX_ARM64) {
		ex_vote(report, EX_ARM64, 3);
	} else if ((code & ~(FSR_PREFETCH | 0x3fff)) == 0) {
		ex_vote(report, EX_ARM, 2);
		if (code & FSR_PREFETCH)
			report->prefetch = true;
	}
}

/* "when read", "when write", "when execute" of ARM since 6.2 */
static void read_when(struct ex_report *report, struct ex_cursor *cursor)
{
	ex_blank(cursor);
	if (!ex_phrase(cursor, "when "))
		return;
	ex_vote(report, EX_ARM, 2);
	ex_set_release(report, QUIRE_LINUX_6);
	if (ex_phrase(cursor, "read"))
		report->access = QUIRE_ACCESS_READ;
	else if (ex_phrase(cursor, "write"))
		report->access = QUIRE_ACCESS_WRITE;
	else if (ex_phrase(cursor, "execute"))
		report->access = QUIRE_ACCESS_EXEC;
}

/* What the words between "kernel" and "at" say. */
static void read_kind(struct ex_report *report, struct ex_cursor cursor)
{
	ex_blank(&cursor);
	if (ex_phrase(&cursor, "access to user memory outside uaccess")) {
		ex_vote(report, EX_ARM64, 3);
		report->outside_uaccess = true;
	} else if (ex_phrase(&cursor, "access to user memory without uaccess")) {
		ex_vote(report, EX_RISCV64, 3);
		report->outside_uaccess = true;
	} else if (ex_phrase(&cursor, "read from unreadable memory")) {
		ex_vote(report, EX_ARM64, 3);
		report->access = QUIRE_ACCESS_READ;
	} else if (ex_phrase(&cursor, "write to read-only memory")) {
		ex_vote(report, EX_ARM64, 3);
		report->access = QUIRE_ACCESS_WRITE;
	} else if (ex_phrase(&cursor, "execute from non-executable memory")) {
		ex_vote(report, EX_ARM64, 3);
		report->access = QUIRE_ACCESS_EXEC;
	}
}

/* "Unable to handle kernel NULL pointer dereference at virtual address X" */
static void read_unable(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_cursor kind = *cursor;
	struct ex_report *report;
	uint64_t address;
	unsigned digits;

	if (!ex_find(cursor, "at ", 80))
		return;
	ex_phrase(cursor, "virtual address ");
	if (!ex_hex(cursor, &address, &digits))
		return;
	report = ex_open(scan, EX_ARCH_NONE, 0);
	report->mode = QUIRE_MODE_KERNEL;
	report->end = EX_END_OOPS;
	ex_set_address(report, address, digits);
	read_kind(report, kind);
	read_when(report, cursor);
	ex_blank(cursor);
	if (ex_phrase(cursor, "RIP")) {
		ex_vote(report, EX_X86_64, 3);
		ex_set_release(report, QUIRE_LINUX_2_6);
		ex_phrase(cursor, ":");
		ex_read_place(report, cursor);
	}
}

/* Words with a number that is no fault status: "Oops - undefined instruction: 0", "kernel stack overflow: 0".
 * ARM64's misaligned stack pointers and programs counters do have their ESR there. */
static bool is_status(struct ex_cursor words, uint64_t code)
{
	if (ex_phrase(&words, " Oops - "))
		return ex_phrase(&words, "SP/PC alignment") && code;
	if (ex_phrase(&words, " Oops:") || ex_phrase(&words, " :"))
		return true;
	return code != 0;
}

/* The number of "Oops: 17 [#1]", ": 1008 [#1]", "synchronous external abort: 96000210 [#1]": the last
 * word before "[#1]"; 2.4 has "Oops: 17" alone. */
static bool internal_code(const struct ex_cursor *cursor, uint64_t *out_code)
{
	struct ex_cursor end = *cursor;
	const char *hash;

	if (!ex_find(&end, "[#", 120))
		return ex_phrase(&end, " Oops:") && ex_hex(&end, out_code, NULL);
	hash = end.at - 2;
	while (hash > cursor->at && hash[-1] == ' ')
		hash--;
	end = (struct ex_cursor){hash, hash};
	while (end.at > cursor->at && ex_is_word(end.at[-1]))
		end.at--;
	return ex_hex(&end, out_code, NULL);
}

/* "Internal error: Oops: 17 [#1] PREEMPT" */
static void read_internal_error(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);
	struct ex_cursor probe = *cursor;
	uint64_t code;

	if (ex_phrase(&probe, " kernel stack overflow")) {
		ex_refuse(scan,
			  "a kernel stack overflow that the entry code found: no fault status, no address");
		return;
	}
	if (!internal_code(cursor, &code) || !is_status(*cursor, code))
		return;
	if (!report || report->oops_line || (report->has_code && report->end == EX_END_SIGNAL))
		report = ex_open(scan, EX_ARCH_NONE, 0);
	report->oops_line = true;
	report->mode = QUIRE_MODE_KERNEL;
	report->end = EX_END_OOPS;
	if (ex_find(cursor, "prefetch abort", 64))
		report->prefetch = true;
	probe = *cursor;
	report->arm_smp = ex_find(&probe, "SMP", 48) || ex_find(&probe, "THUMB2", 48);
	vote_by_code(report, code);
	ex_set_code(report, code);
}

/* "external abort on non-linefetch (0x1008) at 0xf0123000", and a name in front of it */
static struct ex_report *read_named_fault(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);
	uint64_t address, code;
	unsigned digits;

	if (!ex_find(cursor, "(0x", 96))
		return NULL;
	cursor->at -= 2;
	if (!ex_hex(cursor, &code, NULL) || !ex_phrase(cursor, ") at ") || !ex_hex(cursor, &address, &digits))
		return NULL;
	/* The alignment trap named the instruction first. */
	if (!report || !report->aligned_pc || report->has_code)
		report = ex_open(scan, EX_ARCH_NONE, 0);
	report->maybe_not_oops = true;
	ex_set_address(report, address, digits);
	vote_by_code(report, code);
	ex_set_code(report, code);
	return report;
}

/* "Unhandled fault: NAME (0xCODE) at 0xADDRESS"; ARM64 since 4.18: "Unhandled fault at 0xADDRESS" */
static void read_unhandled_fault(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report;
	uint64_t address;
	unsigned digits;

	if (ex_phrase(cursor, ":")) {
		read_named_fault(scan, cursor);
		return;
	}
	if (!ex_phrase(cursor, " at ") || !ex_hex(cursor, &address, &digits))
		return;
	report = ex_open(scan, EX_ARM64, 3);
	ex_set_address(report, address, digits);
}

/* "Synchronous External Abort: NAME (0xCODE) at 0xADDRESS" of ARM64, 4.11 to 4.15 */
static void read_sea(struct ex_scan *scan, struct ex_cursor *cursor)
{
	read_named_fault(scan, cursor);
}

static void read_unhandled_prefetch(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = read_named_fault(scan, cursor);

	if (!report)
		return;
	report->prefetch = true;
	ex_vote(report, EX_ARM, 3);
}

static void user_report(struct ex_scan *scan, struct ex_report *report)
{
	report->mode = QUIRE_MODE_USER;
	report->end = EX_END_SIGNAL;
	ex_task_before(scan, report);
}

/* "name: unhandled page fault (11) at 0x00000000, code 0x017" (ARM)
 * "name[123]: unhandled level 2 translation fault (11) at 0x00000010, esr 0x92000006" (ARM64) */
static void read_unhandled_name(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report;
	uint64_t address, code;
	unsigned digits, signal;
	bool esr;

	if (!ex_find(cursor, "(", 72) || !ex_decimal(cursor, &signal) || !ex_phrase(cursor, ") at ") ||
	    !ex_hex(cursor, &address, &digits) || !ex_phrase(cursor, ", "))
		return;
	esr = ex_phrase(cursor, "esr ") || ex_phrase(cursor, "ESR ");
	if (!esr && !ex_phrase(cursor, "code "))
		return;
	if (!ex_hex(cursor, &code, NULL))
		return;
	report = ex_open(scan, esr ? EX_ARM64 : EX_ARM, 3);
	ex_set_release(report, esr ? QUIRE_LINUX_4_14 : QUIRE_LINUX_2_6);
	vote_by_code(report, code);
	ex_set_address(report, address, digits);
	ex_set_code(report, code);
	report->signal = signal;
	user_report(scan, report);
	if (ex_phrase(cursor, ", "))
		ex_read_object(report, cursor);
}

/* "name[123]: unhandled exception: DABT (lower EL), ESR 0x92000006, level 2 translation fault in x[..]" */
static void read_unhandled_exception(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report;
	uint64_t code;

	if (!ex_find(cursor, "ESR ", 80) || !ex_hex(cursor, &code, NULL))
		return;
	report = ex_open(scan, EX_ARM64, 4);
	ex_set_release(report, QUIRE_LINUX_6);
	ex_set_code(report, code);
	user_report(scan, report);
	if (ex_find(cursor, "in ", 80)) {
		cursor->at -= 3;
		ex_read_object(report, cursor);
	}
}

static void read_unhandled(struct ex_scan *scan, struct ex_cursor *cursor)
{
	ex_blank(cursor);
	if (ex_phrase(cursor, "exception:"))
		read_unhandled_exception(scan, cursor);
	else if (ex_phrase(cursor, "signal "))
		ex_read_riscv_signal(scan, cursor);
	else
		read_unhandled_name(scan, cursor);
}

/* "[00000000] *pgd=00000000, *pte=..., *ppte=...", "[ffff...] pgd=..., p4d=...(bad)": LPAE and ARM64 have a
 * pmd, short descriptors not. */
static void read_walk(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);
	const char *name = "pgd";
	size_t length = 3;
	uint64_t value;
	unsigned digits;

	if (!report || report->walk_count)
		return;
	for (unsigned i = 0; i < EX_ENTRIES && ex_hex(cursor, &value, &digits); i++) {
		bool unread = ex_phrase(cursor, "(bad)");

		if (i == 0 && report->address_digits == 8 && digits == 8)
			ex_vote(report, EX_ARM, 1);
		else if (i == 0 && digits == 16 && report->address_digits != 8)
			ex_vote(report, EX_ARM64, 1);
		ex_add_entry(report, name, length, value, unread);
		if (!ex_phrase(cursor, ", "))
			return;
		ex_phrase(cursor, "*");
		name = cursor->at;
		while (cursor->at < cursor->end && ex_is_word(*cursor->at))
			cursor->at++;
		length = (size_t)(cursor->at - name);
		report->walk_pmd = report->walk_pmd || (length == 3 && memcmp(name, "pmd", 3) == 0);
		if (!ex_phrase(cursor, "="))
			return;
	}
}

/* "[0000000000000110] user address but active_mm is swapper": a kernel thread has no address space */
static void read_no_mm(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);

	if (!report)
		return;
	report->no_mm = true;
	ex_vote(report, EX_ARM64, 2);
}

/* "Alignment trap: not handling instruction e1932f9f at [<80101234>]": the pc of the dump behind it is that
 * of the next instruction. "Alignment trap: name (12) PC=0x.. Instr=0x.. Address=0x.. FSR 0x..": a program's. */
static void read_alignment_trap(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report;
	uint64_t word, pc, address, code;
	unsigned digits;

	if (ex_phrase(cursor, " not handling instruction ")) {
		if (!ex_hex(cursor, &word, &digits) || !ex_phrase(cursor, " at [<") ||
		    !ex_hex(cursor, &pc, NULL))
			return;
		report = ex_open(scan, EX_ARM, 4);
		report->aligned_pc = report->has_pc = true;
		report->pc = pc;
		report->machine = (struct ex_code){.unit = 4, .marked = true, .closed = true, .count = 4};
		for (unsigned i = 0; i < 4; i++)
			report->machine.bytes[i] = (uint8_t)(word >> 8 * i);
		if (digits == 4)
			report->machine.unit = report->machine.count = 2;
		return;
	}
	if (!ex_find(cursor, "PC=", 40) || !ex_hex(cursor, &pc, NULL) || !ex_find(cursor, "Address=", 24) ||
	    !ex_hex(cursor, &address, &digits) || !ex_find(cursor, "FSR ", 4) || !ex_hex(cursor, &code, NULL))
		return;
	report = ex_open(scan, EX_ARM, 4);
	ex_set_address(report, address, digits);
	ex_set_code(report, code);
	report->mode = QUIRE_MODE_USER;
	report->has_pc = true;
	report->pc = pc;
}

/* "PC is at name+0x1/0x2" */
static void read_pc_is_at(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);

	if (report)
		ex_read_place(report, cursor);
}

/* "pc : [<c0123456>]", "pc : ffff800010123456", "pc : name+0x1/0x2" */
static void read_pc(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current_frame(scan);

	if (!report)
		return;
	ex_blank(cursor);
	if (cursor->at < cursor->end && *cursor->at != '[' && ex_hex_digit(*cursor->at) < 0)
		ex_vote(report, EX_ARM64, 2);
	ex_read_place(report, cursor);
}

/* "LR is at name+0x1/0x2", "lr : name+0x1/0x2" */
static void read_lr(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current_frame(scan);

	if (report)
		ex_read_symbol(cursor, report->caller_place, sizeof(report->caller_place));
}

/* "psr: 60000013": the mode is in the low five bits (DDI 0406C, B1.3.1). */
static void read_psr(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);
	uint64_t psr;
	unsigned digits;

	if (!report || !ex_hex(cursor, &psr, &digits) || digits != 8)
		return;
	ex_vote(report, EX_ARM, 2);
	if (report->mode == QUIRE_MODE_UNKNOWN)
		report->mode = (psr & 31) == 16 ? QUIRE_MODE_USER : QUIRE_MODE_KERNEL;
}

static void read_sp(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);

	if (report)
		ex_read_sp(report, cursor);
}

/* "8<--- cut here ---" of ARM since 5.1, one line above everything else */
static void read_cut(struct ex_scan *scan, struct ex_cursor *cursor)
{
	if (ex_current(scan))
		ex_close(scan);
}

const struct ex_anchor ex_arm_anchors[] = {
    {"Unable to handle kernel", read_unable, NULL},
    {"Internal error:", read_internal_error, NULL},
    {"Unhandled fault", read_unhandled_fault, NULL},
    {"Unhandled prefetch abort:", read_unhandled_prefetch, NULL},
    {"Synchronous External Abort:", read_sea, NULL},
    {"unhandled", read_unhandled, NULL},
    {"Alignment trap:", read_alignment_trap, NULL},
    {"*pgd=", read_walk, NULL},
    {"pgd=", read_walk, NULL},
    {"user address but active_mm is swapper", read_no_mm, NULL},
    {"LR is at", read_lr, NULL},
    {"lr :", read_lr, NULL},
    {"PC is at", read_pc_is_at, NULL},
    {"pc :", read_pc, NULL},
    {"psr:", read_psr, NULL},
    {"sp :", read_sp, NULL},
    {"8<--- cut here", read_cut, NULL},
    {NULL, NULL, NULL},
};

/* --- the fault status registers ------------------------------------------------------------------- */

/* The domain is known once a first-level entry was read (DDI 0406C, B3.13.3). */
static const char *domain_meaning(const struct quire_fault *fault, uint32_t domain)
{
	static const char *const linux_domains[] = {"domain 0: the kernel", "domain 1: user memory",
						    "domain 2: devices", "domain 3: the vectors"};
	bool valid = fault->cause == QUIRE_CAUSE_DOMAIN || fault->cause == QUIRE_CAUSE_PERMISSION ||
		     fault->cause == QUIRE_CAUSE_ACCESS_FLAG ||
		     (fault->cause == QUIRE_CAUSE_NOT_PRESENT && fault->level == QUIRE_LEVEL_PAGE);

	if (!valid)
		return "the domain is not told for this fault";
	return domain < 4 ? linux_domains[domain] : "a domain that Linux does not use";
}

/* WnR came with ARMv6 (DDI 0406C, AppxL.7.2). SMP kernels need that, and so does SCTLR bit 23. */
bool ex_arm_tells_write(const struct ex_report *report)
{
	uint64_t control, psr;

	if (report->code & 0xa00) /* WnR itself, or long descriptors, which came with ARMv7 */
		return true;
	if (ex_register(report, "psr", &psr) && (psr & PSR_GE))
		return true;
	if (report->arm_smp || report->access != QUIRE_ACCESS_UNKNOWN || !report->line)
		return true;
	return ex_register(report, "control", &control) && (control >> 23 & 1);
}

unsigned ex_arm_bits(const struct ex_finding *finding, struct ex_bit *out_bits)
{
	uint64_t fsr = finding->fault.raw;
	bool lpae = finding->id == EX_ARM_LPAE;
	bool data = finding->trap.vector == QUIRE_VECTOR_DATA_ABORT;
	bool old = !ex_arm_tells_write(finding->report);
	unsigned count = 0;

#define BIT(n) (uint32_t)(fsr >> (n)&1)
	if (!data && (fsr & FSR_PREFETCH))
		out_bits[count++] =
		    (struct ex_bit){"(Linux)", 31, 31, 1, "no hardware bit: a prefetch abort"};
	if (data)
		out_bits[count++] = (struct ex_bit){"CM", 13, 13, BIT(13),
						    BIT(13) ? "a cache maintenance operation faulted"
							    : "no cache maintenance operation"};
	out_bits[count++] = (struct ex_bit){"ExT", 12, 12, BIT(12),
					    BIT(12) ? "external aborts: the bus said error (SLVERR)"
						    : "external aborts: the bus did not decode, or none"};
	if (data)
		out_bits[count++] = (struct ex_bit){
		    "WnR", 11, 11, BIT(11),
		    BIT(11) ? "the access was a write"
		    : old   ? "the access was a read, or the CPU is older than ARMv6, which has no such bit"
			    : "the access was a read"};
	out_bits[count++] = (struct ex_bit){"LPAE", 9, 9, BIT(9),
					    BIT(9) ? "long-descriptor format" : "short-descriptor format"};
	if (lpae) {
		out_bits[count++] =
		    (struct ex_bit){"STATUS", 5, 0, (uint32_t)(fsr & 63), finding->fault.name};
		return count;
	}
	if (data)
		out_bits[count++] =
		    (struct ex_bit){"Domain", 7, 4, (uint32_t)(fsr >> 4 & 15),
				    domain_meaning(&finding->fault, (uint32_t)(fsr >> 4 & 15))};
	out_bits[count++] = (struct ex_bit){"FS[4]", 10, 10, BIT(10),
					    BIT(10) ? "upper half of the fault table" : "lower half"};
	out_bits[count++] = (struct ex_bit){"FS[3:0]", 3, 0, (uint32_t)(fsr & 15), finding->fault.name};
#undef BIT
	return count;
}
