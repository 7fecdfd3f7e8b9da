/* SPDX-License-Identifier: MIT */
/* quire_config_check(): the defaults of a configuration, and by name what is wrong with it. */
#include "system/config.h"

#include "page/frames.h"

#include <stdarg.h>

/* Says what is wrong. Returns false, so that a check ends with `return refuse(...)`. */
static bool refuse(struct qr_text *why, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	qr_text_format(why, format, values);
	va_end(values);
	return false;
}

/* --- the machine -------------------------------------------------------------------------------------------- */

static bool is_weakly_ordered(const struct quire_arch *arch)
{
	return arch->family == QUIRE_FAMILY_ARM || arch->family == QUIRE_FAMILY_ARM64;
}

/* x86 keeps its instruction caches coherent (Intel SDM vol. 3A, 12.6, "Self-Modifying Code"); ARM (DDI 0487,
 * "Caches and memory hierarchy") and RISC-V (the extension Zifencei) do not. The toy has no caches. */
static bool fetches_apart(const struct quire_arch *arch)
{
	return is_weakly_ordered(arch) || arch->family == QUIRE_FAMILY_RISCV;
}

static bool check_host(const struct quire_config *config, struct qr_text *why)
{
	const struct quire_host *host = config->host;
	const struct quire_arch *arch = config->arch;

	if (!host->panic)
		return refuse(why, "host.panic is missing");
	if (!host->tlb_flush && !(config->without & QUIRE_WITHOUT_TLB))
		return refuse(why,
			      "host.tlb_flush is missing, and the configuration does not say WITHOUT_TLB");
	if (!host->pte_sync && is_weakly_ordered(arch) && !(config->without & QUIRE_WITHOUT_PTE_SYNC))
		return refuse(why,
			      "host.pte_sync is missing on %s, and the configuration does not say "
			      "WITHOUT_PTE_SYNC",
			      arch->name);
	if (!host->icache_sync && fetches_apart(arch) && !(config->without & QUIRE_WITHOUT_ICACHE_SYNC))
		return refuse(why,
			      "host.icache_sync is missing on %s, and the configuration does not say "
			      "WITHOUT_ICACHE_SYNC",
			      arch->name);
	if (!host->cpu && config->cpus > 1)
		return refuse(why, "%u CPUs, and host.cpu is missing", (uint64_t)config->cpus);
	if (!host->frame_map != !host->frame_unmap)
		return refuse(why, "host.frame_map and host.frame_unmap: one of the two is missing");
	return true;
}

static bool check_numbers(const struct quire_config *config, struct qr_text *why)
{
	if (config->cpus > QUIRE_CONFIG_CPUS)
		return refuse(why, "%u CPUs, at most %u (QUIRE_CONFIG_CPUS)", (uint64_t)config->cpus,
			      (uint64_t)QUIRE_CONFIG_CPUS);
	if ((unsigned)config->overcommit > QUIRE_OVERCOMMIT_NEVER)
		return refuse(why, "overcommit %u is none", (uint64_t)config->overcommit);
	if (config->without & ~(unsigned)QUIRE_WITHOUT_ALL)
		return refuse(why, "without %x has an unknown bit", (uint64_t)config->without);
	if (config->mmap_min_addr >= config->arch->user_end)
		return refuse(why, "mmap_min_addr %x is not below the end of user addresses, %x",
			      (uint64_t)config->mmap_min_addr, config->arch->user_end);
	return true;
}

/* --- RAM ---------------------------------------------------------------------------------------------------- */

static bool check_range(const struct quire_config *config, unsigned at, struct qr_text *why)
{
	const struct quire_ram *ram = &config->ram[at];
	unsigned bits = config->arch->pa_bits;
	uint64_t frame = (uint64_t)1 << config->arch->page_shift;
	uint64_t end = ram->base.v + ram->bytes, last = bits < 64 ? (uint64_t)1 << bits : UINT64_MAX;
	uint64_t linear = (uintptr_t)ram->linear;

	if (end < ram->base.v || end > last)
		return refuse(why, "ram[%u]: %x + %x is beyond the %u bits of a physical address",
			      (uint64_t)at, ram->base.v, ram->bytes, (uint64_t)bits);
	if (!ram->linear && !config->host->frame_map)
		return refuse(why, "ram[%u] has no linear address, and host.frame_map is missing",
			      (uint64_t)at);
	if (!ram->linear)
		return true;
	if (((linear - ram->base.v) & (frame - 1)) != 0)
		return refuse(why, "ram[%u]: base %x and linear address %x differ within a page of %u bytes",
			      (uint64_t)at, ram->base.v, linear, frame);
	if (ram->bytes > UINTPTR_MAX - linear)
		return refuse(why, "ram[%u]: linear address %x + %x wraps", (uint64_t)at, linear, ram->bytes);
	return true;
}

static bool overlap(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes)
{
	return a < b + b_bytes && b < a + a_bytes;
}

/* Two ranges that hold a frame each. */
static bool check_pair(const struct quire_config *config, unsigned one, unsigned other, struct qr_text *why)
{
	const struct quire_ram *a = &config->ram[one], *b = &config->ram[other];
	unsigned shift = config->arch->page_shift;
	struct qr_ram_span frames = qr_ram_frames(a, shift), others = qr_ram_frames(b, shift);

	if (!frames.count || !others.count)
		return true;
	if (overlap(frames.first, frames.count, others.first, others.count))
		return refuse(why, "ram[%u] and ram[%u] overlap: %x and %x", (uint64_t)one, (uint64_t)other,
			      a->base.v, b->base.v);
	if (a->linear && b->linear && overlap((uintptr_t)a->linear, a->bytes, (uintptr_t)b->linear, b->bytes))
		return refuse(why, "the linear addresses of ram[%u] and ram[%u] overlap: %x and %x",
			      (uint64_t)one, (uint64_t)other, (uint64_t)(uintptr_t)a->linear,
			      (uint64_t)(uintptr_t)b->linear);
	return true;
}

static bool check_ram(const struct quire_config *config, struct qr_text *why)
{
	bool linear = false;

	if (config->ram_count < 1 || config->ram_count > QUIRE_CONFIG_RAM_RANGES)
		return refuse(why, "%u ranges of RAM, 1 to %u are possible (QUIRE_CONFIG_RAM_RANGES)",
			      (uint64_t)config->ram_count, (uint64_t)QUIRE_CONFIG_RAM_RANGES);
	for (unsigned i = 0; i < config->ram_count; i++) {
		if (!check_range(config, i, why))
			return false;
		linear |= config->ram[i].linear &&
			  qr_ram_frames(&config->ram[i], config->arch->page_shift).count > 0;
		for (unsigned j = 0; j < i; j++)
			if (!check_pair(config, j, i, why))
				return false;
	}
	if (!linear)
		return refuse(why, "no range of RAM has a linear address and a whole page");
	return true;
}

/* --- kernel mappings ---------------------------------------------------------------------------------------- */

static bool check_kmap(const struct quire_config *config, struct qr_text *why)
{
	const struct quire_arch *arch = config->arch;
	uint64_t start = config->kmap_start, end = config->kmap_end;
	uint64_t mask = ((uint64_t)1 << arch->page_shift) - 1;

	if (start == end)
		return true;
	if (start > end)
		return refuse(why, "kmap_start %x is above kmap_end %x", start, end);
	if ((start & mask) || (end & mask))
		return refuse(why, "kmap_start %x or kmap_end %x is not at a page", start, end);
	if (!quire_va_is_kernel(arch, (quire_va)start) || !quire_va_is_kernel(arch, (quire_va)(end - 1)))
		return refuse(why, "kmap_start %x to kmap_end %x is not in the kernel's addresses, %x to %x",
			      start, end, arch->kernel_start, arch->kernel_end);
	return true;
}

/* --- all ---------------------------------------------------------------------------------------------------- */

#ifdef QR_ARCH_OTHER
/* Of any width, and with young and dirty set by the hardware or by faults. */
static bool is_of_format(const struct quire_arch *arch)
{
	return arch->decode == qr_arch_only.decode && arch->page_shift == qr_arch_only.page_shift;
}
#endif

static bool choose_arch(struct quire_config *config, struct qr_text *why)
{
#ifdef QUIRE_ARCH
	/* One architecture was named at build time, or two: no other can be asked for. */
#ifdef QR_ARCH_OTHER
	if (config->arch && is_of_format(config->arch))
		return true;
#endif
	if (config->arch && config->arch != &QR_ARCH_PUBLIC)
		return refuse(why, "arch is %s, and the library was built for %s alone", config->arch->name,
			      QR_ARCH_PUBLIC.name);
	config->arch = &QR_ARCH_PUBLIC;
#endif
	return config->arch || refuse(why, "arch is missing");
}

static void fill_in(struct quire_config *config)
{
	if (!config->profile)
		config->profile = &quire_profile_6;
	if (config->cpus == 0)
		config->cpus = 1;
	if (config->overcommit_ratio == 0)
		config->overcommit_ratio = 50;
	if (config->max_map_count == 0)
		config->max_map_count = 65530;
	if (config->mmap_min_addr == 0)
		config->mmap_min_addr = 65536;
	else if (config->mmap_min_addr == QUIRE_MMAP_MIN_ZERO)
		config->mmap_min_addr = 0;
	if (config->stack_guard_pages == 0)
		config->stack_guard_pages = config->profile->stack_guard_pages;
}

bool qr_config_complete(const struct quire_config *given, struct quire_config *out, struct qr_text *why)
{
	*out = *given;
	if (!choose_arch(out, why))
		return false;
	if (!out->host)
		return refuse(why, "host is missing");
	fill_in(out);
	return check_numbers(out, why) && check_host(out, why) && check_ram(out, why) && check_kmap(out, why);
}

enum quire_status quire_config_check(const struct quire_config *config, char *why, size_t size)
{
	struct qr_text text = qr_text_in(why, why ? size : 0);
	struct quire_config complete;

	if (!config) {
		(void)refuse(&text, "there is no configuration");
		return QUIRE_EINVAL;
	}
	return qr_config_complete(config, &complete, &text) ? QUIRE_OK : QUIRE_EINVAL;
}
