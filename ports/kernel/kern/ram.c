/* SPDX-License-Identifier: MIT */
/* The RAM of the machine, less what is in use: ranges that the architecture found. */
#include "kern/boot.h"
#include "arch.h"

#define RANGES_MAX 16
#define SMALLEST   (16 * PAGE_SIZE) /* a smaller range is not worth its bookkeeping */

struct boot_info boot_info;

static struct {
	uint64_t start, end;
} ram[RANGES_MAX];
static unsigned ram_count;

void ram_add(uint64_t start, uint64_t end)
{
	if (ram_count == RANGES_MAX)
		return;
	ram[ram_count].start = start;
	ram[ram_count++].end = end;
}

void ram_reserve(uint64_t start, uint64_t end)
{
	start = ALIGN_DOWN(start, PAGE_SIZE);
	end = ALIGN_UP(end, PAGE_SIZE);
	for (unsigned i = 0; i < ram_count; i++) {
		if (end <= ram[i].start || start >= ram[i].end)
			continue;
		if (start > ram[i].start && end < ram[i].end)
			ram_add(end, ram[i].end);
		if (start > ram[i].start)
			ram[i].end = start;
		else
			ram[i].start = MIN(end, ram[i].end);
	}
}

static bool holds(uint64_t start, uint64_t end)
{
	for (unsigned i = 0; i < ram_count; i++)
		if (start >= ram[i].start && end <= ram[i].end)
			return true;
	return false;
}

uint64_t ram_gather(const struct ram_loaded *loaded, unsigned count, uint64_t to)
{
	for (unsigned i = 0; i < count; i++) {
		if (loaded[i].pa < to || !holds(to, to + loaded[i].bytes)) {
			ram_reserve(loaded[i].pa, loaded[i].pa + loaded[i].bytes);
			continue;
		}
		*loaded[i].at = memmove(arch_linear(to), *loaded[i].at, loaded[i].bytes);
		to = ALIGN_UP(to + loaded[i].bytes, 64);
	}
	return ALIGN_UP(to, PAGE_SIZE);
}

void ram_cut(uint64_t at)
{
	for (unsigned i = 0; i < ram_count; i++) {
		if (at <= ram[i].start || at >= ram[i].end)
			continue;
		ram_add(at, ram[i].end);
		ram[i].end = at;
	}
}

uint64_t ram_top(void)
{
	uint64_t top = 0;

	for (unsigned i = 0; i < ram_count; i++)
		top = MAX(top, ram[i].end);
	return top;
}

uint64_t ram_bottom(void)
{
	uint64_t bottom = UINT64_MAX;

	for (unsigned i = 0; i < ram_count; i++)
		bottom = MIN(bottom, ram[i].start);
	return bottom;
}

void ram_give(struct quire_config *config)
{
	uint64_t limit = boot_size("mem"), left = limit ? limit : UINT64_MAX;

	for (unsigned i = 0; i < ram_count && config->ram_count < QUIRE_CONFIG_RAM_RANGES; i++) {
		uint64_t bytes = MIN(ram[i].end - ram[i].start, left);

		if (bytes < SMALLEST)
			continue;
		config->ram[config->ram_count++] = (struct quire_ram){
		    .base = {ram[i].start},
		    .bytes = bytes,
		    .linear = arch_linear(ram[i].start),
		};
		boot_info.ram_bytes += bytes;
		left -= bytes;
	}
}
