/* SPDX-License-Identifier: MIT */
/* Devices by the device tree (Devicetree Specification 0.4), and the firmware: PSCI. */
#include "cpu.h"
#include "arch/common/fdt.h"

const void *device_tree;

/* One of the strings of `compatible` is `name`. */
static bool is_compatible(const struct fdt_node *node, const char *name)
{
	size_t bytes, length = strlen(name) + 1;
	const char *list = fdt_property(device_tree, node, "compatible", &bytes);

	while (list && bytes) {
		size_t word = strnlen(list, bytes) + 1;

		if (word > bytes)
			return false;
		if (word == length && !memcmp(list, name, length))
			return true;
		list += word;
		bytes -= word;
	}
	return false;
}

static unsigned cells(const struct fdt_node *node, const char *name, unsigned otherwise)
{
	size_t bytes;
	const void *value = fdt_property(device_tree, node, name, &bytes);

	return value && bytes == 4 ? (unsigned)fdt_cells(value, 1) : otherwise;
}

static void read_device(const struct fdt_node *node, const unsigned width[2], struct device *out)
{
	size_t bytes, row = 4 * ((size_t)width[0] + width[1]);
	const uint8_t *value = fdt_property(device_tree, node, "reg", &bytes);

	*out = (struct device){0};
	for (unsigned i = 0; value && i < ARRAY_SIZE(out->reg) && bytes >= row; i++, bytes -= row, value += row) {
		out->reg[i] = fdt_cells(value, width[0]);
		out->bytes[i] = fdt_cells(value + 4 * width[0], width[1]);
	}
	value = fdt_property(device_tree, node, "interrupts", &bytes);
	for (; value && bytes >= 4 && out->interrupt_cells < ARRAY_SIZE(out->interrupt); bytes -= 4, value += 4)
		out->interrupt[out->interrupt_cells++] = (uint32_t)fdt_cells(value, 1);
}

/* A child of the root: deeper ones have addresses of their bus. */
bool device_find(const char *name, struct device *out)
{
	struct fdt_node node = {0};
	unsigned width[2] = {2, 1};

	while (fdt_next(device_tree, &node)) {
		if (node.depth == 1) {
			width[0] = cells(&node, "#address-cells", 2);
			width[1] = cells(&node, "#size-cells", 1);
		} else if (node.depth == 2 && is_compatible(&node, name)) {
			read_device(&node, width, out);
			return true;
		}
	}
	return false;
}

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

#define CLOBBERED                                                                                     \
	"memory", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x16", "x17"

uint64_t psci(uint32_t function, uint64_t a, uint64_t b, uint64_t c)
{
	bool smc = psci_by_smc();
	register uint64_t x0 __asm__("x0") = function;
	register uint64_t x1 __asm__("x1") = a;
	register uint64_t x2 __asm__("x2") = b;
	register uint64_t x3 __asm__("x3") = c;

	if (smc)
		__asm__ volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : CLOBBERED);
	else
		__asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : CLOBBERED);
	return x0;
}
