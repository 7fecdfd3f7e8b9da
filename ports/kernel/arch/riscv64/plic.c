/* SPDX-License-Identifier: MIT */
/* The platform-level interrupt controller (RISC-V PLIC specification 1.0). */
#include "cpu.h"
#include "arch/common/fdt.h"

/* Chapters 3 to 9: of each interrupt, and of each context, which is a mode of a hart. */
#define PRIORITY        0x000000
#define ENABLE          0x002000
#define ENABLE_CONTEXT  0x80
#define CONTROL         0x200000
#define CONTROL_CONTEXT 0x1000
#define THRESHOLD       0
#define CLAIM           4

static volatile void *plic;
static unsigned context; /* hart 0's supervisor */

/* The contexts are in the order of `interrupts-extended`: each names a hart's controller and its interrupt. */
static bool find_context(const char *name, unsigned *out)
{
	uint32_t controller = hart_controller(cpus[0].arch.hart);
	size_t bytes;
	const uint8_t *row = device_property(device_tree, name, "interrupts-extended", &bytes);

	for (*out = 0; row && bytes >= 8; ++*out, row += 8, bytes -= 8)
		if (fdt_cells(row, 1) == controller && fdt_cells(row + 4, 1) == IRQ_EXTERNAL)
			return true;
	return false;
}

void plic_init(void)
{
	static const char *const names[] = {"sifive,plic-1.0.0", "riscv,plic0"};
	struct device device;

	for (unsigned i = 0; i < ARRAY_SIZE(names) && !plic; i++)
		if (device_find(device_tree, names[i], &device) && find_context(names[i], &context))
			plic = device_map(device.reg[0], device.bytes[0]);
	if (!plic)
		return;
	write32(plic, CONTROL + context * CONTROL_CONTEXT + THRESHOLD, 0);
	CSR_SET(sie, 1 << IRQ_EXTERNAL);
}

void plic_enable(unsigned interrupt)
{
	size_t at = ENABLE + context * ENABLE_CONTEXT + interrupt / 32 * 4;

	if (!plic)
		return;
	write32(plic, PRIORITY + 4 * interrupt, 1);
	write32(plic, at, read32(plic, at) | 1u << interrupt % 32);
}

unsigned plic_take(void)
{
	return plic ? read32(plic, CONTROL + context * CONTROL_CONTEXT + CLAIM) : 0;
}

void plic_end(unsigned interrupt)
{
	write32(plic, CONTROL + context * CONTROL_CONTEXT + CLAIM, interrupt);
}
