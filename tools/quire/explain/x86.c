/* SPDX-License-Identifier: MIT */
/* x86 and x86-64: what their kernels print, 2.4 to 6.x, and the bits of the error code. */
#include "explain.h"

#include <string.h>

static void set_decade(struct ex_report *report, enum quire_release decade)
{
	if (report->has_decade && report->decade >= decade)
		return;
	report->decade = decade;
	report->has_decade = true;
}

static void vote_by_width(struct ex_report *report, unsigned digits)
{
	if (digits == 16)
		ex_vote(report, EX_X86_64, 2);
	else if (digits == 8)
		ex_vote(report, EX_I386, 2);
}

static struct ex_report *open_kernel_report(struct ex_scan *scan, uint64_t address, unsigned digits)
{
	struct ex_report *report = ex_open(scan, EX_X86_64, 3);

	ex_vote(report, EX_I386, 3);
	vote_by_width(report, digits);
	report->mode = QUIRE_MODE_KERNEL;
	report->end = EX_END_OOPS;
	ex_set_address(report, address, digits);
	return report;
}

/* "BUG: unable to handle kernel NULL pointer dereference at [virtual address] X" (2.6.20 to 5.0),
 * "BUG: unable to handle page fault for address: X", "BUG: kernel NULL pointer dereference, address: X" */
static void read_bug(struct ex_scan *scan, struct ex_cursor *cursor)
{
	enum quire_release decade = QUIRE_LINUX_6;
	uint64_t address;
	unsigned digits;

	ex_blank(cursor);
	if (ex_phrase(cursor, "unable to handle kernel")) {
		decade = QUIRE_LINUX_2_6;
		if (!ex_find(cursor, "at ", 64))
			return;
		ex_phrase(cursor, "virtual address ");
	} else if (!ex_phrase(cursor, "unable to handle page fault for address:") &&
		   !ex_phrase(cursor, "kernel NULL pointer dereference, address:")) {
		return;
	}
	if (ex_pointer(cursor, &address, &digits))
		set_decade(open_kernel_report(scan, address, digits), decade);
}

/* "name: Corrupted page table at address X": RSVD was set in the error code. */
static void read_corrupted(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report;
	uint64_t address;
	unsigned digits;

	if (!ex_hex(cursor, &address, &digits))
		return;
	report = open_kernel_report(scan, address, digits);
	set_decade(report, QUIRE_LINUX_2_6);
	report->mode = QUIRE_MODE_UNKNOWN;
	ex_task_before(scan, report);
}

/* "#PF: supervisor write access in kernel mode", "#PF: error_code(0x0002) - not-present page" */
static void read_pf(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_require(scan, EX_X86_64, 1);
	uint64_t code;

	set_decade(report, QUIRE_LINUX_6);
	report->end = EX_END_OOPS;
	ex_blank(cursor);
	if (ex_phrase(cursor, "error_code(") && ex_hex(cursor, &code, NULL)) {
		ex_set_code(report, code);
		return;
	}
	if (ex_phrase(cursor, "supervisor "))
		report->mode = QUIRE_MODE_KERNEL;
	else if (ex_phrase(cursor, "user "))
		report->mode = QUIRE_MODE_USER;
	else
		return;
	if (ex_phrase(cursor, "read "))
		report->access = QUIRE_ACCESS_READ;
	else if (ex_phrase(cursor, "write "))
		report->access = QUIRE_ACCESS_WRITE;
	else if (ex_phrase(cursor, "instruction "))
		report->access = QUIRE_ACCESS_EXEC;
}

/* "#PF error: [PROT] [WRITE]" of 5.0 */
static void read_pf_error(struct ex_scan *scan, struct ex_cursor *cursor)
{
	set_decade(ex_require(scan, EX_X86_64, 1), QUIRE_LINUX_6);
}

static void oops_code(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);
	bool counted;
	uint64_t code;
	unsigned digits;

	if (!ex_hex(cursor, &code, &digits) || digits < 4)
		return;
	ex_blank(cursor);
	counted = cursor->at < cursor->end && *cursor->at == '[';
	if (ex_find(cursor, "ilc:", 12)) /* s390 */
		return;
	if (!report || report->oops_line)
		report = ex_open(scan, EX_X86_64, 1);
	ex_vote(report, EX_X86_64, 1);
	ex_vote(report, EX_I386, 1);
	report->oops_line = true;
	report->end = EX_END_OOPS;
	ex_set_code(report, code);
	set_decade(report, counted ? QUIRE_LINUX_2_6 : QUIRE_LINUX_2_4);
}

/* "Oops: 0002", "Oops: 0002 [#1] SMP", "Oops: Oops: 0002 [#1]". ARM's has words of its own before. */
static void read_oops(struct ex_scan *scan, struct ex_cursor *cursor)
{
	if (ex_follows(scan, "error:") || ex_follows(scan, "Oops:"))
		return;
	ex_phrase(cursor, " Oops:");
	oops_code(scan, cursor);
}

/* "Bad pagetable: 000d [#1]" */
static void read_bad_pagetable(struct ex_scan *scan, struct ex_cursor *cursor)
{
	oops_code(scan, cursor);
}

/* "in libc.so.6[7f0123400000+1b2000]" */
static void read_object(struct ex_report *report, struct ex_cursor *cursor)
{
	ex_blank(cursor);
	if (!ex_phrase(cursor, "in ") || !ex_name(cursor, "[", report->object, sizeof(report->object)))
		return;
	if (ex_phrase(cursor, "["))
		ex_hex(cursor, &report->object_base, NULL);
}

/* "name[123]: segfault at X ip Y sp Z error N in object[base+size]"; "rip" and "eip" before 2.6.28 */
static void read_segfault(struct ex_scan *scan, struct ex_cursor *cursor)
{
	static const struct {
		const char *ip, *sp;
		enum ex_arch arch;
	} spelling[] = {{"ip ", "sp ", EX_ARCH_NONE}, {"rip ", "rsp ", EX_X86_64}, {"eip ", "esp ", EX_I386}};
	struct ex_report *report;
	uint64_t address, ip = 0, sp = 0, code;
	unsigned digits, ip_digits = 0, sp_digits = 0, i;

	ex_blank(cursor);
	if (!ex_hex(cursor, &address, &digits))
		return;
	ex_blank(cursor);
	for (i = 0; i < 3 && !ex_phrase(cursor, spelling[i].ip); i++)
		;
	if (i == 3 || !ex_pointer(cursor, &ip, &ip_digits))
		return;
	ex_blank(cursor);
	if (!ex_phrase(cursor, spelling[i].sp) || !ex_pointer(cursor, &sp, &sp_digits))
		return;
	ex_blank(cursor);
	if (!ex_phrase(cursor, "error ") || !ex_hex(cursor, &code, NULL))
		return;
	report = ex_open(scan, spelling[i].arch, 3);
	vote_by_width(report, ip_digits ? ip_digits : sp_digits);
	ex_vote(report, ip_digits > 8 || sp_digits > 8 ? EX_X86_64 : EX_I386, 1);
	set_decade(report, spelling[i].arch == EX_ARCH_NONE ? QUIRE_LINUX_6 : QUIRE_LINUX_2_6);
	report->mode = QUIRE_MODE_USER;
	report->end = EX_END_SIGNAL;
	ex_set_address(report, address, digits);
	ex_set_code(report, code);
	report->has_pc = report->has_sp = true;
	report->pc = ip;
	report->sp = sp;
	ex_task_before(scan, report);
	read_object(report, cursor);
}

/* "RIP: 0010:[<ffffffff81012345>]  [<ffffffff81012345>] name+0x1/0x2", "RIP: 0010:name+0x1/0x2" */
static void read_rip(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);

	if (!report)
		return;
	ex_vote(report, EX_X86_64, 2);
	ex_read_place(report, cursor);
	if (!report->has_pc && report->place[0])
		set_decade(report, QUIRE_LINUX_4_14);
}

static void read_eip(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);

	if (!report)
		return;
	ex_vote(report, EX_I386, 4);
	ex_phrase(cursor, " is at");
	ex_read_place(report, cursor);
}

/* 2.4 and 2.6 on i386 print the address alone on the next line. */
static void read_printing_eip(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);

	if (!report)
		return;
	ex_vote(report, EX_I386, 4);
	ex_read_place(report, cursor);
}

/* "IP: [<c0123456>] name+0x1/0x2", "IP: name+0x1/0x2" */
static void read_ip(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);

	if (!report)
		return;
	ex_read_place(report, cursor);
	if (!report->has_pc && report->place[0])
		set_decade(report, QUIRE_LINUX_4_14);
}

static void read_cr2(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);
	uint64_t address;
	unsigned digits;

	if (!report || !ex_hex(cursor, &address, &digits))
		return;
	vote_by_width(report, digits);
	ex_set_address(report, address, digits);
}

static void read_rsp(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);

	if (!report)
		return;
	ex_vote(report, EX_X86_64, 1);
	ex_read_sp(report, cursor);
}

static void read_esp(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);

	if (!report)
		return;
	ex_vote(report, EX_I386, 1);
	ex_read_sp(report, cursor);
}

static void keep_walk(struct ex_scan *scan, struct ex_cursor *cursor, const char *name, enum ex_arch arch)
{
	struct ex_report *report = ex_current(scan);
	size_t length;

	if (!report)
		return;
	ex_vote(report, arch, 2);
	if (report->walk[0])
		return;
	length = strlen(name);
	memcpy(report->walk, name, length);
	while (cursor->at < cursor->end && length + 1 < sizeof(report->walk)) {
		char c = *cursor->at++;

		/* the line is over where a word that is no entry and no number begins */
		if ((unsigned char)c < 0x20 || (unsigned char)c >= 0x7f || strchr("OoIiRrCc", c))
			break;
		report->walk[length++] = c;
	}
	while (length && report->walk[length - 1] == ' ')
		length--;
	report->walk[length] = '\0';
}

static void read_pgd(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_cursor probe = *cursor;
	uint64_t value;

	if (ex_hex(&probe, &value, NULL))
		keep_walk(scan, cursor, "PGD", EX_X86_64);
}

static void read_pde(struct ex_scan *scan, struct ex_cursor *cursor)
{
	keep_walk(scan, cursor, "*pde", EX_I386);
}

const struct ex_anchor ex_x86_anchors[] = {
    {"BUG:", read_bug},
    {"Corrupted page table at address", read_corrupted},
    {"#PF:", read_pf},
    {"#PF error:", read_pf_error},
    {"Oops:", read_oops},
    {"Bad pagetable:", read_bad_pagetable},
    {"segfault at", read_segfault},
    {"RIP:", read_rip},
    {"RIP ", read_rip},
    {"EIP:", read_eip},
    {"EIP is at", read_eip},
    {"printing eip:", read_printing_eip},
    {"IP:", read_ip},
    {"CR2:", read_cr2},
    {"RSP:", read_rsp},
    {"ESP:", read_esp},
    {"esp:", read_esp},
    {"PGD", read_pgd},
    {"*pde", read_pde},
    {"*pdpt", read_pde},
    {NULL, NULL},
};

/* --- the error code ------------------------------------------------------------------------------- */

unsigned ex_x86_bits(const struct ex_finding *finding, struct ex_bit *out_bits)
{
	static const struct {
		uint8_t bit;
		bool always;
		const char *field, *clear, *set;
	} fields[] = {
	    {0, true, "P", "no translation was found", "a translation was found, and it forbids the access"},
	    {1, true, "W", "the access was no write", "the access was a write"},
	    {2, true, "U", "it was made in supervisor mode", "it was made in user mode"},
	    {3, true, "RSVD", "no reserved bit was found set", "a paging entry has a reserved bit set"},
	    {4, true, "I", "it was a data access, or fetches are not told apart",
	     "it was an instruction fetch"},
	    {5, false, "PK", "", "a protection key forbids the access"},
	    {6, false, "SS", "", "it was a shadow-stack access"},
	    {7, false, "HLAT", "", "hypervisor-managed (HLAT) paging has no translation"},
	    {15, false, "SGX", "", "the SGX access checks refused it, not the page tables"},
	    {31, false, "RMP", "", "the reverse map table of SEV-SNP refused it"},
	};
	uint64_t code = finding->fault.raw;
	unsigned count = 0;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		bool set = code >> fields[i].bit & 1;

		if (!set && !fields[i].always)
			continue;
		out_bits[count++] = (struct ex_bit){fields[i].field, fields[i].bit, fields[i].bit, set,
						    set ? fields[i].set : fields[i].clear};
	}
	return count;
}
