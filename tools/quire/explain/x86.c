/* SPDX-License-Identifier: MIT */
/* x86 and x86-64: what their kernels print, 2.4 to 6.x, and the bits of the error code. */
#include "explain.h"

#include <string.h>

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
	enum quire_release release = QUIRE_LINUX_6;
	uint64_t address;
	unsigned digits;

	ex_blank(cursor);
	if (ex_phrase(cursor, "unable to handle kernel")) {
		release = QUIRE_LINUX_2_6;
		if (!ex_find(cursor, "at ", 64))
			return;
		ex_phrase(cursor, "virtual address ");
	} else if (!ex_phrase(cursor, "unable to handle page fault for address:") &&
		   !ex_phrase(cursor, "kernel NULL pointer dereference, address:")) {
		return;
	}
	if (ex_pointer(cursor, &address, &digits))
		ex_set_release(open_kernel_report(scan, address, digits), release);
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
	ex_set_release(report, QUIRE_LINUX_2_6);
	report->mode = QUIRE_MODE_UNKNOWN;
	ex_task_before(scan, report);
}

/* "#PF: supervisor write access in kernel mode", "#PF: error_code(0x0002) - not-present page" */
static void read_pf(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_require(scan, EX_X86_64, 1);
	uint64_t code;

	ex_set_release(report, QUIRE_LINUX_6);
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
	report->implicit = report->mode == QUIRE_MODE_KERNEL &&
			   ex_find(&(struct ex_cursor){cursor->at, cursor->end}, "in user mode", 40);
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
	ex_set_release(ex_require(scan, EX_X86_64, 1), QUIRE_LINUX_6);
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
	if (ex_find(cursor, "ilc:", 12)) { /* s390: the dialect of others refuses it */
		cursor->at -= 4;
		return;
	}
	if (!report || report->oops_line)
		report = ex_open(scan, EX_X86_64, 1);
	ex_vote(report, EX_X86_64, 1);
	ex_vote(report, EX_I386, 1);
	report->oops_line = true;
	report->end = EX_END_OOPS;
	ex_set_code(report, code);
	ex_set_release(report, counted ? QUIRE_LINUX_2_6 : QUIRE_LINUX_2_4);
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
	ex_set_release(report, spelling[i].arch == EX_ARCH_NONE ? QUIRE_LINUX_6 : QUIRE_LINUX_2_6);
	report->mode = QUIRE_MODE_USER;
	report->end = EX_END_SIGNAL;
	ex_set_address(report, address, digits);
	ex_set_code(report, code);
	report->has_pc = report->has_sp = true;
	report->pc = ip;
	report->sp = sp;
	ex_task_before(scan, report);
	ex_read_object(report, cursor);
}

/* Selectors of user mode have privilege level 3 in their low bits (SDM 3A, 3.4.2). */
static bool is_user_frame(struct ex_cursor cursor)
{
	uint64_t value;
	unsigned digits;

	if (!ex_hex(&cursor, &value, &digits))
		return false;
	if (cursor.at < cursor.end && *cursor.at == ':')
		return digits == 4 && (value & 3) == 3;
	/* i386 prints no selector of the program since 5.0: "EIP: 0xb7f12345" */
	return digits == 8 && value < 0xc0000000;
}

static bool is_kernel_report(const struct ex_report *report)
{
	if (report->implicit)
		return false;
	if (report->kind == EX_KIND_FAULT && report->has_code)
		return !(report->code & 4); /* U */
	return report->mode == QUIRE_MODE_KERNEL;
}

/* A frame begins. The first is the one that faulted; others are of the system call, or of what an interrupt
 * interrupted. Returns the report to read into; NULL when the frame is another's. */
static struct ex_report *begin_frame(struct ex_scan *scan, struct ex_cursor cursor)
{
	struct ex_report *report = ex_current(scan);

	if (!report || (report->interrupted && !report->oops_line))
		return NULL;
	report->place_line = ex_line_number(scan);
	if (report->frame_seen || (is_user_frame(cursor) && is_kernel_report(report)))
		report->other_frame = true;
	if (report->other_frame)
		return NULL;
	if (report->mode == QUIRE_MODE_UNKNOWN)
		report->mode = is_user_frame(cursor) ? QUIRE_MODE_USER : QUIRE_MODE_KERNEL;
	return report;
}

/* Each frame has a selector before its pc; 2.6 also has the pc alone in the announcement. */
static void read_frame_place(struct ex_report *report, struct ex_cursor *cursor)
{
	struct ex_cursor probe = *cursor;
	uint64_t selector;
	unsigned digits;

	report->frame_seen =
	    ex_hex(&probe, &selector, &digits) && digits == 4 && probe.at < probe.end && *probe.at == ':';
	ex_read_place(report, cursor);
}

/* "RIP: 0010:[<ffffffff81012345>]  [<ffffffff81012345>] name+0x1/0x2", "RIP: 0010:name+0x1/0x2" */
static void read_rip(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = begin_frame(scan, *cursor);

	if (!report)
		return;
	ex_vote(report, EX_X86_64, 2);
	read_frame_place(report, cursor);
	if (!report->has_pc && report->place[0])
		ex_set_release(report, QUIRE_LINUX_4_14);
}

/* "RIP  [<ffffffff81012345>] name+0x1/0x2" repeats it at the end of 2.6's and 3.x's reports. */
static void read_rip_again(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current_frame(scan);

	ex_blank(cursor);
	if (report && ex_phrase(cursor, "[<")) {
		cursor->at -= 2;
		ex_read_place(report, cursor);
	}
}

static void read_eip(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = begin_frame(scan, *cursor);

	if (!report)
		return;
	ex_vote(report, EX_I386, 4);
	read_frame_place(report, cursor);
}

/* "EIP is at name+0x1/0x2" belongs to the EIP before it. */
static void read_eip_is_at(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current_frame(scan);

	if (!report)
		return;
	ex_vote(report, EX_I386, 4);
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
	struct ex_report *report = ex_current_frame(scan);

	if (!report)
		return;
	ex_read_place(report, cursor);
	if (!report->has_pc && report->place[0])
		ex_set_release(report, QUIRE_LINUX_4_14);
}

static void read_cr2(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);
	uint64_t address;
	unsigned digits;

	if (!report || !ex_hex(cursor, &address, &digits))
		return;
	vote_by_width(report, digits);
	if (report->kind == EX_KIND_FAULT) /* #GP leaves that of an earlier fault in it */
		ex_set_address(report, address, digits);
}

static void read_rsp(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current_frame(scan);

	if (!report)
		return;
	ex_vote(report, EX_X86_64, 1);
	ex_read_sp(report, cursor);
}

static void read_esp(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current_frame(scan);

	if (!report)
		return;
	ex_vote(report, EX_I386, 1);
	ex_read_sp(report, cursor);
}

/* "PGD 23c4067 P4D 23c5067 PUD 0", "*pdpt = 0000000000000000 *pde = 00000000": names and entries until a
 * word that is neither. "BAD": the table lies where nothing can be read. */
static void read_entries(struct ex_report *report, struct ex_cursor *cursor)
{
	static const char *const names[] = {"PGD", "P4D", "PUD", "PMD", "PTE", "*pdpt", "*pde", "*pte"};

	for (unsigned i = 0; i < EX_ENTRIES; i++) {
		struct ex_cursor probe = *cursor;
		const char *name = NULL;
		uint64_t value = 0;

		ex_blank(&probe);
		for (size_t n = 0; n < sizeof(names) / sizeof(names[0]) && !name; n++)
			name = ex_phrase(&probe, names[n]) ? names[n] : NULL;
		if (!name)
			return;
		ex_blank(&probe);
		ex_phrase(&probe, "=");
		ex_blank(&probe);
		if (ex_phrase(&probe, "BAD"))
			ex_add_entry(report, name + (*name == '*'), strlen(name) - (*name == '*'), 0, true);
		else if (ex_hex(&probe, &value, NULL))
			ex_add_entry(report, name + (*name == '*'), strlen(name) - (*name == '*'), value,
				     false);
		else
			return;
		*cursor = probe;
	}
}

/* The dialect knows the first name: the cursor goes back before it. */
static void read_walk(struct ex_scan *scan, struct ex_cursor *cursor, size_t name_length, enum ex_arch arch)
{
	struct ex_report *report = ex_current(scan);

	if (!report || report->walk_count)
		return;
	cursor->at -= name_length;
	read_entries(report, cursor);
	if (report->walk_count)
		ex_vote(report, arch, 2);
}

static void read_pgd(struct ex_scan *scan, struct ex_cursor *cursor)
{
	read_walk(scan, cursor, strlen("PGD"), EX_X86_64);
}

static void read_pde(struct ex_scan *scan, struct ex_cursor *cursor)
{
	read_walk(scan, cursor, strlen("*pde"), EX_I386);
}

static void read_pdpt(struct ex_scan *scan, struct ex_cursor *cursor)
{
	read_walk(scan, cursor, strlen("*pdpt"), EX_I386);
}

/* --- #GP: an exception without an address ---------------------------------------------------------------- */

/* "ip:401136 sp:7ffd00000000 error:0 in demo[400000+1000]" behind the name of a program's trap */
static void read_trap_frame(struct ex_report *report, struct ex_cursor *cursor)
{
	unsigned digits;
	uint64_t code;

	report->mode = QUIRE_MODE_USER;
	report->end = EX_END_SIGNAL;
	if (!ex_phrase(cursor, "ip:") || !ex_hex(cursor, &report->pc, &digits))
		return;
	report->has_pc = true;
	ex_vote(report, digits > 8 ? EX_X86_64 : EX_ARCH_NONE, 2);
	if (!ex_find(cursor, "sp:", 4) || !ex_hex(cursor, &report->sp, &digits))
		return;
	report->has_sp = true;
	ex_vote(report, digits > 8 ? EX_X86_64 : EX_I386, 1);
	if (ex_find(cursor, "error:", 8) && ex_hex(cursor, &code, NULL))
		ex_set_code(report, code);
	ex_read_object(report, cursor);
}

/* "general protection fault, probably for non-canonical address 0x...: 0000 [#1]", "general protection: 0000" */
static void read_general_protection(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report;
	uint64_t value;
	unsigned digits;

	ex_phrase(cursor, " fault");
	ex_blank(cursor);
	if (ex_phrase(cursor, "ip:")) {
		cursor->at -= 3;
		report = ex_open(scan, EX_ARCH_NONE, 0);
		report->kind = EX_KIND_PROTECTION;
		ex_task_before(scan, report);
		read_trap_frame(report, cursor);
		return;
	}
	if (*cursor->at != ',' && *cursor->at != ':')
		return;
	report = ex_open(scan, EX_X86_64, 1);
	ex_vote(report, EX_I386, 1);
	report->kind = EX_KIND_PROTECTION;
	report->mode = QUIRE_MODE_UNKNOWN; /* the frame tells */
	report->end = EX_END_OOPS;
	if (ex_find(cursor, "address ", 48) && ex_hex(cursor, &value, &digits)) {
		report->non_canonical = true;
		ex_set_release(report, QUIRE_LINUX_6);
		ex_set_address(report, value, digits);
		vote_by_width(report, digits);
	}
	if (ex_find(cursor, ":", 4) && ex_hex(cursor, &value, &digits) && digits == 4)
		ex_set_code(report, value);
}

/* "KASAN: null-ptr-deref in range [0x0000000000000018-0x000000000000001f]" */
static void read_range(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);

	if (!report || !ex_find(cursor, "in range [", 48) || !ex_hex(cursor, &report->low, NULL))
		return;
	if (ex_phrase(cursor, "-") && ex_hex(cursor, &report->high, NULL))
		report->has_range = true;
}

const struct ex_anchor ex_x86_anchors[] = {
    {"BUG:", read_bug, NULL},
    {"Corrupted page table at address", read_corrupted, NULL},
    {"#PF:", read_pf, NULL},
    {"#PF error:", read_pf_error, NULL},
    {"Oops:", read_oops, NULL},
    {"Bad pagetable:", read_bad_pagetable, NULL},
    {"segfault at", read_segfault, NULL},
    {"RIP:", read_rip, NULL},
    {"RIP ", read_rip_again, NULL},
    {"EIP:", read_eip, NULL},
    {"EIP is at", read_eip_is_at, NULL},
    {"printing eip:", read_printing_eip, NULL},
    {"IP:", read_ip, NULL},
    {"CR2:", read_cr2, NULL},
    {"RSP:", read_rsp, NULL},
    {"ESP:", read_esp, NULL},
    {"esp:", read_esp, NULL},
    {"PGD", read_pgd, NULL},
    {"*pde", read_pde, NULL},
    {"*pdpt", read_pdpt, NULL},
    {"general protection", read_general_protection, NULL},
    {"KASAN:", read_range, NULL},
    {NULL, NULL, NULL},
};

/* --- the error code ------------------------------------------------------------------------------- */

bool ex_hides_present(const struct ex_finding *finding)
{
	return ex_is_x86(finding) && finding->report->line && finding->fault.mode == QUIRE_MODE_USER &&
	       (finding->fault.raw & 1) && finding->report->end == EX_END_SIGNAL &&
	       finding->report->has_address && finding->report->address >= finding->arch.user_end;
}

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
	if (ex_hides_present(finding))
		out_bits[0].meaning = "Linux shows it set for every address of the kernel";
	return count;
}
