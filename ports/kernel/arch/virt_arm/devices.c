/* SPDX-License-Identifier: MIT */
/* Interrupts of devices as the GIC numbers them, and the firmware: PSCI. */
#include "cpu.h"
#include "arch/common/fdt.h"

const void *device_tree;

/* Type 0: of the machine, from 32 up; type 1: a CPU's own, from 16 up. */
unsigned device_interrupt(const struct device *device, unsigned n)
{
	const uint32_t *cell = device->interrupt + 3 * n;

	if (3 * n + 3 > device->interrupt_cells)
		panic("boot: a device without interrupt %u", n);
	return cell[1] + (cell[0] ? 16 : 32);
}

/* PSCI (DEN0022) through the conduit that the tree names. */
static bool psci_by_smc(void)
{
	struct fdt_node node = {0};
	size_t bytes;

	while (fdt_next(device_tree, &node)) {
		const char *method = fdt_property(device_tree, &node, "method", &bytes);

		if (node.depth == 2 && !strcmp(node.name, "psci") && method)
			return bytes == 4 && !memcmp(method, "smc", 4);
	}
	return false;
}

uint64_t psci(uint32_t function, uint64_t a, uint64_t b, uint64_t c)
{
	return firmware_call(psci_by_smc(), function, a, b, c);
}
