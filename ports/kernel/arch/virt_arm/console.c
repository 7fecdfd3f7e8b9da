/* SPDX-License-Identifier: MIT */
/* A PL011 serial line, a 16550 on PCI, semihosting for the log and the end.
 *
 *   PL011           console: /dev/console and /dev/tty; input by interrupt
 *   pci-serial      standard error; without one it goes to the console
 *   semihosting     the log, and at the end the report (kern/report.h) and the exit status. The machine must have
 *                   it: its instruction is undefined elsewhere. quire run starts QEMU so */
#include "cpu.h"
#include "kern/lock.h"
#include "fs/vfs.h"

/* PL011 (DDI 0183), by offset. */
#define DATA          0x00
#define FLAGS         0x18
#define FLAG_RX_EMPTY 0x10
#define FLAG_TX_FULL  0x20
#define CONTROL       0x30
#define MASK          0x38
#define CLEAR         0x44
#define RECEIVE       0x50 /* received, or received and not read for a while */

/* Semihosting for AArch32 and AArch64, 2.0. */
#define SYS_WRITE0        0x04
#define SYS_EXIT_EXTENDED 0x20 /* with a status on AArch32 too */
#define APPLICATION_EXIT  0x20026
#define PSCI_SYSTEM_OFF   0x84000008

unsigned console_irq = ~0u;
static volatile void *uart;
static bool has_error_line;
static struct mutex line_lock[CONSOLE_LINES] = {MUTEX_INIT(line_lock[0]), MUTEX_INIT(line_lock[1])};

void console_init(void)
{
	struct device device;

	has_error_line = pci_serial_init(device_tree, device_map);
	if (!device_find(device_tree, "arm,pl011", &device))
		return;
	uart = device_map(device.reg[0], device.bytes[0]);
	console_irq = device_interrupt(&device, 0);
	write32(uart, CONTROL, 0x301); /* on, both ways */
	write32(uart, MASK, 0);
	gic_enable(console_irq);
}

/* Bytes taken, at most `n`; 0: not now. */
static size_t pl011_put(const uint8_t *bytes, size_t n)
{
	size_t done = 0;

	while (done < n && !(read32(uart, FLAGS) & FLAG_TX_FULL))
		write32(uart, DATA, bytes[done++]);
	return done;
}

void arch_console_write(enum console_line line, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	mutex_lock(&line_lock[line]);
	while (n && uart) {
		size_t done =
		    line == CONSOLE_ERROR && has_error_line ? pci_serial_put(p, n) : pl011_put(p, n);

		p += done;
		n -= done;
		if (!done)
			cond_resched();
	}
	mutex_unlock(&line_lock[line]);
}

/* A byte that the console had no room for; only the interrupt, which is CPU 0's, touches it. */
static int held = -1;

void console_interrupt(void)
{
	write32(uart, CLEAR, RECEIVE);
	while (held >= 0 || !(read32(uart, FLAGS) & FLAG_RX_EMPTY)) {
		if (held < 0)
			held = read32(uart, DATA) & 0xff;
		if (!console_input((unsigned char)held)) {
			write32(uart, MASK, 0);
			return;
		}
		held = -1;
	}
}

/* The interrupt is raised by hand: for what is held the line raises none. */
void arch_console_listen(void)
{
	if (!uart)
		return;
	write32(uart, MASK, RECEIVE);
	gic_send(0, GIC_LISTEN);
}

void arch_log_write(const char *bytes, size_t n)
{
	char text[129];

	while (n) {
		size_t part = MIN(n, sizeof(text) - 1);

		memcpy(text, bytes, part);
		text[part] = '\0';
		semihosting(SYS_WRITE0, text);
		bytes += part;
		n -= part;
	}
}

/* QEMU's exit status is what its debug exit of other machines makes of the code. */
void arch_end_machine(unsigned char code)
{
	uintptr_t how[2] = {APPLICATION_EXIT, code << 1 | 1u};

	semihosting(SYS_EXIT_EXTENDED, how);
	/* A host that has no such end turns the machine off. */
	psci(PSCI_SYSTEM_OFF, 0, 0, 0);
	for (;;)
		__asm__ volatile("wfi");
}
