/* SPDX-License-Identifier: MIT */
/* What the boot loader tells by PVH: RAM, the command line, the initramfs, where ACPI begins. */
#include "cpu.h"

/* The PVH start info (Xen's public/arch-x86/hvm/start_info.h describes the layout). */
struct start_info {
	uint32_t magic, version, flags, module_count;
	uint64_t modules_pa, cmdline_pa, rsdp_pa, memmap_pa;
	uint32_t memmap_count, reserved;
};
#define START_INFO_MAGIC 0x336ec578

struct module {
	uint64_t pa, size, cmdline_pa, reserved;
};

struct memmap_entry {
	uint64_t base, size;
	uint32_t type, reserved;
};
#define MEMMAP_RAM 1

static uint64_t rsdp_pa;

uint64_t acpi_root_pointer(void)
{
	return rsdp_pa;
}

void start_info_read(uint64_t pa, uint64_t *out_start, uint64_t *out_end)
{
	const struct start_info *info = pa_to_linear(pa);
	const struct memmap_entry *map = pa_to_linear(info->memmap_pa);
	const struct module *modules = pa_to_linear(info->modules_pa);

	if (info->magic != START_INFO_MAGIC || info->version < 1)
		panic("boot: not entered by PVH, or without a memory map");
	rsdp_pa = info->rsdp_pa;
	strlcpy(boot_info.cmdline, pa_to_linear(info->cmdline_pa), sizeof(boot_info.cmdline));
	for (unsigned i = 0; i < info->memmap_count; i++) {
		if (map[i].type == MEMMAP_RAM)
			ram_add(map[i].base, map[i].base + map[i].size);
	}
	*out_start = info->module_count ? modules[0].pa : 0;
	*out_end = info->module_count ? modules[0].pa + modules[0].size : 0;
}
