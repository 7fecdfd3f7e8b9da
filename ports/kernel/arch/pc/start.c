/* SPDX-License-Identifier: MIT */
/* A PC's way up, and what it says of itself. */
#include "cpu.h"
#include "kern/entry.h"

void boot_main(unsigned long start_info_pa);

void boot_main(unsigned long start_info_pa)
{
	cpu_init(0, 0);
	memory_init(start_info_pa);
	apic_init_boot();
	apic_init_cpu();
	cpus[0].arch.apic_id = apic_id();
	timer_calibrate();
	kernel_main();
}

void arch_devices_init(void)
{
	serial_init();
	virtio_blk_init();
}

/* AT_HWCAP is CPUID 1's EDX. */
uint64_t arch_hwcap(void)
{
	uint32_t leaf[4];

	cpuid(1, 0, leaf);
	return leaf[3];
}
