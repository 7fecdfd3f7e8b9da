/* SPDX-License-Identifier: MIT */
/* The local APIC, the I/O APIC, and the list of CPUs that ACPI's MADT gives. */
#include "cpu.h"

/* SDM volume 3, 11.4.1: registers of the local APIC, by offset. */
#define APIC_ID            0x20
#define APIC_EOI           0xb0
#define APIC_SPURIOUS      0xf0
#define APIC_ICR_LOW       0x300
#define APIC_ICR_HIGH      0x310
#define APIC_LVT_TIMER     0x320
#define APIC_LVT_LINT0     0x350
#define APIC_LVT_LINT1     0x360
#define APIC_TIMER_INITIAL 0x380
#define APIC_TIMER_CURRENT 0x390
#define APIC_TIMER_DIVIDE  0x3e0
#define APIC_ENABLE        0x100
#define APIC_MASKED        0x10000
#define ICR_PENDING        (1 << 12)
#define IOAPIC_PA          0xfec00000

static volatile uint32_t *apic, *ioapic;

static uint32_t apic_read(unsigned offset)
{
	return apic[offset / 4];
}

static void apic_write(unsigned offset, uint32_t value)
{
	apic[offset / 4] = value;
}

uint32_t apic_id(void)
{
	return apic_read(APIC_ID) >> 24;
}

void apic_end(void)
{
	apic_write(APIC_EOI, 0);
}

/* One interprocessor interrupt. Interrupts off in between: the two halves of ICR belong together. */
void apic_send(uint32_t id, uint32_t command)
{
	bool on = arch_irqs_are_on();

	arch_irq_off();
	while (apic_read(APIC_ICR_LOW) & ICR_PENDING)
		__asm__ volatile("pause");
	apic_write(APIC_ICR_HIGH, id << 24);
	apic_write(APIC_ICR_LOW, command);
	if (on)
		arch_irq_on();
}

void apic_timer_start(uint32_t count)
{
	apic_write(APIC_TIMER_INITIAL, count);
}

uint32_t apic_timer_left(void)
{
	return apic_read(APIC_TIMER_CURRENT);
}

void apic_init_cpu(void)
{
	apic_write(APIC_SPURIOUS, APIC_ENABLE | VECTOR_SPURIOUS);
	apic_write(APIC_LVT_LINT0, APIC_MASKED);
	apic_write(APIC_LVT_LINT1, APIC_MASKED);
	apic_write(APIC_TIMER_DIVIDE, 0xb); /* by 1 */
	apic_write(APIC_LVT_TIMER, VECTOR_TIMER);
}

static void ioapic_write(uint32_t index, uint32_t value)
{
	ioapic[0] = index;
	ioapic[4] = value;
}

/* Edge, active high, fixed, to the boot CPU: ISA's interrupts above 2 have these numbers on PCs. */
void ioapic_route(unsigned irq, unsigned vector)
{
	ioapic_write(0x11 + 2 * irq, apic_id() << 24);
	ioapic_write(0x10 + 2 * irq, vector);
}

void apic_init_boot(void)
{
	/* The two 8259s: moved off the exceptions, and masked for good. */
	outb(0x20, 0x11);
	outb(0xa0, 0x11);
	outb(0x21, 0x20);
	outb(0xa1, 0x28);
	outb(0x21, 4);
	outb(0xa1, 2);
	outb(0x21, 1);
	outb(0xa1, 1);
	outb(0x21, 0xff);
	outb(0xa1, 0xff);
	apic = device_map(read_msr(MSR_APIC_BASE) & 0xffffff000, PAGE_SIZE);
	ioapic = device_map(IOAPIC_PA, PAGE_SIZE);
}

/* --- ACPI 6.4, 5.2: RSDP -> RSDT or XSDT -> MADT ---------------------------------------------- */

struct acpi_table {
	char signature[4];
	uint32_t length;
	uint8_t revision, sum;
	char oem[18];
	uint32_t creator[2];
} __attribute__((packed));

/* A table, the whole of it. */
static const struct acpi_table *table_at(uint64_t pa)
{
	const struct acpi_table *head = device_map(pa, sizeof(*head));

	return device_map(pa, head->length);
}

static const uint8_t *find_rsdp(void)
{
	uint64_t pa = acpi_root_pointer();

	if (pa)
		return device_map(pa, 36);
	for (pa = 0xe0000; pa < 0x100000; pa += 16) {
		if (!memcmp(pa_to_linear(pa), "RSD PTR ", 8))
			return pa_to_linear(pa);
	}
	return NULL;
}

static const struct acpi_table *find_table(const char *signature)
{
	const uint8_t *rsdp = find_rsdp();
	const struct acpi_table *root, *table;
	unsigned width;
	uint64_t pa = 0;
	uint32_t pa32;

	if (!rsdp)
		return NULL;
	width = rsdp[15] >= 2 ? 8 : 4;
	if (width == 8) {
		memcpy(&pa, rsdp + 24, 8);
	} else {
		memcpy(&pa32, rsdp + 16, 4);
		pa = pa32;
	}
	root = table_at(pa);
	for (uint32_t at = sizeof(*root); at + width <= root->length; at += width) {
		pa = 0;
		memcpy(&pa, (const uint8_t *)root + at, width);
		table = table_at(pa);
		if (!memcmp(table->signature, signature, 4))
			return table;
	}
	return NULL;
}

/* The APIC ids of the usable CPUs, this one's first. Returns how many; 1 without ACPI. */
unsigned acpi_cpus(uint32_t *ids, unsigned max)
{
	const struct acpi_table *madt = find_table("APIC");
	const uint8_t *bytes = (const uint8_t *)madt;
	unsigned count = 1;

	ids[0] = apic_id();
	if (!madt)
		return 1;
	for (uint32_t at = 44; at + 2 <= madt->length && bytes[at + 1] >= 2; at += bytes[at + 1]) {
		/* Entry type 0: processor local APIC; flags bit 0: enabled. */
		if (bytes[at] != 0 || !(bytes[at + 4] & 1) || bytes[at + 3] == ids[0] || count == max)
			continue;
		ids[count++] = bytes[at + 3];
	}
	return count;
}
