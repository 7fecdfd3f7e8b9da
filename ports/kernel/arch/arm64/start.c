/* SPDX-License-Identifier: MIT */
/* ARM64's own way up, and what the machine says of itself. */
#include "cpu.h"
#include "kern/entry.h"

void boot_main(uint64_t fdt_pa, uint64_t image);

void boot_main(uint64_t fdt_pa, uint64_t image)
{
	cpu_init(0);
	memory_init(fdt_pa, image);
	gic_init();
	gic_init_cpu();
	clock_init();
	kernel_main();
}

void arch_configure(struct quire_config *config)
{
	config->arch = tables_48 ? &quire_arch_arm64 : &quire_arch_arm64_39;
	config->kmap_start = tables_48 ? KMAP_BASE_48 : KMAP_BASE_39;
	config->kmap_end = config->kmap_start + KMAP_BYTES;
}

void arch_devices_init(void)
{
	console_init();
}
