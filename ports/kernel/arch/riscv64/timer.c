/* SPDX-License-Identifier: MIT */
/* Clock: the time register (unprivileged specification, 10.1). Alarm: the firmware's. Calendar: Goldfish's. */
#include "cpu.h"
#include "kern/time.h"

#define SET_TIMER 0

static uint64_t start, frequency;
static uint64_t ns_per_tick; /* in 1/2^32 */
static volatile void *calendar;

static uint64_t counter(void)
{
	return CSR_READ(time);
}

void clock_init(void)
{
	struct device rtc;

	frequency = timebase_frequency();
	if (!frequency)
		panic("boot: the device tree has no timebase-frequency");
	ns_per_tick = (NSEC_PER_SEC << 32) / frequency;
	start = counter();
	if (device_find(device_tree, "google,goldfish-rtc", &rtc))
		calendar = device_map(rtc.reg[0], rtc.bytes[0]);
}

uint64_t arch_clock_ns(void)
{
	return (uint64_t)((unsigned __int128)(counter() - start) * ns_per_tick >> 32);
}

/* An alarm that rang stays pending until the next is set (SBI 6.1). */
void timer_off(void)
{
	CSR_CLEAR(sie, 1 << IRQ_TIMER);
}

/* => interrupts are off. */
void arch_timer_set(uint64_t deadline)
{
	uint64_t now = arch_clock_ns(), ns = deadline > now ? MIN(deadline - now, NSEC_PER_SEC) : 0;

	if (deadline == NO_DEADLINE) {
		timer_off();
		return;
	}
	SBI(SBI_TIME, SET_TIMER, counter() + ns * frequency / NSEC_PER_SEC + 1);
	CSR_SET(sie, 1 << IRQ_TIMER);
}

/* Nanoseconds since 1970; a read of the low half keeps the high one. */
uint64_t arch_wall_clock_seconds(void)
{
	uint64_t low;

	if (!calendar)
		return 0;
	low = read32(calendar, 0);
	return ((uint64_t)read32(calendar, 4) << 32 | low) / NSEC_PER_SEC;
}

uint64_t arch_entropy(void)
{
	return (CSR_READ(cycle) ^ counter()) * 0x9e3779b97f4a7c15;
}
