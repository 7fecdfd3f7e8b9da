/* SPDX-License-Identifier: MIT */
/* System V shared memory: what the rest of the kernel knows of it. */
#ifndef KERNEL_SHM_H
#define KERNEL_SHM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHM_MAX_BYTES (UINT64_MAX - (1u << 24)) /* SHMMAX and SHMALL, as Linux has them: no limit in effect */
#define SHM_MAX_PAGES SHM_MAX_BYTES
#define SHM_MAX_IDS   4096u

/* shmmax, shmall and shmmni of /proc/sys/kernel; shm_next_id: the id that the next segment is to have, -1: any. */
struct shm_limits {
	uint64_t bytes, pages;
	unsigned ids;
	int next_id;
};
void shm_limits_get(struct shm_limits *out_limits);
void shm_limits_set(const struct shm_limits *limits);

struct shm_segment;

/* The pages of a segment that was to be removed are gone: its last mapping was. Takes the lock of segments. */
void shm_forget(struct shm_segment *segment);

/* For /proc/sysvipc/shm: the segment of the index, as one line, or the empty string. Returns false behind the last. */
bool shm_line(unsigned index, char *line, size_t size);

#endif
