/* SPDX-License-Identifier: MIT */
/* Clock and alarm: the generic timer's virtual counter (DDI 0487, D11; DDI 0406C, B8); the calendar: a PL031. */
#include "cpu.h"
#include "kern/time.h"

#define VIRTUAL_TIMER 2 /* the third interrupt of the device tree's node */
#define CTL_ENABLE    1

unsigned timer_irq;
static uint64_t start, frequency;
static uint64_t ns_per_tick; /* in 1/2^32 */
static volatile void *calendar;

static uint64_t counter(void)
{
	isb(); /* not before what came before */
	return READ_REG64(CNTVCT);
}

void clock_init(void)
{
	struct device timer;

	if (!device_find(device_tree, "arm,armv8-timer", &timer) &&
	    !device_find(device_tree, "arm,armv7-timer", &timer))
		panic("boot: no timer");
	timer_irq = device_interrupt(&timer, VIRTUAL_TIMER);
	frequency = READ_REG(CNTFRQ);
	if (!frequency)
		panic("boot: the timer has no frequency");
	ns_per_tick = (NSEC_PER_SEC << 32) / frequency;
	start = counter();
	if (device_find(device_tree, "arm,pl031", &timer))
		calendar = device_map(timer.reg[0], timer.bytes[0]);
	clock_init_cpu();
}

void clock_init_cpu(void)
{
	clock_stop();
	gic_enable(timer_irq);
}

void clock_stop(void)
{
	WRITE_REG(CNTV_CTL, 0);
}

uint64_t arch_clock_ns(void)
{
	uint64_t ticks = counter() - start;

	return ticks * (ns_per_tick >> 32) + (ticks >> 32) * (uint32_t)ns_per_tick +
	       ((uint64_t)(uint32_t)ticks * (uint32_t)ns_per_tick >> 32);
}

/* => interrupts are off. */
void arch_timer_set(uint64_t deadline)
{
	uint64_t now = arch_clock_ns(), ns = deadline > now ? MIN(deadline - now, NSEC_PER_SEC) : 0;

	if (deadline == NO_DEADLINE) {
		clock_stop();
	} else {
		WRITE_REG(CNTV_TVAL, MIN(ns * (frequency / 1000) / 1000000 + 1, 0x7fffffff));
		WRITE_REG(CNTV_CTL, CTL_ENABLE);
	}
	isb();
}

uint64_t arch_wall_clock_seconds(void)
{
	return calendar ? read32(calendar, 0) : 0;
}

uint64_t arch_entropy(void)
{
	return READ_REG64(CNTVCT) * 0x9e3779b97f4a7c15;
}
