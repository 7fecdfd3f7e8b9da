/* SPDX-License-Identifier: MIT */
/* The interrupt controller: GIC v2 (IHI 0048) or v3 (IHI 0069), whichever the device tree has. */
#include "cpu.h"
#include "kern/entry.h"

/* Registers of the distributor, and of v3's second redistributor frame, by offset. */
#define GICD_CTLR       0x000
#define GICD_IGROUPR    0x080
#define GICD_ISENABLER  0x100
#define GICD_IPRIORITYR 0x400
#define GICD_ITARGETSR  0x800
#define GICD_SGIR       0xf00
#define GICD_IROUTER    0x6000

/* v2: the CPU interface. */
#define GICC_CTLR 0x00
#define GICC_PMR  0x04
#define GICC_IAR  0x0c
#define GICC_EOIR 0x10

/* v3: a redistributor has two frames of 64 KiB; with virtual LPIs four. */
#define GICR_TYPER       0x08
#define GICR_TYPER_LAST  0x10
#define GICR_TYPER_VLPIS 0x02
#define GICR_WAKER       0x14
#define GICR_FRAME       0x10000

#define PRIORITY 0xa0a0a0a0
#define GIC_NONE 1020 /* and above: nothing is pending */

static volatile void *distributor, *interface, *redistributors;
static uint64_t redistributor_bytes;

void gic_init(void)
{
	struct device gic;
	bool v3 = device_find(device_tree, "arm,gic-v3", &gic);

	if (!v3 && !device_find(device_tree, "arm,cortex-a15-gic", &gic) &&
	    !device_find(device_tree, "arm,gic-400", &gic))
		panic("boot: no interrupt controller that is known");
	distributor = device_map(gic.reg[0], gic.bytes[0]);
	if (v3) {
		redistributor_bytes = gic.bytes[1];
		redistributors = device_map(gic.reg[1], gic.bytes[1]);
		write32(distributor, GICD_CTLR, 0x12); /* affinity routing, group 1 */
	} else {
		interface = device_map(gic.reg[1], gic.bytes[1]);
		write32(distributor, GICD_CTLR, 1);
	}
}

/* This CPU's, by its affinity. */
static volatile void *find_redistributor(uint64_t mpidr)
{
	uint32_t affinity = (uint32_t)((mpidr >> 32 & 0xff) << 24 | (mpidr & 0xffffff));

	for (uint64_t at = 0; at < redistributor_bytes;) {
		volatile char *frame = (volatile char *)redistributors + at;
		uint32_t type = read32(frame, GICR_TYPER);

		if (read32(frame, GICR_TYPER + 4) == affinity)
			return frame;
		if (type & GICR_TYPER_LAST)
			break;
		at += (type & GICR_TYPER_VLPIS ? 4 : 2) * GICR_FRAME;
	}
	panic("boot: CPU %u has no redistributor", arch_cpu());
}

void gic_init_cpu(void)
{
	struct arch_cpu *cpu = &this_cpu()->arch;
	volatile char *own = (volatile char *)distributor;

	if (redistributors) {
		volatile void *frame = find_redistributor(cpu->mpidr);

		write32(frame, GICR_WAKER, 0);
		while (read32(frame, GICR_WAKER) & 4)
			arch_relax();
		own = (volatile char *)frame + GICR_FRAME;
		cpu->redistributor = own;
		write32(own, GICD_IGROUPR, ~0u);
		WRITE_REG(ICC_SRE, 1);
		isb();
		WRITE_REG(ICC_PMR, 0xf0);
		WRITE_REG(ICC_GRPEN1, 1);
		isb();
	} else {
		/* The bytes of the first 32 targets say which CPU reads them. */
		cpu->gic_number = (uint8_t)__builtin_ctz(read32(own, GICD_ITARGETSR) | 1u << 31);
		write32(interface, GICC_PMR, 0xf0);
		write32(interface, GICC_CTLR, 1);
	}
	for (unsigned i = 0; i < 32; i += 4)
		write32(own, GICD_IPRIORITYR + i, PRIORITY);
	write32(own, GICD_ISENABLER, 0xffff);
}

/* For a CPU's own interrupts on that CPU; the machine's go to the first CPU. */
void gic_enable(unsigned interrupt)
{
	struct arch_cpu *cpu = &this_cpu()->arch;
	volatile void *own = interrupt < 32 && redistributors ? cpu->redistributor : distributor;
	unsigned shift = 8 * (interrupt % 4);
	size_t byte = ALIGN_DOWN(interrupt, 4u);

	if (interrupt >= 32) {
		write32(own, GICD_IPRIORITYR + byte,
			(read32(own, GICD_IPRIORITYR + byte) & ~(0xffu << shift)) | 0xa0u << shift);
		if (redistributors) {
			write32(own, GICD_IGROUPR + interrupt / 32 * 4,
				read32(own, GICD_IGROUPR + interrupt / 32 * 4) | 1u << interrupt % 32);
			write32(own, GICD_IROUTER + 8 * interrupt, (uint32_t)cpus[0].arch.mpidr & 0xffffff);
			write32(own, GICD_IROUTER + 8 * interrupt + 4, (uint32_t)(cpus[0].arch.mpidr >> 32));
		} else {
			write32(own, GICD_ITARGETSR + byte,
				(read32(own, GICD_ITARGETSR + byte) & ~(0xffu << shift)) |
				    1u << cpus[0].arch.gic_number << shift);
		}
	}
	write32(own, GICD_ISENABLER + interrupt / 32 * 4, 1u << interrupt % 32);
}

/* What is to be served, for gic_end(); GIC_NONE or above: nothing. */
static unsigned gic_take(void)
{
	if (!redistributors)
		return read32(interface, GICC_IAR) & 0x1fff;
	return (unsigned)READ_REG(ICC_IAR1) & 0xffffff;
}

static void gic_end(unsigned interrupt)
{
	if (redistributors)
		WRITE_REG(ICC_EOIR1, interrupt);
	else
		write32(interface, GICC_EOIR, interrupt);
}

void gic_send(unsigned number, unsigned message)
{
	const struct arch_cpu *cpu = &cpus[number].arch;
	uint64_t m = cpu->mpidr;

	__asm__ volatile("dsb ishst" : : : "memory");
	if (!redistributors) {
		write32(distributor, GICD_SGIR, 1u << (16 + cpu->gic_number) | message);
		return;
	}
	WRITE_REG64(ICC_SGI1R, (m >> 32 & 0xff) << 48 | (m >> 16 & 0xff) << 32 | (m >> 8 & 0xff) << 16 |
				   (uint64_t)message << 24 | 1ull << (m & 15));
	isb();
}

void gic_interrupt(bool from_user)
{
	struct cpu *cpu = this_cpu();
	unsigned taken = gic_take(), number = taken & 0x3ff; /* of a message, v2 adds who sent it */

	if (number >= GIC_NONE)
		return;
	cpu->in_interrupt++;
	if (number == timer_irq) {
		/* Its line is high until it is set again. */
		clock_stop();
		gic_end(taken);
		timer_interrupt(from_user);
	} else {
		if (number == console_irq || number == GIC_LISTEN)
			console_interrupt();
		gic_end(taken);
	}
	cpu->in_interrupt--;
}
