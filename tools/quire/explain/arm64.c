/* SPDX-License-Identifier: MIT */
/* ARM64: the lines that only its kernels print, and the fields of ESR_EL1. */
#include "explain.h"

#include "arm64/decode.h"

/* "ESR = 0x96000005", "ESR = 0x0000000096000005" */
static void read_esr(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report;
	uint64_t code;

	if (!ex_hex(cursor, &code, NULL))
		return;
	report = ex_require(scan, EX_ARM64, 4);
	ex_set_code(report, code);
}

/* "Exception class = DABT (current EL), IL = 32 bits" of 4.14 to 5.4 */
static void read_class(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);

	if (!report)
		return;
	ex_vote(report, EX_ARM64, 4);
	ex_set_release(report, QUIRE_LINUX_4_14);
}

/* "EC = 0x25: DABT (current EL), IL = 32 bits" since 5.5, "FSC = 0x05: ..." since 5.14 */
static void read_ec(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);
	uint64_t value;

	if (!report || !ex_hex(cursor, &value, NULL))
		return;
	ex_vote(report, EX_ARM64, 4);
	ex_set_release(report, QUIRE_LINUX_6);
}

static void read_sign(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);

	if (report)
		ex_vote(report, EX_ARM64, 4);
}

/* "pstate: 60400005 (nZCv daif +PAN -UAO)" */
static void read_pstate(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report = ex_current(scan);
	uint64_t pstate;

	if (!report || !ex_hex(cursor, &pstate, NULL))
		return;
	ex_vote(report, EX_ARM64, 3);
	if (report->mode == QUIRE_MODE_UNKNOWN)
		report->mode = (pstate & 15) == 0 ? QUIRE_MODE_USER : QUIRE_MODE_KERNEL;
}

/* "SError Interrupt on CPU0, code 0x00000000bf000002 -- SError" */
static void read_serror(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report;
	uint64_t code;

	if (!ex_find(cursor, "code ", 16) || !ex_hex(cursor, &code, NULL))
		return;
	report = ex_open(scan, EX_ARM64, 6);
	report->kind = EX_KIND_SERROR;
	report->end = EX_END_OOPS;
	ex_set_code(report, code);
}

/* "Bad mode in Synchronous Abort handler detected on CPU0, code 0x86000005 -- IABT (current EL)" */
static void read_bad_mode(struct ex_scan *scan, struct ex_cursor *cursor)
{
	struct ex_report *report;
	uint64_t code;

	if (!ex_find(cursor, "detected", 40) || !ex_find(cursor, "code ", 16) || !ex_hex(cursor, &code, NULL))
		return;
	report = ex_open(scan, EX_ARM64, 6);
	report->kind = EX_KIND_BAD_MODE;
	report->end = EX_END_OOPS;
	ex_set_code(report, code);
}

const struct ex_anchor ex_arm64_anchors[] = {
    {"SError Interrupt on", read_serror, NULL},
    {"Bad mode in", read_bad_mode, NULL},
    {"ESR =", read_esr, NULL},
    {"Exception class =", read_class, NULL},
    {"EC =", read_ec, NULL},
    {"Mem abort info", read_sign, NULL},
    {"Data abort info", read_sign, NULL},
    {"user pgtable:", read_sign, NULL},
    {"swapper pgtable:", read_sign, NULL},
    {"pstate:", read_pstate, NULL},
    {"pstate :", read_pstate, NULL},
    {NULL, NULL, NULL},
};

/* --- the exception syndrome register -------------------------------------------------------------- */

static const char *severity(uint32_t set)
{
	static const char *const names[] = {"recoverable", "reserved", "uncontainable",
					    "restartable or corrected"};

	return names[set & 3];
}

/* ISS of a data abort that describes the access (ISV = 1). */
static unsigned access_bits(uint64_t esr, struct ex_bit *out_bits)
{
	static const char *const sizes[] = {"a byte", "a halfword", "a word", "a doubleword"};
	unsigned count = 0;

#define BIT(n) (uint32_t)(esr >> (n)&1)
	out_bits[count++] = (struct ex_bit){"SAS", 23, 22, (uint32_t)(esr >> 22 & 3), sizes[esr >> 22 & 3]};
	out_bits[count++] =
	    (struct ex_bit){"SSE", 21, 21, BIT(21), BIT(21) ? "sign-extended" : "not sign-extended"};
	out_bits[count++] =
	    (struct ex_bit){"SRT", 20, 16, (uint32_t)(esr >> 16 & 31), "the register's number"};
	out_bits[count++] =
	    (struct ex_bit){"SF", 15, 15, BIT(15), BIT(15) ? "a 64-bit register" : "a 32-bit register"};
	out_bits[count++] =
	    (struct ex_bit){"AR", 14, 14, BIT(14), BIT(14) ? "acquire or release" : "no acquire or release"};
	return count;
}

static unsigned abort_bits(const struct ex_finding *finding, bool data, struct ex_bit *out_bits)
{
	uint64_t esr = finding->fault.raw;
	unsigned count = 0;

	if (data) {
		out_bits[count++] =
		    (struct ex_bit){"ISV", 24, 24, BIT(24),
				    BIT(24) ? "bits 23:14 describe the access" : "bits 23:14 say nothing"};
		if (BIT(24))
			count += access_bits(esr, out_bits + count);
		if (BIT(13))
			out_bits[count++] = (struct ex_bit){"VNCR", 13, 13, 1, "by way of VNCR_EL2"};
	}
	if ((esr & 63) == 16)
		out_bits[count++] = (struct ex_bit){"SET", 12, 11, (uint32_t)(esr >> 11 & 3),
						    severity((uint32_t)(esr >> 11 & 3))};
	out_bits[count++] = (struct ex_bit){
	    "FnV", 10, 10, BIT(10), BIT(10) ? "FAR does not hold the address" : "FAR holds the address"};
	out_bits[count++] = (struct ex_bit){"EA", 9, 9, BIT(9), "external abort type, of the implementation"};
	if (data)
		out_bits[count++] = (struct ex_bit){"CM", 8, 8, BIT(8),
						    BIT(8) ? "a cache maintenance operation faulted"
							   : "no cache maintenance operation"};
	out_bits[count++] = (struct ex_bit){
	    "S1PTW", 7, 7, BIT(7), BIT(7) ? "stage 2 refused the walk of stage 1" : "not on a stage 2 walk"};
	if (data)
		out_bits[count++] = (struct ex_bit){
		    "WnR", 6, 6, BIT(6), BIT(6) ? "the access was a write" : "the access was a read"};
	out_bits[count++] =
	    (struct ex_bit){data ? "DFSC" : "IFSC", 5, 0, (uint32_t)(esr & 63), finding->fault.name};
	return count;
}

unsigned ex_arm64_bits(const struct ex_finding *finding, struct ex_bit *out_bits)
{
	uint64_t esr = finding->fault.raw;
	unsigned ec = (unsigned)(esr >> 26) & 63;
	unsigned count = 0;

	if (esr >> 32 & 31)
		out_bits[count++] =
		    (struct ex_bit){"ISS2", 36, 32, (uint32_t)(esr >> 32 & 31), "more about the instruction"};
	out_bits[count++] = (struct ex_bit){"EC", 31, 26, ec, qr_arm64_class(ec)->name};
	out_bits[count++] = (struct ex_bit){
	    "IL", 25, 25, BIT(25), BIT(25) ? "a 32-bit instruction, or none" : "a 16-bit instruction"};
	if (ec == 0x24 || ec == 0x25 || ec == 0x20 || ec == 0x21)
		return count + abort_bits(finding, ec >= 0x24, out_bits + count);
	out_bits[count++] = (struct ex_bit){"ISS", 24, 0, (uint32_t)(esr & 0x1ffffff), "of that class"};
	return count;
#undef BIT
}
