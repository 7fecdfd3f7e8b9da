/* SPDX-License-Identifier: MIT */
/* x86-64's own way up, and what the machine says of itself. */
#include "cpu.h"
#include "kernel_main.h"
#include "task.h"

void boot_main(uint64_t start_info_pa);

void boot_main(uint64_t start_info_pa)
{
	cpu_init(0, 0);
	memory_init(start_info_pa);
	apic_init_boot();
	apic_init_cpu();
	cpus[0].apic_id = apic_id();
	timer_calibrate();
	kernel_main();
}

void arch_configure(struct quire_config *config)
{
	config->arch = &quire_arch_x86_64;
	memory_give(config);
}

void arch_devices_init(void)
{
	serial_init();
}

/* AT_HWCAP is CPUID 1's EDX; AT_HWCAP2 bit 1 says that the FSGSBASE instructions work. */
uint64_t arch_hwcap(void)
{
	uint32_t leaf[4];

	cpuid(1, 0, leaf);
	return leaf[3];
}

uint64_t arch_hwcap2(void)
{
	return cpu_features.fsgsbase ? 2 : 0;
}

void arch_cpuinfo(unsigned cpu, char *buffer, size_t size)
{
	uint32_t leaf[4], brand[13] = { 0 };
	char vendor[13] = { 0 };

	cpuid(0, 0, leaf);
	memcpy(vendor, &leaf[1], 4);
	memcpy(vendor + 4, &leaf[3], 4);
	memcpy(vendor + 8, &leaf[2], 4);
	for (unsigned i = 0; i < 3; i++)
		cpuid(0x80000002 + i, 0, &brand[4 * i]);
	cpuid(1, 0, leaf);
	ksnprintf(buffer, size,
		  "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: %s\n"
		  "stepping\t: %u\ncpu MHz\t\t: 1000.000\napicid\t\t: %u\nfpu\t\t: yes\nwp\t\t: yes\n"
		  "flags\t\t: fpu tsc msr pae cx8 apic cmov fxsr sse sse2 syscall nx lm%s%s%s\n"
		  "address sizes\t: 40 bits physical, 48 bits virtual\n\n",
		  cpu, vendor, leaf[0] >> 8 & 15, (leaf[0] >> 4 & 15) | (leaf[0] >> 12 & 0xf0),
		  (const char *)brand, leaf[0] & 15, cpus[cpu].apic_id, cpu_features.fsgsbase ? " fsgsbase" : "",
		  cpu_features.smep ? " smep" : "", cpu_features.smap ? " smap" : "");
}
