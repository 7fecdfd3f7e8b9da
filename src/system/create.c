/* SPDX-License-Identifier: MIT */
/* A system: created from a configuration, destroyed. */
#include "fault/decode.h"
#include "file/file.h"
#include "kmap/kmap.h"
#include "reclaim/reclaim.h"
#include "swap/swap.h"
#include "mm/mm.h"
#include "page/page.h"
#include "page/rmap.h"
#include "page/slab.h"
#include "system/config.h"

#define SMALL_BYTES 256

static void take_config(struct quire_system *system, const struct quire_config *config)
{
	system->config = *config;
	system->profile = config->profile;
	system->rules = quire_profile_rules(config->profile, config->arch->family);
	system->page_shift = config->arch->page_shift;
	system->overcommit = config->overcommit;
	system->overcommit_ratio = config->overcommit_ratio;
	system->max_map_count = config->max_map_count;
	system->mmap_min_addr = config->mmap_min_addr;
	system->stack_guard_pages = config->stack_guard_pages;
	system->dirty_limit = config->dirty_frames ? config->dirty_frames : system->frames_total / 5;
	qr_decode_prepare(system);
	qr_list_init(&system->mms);
	qr_list_init(&system->files);
}

void quire_limits_get(const struct quire_system *system, struct quire_limits *out_limits)
{
	*out_limits = (struct quire_limits){
	    .overcommit = (enum quire_overcommit)qr_overcommit(system),
	    .overcommit_ratio = __atomic_load_n(&system->overcommit_ratio, __ATOMIC_RELAXED),
	    .max_map_count = qr_max_map_count(system),
	    .mmap_min_addr = qr_mmap_min_addr(system),
	};
}

enum quire_status quire_limits_set(struct quire_system *system, const struct quire_limits *limits)
{
	if ((unsigned)limits->overcommit > QUIRE_OVERCOMMIT_NEVER)
		return QUIRE_EINVAL;
	__atomic_store_n(&system->overcommit, (uint32_t)limits->overcommit, __ATOMIC_RELAXED);
	__atomic_store_n(&system->overcommit_ratio, limits->overcommit_ratio, __ATOMIC_RELAXED);
	__atomic_store_n(&system->max_map_count, limits->max_map_count, __ATOMIC_RELAXED);
	__atomic_store_n(&system->mmap_min_addr, limits->mmap_min_addr, __ATOMIC_RELAXED);
	return QUIRE_OK;
}

static void init_slabs(struct quire_system *system)
{
	const uint32_t bytes[QR_SLAB_KINDS] = {
	    [QR_SLAB_MM] = (uint32_t)QR_MM_BYTES(system->cpus),
	    [QR_SLAB_VMA] = sizeof(struct quire_vma),
	    [QR_SLAB_FILE] = sizeof(struct quire_file),
	    [QR_SLAB_CACHE_NODE] = QR_CACHE_NODE_BYTES,
	    [QR_SLAB_RMAP_CHUNK] = sizeof(struct qr_rmap_chunk),
	    [QR_SLAB_KMAP_AREA] = sizeof(struct qr_kmap_area),
	    [QR_SLAB_GROUP] = (uint32_t)QR_GROUP_BYTES(system->cpus),
	    [QR_SLAB_SMALL] = SMALL_BYTES,
	};

	qr_slab_init(system, bytes);
}

enum quire_status quire_system_create(const struct quire_config *given, struct quire_system **out_system)
{
	struct quire_system *system;
	struct qr_text nowhere = {0};
	const struct quire_level *level;
	struct quire_config config;
	enum quire_status status;
	struct qr_page *zero;

	if (!given || !out_system)
		return QUIRE_EINVAL;
	if (!qr_config_complete(given, &config, &nowhere))
		return QUIRE_EINVAL;
	status = qr_frames_init(&config, &system);
	if (status != QUIRE_OK)
		return status;
	take_config(system, &config);
	init_slabs(system);

	zero = qr_frame_alloc(system, 0, QUIRE_FRAME_LINEAR | QUIRE_FRAME_ZERO, QUIRE_PAGE_ZERO);
	if (!zero)
		return QUIRE_ENOMEM;
	system->zero_page = qr_page_pfn(system, zero);
	/* The last addresses of all, which no program has. Should a copy be asked for them, nobody gets the lock of this
	 * table, and its entries are none. */
	system->no_table.lock.word = 1;
	system->no_table.linear = qr_page_linear(system, zero);
	level = &qr_arch(system)->level[0];
	system->no_table.u.table.base = (quire_va)0 - ((quire_va)1 << (level->shift + level->index_bits));
	qr_file_init(system);
	qr_reclaim_init(system, &config);
	system->trim = qr_mm_trim;
	status = qr_kmap_init(system);
	if (status != QUIRE_OK)
		return status;
	*out_system = system;
	return QUIRE_OK;
}

/* Names the first thing that is still in use; NULL: nothing. */
static const char *left_over(const struct quire_system *system)
{
	if (!qr_list_empty(&system->mms))
		return "quire_system_destroy: an address space is left";
	if (!qr_list_empty(&system->files))
		return "quire_system_destroy: a file is left";
	if (qr_frames_in_state(system, QUIRE_PAGE_PORT) != 0)
		return "quire_system_destroy: a frame of the port is left";
	if (qr_frames_in_state(system, QUIRE_PAGE_TABLE) != 0)
		return "quire_system_destroy: a page table is left";
	if (qr_frames_in_state(system, QUIRE_PAGE_OBJECT) != 0)
		return "quire_system_destroy: an object is left";
	if (qr_frames_free(system) + qr_frames_in_state(system, QUIRE_PAGE_META) != system->frames_total)
		return "quire_system_destroy: a page is left";
	return NULL;
}

void quire_system_destroy(struct quire_system *system)
{
	const char *left;

	if (!system)
		return;
	qr_kmap_destroy(system);
	qr_decode_unhook(system);
	qr_page_put(system, qr_page_of(system, system->zero_page));
	qr_swap_end(system);
	qr_groups_end(system);
	qr_slab_drain(system);
	qr_frames_drain(system);
	left = left_over(system);
	if (left)
		qr_panic(system, left);
}

const struct quire_arch *quire_system_arch(const struct quire_system *system)
{
	return system->arch;
}

const struct quire_profile *quire_system_profile(const struct quire_system *system)
{
	return system->profile;
}

void *quire_system_host_context(const struct quire_system *system)
{
	return system->host_context;
}
