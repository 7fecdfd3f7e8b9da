/* SPDX-License-Identifier: MIT */
/* A 16550 serial line on PCI, for standard error: found behind a generic host bridge, whose configuration space is
 * memory (PCI Express Base Specification, 7.2.2, ECAM), and given ports at the start of the bridge's window. */
#include "cpu.h"
#include "arch/common/fdt.h"

#define ID            0x00
#define COMMAND       0x04
#define COMMAND_IO    1
#define CLASS         0x08
#define CLASS_SERIAL  0x0700
#define BAR0          0x10
#define BAR0_PORTS    1
#define NOBODY        0xffffffff
#define PORTS_AT      0x1000 /* in the window: port 0 reads as absent */
#define SPACE_PORTS   0x01000000
#define RANGE_BYTES   28 /* bus address 3 cells, CPU address 2, size 2 */

/* 16550, by offset. */
#define DATA           0
#define FIFO_CONTROL   2
#define LINE_CONTROL   3
#define LINE_STATUS    5
#define TRANSMIT_EMPTY 0x20
#define FIFO_BYTES     16

static volatile uint8_t *port;

/* Where the CPU sees ports; 0: the bridge has none. */
static uint64_t window_of_ports(void)
{
	struct fdt_node node = {0};

	while (fdt_next(device_tree, &node)) {
		size_t bytes;
		const char *type = fdt_property(device_tree, &node, "device_type", &bytes);
		const uint8_t *row;

		if (node.depth != 2 || !type || bytes != 4 || memcmp(type, "pci", 4))
			continue;
		row = fdt_property(device_tree, &node, "ranges", &bytes);
		for (; row && bytes >= RANGE_BYTES; row += RANGE_BYTES, bytes -= RANGE_BYTES)
			if ((fdt_cells(row, 1) & 0x03000000) == SPACE_PORTS)
				return fdt_cells(row + 12, 2);
		return 0;
	}
	return 0;
}

void pci_serial_init(void)
{
	struct device bridge;
	uint64_t window = window_of_ports();
	volatile char *space;

	if (!window || !device_find("pci-host-ecam-generic", &bridge))
		return;
	space = (volatile char *)device_map(bridge.reg[0], 1 << 20); /* of the first bus */
	for (unsigned slot = 0; slot < 32; slot++) {
		volatile char *device = space + (slot << 15);

		if (read32(device, ID) == NOBODY || read32(device, CLASS) >> 16 != CLASS_SERIAL)
			continue;
		write32(device, BAR0, PORTS_AT | BAR0_PORTS);
		write32(device, COMMAND, read32(device, COMMAND) | COMMAND_IO);
		port = (volatile uint8_t *)device_map(window + PORTS_AT, 8);
		port[LINE_CONTROL] = 0x83;
		port[DATA] = 1; /* 115200 */
		port[LINE_CONTROL] = 3; /* 8 bits, no parity */
		port[FIFO_CONTROL] = 0xc7;
		return;
	}
}

/* Bytes taken, at most `n`; 0: not now. -1: there is no such line. */
int pci_serial_put(const uint8_t *bytes, size_t n)
{
	if (!port)
		return -1;
	/* When the holding register is empty, the whole FIFO is. */
	if (!(port[LINE_STATUS] & TRANSMIT_EMPTY))
		return 0;
	n = MIN(n, FIFO_BYTES);
	for (size_t i = 0; i < n; i++)
		port[DATA] = bytes[i];
	return (int)n;
}
