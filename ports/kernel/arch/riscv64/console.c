/* SPDX-License-Identifier: MIT */
/* A 16550 serial line, another on PCI, semihosting for the log, the finisher for the end.
 *
 *   16550           console: /dev/console and /dev/tty; input by interrupt
 *   pci-serial      standard error; without one it goes to the console
 *   semihosting     the log, and at the end the report (kern/report.h). The machine must have it: elsewhere its
 *                   instruction is a breakpoint. quire run starts QEMU so
 *   sifive,test     ends the machine with an exit status */
#include "cpu.h"
#include "kern/lock.h"
#include "fs/vfs.h"

#define DATA              0
#define INTERRUPT_ENABLE  1
#define RECEIVED          1
#define LINE_STATUS       5
#define RECEIVED_IS_THERE 1

/* RISC-V semihosting 1.0, 2.1: the operations are those of ARM's. */
#define SYS_WRITE0 0x04

#define FINISH_FAIL 0x3333 /* with a code in the upper half */

unsigned console_irq;
static volatile uint8_t *uart;
static volatile void *finisher;
static bool has_error_line, listens; /* `listens` is atomic */
static struct mutex line_lock[CONSOLE_LINES] = {MUTEX_INIT(line_lock[0]), MUTEX_INIT(line_lock[1])};

void console_init(void)
{
	struct device device;

	if (device_find(device_tree, "sifive,test0", &device))
		finisher = device_map(device.reg[0], device.bytes[0]);
	has_error_line = pci_serial_init(device_tree, device_map);
	if (!device_find(device_tree, "ns16550a", &device))
		return;
	uart = (volatile uint8_t *)device_map(device.reg[0], device.bytes[0]);
	uart_init(uart);
	uart[INTERRUPT_ENABLE] = 0;
	/* The firmware spoke on the line. From here on it is the kernel's, which quire run takes from a NUL. */
	while (!uart_put(uart, &(uint8_t){0}, 1))
		continue;
	console_irq = device.interrupt_cells ? device.interrupt[0] : 0;
	if (console_irq)
		plic_enable(console_irq);
}

void arch_console_write(enum console_line line, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	mutex_lock(&line_lock[line]);
	while (n && uart) {
		size_t done =
		    line == CONSOLE_ERROR && has_error_line ? pci_serial_put(p, n) : uart_put(uart, p, n);

		p += done;
		n -= done;
		if (!done)
			cond_resched();
	}
	mutex_unlock(&line_lock[line]);
}

/* A byte that the console had no room for; only interrupts, which are CPU 0's, touch it. */
static int held = -1;

void console_interrupt(void)
{
	while (uart && (held >= 0 || uart[LINE_STATUS] & RECEIVED_IS_THERE)) {
		if (held < 0)
			held = uart[DATA];
		if (!console_input((unsigned char)held)) {
			uart[INTERRUPT_ENABLE] = 0;
			return;
		}
		held = -1;
	}
}

void console_message(void)
{
	if (arch_cpu() == 0 && __atomic_load_n(&listens, __ATOMIC_ACQUIRE)) {
		__atomic_store_n(&listens, false, __ATOMIC_RELAXED);
		console_interrupt();
	}
}

/* CPU 0 gets a message too: for what is held the line raises no interrupt. */
void arch_console_listen(void)
{
	if (!uart)
		return;
	uart[INTERRUPT_ENABLE] = RECEIVED;
	__atomic_store_n(&listens, true, __ATOMIC_RELEASE);
	arch_kick(0);
}

/* The three instructions, of four bytes each, must lie in one page. */
static uint64_t semihosting(uint64_t operation, const void *argument)
{
	register uint64_t a0 __asm__("a0") = operation;
	register const void *a1 __asm__("a1") = argument;

	__asm__ volatile(".option push\n\t.option norvc\n\t.balign 16\n\tslli zero, zero, 0x1f\n\tebreak\n\t"
			 "srai zero, zero, 7\n\t.option pop"
			 : "+r"(a0)
			 : "r"(a1)
			 : "memory");
	return a0;
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
	if (finisher)
		write32(finisher, 0, (code << 1 | 1u) << 16 | FINISH_FAIL);
	/* A machine that has no such end is turned off. */
	SBI(SBI_RESET, SBI_RESET_SHUTDOWN, 0);
	for (;;)
		__asm__ volatile("wfi");
}
