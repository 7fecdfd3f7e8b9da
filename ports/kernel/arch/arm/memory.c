/* SPDX-License-Identifier: MIT */
/* What memory there is, by the device tree; the kernel's own tables; and the rest for the library. What lies above
 * LINEAR_BYTES has no address for good: programs have it, and the library reaches it through windows. */
#include "cpu.h"
#include "arch/common/fdt.h"
#include "arch/common/window.h"
#include "kern/entry.h"
#include "port/system.h"

extern char image_start[], image_rodata[], image_data[], image_end[], kuser_page[];

#define SECTION       0x100000u
#define ENTRIES       4096
#define HALF          (LINEAR_BASE / SECTION) /* the kernel's first entry */
#define WINDOW_TABLES (WINDOW_BYTES / SECTION)
#define ADDRESSES     0x100000000ull /* physical ones that an entry can hold */

uint32_t boot_root_pa, kernel_root_pa;
static uint32_t ram_base, image_pa;
static uint32_t device_next = DEVICE_BASE;

static void *pa_to_linear(uint32_t pa)
{
	return (void *)(LINEAR_BASE + (pa - ram_base));
}

void *arch_linear(uint64_t pa)
{
	return pa >= ram_base && pa - ram_base < LINEAR_BYTES ? pa_to_linear((uint32_t)pa) : NULL;
}

uint64_t image_to_pa(const void *address)
{
	return (uintptr_t)address - IMAGE_BASE + image_pa;
}

static void forget_everything(void)
{
	arch_pte_sync();
	forget_all(false);
	__asm__ volatile("dsb\n\tisb" : : : "memory");
}

/* --- the kernel's tables, which boot.S began ---------------------------------------------------- */

static void protect_image(uint32_t *root)
{
	uint32_t *table = root + ROOT_BYTES / 4;

	for (unsigned i = 0; i < IMAGE_MOST_MIB * (SECTION / PAGE_SIZE); i++) {
		uintptr_t va = IMAGE_BASE + i * PAGE_SIZE;

		if (va >= (uintptr_t)image_end)
			table[i] = 0;
		else if (va >= (uintptr_t)image_data)
			table[i] |= PAGE_XN;
		else
			table[i] |= PAGE_RDONLY | (va >= (uintptr_t)image_rodata ? PAGE_XN : 0);
	}
}

static void map_kuser_page(uint32_t *root)
{
	uint32_t offset = ROOT_BYTES + IMAGE_MOST_MIB * TABLE_BYTES;
	uint32_t *table = root + offset / 4;

	table[KUSER_PAGE / PAGE_SIZE % (SECTION / PAGE_SIZE)] =
	    (uint32_t)image_to_pa(kuser_page) | PAGE_NORMAL | PAGE_RDONLY | PAGE_PROGRAM;
	root[KUSER_PAGE / SECTION] = (boot_root_pa + offset) | L1_TABLE;
}

/* No CPU may look ahead where there is no RAM. */
static void cut_linear(uint32_t *root, uint64_t end)
{
	for (uint64_t at = ALIGN_UP(end - ram_base, SECTION); at < LINEAR_BYTES; at += SECTION)
		root[HALF + (uint32_t)at / SECTION] = 0;
}

/* Their tables lie at `pa`, behind the others. */
static void make_windows(uint32_t *root, uint32_t pa)
{
	windows_start(memset(pa_to_linear(pa), 0, WINDOW_TABLES * TABLE_BYTES));
	for (unsigned i = 0; i < WINDOW_TABLES; i++)
		root[WINDOW_BASE / SECTION + i] = (pa + i * TABLE_BYTES) | L1_TABLE;
}

volatile void *device_map(uint64_t pa, uint64_t bytes)
{
	uint64_t start = ALIGN_DOWN(pa, SECTION);
	uint32_t va = device_next, *root = pa_to_linear(kernel_root_pa);

	if (pa + bytes > ADDRESSES)
		panic("boot: a device at 0x%" PRIx64 ", where no section reaches", pa);
	for (uint64_t at = start; at < pa + bytes; at += SECTION, device_next += SECTION) {
		if (device_next >= DEVICE_BASE + DEVICE_BYTES)
			panic("boot: no address is left for a device");
		root[device_next / SECTION] = (uint32_t)at | SECTION_DEVICE;
	}
	arch_pte_sync();
	return (volatile void *)(va + (uint32_t)(pa - start));
}

void memory_init(uint32_t fdt_pa, uint32_t image, uint32_t tables)
{
	uint64_t end, linear_end;
	uint32_t windows = 0, next;

	image_pa = image;
	ram_base = image & RAM_BASE_MASK;
	boot_root_pa = kernel_root_pa = tables;
	device_tree = arch_linear(fdt_pa);
	if (!device_tree || !fdt_read_memory(device_tree))
		panic("boot: no device tree with memory");
	end = MAX(ram_top(), fdt_pa + (uint64_t)fdt_size(device_tree));
	linear_end = (uint64_t)ram_base + LINEAR_BYTES;
	if (boot_info.initrd_size) {
		uint64_t initrd_end =
		    (uintptr_t)boot_info.initrd - LINEAR_BASE + ram_base + boot_info.initrd_size;

		if (!boot_info.initrd || initrd_end > linear_end)
			panic("boot: the initramfs lies where RAM has no address");
		end = MAX(end, initrd_end);
	}
	ram_reserve(0, ram_base);
	ram_reserve(ADDRESSES, UINT64_MAX - PAGE_SIZE);
	ram_cut(linear_end);
	next = tables + TABLES_BYTES;
	if (ram_top() > linear_end) {
		windows = next;
		next += WINDOW_TABLES * TABLE_BYTES;
	}
	ram_reserve(image, fdt_gather(&device_tree, fdt_pa, next));
	cut_linear(pa_to_linear(tables), end);
	if (windows)
		make_windows(pa_to_linear(tables), windows);
	protect_image(pa_to_linear(tables));
	map_kuser_page(pa_to_linear(tables));
	forget_everything();
}

/* --- the library's root ------------------------------------------------------------------------- */

/* Our entries go in beside the library's own. */
void arch_system_ready(void)
{
	const uint32_t *ours = pa_to_linear(kernel_root_pa);
	uint32_t *root;

	kernel_root_pa = (uint32_t)quire_kernel_root(the_system).v;
	root = pa_to_linear(kernel_root_pa);
	for (unsigned i = HALF; i < ENTRIES; i++)
		if (ours[i])
			root[i] = ours[i];
	arch_pte_sync();
	WRITE_REG(TTBR0, kernel_root_pa | TTBR_WALKS);
	isb();
	forget_everything();
	kstacks_make_tables(STACKS_BYTES);
}
