/* SPDX-License-Identifier: MIT */
/* From a report to a finding: which architecture and decade, then the library's own decoder. */
#include "explain.h"

#include <string.h>

/* Linux on ARM keeps the last 16 MiB below the kernel's gigabyte for modules. */
#define ARM_USER_END UINT64_C(0xbf000000)

static const struct {
	const char *name;    /* as --arch and --json spell it */
	const char *library; /* as the library does */
	const char *reg;
	enum quire_vector vector;
} arches[EX_ARCHES] = {
    [EX_ARCH_NONE] = {"unknown", "", "", QUIRE_VECTOR_PAGE_FAULT},
    [EX_X86_64] = {"x86_64", "x86_64", "error_code", QUIRE_VECTOR_PAGE_FAULT},
    [EX_I386] = {"i386", "i386", "error_code", QUIRE_VECTOR_PAGE_FAULT},
    [EX_ARM] = {"arm", "arm", "DFSR", QUIRE_VECTOR_DATA_ABORT},
    [EX_ARM_LPAE] = {"arm-lpae", "arm", "DFSR", QUIRE_VECTOR_DATA_ABORT},
    [EX_ARM64] = {"arm64", "arm64", "ESR_EL1", QUIRE_VECTOR_SYNC},
    [EX_RISCV64] = {"riscv64", "riscv64", "scause", QUIRE_VECTOR_CAUSE},
};

const char *ex_arch_name(enum ex_arch arch)
{
	return arches[arch].name;
}

enum ex_arch ex_arch_find(const char *name)
{
	static const struct {
		const char *name;
		enum ex_arch arch;
	} aliases[] = {{"x86-64", EX_X86_64}, {"amd64", EX_X86_64},      {"x86", EX_I386},
		       {"armv7", EX_ARM},     {"arm_lpae", EX_ARM_LPAE}, {"lpae", EX_ARM_LPAE},
		       {"aarch64", EX_ARM64}, {"riscv", EX_RISCV64}};

	for (int a = 1; a < EX_ARCHES; a++) {
		if (strcmp(arches[a].name, name) == 0)
			return (enum ex_arch)a;
	}
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
		if (strcmp(aliases[i].name, name) == 0)
			return aliases[i].arch;
	}
	return EX_ARCH_NONE;
}

/* An ESR of an abort or a misaligned PC or SP: those classes, and a 32-bit instruction. */
enum ex_arch ex_arch_of_code(uint64_t code)
{
	unsigned ec = (unsigned)(code >> 26) & 63;
	bool abort = ec == 0x20 || ec == 0x21 || ec == 0x22 || ec == 0x24 || ec == 0x25 || ec == 0x26;

	if (abort && (code >> 25 & 1) && code >> 37 == 0)
		return EX_ARM64;
	return EX_ARCH_NONE;
}

static enum ex_arch arm_or_lpae(const struct ex_report *report)
{
	/* FSR.LPAE is the hardware's own word (DDI 0406C, B4.1.51); without a code, the walk tells. */
	if (report->has_code)
		return report->code & 0x200 ? EX_ARM_LPAE : EX_ARM;
	return report->walk_pmd ? EX_ARM_LPAE : EX_ARM;
}

static enum ex_arch guess_arch(const struct ex_report *report, enum ex_arch last)
{
	enum ex_arch best = EX_ARCH_NONE;
	unsigned most = 0;

	for (int a = 1; a < EX_ARCHES; a++) {
		if (report->votes[a] > most) {
			most = report->votes[a];
			best = (enum ex_arch)a;
		}
	}
	if (best == EX_ARCH_NONE)
		best = last;
	if (best == EX_ARCH_NONE && report->has_address)
		best = report->address_digits > 8 ? EX_ARM64 : EX_ARM;
	if (best == EX_ARM || best == EX_ARM_LPAE)
		best = arm_or_lpae(report);
	return best;
}

static const struct quire_profile *profile_of(enum quire_release decade)
{
	const struct quire_profile *profile = NULL;

	for (unsigned i = 0; (profile = quire_profile_at(i)) != NULL; i++) {
		if (profile->release == decade)
			return profile;
	}
	return quire_profile_at(0);
}

static enum quire_release guess_decade(const struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;

	switch (finding->id) {
	case EX_RISCV64:
		return QUIRE_LINUX_6;
	case EX_ARM64:
		return report->has_decade && report->decade > QUIRE_LINUX_4_14 ? report->decade
		       : report->line                                          ? QUIRE_LINUX_4_14
									       : QUIRE_LINUX_6;
	case EX_ARM:
	case EX_ARM_LPAE:
		if (report->has_decade)
			return report->decade;
		return report->line ? QUIRE_LINUX_2_6 : QUIRE_LINUX_6;
	default:
		return report->has_decade ? report->decade : QUIRE_LINUX_6;
	}
}

static bool copy_arch(struct ex_finding *finding)
{
	const struct quire_arch *arch = quire_arch_find(arches[finding->id].library);

	if (!arch)
		return false;
	finding->arch = *arch;
	if (finding->id == EX_ARM || finding->id == EX_ARM_LPAE)
		finding->arch.user_end = ARM_USER_END;
	return true;
}

static const struct quire_fault_row *find_row(const struct ex_finding *finding)
{
	const struct quire_fault_row *rows;
	uint64_t code = finding->trap.syndrome;
	unsigned count, index;

	if (finding->id == EX_ARM_LPAE)
		rows = quire_arm_lpae_rows(finding->profile, finding->trap.vector, &count);
	else
		rows = finding->arch.rows(&finding->arch, finding->profile, finding->trap.vector, &count);
	switch (finding->id) {
	case EX_ARM:
		index = (unsigned)((code & 15) | (code & 0x400) >> 6);
		break;
	case EX_X86_64:
	case EX_I386:
		index = (unsigned)(code & 31);
		break;
	case EX_RISCV64:
		index = code < count ? (unsigned)code : count;
		break;
	case EX_ARM64:
		/* classes other than aborts have no status code */
		index = ex_arch_of_code(code | UINT64_C(1) << 25) == EX_ARM64 && (code >> 26 & 3) < 2
			    ? (unsigned)(code & 63)
			    : count;
		break;
	default:
		index = (unsigned)(code & 63);
	}
	return rows && index < count ? &rows[index] : NULL;
}

static void decode(const struct ex_options *options, struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;
	struct quire_trap *trap = &finding->trap;
	bool arm = finding->id == EX_ARM || finding->id == EX_ARM_LPAE;

	trap->vector = arches[finding->id].vector;
	if (arm && (report->prefetch || options->prefetch || report->access == QUIRE_ACCESS_EXEC))
		trap->vector = QUIRE_VECTOR_PREFETCH_ABORT;
	finding->reg = trap->vector == QUIRE_VECTOR_PREFETCH_ABORT ? "IFSR" : arches[finding->id].reg;
	trap->mode = report->mode;
	trap->syndrome = report->code;
	trap->address = (quire_va)report->address;
	trap->pc = (quire_va)report->pc;
	trap->sp = (quire_va)report->sp;
	if (finding->id == EX_ARM_LPAE)
		quire_arm_lpae_decode(finding->profile, trap, &finding->fault);
	else
		finding->arch.decode(&finding->arch, finding->profile, NULL, trap, &finding->fault);
	finding->row = find_row(finding);
	finding->decoded = true;
}

/* Without a code only the words of the report are left. */
static void take_words(struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;

	finding->reg = arches[finding->id].reg;
	finding->fault = (struct quire_fault){
	    .va = (quire_va)report->address,
	    .pc = (quire_va)report->pc,
	    .sp = (quire_va)report->sp,
	    .access = report->access,
	    .mode = report->mode,
	    .cause = QUIRE_CAUSE_UNKNOWN,
	    .level = QUIRE_LEVEL_NONE,
	    .route = QUIRE_ROUTE_IGNORE,
	};
}

bool ex_find_out(const struct ex_options *options, const struct ex_report *report, enum ex_arch last,
		 struct ex_finding *out_finding)
{
	struct ex_finding *finding = out_finding;

	memset(finding, 0, sizeof(*finding));
	finding->report = report;
	if (!report->has_address && !report->has_code)
		return false;
	finding->id = options->arch ? options->arch : guess_arch(report, last);
	if (finding->id == EX_ARCH_NONE || !copy_arch(finding))
		return false;
	finding->profile = options->profile ? options->profile : profile_of(guess_decade(finding));
	finding->profile_guessed = !options->profile;
	if (report->has_code)
		decode(options, finding);
	else
		take_words(finding);
	/* A log's breakpoints and illegal instructions are no memory faults. A bare code is explained. */
	if (report->line && finding->decoded && finding->fault.route == QUIRE_ROUTE_IGNORE)
		return false;
	ex_find_way(finding);
	ex_find_hints(finding);
	if (options->disassembler)
		ex_disassemble(options->disassembler, finding);
	if (options->symbols)
		ex_symbolize(options->symbols, finding);
	return true;
}

unsigned ex_bits(const struct ex_finding *finding, struct ex_bit *out_bits)
{
	switch (finding->id) {
	case EX_X86_64:
	case EX_I386:
		return ex_x86_bits(finding, out_bits);
	case EX_ARM:
	case EX_ARM_LPAE:
		return ex_arm_bits(finding, out_bits);
	case EX_ARM64:
		return ex_arm64_bits(finding, out_bits);
	case EX_RISCV64:
		return ex_riscv_bits(finding, out_bits);
	default:
		return 0;
	}
}
