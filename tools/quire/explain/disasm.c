/* SPDX-License-Identifier: MIT */
/* The faulting instruction, from the Code: bytes of the log, by capstone. */
#include "explain.h"

#include <capstone/capstone.h>

#include <stdlib.h>
#include <string.h>

enum engine {
	ENGINE_X86_64,
	ENGINE_I386,
	ENGINE_ARM,
	ENGINE_THUMB,
	ENGINE_ARM64,
	ENGINES /* none: RISC-V came to capstone after version 4 */
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
		disassembler->tried[which] = true;
		disassembler->open[which] =
		    cs_open(modes[which].arch, modes[which].mode, &disassembler->handle[which]) == CS_ERR_OK;
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

static void add_line(struct ex_listing *listing, uint64_t address, const char *mnemonic, const char *operands,
		     bool fault)
{
	if (listing->count == EX_INSTRUCTIONS)
		return;
	listing->line[listing->count].address = address;
	listing->line[listing->count].fault = fault;
	snprintf(listing->line[listing->count].text, sizeof(listing->line[0].text), "%.30s%s%.64s", mnemonic,
		 *operands ? " " : "", operands);
	listing->count++;
}

/* From the faulting instruction on: where those before it begin, variable lengths do not tell. */
void ex_disassemble(struct ex_disassembler *disassembler, struct ex_finding *finding)
{
	const struct ex_code *code = &finding->report->machine;
	uint64_t address = finding->report->pc;
	unsigned at = code->fault;
	cs_insn *instructions;
	const csh *handle;
	size_t count;

	if (!code->count || at >= code->count)
		return;
	/* Kernels of 2.4 print from the faulting byte on; x86 is the only one that prints bytes. */
	if ((code->unit == 1) != (finding->id == EX_X86_64 || finding->id == EX_I386))
		return;
	handle = engine(disassembler, engine_of(finding));
	if (!handle)
		return;
	count = cs_disasm(*handle, code->bytes + at, code->count - at, address, 3, &instructions);
	for (size_t i = 0; i < count; i++)
		add_line(&finding->listing, instructions[i].address, instructions[i].mnemonic,
			 instructions[i].op_str, i == 0);
	if (count)
		cs_free(instructions, count);
}
