/* SPDX-License-Identifier: MIT */
/* A serial line on PCI: found behind a generic host bridge, whose configuration space is
 * memory (PCI Express Base Specification, 7.2.2, ECAM), and given ports at the start of the bridge's window. */
#include "arch/common/device.h"
#include "arch/common/fdt.h"
#include "kern/kernel.h"

#define ID           0x00
#define COMMAND      0x04
#define COMMAND_IO   1
#define CLASS        0x08
#define CLASS_SERIAL 0x0700
#define BAR0         0x10
#define BAR0_PORTS   1
#define NOBODY       0xffffffff
#define PORTS_AT     0x1000 /* in the window: port 0 reads as absent */
#define SPACE_PORTS  0x01000000
#define RANGE_BYTES  28 /* bus address 3 cells, CPU address 2, size 2 */

static volatile uint8_t *port;

static volatile uint32_t *config(volatile char *device, size_t offset)
{
	return (volatile uint32_t *)(volatile void *)(device + offset);
}

/* Where the CPU sees ports; 0: the bridge has none. */
static uint64_t window_of_ports(const void *tree)
{
	struct fdt_node node = {0};

	while (fdt_next(tree, &node)) {
		size_t bytes;
		const char *type = fdt_property(tree, &node, "device_type", &bytes);
		const uint8_t *row;

		if (!type || bytes != 4 || memcmp(type, "pci", 4))
			continue;
		row = fdt_property(tree, &node, "ranges", &bytes);
		for (; row && bytes >= RANGE_BYTES; row += RANGE_BYTES, bytes -= RANGE_BYTES)
			if ((fdt_cells(row, 1) & 0x03000000) == SPACE_PORTS)
				return fdt_cells(row + 12, 2);
		return 0;
	}
	return 0;
}

bool pci_serial_init(const void *tree, volatile void *(*map)(uint64_t pa, uint64_t bytes))
{
	struct device bridge;
	uint64_t window = window_of_ports(tree);
	volatile char *space;

	if (!window || !device_find(tree, "pci-host-ecam-generic", &bridge))
		return false;
	space = (volatile char *)map(bridge.reg[0], 1 << 20); /* of the first bus */
	for (unsigned slot = 0; slot < 32; slot++) {
		volatile char *device = space + (slot << 15);

		if (*config(device, ID) == NOBODY || *config(device, CLASS) >> 16 != CLASS_SERIAL)
			continue;
		*config(device, BAR0) = PORTS_AT | BAR0_PORTS;
		*config(device, COMMAND) |= COMMAND_IO;
		port = (volatile uint8_t *)map(window + PORTS_AT, 8);
		uart_init(port);
		return true;
	}
	return false;
}

size_t pci_serial_put(const uint8_t *bytes, size_t n)
{
	return uart_put(port, bytes, n);
}
