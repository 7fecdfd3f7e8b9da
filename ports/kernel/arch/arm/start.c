/* SPDX-License-Identifier: MIT */
/* ARM's own way up, and what the machine says of itself. */
#include "cpu.h"
#include "kern/entry.h"

void boot_main(uint32_t fdt_pa, uint32_t image, uint32_t tables);

void boot_main(uint32_t fdt_pa, uint32_t image, uint32_t tables)
{
	cpu_init(0);
	memory_init(fdt_pa, image, tables);
	gic_init();
	gic_init_cpu();
	clock_init();
	kernel_main();
}

void arch_configure(struct quire_config *config)
{
	config->arch = &quire_arch_arm;
	config->kmap_start = KMAP_BASE;
	config->kmap_end = KMAP_BASE + KMAP_BYTES;
}

void arch_devices_init(void)
{
	console_init();
}
