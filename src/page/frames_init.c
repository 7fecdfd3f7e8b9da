/* SPDX-License-Identifier: MIT */
/* Setting up: the ranges are checked and sorted, the system and its descriptors placed in them.
 *
 *   linear range   | system | CPU areas | descriptors of all ranges | free ........................ |
 *                  |<------------- META, whole frames ------------->|
 *
 * Each piece goes to the first linear range that still has room for it. */
#include "page/frames.h"

#include "base/lock.h"
#include "page/buddy.h"

/* The ranges of a configuration, rounded inwards to frames, linear ones first, the largest in front. */
struct layout {
	struct qr_range range[QUIRE_CONFIG_RAM_RANGES];
	uint64_t used[QUIRE_CONFIG_RAM_RANGES]; /* bytes taken at the start */
	unsigned count;
	unsigned shift;
};

static bool in_front(const struct qr_range *a, const struct qr_range *b)
{
	if (!a->linear != !b->linear)
		return a->linear != NULL;
	return a->count > b->count;
}

static enum quire_status add_range(struct layout *layout, const struct quire_ram *ram, uint64_t pa_end)
{
	uint64_t frame = (uint64_t)1 << layout->shift;
	uint64_t end = ram->base.v + ram->bytes;
	uint64_t start = (ram->base.v + frame - 1) & ~(frame - 1);
	struct qr_range range = {0};
	unsigned at = layout->count;

	if (end < ram->base.v || end > pa_end)
		return QUIRE_EINVAL;
	if (ram->linear && (((uintptr_t)ram->linear - ram->base.v) & (frame - 1)) != 0)
		return QUIRE_EINVAL;
	end &= ~(frame - 1);
	if (start >= end)
		return QUIRE_OK;
	range.pa = start;
	range.base = start >> layout->shift;
	range.count = (end - start) >> layout->shift;
	if (ram->linear) {
		range.linear = (char *)ram->linear + (start - ram->base.v);
		range.bytes = end - start;
		if (range.bytes > UINTPTR_MAX - (uintptr_t)range.linear)
			return QUIRE_EINVAL;
	}

	while (at > 0 && in_front(&range, &layout->range[at - 1])) {
		layout->range[at] = layout->range[at - 1];
		at--;
	}
	layout->range[at] = range;
	layout->count++;
	return QUIRE_OK;
}

static enum quire_status read_ranges(struct layout *layout, const struct quire_config *config)
{
	uint64_t pa_end = config->arch->pa_bits < 64 ? (uint64_t)1 << config->arch->pa_bits : UINT64_MAX;

	if (config->ram_count < 1 || config->ram_count > QUIRE_CONFIG_RAM_RANGES)
		return QUIRE_EINVAL;
	for (unsigned i = 0; i < config->ram_count; i++) {
		enum quire_status status = add_range(layout, &config->ram[i], pa_end);

		if (status != QUIRE_OK)
			return status;
		if (!config->ram[i].linear && !(config->host->frame_map && config->host->frame_unmap))
			return QUIRE_EINVAL;
	}
	for (unsigned i = 0; i < layout->count; i++) {
		const struct qr_range *a = &layout->range[i];

		for (unsigned j = 0; j < i; j++) {
			const struct qr_range *b = &layout->range[j];

			if (a->base < b->base + b->count && b->base < a->base + a->count)
				return QUIRE_EINVAL;
			if (a->linear && b->linear && a->linear < b->linear + b->bytes &&
			    b->linear < a->linear + a->bytes)
				return QUIRE_EINVAL;
		}
	}
	return layout->count > 0 && layout->range[0].linear ? QUIRE_OK : QUIRE_EINVAL;
}

/* Cleared memory from the start of a linear range; NULL: none has room. */
static void *place(struct layout *layout, uint64_t bytes)
{
	for (unsigned i = 0; i < layout->count && layout->range[i].linear; i++) {
		uint64_t at = (layout->used[i] + 63) & ~(uint64_t)63;
		char *memory = layout->range[i].linear + at;

		if (at > layout->range[i].bytes || bytes > layout->range[i].bytes - at)
			continue;
		layout->used[i] = at + bytes;
		memset(memory, 0, (size_t)bytes);
		return memory;
	}
	return NULL;
}

static void init_descriptors(struct quire_system *system, unsigned at)
{
	struct qr_range *range = &system->range[at];
	enum qr_zone_id zone = range->linear ? QR_ZONE_LINEAR : QR_ZONE_HIGH;

	for (uint64_t i = 0; i < range->count; i++) {
		struct qr_page *page = &range->pages[i];

		page->pfn = range->base + i;
		page->zone = (uint8_t)zone;
		page->range = (uint8_t)at;
		page->flags = QUIRE_PAGE_META;
		qr_list_init(&page->link);
	}
	/* Frame 0 is never handed out: pfn 0 means none. */
	if (range->base == 0 && range->meta == 0)
		range->meta = 1;
	system->states[QUIRE_PAGE_META] += range->meta;
	system->frames_total += range->count;
	system->zone[zone].frames += range->count - range->meta;
}

/* The largest aligned blocks that make up the free part of a range, to its zone. */
static void give_range(struct quire_system *system, const struct qr_range *range)
{
	struct qr_zone *zone = &system->zone[range->linear ? QR_ZONE_LINEAR : QR_ZONE_HIGH];

	qr_lock(system, &zone->lock, QR_RANK_ZONE);
	for (uint64_t i = range->meta; i < range->count;) {
		unsigned order = QR_ORDERS - 1;

		while (((range->base + i) & (((uint64_t)1 << order) - 1)) != 0 ||
		       i + ((uint64_t)1 << order) > range->count)
			order--;
		qr_buddy_give(system, zone, &range->pages[i], order);
		i += (uint64_t)1 << order;
	}
	qr_unlock(system, &zone->lock, QR_RANK_ZONE);
}

/* The reserve is of linear frames, which tables and objects need. */
static uint64_t reserve_of(const struct quire_system *system, const struct quire_config *config)
{
	uint64_t linear = system->zone[QR_ZONE_LINEAR].frames;

	if (config->reserve_frames)
		return qr_min(config->reserve_frames, linear);
	return qr_min(qr_min(qr_max(system->frames_total / 256, 8), 1024), linear / 4);
}

enum quire_status qr_frames_init(const struct quire_config *config, struct quire_system **out_system)
{
	struct layout layout = {.shift = config->arch->page_shift};
	enum quire_status status = read_ranges(&layout, config);
	struct quire_system *system;

	if (status != QUIRE_OK)
		return status;
	system = place(&layout, sizeof(*system));
	if (!system)
		return QUIRE_ENOMEM;
	system->cpu = place(&layout, config->cpus * sizeof(struct qr_cpu));
	if (!system->cpu)
		return QUIRE_ENOMEM;
	for (unsigned i = 0; i < layout.count; i++) {
		layout.range[i].pages = place(&layout, layout.range[i].count * sizeof(struct qr_page));
		if (!layout.range[i].pages)
			return QUIRE_ENOMEM;
	}

	system->arch = config->arch;
	system->host = config->host;
	system->host_context = config->host_context;
	system->cpus = config->cpus;
	system->ranges = layout.count;
	system->which_cpu = config->cpus > 1 ? config->host->cpu : NULL;
	for (unsigned i = 0; i < config->cpus; i++) {
		system->cpu[i].cpu = i;
		system->cpu_at[i] = &system->cpu[i];
	}
	for (unsigned i = 0; i < QR_ZONES; i++) {
		for (unsigned order = 0; order < QR_ORDERS; order++)
			qr_list_init(&system->zone[i].head[order]);
	}
	for (unsigned i = 0; i < layout.count; i++) {
		uint64_t frame = (uint64_t)1 << layout.shift;

		system->range[i] = layout.range[i];
		system->range[i].meta = (layout.used[i] + frame - 1) >> layout.shift;
		init_descriptors(system, i);
	}
	for (unsigned i = 0; i < layout.count; i++)
		give_range(system, &system->range[i]);
	system->data_zone = system->zone[QR_ZONE_HIGH].frames > 0 ? QR_ZONE_HIGH : QR_ZONE_LINEAR;
	system->zone[QR_ZONE_LINEAR].reserve = reserve_of(system, config);
	*out_system = system;
	return QUIRE_OK;
}
