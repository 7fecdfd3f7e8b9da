/* SPDX-License-Identifier: MIT */
/* The numbers of /proc/sys that can be written, each by whoever may open its file for that. */
#include "extras/shm.h"
#include "fs/proc.h"

void proc_make_setting(const struct setting *setting, struct text *text)
{
	text_add(text, "%" PRIu64 "\n", setting->get());
}

int proc_take_setting(const struct setting *setting, const char *value)
{
	uint64_t number = 0;
	const char *at = value;

	for (; *at >= '0' && *at <= '9'; at++) {
		if (number > (UINT64_MAX - 9) / 10)
			return -EINVAL;
		number = number * 10 + (uint64_t)(*at - '0');
	}
	if (at == value || *at || number < setting->least || number > setting->most)
		return -EINVAL;
	return setting->set(number);
}

/* --- vm: limits of the library ------------------------------------------------------------------------- */

static struct mutex limits_mutex =
    MUTEX_INIT(limits_mutex); /* one is changed at a time, the others are kept */

#define LIMIT(name, member, type)                               \
	static uint64_t get_##name(void)                        \
	{                                                       \
		struct quire_limits limits;                     \
                                                                \
		quire_limits_get(the_system, &limits);          \
		return (uint64_t)limits.member;                 \
	}                                                       \
                                                                \
	static int take_##name(uint64_t value)                  \
	{                                                       \
		struct quire_limits limits;                     \
		enum quire_status status;                       \
                                                                \
		mutex_lock(&limits_mutex);                      \
		quire_limits_get(the_system, &limits);          \
		limits.member = (type)value;                    \
		status = quire_limits_set(the_system, &limits); \
		mutex_unlock(&limits_mutex);                    \
		return status_to_errno(status);                 \
	}
LIMIT(overcommit_memory, overcommit, enum quire_overcommit)
LIMIT(overcommit_ratio, overcommit_ratio, unsigned)
LIMIT(max_map_count, max_map_count, unsigned)
LIMIT(mmap_min_addr, mmap_min_addr, quire_va)

const struct setting set_overcommit_memory = {get_overcommit_memory, take_overcommit_memory, 0, 2};
const struct setting set_overcommit_ratio = {get_overcommit_ratio, take_overcommit_ratio, 0, INT32_MAX};
const struct setting set_max_map_count = {get_max_map_count, take_max_map_count, 0, INT32_MAX};
const struct setting set_mmap_min_addr = {get_mmap_min_addr, take_mmap_min_addr, 0, INT32_MAX};

/* --- vm: what is kept in memory ------------------------------------------------------------------------ */

/* Only told: there is nothing to swap to. */
static uint64_t swappiness = 60;

static uint64_t get_swappiness(void)
{
	return swappiness;
}

static int take_swappiness(uint64_t value)
{
	swappiness = value;
	return 0;
}

const struct setting set_swappiness = {get_swappiness, take_swappiness, 0, 200};

static uint64_t get_drop_caches(void)
{
	return 0;
}

/* 1: cached pages of files. 2 are caches of names and inodes: there are none. */
static int take_drop_caches(uint64_t value)
{
	if (value & 1)
		(void)disk_reclaim();
	return 0;
}

const struct setting set_drop_caches = {get_drop_caches, take_drop_caches, 1, 4};

/* --- fs ------------------------------------------------------------------------------------------------ */

static uint64_t get_pipe_max_size(void)
{
	return pipe_size_limit;
}

static int take_pipe_max_size(uint64_t value)
{
	pipe_size_limit = (uint32_t)pipe_rounded_size(value);
	return 0;
}

const struct setting set_pipe_max_size = {get_pipe_max_size, take_pipe_max_size, PAGE_SIZE, 1u << 31};

/* --- kernel: System V shared memory ------------------------------------------------------------------- */

#define SHM_LIMIT(name, member)                               \
	static uint64_t get_##name(void)                      \
	{                                                     \
		struct shm_limits limits;                     \
                                                              \
		shm_limits_get(&limits);                      \
		return (uint64_t)limits.member;               \
	}                                                     \
                                                              \
	static int take_##name(uint64_t value)                \
	{                                                     \
		struct shm_limits limits;                     \
                                                              \
		mutex_lock(&limits_mutex);                    \
		shm_limits_get(&limits);                      \
		limits.member = (typeof(limits.member))value; \
		shm_limits_set(&limits);                      \
		mutex_unlock(&limits_mutex);                  \
		return 0;                                     \
	}
SHM_LIMIT(shmmax, bytes)
SHM_LIMIT(shmall, pages)
SHM_LIMIT(shmmni, ids)

const struct setting set_shmmax = {get_shmmax, take_shmmax, 0, UINT64_MAX};
const struct setting set_shmall = {get_shmall, take_shmall, 0, UINT64_MAX};
const struct setting set_shmmni = {get_shmmni, take_shmmni, 0, SHM_MAX_IDS};

void proc_make_shm_next_id(struct process *process, struct text *text)
{
	struct shm_limits limits;

	shm_limits_get(&limits);
	text_add(text, "%d\n", limits.next_id);
}

int proc_take_shm_next_id(struct process *process, const char *value)
{
	struct shm_limits limits;
	const char *end;
	uint64_t number = strtoul64(value, &end);

	if (end == value || *end || number > INT32_MAX)
		return -EINVAL;
	mutex_lock(&limits_mutex);
	shm_limits_get(&limits);
	limits.next_id = (int)number;
	shm_limits_set(&limits);
	mutex_unlock(&limits_mutex);
	return 0;
}
