/* SPDX-License-Identifier: MIT */
/* Devices of a device tree (Devicetree Specification 0.4). */
#ifndef KERNEL_DEVICE_H
#define KERNEL_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct device {
	uint64_t reg[2], bytes[2]; /* the first two ranges of registers */
	uint32_t interrupt[12];    /* the cells of its interrupts */
	unsigned interrupt_cells;
};

/* The first child of the root, or of a bus below it that leaves addresses as they are, that is compatible with `name`.
 * False: there is none. */
bool device_find(const void *tree, const char *name, struct device *out);
/* The value of one of its properties; NULL: there is no such device, or it has none of that name. */
const void *device_property(const void *tree, const char *name, const char *property, size_t *out_bytes);

/* An ns16550a, whose registers are bytes at `port`: 115200 baud, 8 bits, no parity, FIFOs. */
void uart_init(volatile uint8_t *port);
/* Bytes taken, at most `n`; 0: not now. */
size_t uart_put(volatile uint8_t *port, const uint8_t *bytes, size_t n);

/* A serial line on PCI: behind a generic host bridge, whose configuration space `map` makes addressable. False:
 * there is none. */
bool pci_serial_init(const void *tree, volatile void *(*map)(uint64_t pa, uint64_t bytes));
/* Bytes taken, at most `n`; 0: not now. => pci_serial_init() found one. */
size_t pci_serial_put(const uint8_t *bytes, size_t n);

#endif
