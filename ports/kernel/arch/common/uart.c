/* SPDX-License-Identifier: MIT */
/* The ns16550a of device trees: a serial line whose registers are memory. */
#include "arch/common/device.h"
#include "kern/kernel.h"

/* Registers, by offset. */
#define DATA           0
#define FIFO_CONTROL   2
#define LINE_CONTROL   3
#define LINE_STATUS    5
#define TRANSMIT_EMPTY 0x20
#define FIFO_BYTES     16

void uart_init(volatile uint8_t *port)
{
	port[LINE_CONTROL] = 0x83;
	port[DATA] = 1;
	port[LINE_CONTROL] = 3;
	port[FIFO_CONTROL] = 0xc7;
}

size_t uart_put(volatile uint8_t *port, const uint8_t *bytes, size_t n)
{
	/* When the holding register is empty, the whole FIFO is. */
	if (!(port[LINE_STATUS] & TRANSMIT_EMPTY))
		return 0;
	n = MIN(n, FIFO_BYTES);
	for (size_t i = 0; i < n; i++)
		port[DATA] = bytes[i];
	return n;
}
