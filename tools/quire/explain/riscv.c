/* SPDX-License-Identifier: MIT */
/* RISC-V: the lines that only its kernels print, and scause. */
#include "explain.h"

/* sstatus.SPP: the mode that the exception interrupted (privileged specification, 10.1.1). */
#define SSTATUS_SPP UINT64_C(0x100)
/* mstatus.MPP is 3 when machine mode was interrupted (3.1.6.1); sstatus has zeros there. */
#define MSTATUS_MPP UINT64_C(0x1800)

/* "status: 0000000200000120 badaddr: 0000000000000010 cause: 000000000000000d", with an s before each
 * word until 5.5 */
static void read_status(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report;
	struct ex_cursor probe;
	uint64_t status;
	unsigned digits;

	if (!ex_hex(cursor, &status, &digits) || (digits != 16 && digits != 8))
		return;
	probe = *cursor;
	if (!ex_find(&probe, "badaddr", 16) && !ex_find(&probe, "sbadaddr", 16))
		return;
	report = ex_require(scan, EX_RISCV64, 4);
	if (digits == 8)
		ex_refuse_rv32(scan);
	report->machine_mode = (status & MSTATUS_MPP) == MSTATUS_MPP;
	if (report->mode == QUIRE_MODE_UNKNOWN)
		report->mode =
		    report->machine_mode || status & SSTATUS_SPP ? QUIRE_MODE_KERNEL : QUIRE_MODE_USER;
}

static void read_badaddr(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report;
	uint64_t address;
	unsigned digits;

	if (!ex_hex(cursor, &address, &digits))
		return;
	report = ex_require(scan, EX_RISCV64, 4);
	ex_set_address(report, address, digits);
}

static void read_cause(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);
	uint64_t cause;
	unsigned digits;

	if (!report || !ex_hex(cursor, &cause, &digits) || (digits != 16 && digits != 8))
		return;
	ex_vote(report, EX_RISCV64, 2);
	ex_set_code(report, cause);
}

/* "epc : ffffffe000123456 ra : ...", "epc : name+0x1/0x2", "sepc: ffffffe000123456 ra : ..." */
static void read_epc(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_require(scan, EX_RISCV64, 3);

	ex_read_place(report, cursor);
}

/* "ra : name+0x1/0x2" */
static void read_ra(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);

	if (report && report->votes[EX_RISCV64])
		ex_read_symbol(cursor, report->caller_place, sizeof(report->caller_place));
}

/* "Oops - load access fault [#1]": the name of the cause, as the privileged specification has it */
static void read_named_cause(struct ex_scan *scan, struct ex_cursor *cursor)
{
	static const struct {
		const char *name;
		unsigned cause;
	} causes[] = {{"instruction address misaligned", 0},    {"instruction access fault", 1},
		      {"load address misaligned", 4},           {"load access fault", 5},
		      {"store (or AMO) address misaligned", 6}, {"store (or AMO) access fault", 7}};
	struct ex_report *report;

	if (ex_follows(scan, "error:"))
		return;
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		if (!ex_phrase(cursor, causes[i].name))
			continue;
		report = ex_open(scan, EX_RISCV64, 4);
		report->oops_line = true;
		report->mode = QUIRE_MODE_KERNEL;
		report->end = EX_END_OOPS;
		ex_set_code(report, causes[i].cause);
		return;
	}
}

/* "name[123]: unhandled signal 11 code 0x1 at 0x0000000000000010 in name[10000+1000]" */
void ex_read_riscv_signal(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report;
	uint64_t address, si_code;
	unsigned digits, signal;

	if (!ex_decimal(cursor, &signal) || !ex_phrase(cursor, " code ") || !ex_hex(cursor, &si_code, NULL) ||
	    !ex_phrase(cursor, " at ") || !ex_hex(cursor, &address, &digits))
		return;
	if (digits <= 8) {
		ex_refuse_narrow(scan);
		return;
	}
	report = ex_open(scan, EX_RISCV64, 4);
	ex_set_release(report, QUIRE_LINUX_6);
	ex_set_address(report, address, digits);
	report->signal = signal;
	report->si_code = (unsigned)si_code;
	report->has_si_code = true;
	report->mode = QUIRE_MODE_USER;
	report->end = EX_END_SIGNAL;
	ex_task_before(scan, report);
	ex_read_object(report, cursor);
}

const struct ex_anchor ex_riscv_anchors[] = {
    {"Oops - ", read_named_cause, NULL},
    {"ra :", read_ra, NULL},
    {"status:", read_status, NULL},
    {"sstatus:", read_status, NULL},
    {"badaddr:", read_badaddr, NULL},
    {"sbadaddr:", read_badaddr, NULL},
    {"stval:", read_badaddr, NULL},
    {"cause:", read_cause, NULL},
    {"scause:", read_cause, NULL},
    {"epc :", read_epc, NULL},
    {"epc:", read_epc, NULL},
    {"sepc:", read_epc, NULL},
    {NULL, NULL, NULL},
};

unsigned ex_riscv_bits(const struct ex_finding *finding, struct ex_bit *out_bits)
{
	uint64_t cause = finding->fault.raw;
	bool interrupt = cause >> 63;

	out_bits[0] = (struct ex_bit){"Interrupt", 63, 63, interrupt,
				      interrupt ? "an interrupt, no exception" : "an exception"};
	out_bits[1] = (struct ex_bit){"Code", 62, 0, (uint32_t)cause, finding->fault.name};
	return 2;
}
