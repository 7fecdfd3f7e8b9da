/* SPDX-License-Identifier: MIT */
/* From a report to a finding: which architecture and release, then the library's own decoder. */
#include "explain.h"

#include <stdarg.h>
#include <string.h>

/* Linux on ARM keeps the last 16 MiB below the kernel's gigabyte for modules. */
#define ARM_USER_END UINT64_C(0xbf000000)

/* Below it, an address is a user's whatever the split but the rarest. */
#define LOWEST_SPLIT UINT64_C(0x80000000)

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

const char *ex_basis_name(enum ex_basis basis)
{
	static const char *const names[] = {"read", "decoded", "deduced"};

	return names[basis];
}

const char *ex_part_name(enum ex_part part)
{
	static const char *const names[EX_PARTS] = {"story", "what", "where", "why",     "walk",    "then",
						    "rule",  "end",  "log",   "operand", "address", "note"};

	return names[part];
}

void ex_say(struct ex_finding *finding, enum ex_part part, enum ex_basis basis, const char *premise,
	    const char *format, ...)
{
	struct ex_statement *statement = &finding->said[finding->said_count];
	size_t length = premise ? strnlen(premise, sizeof(statement->premise) - 1) : 0;
	va_list args;

	if (finding->said_count == EX_STATEMENTS)
		return;
	statement->part = part;
	statement->basis = basis;
	va_start(args, format);
	vsnprintf(statement->text, sizeof(statement->text), format, args);
	va_end(args);
	memcpy(statement->premise, premise ? premise : "", length);
	statement->premise[length] = '\0';
	finding->said_count++;
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

static enum ex_arch guess_arch(const struct ex_report *report, enum ex_arch last, const char **out_premise)
{
	enum ex_arch best = EX_ARCH_NONE;
	unsigned most = 0;

	for (int a = 1; a < EX_ARCHES; a++) {
		if (report->votes[a] > most) {
			most = report->votes[a];
			best = (enum ex_arch)a;
		}
	}
	if (best == EX_ARCH_NONE) {
		best = last;
		*out_premise = "the report before it is of that machine";
	}
	if (best == EX_ARM || best == EX_ARM_LPAE)
		best = arm_or_lpae(report);
	return best;
}

static const struct quire_profile *profile_of(enum quire_release release)
{
	const struct quire_profile *profile = NULL;

	for (unsigned i = 0; (profile = quire_profile_at(i)) != NULL; i++) {
		if (profile->release == release)
			return profile;
	}
	return quire_profile_at(0);
}

/* The profile whose rules the release that the report prints had. */
static enum quire_release release_of(const struct ex_version *version)
{
	if (version->major == 2 && version->minor < 5)
		return QUIRE_LINUX_2_4;
	if (version->major == 2 || (version->major == 3 && version->minor < 10))
		return QUIRE_LINUX_2_6;
	if (version->major < 4 || (version->major == 4 && version->minor < 20))
		return QUIRE_LINUX_4_14;
	return QUIRE_LINUX_6;
}

static enum quire_release guess_release(const struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;

	if (report->version.text[0])
		return release_of(&report->version);
	switch (finding->id) {
	case EX_RISCV64:
		return QUIRE_LINUX_6;
	case EX_ARM64:
		return report->has_release && report->release > QUIRE_LINUX_4_14 ? report->release
		       : report->line                                            ? QUIRE_LINUX_4_14
										 : QUIRE_LINUX_6;
	case EX_ARM:
	case EX_ARM_LPAE:
		if (report->has_release)
			return report->release;
		return report->line ? QUIRE_LINUX_2_6 : QUIRE_LINUX_6;
	default:
		return report->has_release ? report->release : QUIRE_LINUX_6;
	}
}

/* The end of user addresses, by an address that is the kernel's own: 0xc0000000 or one of the other splits
 * that 32-bit kernels are built with. ARM has 16 MiB of modules below it. */
static uint64_t split_of(const struct ex_finding *finding, uint64_t own)
{
	static const uint64_t splits[] = {UINT64_C(0xc0000000), UINT64_C(0xb0000000), UINT64_C(0x80000000),
					  UINT64_C(0x40000000)};
	uint64_t modules = ex_is_arm(finding) ? UINT64_C(0x01000000) : 0;

	for (size_t i = 0; i < sizeof(splits) / sizeof(splits[0]); i++) {
		if (own >= splits[i] - modules)
			return splits[i] - modules;
	}
	return finding->arch.user_end;
}

/* The kernel's own stack, and its pc where that is not the address it jumped to, lie above the split. */
static void find_split(struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;
	uint64_t own;

	if (report->mode != QUIRE_MODE_KERNEL || finding->arch.long_bytes != 4)
		return;
	if (report->has_sp)
		own = report->sp;
	else if (!ex_register(report, "sp", &own) && !ex_register(report, "esp", &own))
		own = report->has_pc && report->pc != report->address ? report->pc : UINT64_MAX;
	if (own == UINT64_MAX)
		return;
	finding->split_known = true;
	finding->arch.user_end = split_of(finding, own);
}

static bool copy_arch(struct ex_finding *finding)
{
	const struct quire_arch *arch = quire_arch_find(arches[finding->id].library);

	if (!arch)
		return false;
	finding->arch = *arch;
	if (finding->id == EX_ARM || finding->id == EX_ARM_LPAE)
		finding->arch.user_end = ARM_USER_END;
	find_split(finding);
	if (finding->arch.long_bytes == 4 && finding->arch.kernel_start > finding->arch.user_end)
		finding->arch.kernel_start = finding->arch.user_end;
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
	if (report->machine_mode)
		finding->reg = "mcause";
	trap->mode = report->mode;
	/* A bare "Unhandled fault:" line with a user's address: the kernel would have gone on to an oops. */
	if (trap->mode == QUIRE_MODE_UNKNOWN && report->maybe_not_oops && report->end == EX_END_UNKNOWN &&
	    report->address < LOWEST_SPLIT && report->line)
		trap->mode = QUIRE_MODE_USER;
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

/* x86 tells fetches apart only where pages can forbid them; and ARM writes only since ARMv6. What the
 * instruction does by its nature, and where the pc stands, may tell more. */
static void refine_access(struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;
	struct quire_fault *fault = &finding->fault;

	if (report->kind == EX_KIND_FAULT && report->has_address && report->has_pc &&
	    report->pc == report->address &&
	    ((ex_is_x86(finding) && fault->access == QUIRE_ACCESS_READ) ||
	     (finding->id == EX_RISCV64 && fault->access == QUIRE_ACCESS_UNKNOWN))) {
		fault->access = QUIRE_ACCESS_EXEC;
		ex_say(finding, EX_PART_NOTE, EX_DEDUCED, "the pc is the faulting address",
		       "a jump or a call went there: the access is the fetch");
		return;
	}
	if (!ex_is_arm(finding) || finding->trap.vector != QUIRE_VECTOR_DATA_ABORT || !finding->decoded ||
	    fault->access != QUIRE_ACCESS_READ || ex_arm_tells_write(report))
		return;
	if (finding->listing.reads == finding->listing.writes) {
		fault->access = QUIRE_ACCESS_UNKNOWN;
	} else if (finding->listing.writes) {
		fault->access = QUIRE_ACCESS_WRITE;
		ex_say(finding, EX_PART_NOTE, EX_DEDUCED, "the instruction at the pc",
		       "the access was a write: the CPU is older than ARMv6, whose DFSR has no WnR");
	}
}

static void note_report(struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;

	if (finding->arch_premise)
		ex_say(finding, EX_PART_NOTE, EX_DEDUCED, finding->arch_premise, "the machine is %s",
		       ex_arch_name(finding->id));
	if (report->oops_number > 1)
		ex_say(finding, EX_PART_NOTE, EX_READ, NULL,
		       "oops number %u since the system started: an earlier one may be its cause",
		       report->oops_number);
	if (report->sanitizer_line)
		ex_say(finding, EX_PART_NOTE, EX_READ, NULL,
		       "a memory checker complains before it, at line %u: look there first",
		       report->sanitizer_line);
	if (report->implicit)
		ex_say(finding, EX_PART_NOTE, EX_READ, NULL,
		       "the CPU made the access by itself while a program ran, as it does to its descriptor "
		       "tables");
	if (report->aligned_pc)
		ex_say(finding, EX_PART_NOTE, EX_READ, NULL,
		       "the alignment trap names the instruction; the pc of the dump is one further");
	if (finding->trap.mode == QUIRE_MODE_USER && report->mode == QUIRE_MODE_UNKNOWN &&
	    report->maybe_not_oops)
		ex_say(finding, EX_PART_NOTE, EX_DEDUCED,
		       "a user's address, and no \"Internal error\" behind the line",
		       "a program's fault: the kernel sends a signal and goes on");
}

static bool has_subject(const struct ex_report *report)
{
	return report->has_address || report->has_code || report->kind == EX_KIND_PROTECTION;
}

static void explain(const struct ex_options *options, struct ex_finding *finding)
{
	if (options->disassembler)
		ex_disassemble(options->disassembler, finding);
	refine_access(finding);
	if (finding->fault.access == QUIRE_ACCESS_EXEC)
		finding->listing.count = 0; /* what lies there is no code */
	note_report(finding);
	ex_find_way(finding);
	ex_find_path(finding);
	ex_find_walk(finding);
	ex_find_hints(finding);
	ex_find_operand(finding);
	if (options->symbols)
		ex_symbolize(options->symbols, finding);
	ex_tell(finding, options->short_form);
}

enum ex_verdict ex_find_out(const struct ex_options *options, const struct ex_report *report,
			    enum ex_arch last, struct ex_finding *out_finding)
{
	struct ex_finding *finding = out_finding;

	memset(finding, 0, offsetof(struct ex_finding, said));
	finding->said_count = 0;
	finding->times = 1;
	finding->report = report;
	if (report->resolved)
		return EX_NOTHING;
	if (report->foreign)
		return EX_FOREIGN;
	if (!has_subject(report))
		return EX_NOTHING;
	finding->id = options->arch ? options->arch : guess_arch(report, last, &finding->arch_premise);
	if (finding->id == EX_ARCH_NONE || !copy_arch(finding))
		return EX_FOREIGN;
	finding->profile = options->profile ? options->profile : profile_of(guess_release(finding));
	finding->profile_guessed = !options->profile;
	if (report->has_code && report->kind != EX_KIND_PROTECTION)
		decode(options, finding);
	else
		take_words(finding);
	/* A log's breakpoints and illegal instructions are no memory faults. A bare code is explained. */
	if (report->line && finding->decoded && finding->fault.route == QUIRE_ROUTE_IGNORE &&
	    report->kind == EX_KIND_FAULT)
		return EX_NOTHING;
	explain(options, finding);
	return EX_EXPLAINED;
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
