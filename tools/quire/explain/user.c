/* SPDX-License-Identifier: MIT */
/* What user space reports of a program that died: Android's tombstones. They have a signal and an
 * address, and no syndrome. */
#include "explain.h"

#include <string.h>

static struct ex_report *open_dump(struct ex_scan *scan, enum ex_arch arch, unsigned votes)
{
	struct ex_report *report = ex_open(scan, arch, votes);

	report->kind = EX_KIND_DUMP;
	report->mode = QUIRE_MODE_USER;
	report->end = EX_END_SIGNAL;
	return report;
}

static struct ex_report *current_dump(struct ex_scan *scan)
{
	struct ex_report *report = ex_current(scan);

	return report && report->kind == EX_KIND_DUMP ? report : NULL;
}

/* "ABI: 'arm64'" stands before the signal. */
static void read_abi(struct ex_scan *scan, struct ex_cursor *cursor)
{
	static const struct {
		const char *name;
		enum ex_arch arch;
	} abis[] = {{"arm64'", EX_ARM64},
		    {"arm'", EX_ARM},
		    {"x86_64'", EX_X86_64},
		    {"x86'", EX_I386},
		    {"riscv64'", EX_RISCV64}};

	for (size_t i = 0; i < sizeof(abis) / sizeof(abis[0]); i++) {
		if (ex_phrase(cursor, abis[i].name)) {
			open_dump(scan, abis[i].arch, 8);
			return;
		}
	}
}

/* "pid: 1234, tid: 1240, name: worker  >>> com.example <<<" */
static void read_pid(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_cursor probe = *cursor;
	struct ex_report *report;
	unsigned pid, tid;

	if (!ex_decimal(&probe, &pid) || !ex_phrase(&probe, ", tid: ") || !ex_decimal(&probe, &tid))
		return;
	report = current_dump(scan);
	if (!report || report->signal)
		report = open_dump(scan, EX_ARCH_NONE, 0);
	ex_set_pid(report, tid);
	if (ex_phrase(&probe, ", name: ") && ex_find(&probe, ">>>", 40)) {
		const char *end = probe.at - 3;
		struct ex_cursor name = *cursor;

		while (end > name.at && end[-1] == ' ')
			end--;
		if (ex_find(&name, "name: ", 40) && name.at < end)
			ex_set_task(report, name.at, end);
	}
}

/* "signal 11 (SIGSEGV), code 1 (SEGV_MAPERR), fault addr 0x10" */
static void read_signal(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report;
	uint64_t address;
	unsigned signal, code, digits;

	if (!ex_decimal(cursor, &signal) || !ex_phrase(cursor, " (SIG") || !ex_find(cursor, "), code ", 12) ||
	    !ex_decimal(cursor, &code))
		return;
	if (signal != QUIRE_SIGSEGV && signal != QUIRE_SIGBUS)
		return;
	if (!ex_find(cursor, "fault addr ", 28) || !ex_hex(cursor, &address, &digits))
		return;
	report = current_dump(scan);
	if (!report || report->signal)
		report = open_dump(scan, EX_ARCH_NONE, 0);
	ex_announce(scan, report);
	report->signal = signal;
	report->si_code = code;
	report->has_si_code = true;
	ex_set_address(report, address, digits);
}

/* The registers' names tell the machine where no ABI line does. */
static void dump_register(struct ex_scan *scan, struct ex_cursor *cursor, enum ex_arch arch, unsigned width)
{
	struct ex_report *report = current_dump(scan);
	uint64_t value;
	unsigned digits;

	if (report && ex_hex(cursor, &value, &digits) && digits == width)
		ex_vote(report, arch, 2);
}

static void read_x0(struct ex_scan *scan, struct ex_cursor *cursor)
{
	dump_register(scan, cursor, EX_ARM64, 16);
}

static void read_r0(struct ex_scan *scan, struct ex_cursor *cursor)
{
	dump_register(scan, cursor, EX_ARM, 8);
}

static void read_rax(struct ex_scan *scan, struct ex_cursor *cursor)
{
	dump_register(scan, cursor, EX_X86_64, 16);
}

static void read_eax(struct ex_scan *scan, struct ex_cursor *cursor)
{
	dump_register(scan, cursor, EX_I386, 8);
}

/* "#00 pc 0000000000012345  /system/lib64/libdemo.so (run+16)" */
static void read_frame(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = current_dump(scan);
	const char *slash;
	unsigned digits;

	if (!report || report->object[0] || !ex_hex(cursor, &report->object_offset, &digits))
		return;
	if (!ex_name(cursor, "", report->object, sizeof(report->object)))
		return;
	report->has_object_offset = true;
	slash = strrchr(report->object, '/');
	if (slash && slash[1])
		memmove(report->object, slash + 1, strlen(slash + 1) + 1);
	ex_blank(cursor);
	if (ex_phrase(cursor, "("))
		ex_read_symbol(cursor, report->place, sizeof(report->place));
}

const struct ex_anchor ex_user_anchors[] = {
    {"ABI: '", read_abi, NULL}, {"pid:", read_pid, NULL},      {"signal ", read_signal, NULL},
    {"x0 ", read_x0, NULL},     {"r0 ", read_r0, NULL},        {"rax ", read_rax, NULL},
    {"eax ", read_eax, NULL},   {"#00 pc ", read_frame, NULL}, {"#00  pc ", read_frame, NULL},
    {NULL, NULL, NULL},
};
