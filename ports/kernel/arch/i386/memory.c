/* SPDX-License-Identifier: MIT */
/* What memory there is: the kernel's own tables, and the rest for the library. What lies above LINEAR_BYTES has no
 * address for good: programs have it, and the library reaches it through windows. */
#include "cpu.h"
#include "arch/common/window.h"
#include "kern/entry.h"
#include "port/system.h"

extern char image_start[], image_data[], image_end[];
extern uint32_t boot_root[];

#define CHUNK      0x400000u /* of an entry of the root */
#define ENTRIES    1024
#define HALF       (LINEAR_BASE / CHUNK) /* the kernel's first entry */
#define KERNEL_PTE (PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY)
#define ADDRESSES  0x100000000ull /* physical ones that an entry can hold */

static uint32_t boot_next; /* physical: tables are taken from here, behind the image */
uint64_t kernel_root_pa;

static uint32_t *boot_table(uint32_t *out_pa)
{
	uint32_t *table = pa_to_linear(boot_next);

	*out_pa = boot_next;
	boot_next += PAGE_SIZE;
	return memset(table, 0, PAGE_SIZE);
}

/* --- the kernel's tables ---------------------------------------------------------------------- */

/* Pages of 4 KiB where the image lies: what it only reads is not to be written. */
static void map_chunk_of_image(uint32_t *root, uint32_t pa)
{
	uint32_t table_pa, *table = boot_table(&table_pa);

	for (unsigned i = 0; i < ENTRIES; i++) {
		uintptr_t va = LINEAR_BASE + pa + i * PAGE_SIZE;
		uint32_t flags = KERNEL_PTE | PTE_GLOBAL;

		if (va >= (uintptr_t)image_start && va < (uintptr_t)image_data)
			flags &= ~(uint32_t)PTE_WRITE;
		table[i] = (pa + i * PAGE_SIZE) | flags;
	}
	root[HALF + pa / CHUNK] = table_pa | KERNEL_PTE;
}

static void map_linear(uint32_t *root)
{
	uint64_t top = MIN(ram_top(), LINEAR_BYTES);

	for (uint32_t pa = 0; pa < top; pa += CHUNK) {
		if (pa < image_to_pa(image_end))
			map_chunk_of_image(root, pa);
		else
			root[HALF + pa / CHUNK] = pa | KERNEL_PTE | PTE_LARGE | PTE_GLOBAL;
	}
}

/* Their tables lie one behind the other. */
static void make_windows(uint32_t *root)
{
	windows_start(pa_to_linear(boot_next));
	for (unsigned i = WINDOW_BASE / CHUNK; i < (WINDOW_BASE + WINDOW_BYTES) / CHUNK; i++) {
		(void)boot_table(&root[i]);
		root[i] |= KERNEL_PTE;
	}
}

/* The entry of the device area for the chunk of `pa`, and for the one behind it if `two`. */
static unsigned device_entry(uint32_t *root, uint32_t pa, bool two)
{
	const unsigned first = DEVICE_BASE / CHUNK;
	uint32_t flags = KERNEL_PTE | PTE_LARGE | PTE_GLOBAL | (pa >= 0xfe000000 ? PTE_NOCACHE : 0);
	unsigned i = first;

	for (; i < first + DEVICE_CHUNKS && root[i]; i++)
		if (root[i] == (pa | flags) && (!two || root[i + 1] == ((pa + CHUNK) | flags)))
			return i;
	if (i + two >= first + DEVICE_CHUNKS)
		panic("boot: no address is left for a device");
	root[i] = pa | flags;
	if (two)
		root[i + 1] = (pa + CHUNK) | flags;
	return i;
}

void *device_map(uint64_t pa, uint64_t bytes)
{
	uint32_t offset = (uint32_t)pa % CHUNK;
	unsigned entry;

	if (pa + bytes <= LINEAR_BYTES)
		return pa_to_linear(pa);
	if (pa + bytes > ADDRESSES || offset + bytes > 2 * CHUNK)
		panic("boot: 0x%" PRIx64 " has no address", pa);
	entry = device_entry(pa_to_linear(kernel_root_pa), (uint32_t)pa - offset, offset + bytes > CHUNK);
	return (void *)(entry * CHUNK + offset);
}

/* --- what the boot loader left ---------------------------------------------------------------- */

/* The initramfs stays for good, so it must have an address: what lies too high is brought down, behind the boot
 * tables, through an entry of the boot root. */
static uint64_t bring_down(uint64_t from, uint64_t bytes)
{
	uint32_t to = boot_next;

	if (to + bytes > LINEAR_BYTES)
		panic("boot: no room for the initramfs");
	for (uint64_t done = 0; done < bytes;) {
		uint32_t offset = (uint32_t)(from + done) % CHUNK;
		size_t part = (size_t)MIN(bytes - done, CHUNK - offset);

		boot_root[DEVICE_BASE / CHUNK] = ((uint32_t)(from + done) - offset) | KERNEL_PTE | PTE_LARGE;
		flush_page(DEVICE_BASE);
		memcpy(pa_to_linear(to + done), (const void *)(DEVICE_BASE + offset), part);
		done += part;
	}
	boot_root[DEVICE_BASE / CHUNK] = 0;
	flush_page(DEVICE_BASE);
	return to;
}

static void place_initramfs(uint64_t start, uint64_t end)
{
	if (start == end)
		return;
	if (start < boot_next)
		panic("boot: the initramfs lies in the kernel");
	if (end > LINEAR_BYTES) {
		uint64_t at = bring_down(start, end - start);

		end = at + (end - start);
		start = at;
	}
	ram_reserve(start, end);
	boot_info.initrd = pa_to_linear(start);
	boot_info.initrd_size = (size_t)(end - start);
}

void memory_init(uint64_t start_info_pa)
{
	uint32_t *root, root_pa;
	uint64_t initrd, initrd_end;

	start_info_read(start_info_pa, &initrd, &initrd_end);
	ram_cut(LINEAR_BYTES);
	ram_reserve(ADDRESSES, UINT64_MAX - PAGE_SIZE);
	boot_next = (uint32_t)ALIGN_UP(image_to_pa(image_end), PAGE_SIZE);
	root = boot_table(&root_pa);
	map_linear(root);
	if (ram_top() > LINEAR_BYTES)
		make_windows(root);
	ram_reserve(0, 0x100000);
	ram_reserve(image_to_pa(image_start), boot_next);
	place_initramfs(initrd, initrd_end);
	kernel_root_pa = root_pa;
	cpu_set_fatal_root(root_pa);
	WRITE_CR(3, root_pa);
}

void *arch_linear(uint64_t pa)
{
	return pa < LINEAR_BYTES ? pa_to_linear(pa) : NULL;
}

/* --- the library's root ----------------------------------------------------------------------- */

/* Our entries go in beside the library's own. */
void arch_system_ready(void)
{
	uint32_t *ours = pa_to_linear(kernel_root_pa);
	uint32_t *root = pa_to_linear(quire_kernel_root(the_system).v);

	for (unsigned i = HALF; i < ENTRIES; i++)
		if (ours[i])
			root[i] = ours[i];
	kernel_root_pa = quire_kernel_root(the_system).v;
	cpu_set_fatal_root(kernel_root_pa);
	WRITE_CR(3, kernel_root_pa);
	kstacks_make_tables(STACKS_BYTES);
}
