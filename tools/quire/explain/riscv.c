/* SPDX-License-Identifier: MIT */
/* RISC-V: the lines that only its kernels print, and scause. */
#include "explain.h"

/* sstatus.SPP: the mode that the exception interrupted (privileged specification, 10.1.1). */
#define SSTATUS_SPP UINT64_C(0x100)

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
	if (report->mode == QUIRE_MODE_UNKNOWN)
		report->mode = status & SSTATUS_SPP ? QUIRE_MODE_KERNEL : QUIRE_MODE_USER;
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
	struct ex_report *report = ex_current(scan);

	if (!report)
		return;
	ex_vote(report, EX_RISCV64, 3);
	ex_read_place(report, cursor);
}

const struct ex_anchor ex_riscv_anchors[] = {
    {"status:", read_status},
    {"sstatus:", read_status},
    {"badaddr:", read_badaddr},
    {"sbadaddr:", read_badaddr},
    {"stval:", read_badaddr},
    {"cause:", read_cause},
    {"scause:", read_cause},
    {"epc :", read_epc},
    {"epc:", read_epc},
    {"sepc:", read_epc},
    {NULL, NULL},
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
