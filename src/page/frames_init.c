/* SPDX-License-Identifier: MIT */
/* Setting up: the ranges are sorted, the system and its descriptors placed in them.
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

static void add_range(struct layout *layout, const struct quire_ram *ram)
{
	struct qr_ram_span frames = qr_ram_frames(ram, layout->shift);
	struct qr_range range = {.base = frames.first, .count = frames.count};
	unsigned at = layout->count;

	if (frames.count == 0)
		return;
	range.pa = frames.first << layout->shift;
	if (ram->linear) {
		range.linear = (char *)ram->linear + (range.pa - ram->base.v);
		range.bytes = frames.count << layout->shift;
	}
	while (at > 0 && in_front(&range, &layout->range[at - 1])) {
		layout->range[at] = layout->range[at - 1];
		at--;
	}
	layout->range[at] = range;
	layout->count++;
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
	struct quire_system *system;

	for (unsigned i = 0; i < config->ram_count; i++)
		add_range(&layout, &config->ram[i]);
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
		system->cpu[i].bit = (uint64_t)1 << i;
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
