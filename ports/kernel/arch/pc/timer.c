/* SPDX-License-Identifier: MIT */
/* The clock is the TSC, measured against the PIT; the alarm is the local APIC's timer. */
#include "cpu.h"
#include "kern/time.h"

#define PIT_HZ         1193182
#define CALIBRATION_NS 20000000ull

static uint64_t tsc_start, apic_per_ms;
static uint64_t ns_per_tick; /* of the TSC, in 1/2^32 */

/* Runs PIT channel 2 once for CALIBRATION_NS and counts the others meanwhile. */
void timer_calibrate(void)
{
	uint32_t count = (uint32_t)(CALIBRATION_NS * PIT_HZ / NSEC_PER_SEC);
	uint64_t tsc;
	uint32_t apic_ticks;

	outb(0x61, (inb(0x61) & ~2) | 1); /* gate on, speaker off */
	outb(0x43, 0xb0);                 /* channel 2, both bytes, mode 0 */
	outb(0x42, (uint8_t)count);
	outb(0x42, (uint8_t)(count >> 8));
	apic_timer_start(UINT32_MAX);
	tsc = read_tsc();
	while (!(inb(0x61) & 0x20))
		;
	tsc_start = read_tsc();
	apic_ticks = UINT32_MAX - apic_timer_left();
	apic_timer_start(0);
	apic_per_ms = (uint64_t)apic_ticks * 1000000 / CALIBRATION_NS;
	if (tsc_start <= tsc || !apic_per_ms)
		panic("the clocks do not run");
	ns_per_tick = (CALIBRATION_NS << 32) / (tsc_start - tsc);
}

uint64_t arch_clock_ns(void)
{
	return scale_ticks(read_tsc() - tsc_start, ns_per_tick);
}

/* => interrupts are off. */
void arch_timer_set(uint64_t deadline)
{
	uint64_t now = arch_clock_ns();
	uint64_t ns = deadline > now ? deadline - now : 0;
	uint64_t ticks;

	if (deadline == NO_DEADLINE) {
		apic_timer_start(0);
		return;
	}
	ns = MIN(ns, NSEC_PER_SEC);
	ticks = ns * apic_per_ms / 1000000;
	apic_timer_start((uint32_t)MIN(MAX(ticks, 1u), UINT32_MAX));
}

static unsigned rtc_read(unsigned index)
{
	outb(0x70, (uint8_t)index);
	return inb(0x71);
}

static unsigned from_bcd(unsigned value)
{
	return (value >> 4) * 10 + (value & 15);
}

/* Days since 1970-01-01 of a date of the Gregorian calendar. */
static uint64_t days_of(unsigned year, unsigned month, unsigned day)
{
	/* Years are counted from March, so that the leap day is their last. */
	unsigned y = month <= 2 ? year - 1 : year;
	unsigned m = month <= 2 ? month + 9 : month - 3;

	return 365ull * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

uint64_t arch_wall_clock_seconds(void)
{
	unsigned now[6], again[6];
	static const uint8_t index[6] = {0, 2, 4, 7, 8, 9};
	uint64_t days;

	/* Read twice alike: no update came in between. */
	do {
		for (unsigned i = 0; i < 6; i++)
			now[i] = rtc_read(index[i]);
		for (unsigned i = 0; i < 6; i++)
			again[i] = rtc_read(index[i]);
	} while (memcmp(now, again, sizeof(now)));
	if (!(rtc_read(11) & 4)) {
		for (unsigned i = 0; i < 6; i++)
			now[i] = from_bcd(now[i]);
	}
	days = days_of(2000 + now[5], now[4], now[3]);
	return days * 86400 + now[2] * 3600 + now[1] * 60 + now[0];
}

uint64_t arch_entropy(void)
{
	return read_tsc() * 0x9e3779b97f4a7c15;
}
