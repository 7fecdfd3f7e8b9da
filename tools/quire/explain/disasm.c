/* SPDX-License-Identifier: MIT */
/* The faulting instruction, from the Code: bytes of the log, by capstone: its text, what it does to memory,
 * and its operand. */
#include "explain.h"

#include <capstone/capstone.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum engine {
	ENGINE_X86_64,
	ENGINE_I386,
	ENGINE_ARM,
	ENGINE_THUMB,
	ENGINE_ARM64,
	ENGINES /* none: RISC-V, which came to capstone after version 4 */
};

struct ex_disassembler {
	csh handle[ENGINES];
	bool open[ENGINES], tried[ENGINES];
};

struct ex_disassembler *ex_disassembler_open(void)
{
	return calloc(1, sizeof(struct ex_disassembler));
}

void ex_disassembler_close(struct ex_disassembler *disassembler)
{
	if (!disassembler)
		return;
	for (int i = 0; i < ENGINES; i++) {
		if (disassembler->open[i])
			cs_close(&disassembler->handle[i]);
	}
	free(disassembler);
}

/* An engine is opened when the first report needs it. Returns NULL where capstone has none. */
static const csh *engine(struct ex_disassembler *disassembler, enum engine which)
{
	static const struct {
		cs_arch arch;
		cs_mode mode;
	} modes[ENGINES] = {
	    [ENGINE_X86_64] = {CS_ARCH_X86, CS_MODE_64},   [ENGINE_I386] = {CS_ARCH_X86, CS_MODE_32},
	    [ENGINE_ARM] = {CS_ARCH_ARM, CS_MODE_ARM},     [ENGINE_THUMB] = {CS_ARCH_ARM, CS_MODE_THUMB},
	    [ENGINE_ARM64] = {CS_ARCH_ARM64, CS_MODE_ARM},
	};

	if (which == ENGINES)
		return NULL;
	if (!disassembler->tried[which]) {
		csh *handle = &disassembler->handle[which];

		disassembler->tried[which] = true;
		disassembler->open[which] =
		    cs_open(modes[which].arch, modes[which].mode, handle) == CS_ERR_OK;
		if (disassembler->open[which])
			cs_option(*handle, CS_OPT_DETAIL, CS_OPT_ON);
	}
	return disassembler->open[which] ? &disassembler->handle[which] : NULL;
}

static enum engine engine_of(const struct ex_finding *finding)
{
	switch (finding->id) {
	case EX_X86_64:
		return ENGINE_X86_64;
	case EX_I386:
		return ENGINE_I386;
	case EX_ARM64:
		return ENGINE_ARM64;
	case EX_ARM:
	case EX_ARM_LPAE:
		return finding->report->machine.unit == 2 ? ENGINE_THUMB : ENGINE_ARM;
	default:
		return ENGINES;
	}
}

/* Before 2.6.20 the kernel printed from the faulting byte on, and marked nothing: 20 bytes. Any other line
 * without a mark is cut, and says nothing of where the instruction begins. */
static bool begins_at_fault(const struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;
	const struct ex_version *version = &report->version;
	bool old = version->text[0] ? version->major == 2 &&
					  (version->minor < 6 || (version->minor == 6 && version->patch < 20))
				    : report->release == QUIRE_LINUX_2_4 && report->has_release;

	return ex_is_x86(finding) && report->end == EX_END_OOPS && old && report->machine.count <= 20;
}

/* --- the operand ------------------------------------------------------------------------------------------ */

/* "[rax + 8] = 0x0 + 8": `scale` is the index's factor, `index` NULL where there is none. */
struct operand {
	const char *base, *index;
	unsigned scale;
	int64_t displacement;
	bool segment; /* a segment's base, which no report has for user addresses, is added */
};

/* ARM's aliases: dumps say "r10", "fp" and "ip" as the kernel does. */
static bool register_value(const struct ex_report *report, const char *name, uint64_t *out_value)
{
	static const char *const aliases[][2] = {{"sb", "r9"},  {"sl", "r10"}, {"fp", "x29"}, {"fp", "r11"},
						 {"ip", "r12"}, {"lr", "x30"}, {"x29", "fp"}, {"x30", "lr"}};
	char text[8];

	if (ex_register(report, name, out_value))
		return true;
	if ((strcmp(name, "sp") == 0 || strcmp(name, "rsp") == 0 || strcmp(name, "esp") == 0) &&
	    report->has_sp) {
		*out_value = report->sp;
		return true;
	}
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
		if (strcmp(name, aliases[i][0]) == 0 && ex_register(report, aliases[i][1], out_value))
			return true;
	}
	if (name[0] == 'r' && name[1] && name[2] == '\0' && name[1] >= '8' && name[1] <= '9') {
		snprintf(text, sizeof(text), "r0%c", name[1]); /* x86-64 dumps have "R08" */
		return ex_register(report, text, out_value);
	}
	return false;
}

static void append_term(char *out, size_t size, int64_t value)
{
	size_t length = strlen(out);
	uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;

	if (value)
		snprintf(out + length, size - length, " %c %#" PRIx64, value < 0 ? '-' : '+', magnitude);
}

/* capstone calls ARM's r9 and r10 by names that no dump has. */
static const char *kernel_name(const char *name)
{
	return strcmp(name, "sb") == 0 ? "r9" : strcmp(name, "sl") == 0 ? "r10" : name;
}

/* Adds to the text of the formula. */
__attribute__((format(printf, 2, 3))) static void write(struct ex_listing *listing, const char *format, ...)
{
	size_t length = strlen(listing->formula);
	va_list args;

	va_start(args, format);
	vsnprintf(listing->formula + length, sizeof(listing->formula) - length, format, args);
	va_end(args);
}

static void compute(struct ex_finding *finding, const struct operand *operand)
{
	struct ex_listing *listing = &finding->listing;
	const char *base = operand->base, *index = operand->index, *plus = base && index ? " + " : "";
	uint64_t base_value = 0, index_value = 0;
	char scale[16] = "";

	if (operand->segment || (!base && !index))
		return;
	if (base && !register_value(finding->report, base, &base_value))
		return;
	if (index && !register_value(finding->report, index, &index_value))
		return;
	if (index && operand->scale > 1)
		snprintf(scale, sizeof(scale), "*%u", operand->scale);
	listing->has_operand = true;
	listing->operand = base_value + index_value * operand->scale + (uint64_t)operand->displacement;
	if (finding->arch.long_bytes == 4)
		listing->operand &= UINT32_MAX;
	base = base ? kernel_name(base) : NULL;
	index = index ? kernel_name(index) : NULL;
	if (!index) {
		listing->has_base = true;
		listing->base_value = base_value;
		snprintf(listing->base, sizeof(listing->base), "%s", base);
	}
	write(listing, "[%s%s%s%s", base ? base : "", plus, index ? index : "", scale);
	append_term(listing->formula, sizeof(listing->formula), operand->displacement);
	write(listing, "]");
	if (!index && !operand->displacement)
		return;
	write(listing, " = ");
	if (base)
		write(listing, "%#" PRIx64, base_value);
	if (index)
		write(listing, "%s%#" PRIx64 "%s", plus, index_value, scale);
	append_term(listing->formula, sizeof(listing->formula), operand->displacement);
}

static void note_access(struct ex_listing *listing, uint8_t access)
{
	listing->reads = listing->reads || access & CS_AC_READ;
	listing->writes = listing->writes || access & CS_AC_WRITE;
}

static void x86_operand(csh handle, const cs_insn *insn, struct ex_finding *finding)
{
	const cs_x86 *x86 = &insn->detail->x86;
	unsigned memory = 0;

	for (uint8_t i = 0; i < x86->op_count; i++)
		memory += x86->operands[i].type == X86_OP_MEM;
	for (uint8_t i = 0; i < x86->op_count; i++) {
		const cs_x86_op *op = &x86->operands[i];
		struct operand operand = {.scale = (unsigned)op->mem.scale, .displacement = op->mem.disp};

		if (op->type != X86_OP_MEM || insn->id == X86_INS_LEA || insn->id == X86_INS_NOP)
			continue;
		note_access(&finding->listing, op->access);
		if (memory > 1 || op->mem.base == X86_REG_RIP || op->mem.base == X86_REG_EIP)
			continue;
		operand.segment = op->mem.segment == X86_REG_GS || op->mem.segment == X86_REG_FS;
		operand.base = op->mem.base ? cs_reg_name(handle, op->mem.base) : NULL;
		operand.index = op->mem.index ? cs_reg_name(handle, op->mem.index) : NULL;
		compute(finding, &operand);
	}
}

static bool is_store(const char *mnemonic)
{
	return strncmp(mnemonic, "st", 2) == 0 || strncmp(mnemonic, "push", 4) == 0 ||
	       strncmp(mnemonic, "vst", 3) == 0;
}

static bool is_load(const char *mnemonic)
{
	return strncmp(mnemonic, "ld", 2) == 0 || strncmp(mnemonic, "pop", 3) == 0 ||
	       strncmp(mnemonic, "vld", 3) == 0;
}

static void arm_operand(csh handle, const cs_insn *insn, struct ex_finding *finding)
{
	const cs_arm *arm = &insn->detail->arm;

	finding->listing.reads = is_load(insn->mnemonic);
	finding->listing.writes = is_store(insn->mnemonic);
	for (uint8_t i = 0; i < arm->op_count; i++) {
		const cs_arm_op *op = &arm->operands[i];
		struct operand operand = {.scale = 1, .displacement = op->mem.disp};

		if (op->type != ARM_OP_MEM)
			continue;
		operand.base = op->mem.base ? cs_reg_name(handle, op->mem.base) : NULL;
		operand.index = op->mem.index ? cs_reg_name(handle, op->mem.index) : NULL;
		if (op->mem.index && (op->mem.scale < 0 || op->subtracted))
			continue;
		if (op->mem.index && op->shift.type == ARM_SFT_LSL)
			operand.scale = 1u << (op->shift.value & 31);
		else if (op->mem.index && op->shift.type != ARM_SFT_INVALID)
			continue;
		compute(finding, &operand);
	}
}

static void arm64_operand(csh handle, const cs_insn *insn, struct ex_finding *finding)
{
	const cs_arm64 *arm64 = &insn->detail->arm64;

	finding->listing.reads = is_load(insn->mnemonic);
	finding->listing.writes = is_store(insn->mnemonic);
	for (uint8_t i = 0; i < arm64->op_count; i++) {
		const cs_arm64_op *op = &arm64->operands[i];
		struct operand operand = {.scale = 1, .displacement = op->mem.disp};

		if (op->type != ARM64_OP_MEM || (op->mem.index && op->ext != ARM64_EXT_INVALID))
			continue;
		operand.base = op->mem.base ? cs_reg_name(handle, op->mem.base) : NULL;
		operand.index = op->mem.index ? cs_reg_name(handle, op->mem.index) : NULL;
		if (op->mem.index && op->shift.type == ARM64_SFT_LSL)
			operand.scale = 1u << (op->shift.value & 31);
		compute(finding, &operand);
	}
}

static void riscv_listing(struct ex_finding *finding, const uint8_t *bytes, size_t count)
{
	struct ex_listing *listing = &finding->listing;
	struct operand operand = {.scale = 1};
	struct ex_access access;

	if (!ex_riscv_access(bytes, count, &access))
		return;
	listing->line[0].address = finding->report->pc;
	snprintf(listing->line[0].text, sizeof(listing->line[0].text), "%s", access.text);
	listing->count = 1;
	listing->reads = access.reads;
	listing->writes = access.writes;
	operand.base = access.base;
	operand.displacement = access.offset;
	compute(finding, &operand);
}

/* --- the listing ------------------------------------------------------------------------------------------ */

static void add_line(struct ex_listing *listing, const cs_insn *insn)
{
	listing->line[listing->count].address = insn->address;
	snprintf(listing->line[listing->count].text, sizeof(listing->line[0].text), "%.30s%s%.64s",
		 insn->mnemonic, *insn->op_str ? " " : "", insn->op_str);
	listing->count++;
}

/* From the faulting instruction on: where those before it begin, variable lengths do not tell. */
void ex_disassemble(struct ex_disassembler *disassembler, struct ex_finding *finding)
{
	const struct ex_code *code = &finding->report->machine;
	unsigned at = code->fault;
	cs_insn *insns;
	const csh *handle;
	size_t count;

	if (!code->count || at >= code->count || (!code->marked && !begins_at_fault(finding)))
		return;
	if ((code->unit == 1) != ex_is_x86(finding)) /* x86 is the only one that prints bytes */
		return;
	if (finding->id == EX_RISCV64) {
		riscv_listing(finding, code->bytes + at, code->count - at);
		return;
	}
	handle = engine(disassembler, engine_of(finding));
	if (!handle)
		return;
	count = cs_disasm(*handle, code->bytes + at, code->count - at, finding->report->pc, EX_INSTRUCTIONS,
			  &insns);
	for (size_t i = 0; i < count; i++)
		add_line(&finding->listing, &insns[i]);
	if (!count)
		return;
	if (ex_is_x86(finding))
		x86_operand(*handle, &insns[0], finding);
	else if (finding->id == EX_ARM64)
		arm64_operand(*handle, &insns[0], finding);
	else
		arm_operand(*handle, &insns[0], finding);
	cs_free(insns, count);
}
