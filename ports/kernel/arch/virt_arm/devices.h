/* SPDX-License-Identifier: MIT */
/* The machine of ARM and ARM64, QEMU's virt, and what the two architectures have alike: interrupt controller, timer, consoles, firmware, the start of CPUs.
 *
 * cpu.h of each has: READ_REG, WRITE_REG and their forms of 64 bits, names of the registers, the few instructions that
 * differ, and struct secondary. struct arch_cpu of each has mpidr, kernel_stack, fatal_stack, gic_number and
 * redistributor. */
#ifndef KERNEL_ARM_DEVICES_H
#define KERNEL_ARM_DEVICES_H

#include "arch/common/device.h"
#include "kern/boot.h"
#include "kern/cpu.h"

static inline void isb(void)
{
	__asm__ volatile("isb" : : : "memory");
}

/* What was written is there, and what was to be forgotten is forgotten. */
static inline void dsb(void)
{
	__asm__ volatile("dsb sy" : : : "memory");
}

static inline uint32_t read32(const volatile void *base, size_t offset)
{
	return *(const volatile uint32_t *)((const volatile char *)base + offset);
}

static inline void write32(volatile void *base, size_t offset, uint32_t value)
{
	*(volatile uint32_t *)((volatile char *)base + offset) = value;
}

/* memory.c of each: device registers, mapped for good; the physical address of a place in the image. */
volatile void *device_map(uint64_t pa, uint64_t bytes);
uint64_t image_to_pa(const void *address);
/* cpu.c of each: makes the calling CPU ours. */
void cpu_init(unsigned number);
/* boot.S of each: where CPU_ON starts, with the address of a struct secondary. */
void secondary_boot(void);

/* devices.c: the device tree. */
extern const void *device_tree;
/* Its nth interrupt as the GIC numbers them. */
unsigned device_interrupt(const struct device *device, unsigned n);
uint64_t psci(uint32_t function, uint64_t a, uint64_t b, uint64_t c);

/* gic.c */
void gic_init(void);
void gic_init_cpu(void);
void gic_enable(unsigned interrupt);
/* A message to a CPU: interrupt GIC_KICK or GIC_LISTEN there. */
void gic_send(unsigned cpu, unsigned message);
#define GIC_KICK   0
#define GIC_LISTEN 1
/* Serves the interrupt that is pending, if there is one. => interrupts are off. */
void gic_interrupt(bool from_user);

/* timer.c, console.c, smp.c */
void clock_init(void);
void clock_init_cpu(void);
void clock_stop(void);
extern unsigned timer_irq;
void console_init(void);
void console_interrupt(void);
extern unsigned console_irq;
void secondary_start(unsigned number);

#endif
