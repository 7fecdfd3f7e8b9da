/* SPDX-License-Identifier: MIT */
/* Two 16550 serial lines, the debugcon log port, and the way to end QEMU.
 *
 *   COM1 0x3f8   console: /dev/console and /dev/tty; input by interrupt
 *   COM2 0x2f8   standard error
 *   port 0xe9    debugcon: the log, and at the end the report (kern/report.h)
 *   port 0xf4    isa-debug-exit: QEMU's own exit status is (code << 1) | 1 */
#include "cpu.h"
#include "kern/lock.h"
#include "fs/vfs.h"

/* 16550 registers, from the line's base. */
#define DATA             0
#define INTERRUPT_ENABLE 1
#define FIFO_CONTROL     2
#define LINE_CONTROL     3
#define MODEM_CONTROL    4
#define LINE_STATUS      5
#define RECEIVED         1
#define TRANSMIT_EMPTY   0x20
#define FIFO_BYTES       16
#define SERIAL_IRQ       4

#define LOG_PORT  0xe9
#define EXIT_PORT 0xf4

static const uint16_t base[CONSOLE_LINES] = {0x3f8, 0x2f8};
static struct mutex line_lock[CONSOLE_LINES] = {MUTEX_INIT(line_lock[0]), MUTEX_INIT(line_lock[1])};

void serial_init(void)
{
	for (unsigned i = 0; i < CONSOLE_LINES; i++) {
		outb(base[i] + LINE_CONTROL, 0x83);
		outb(base[i] + DATA, 1); /* 115200 */
		outb(base[i] + INTERRUPT_ENABLE, 0);
		outb(base[i] + LINE_CONTROL, 3); /* 8 bits, no parity */
		outb(base[i] + FIFO_CONTROL, 0xc7);
		outb(base[i] + MODEM_CONTROL, 0x0b);
	}
	ioapic_route(SERIAL_IRQ, VECTOR_SERIAL);
}

void arch_console_write(enum console_line line, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	mutex_lock(&line_lock[line]);
	while (n) {
		/* When the holding register is empty, the whole FIFO is. */
		while (!(inb(base[line] + LINE_STATUS) & TRANSMIT_EMPTY))
			cond_resched();
		for (unsigned i = 0; i < FIFO_BYTES && n; i++, n--)
			outb(base[line] + DATA, *p++);
	}
	mutex_unlock(&line_lock[line]);
}

/* A byte that the console had no room for; only the interrupt, which is CPU 0's, touches it. */
static int held = -1;

void serial_interrupt(void)
{
	uint16_t port = base[CONSOLE_OUTPUT];

	while (held >= 0 || inb(port + LINE_STATUS) & RECEIVED) {
		if (held < 0)
			held = inb(port + DATA);
		if (!console_input((unsigned char)held)) {
			outb(port + INTERRUPT_ENABLE, 0);
			return;
		}
		held = -1;
	}
}

/* The interrupt is raised by hand: what is held makes the UART raise none. */
void arch_console_listen(void)
{
	outb(base[CONSOLE_OUTPUT] + INTERRUPT_ENABLE, 1);
	apic_send(cpus[0].arch.apic_id, 0x4000 | VECTOR_SERIAL);
}

void arch_log_write(const char *bytes, size_t n)
{
	while (n--)
		outb(LOG_PORT, (uint8_t)*bytes++);
}

void arch_end_machine(unsigned char code)
{
	outb(EXIT_PORT, code);
	for (;;)
		__asm__ volatile("cli; hlt");
}
