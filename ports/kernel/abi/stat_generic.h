/* SPDX-License-Identifier: MIT */
/* struct stat of the architectures that came after x86-64. */
#ifndef ABI_STAT_GENERIC_H
#define ABI_STAT_GENERIC_H

#include <stdint.h>

struct abi_stat {
	uint64_t dev, ino;
	uint32_t mode, nlink, uid, gid;
	uint64_t rdev, pad;
	int64_t size;
	int32_t blksize, pad2;
	int64_t blocks;
	int64_t atime, atime_nsec, mtime, mtime_nsec, ctime, ctime_nsec;
	uint32_t unused[2];
};
_Static_assert(sizeof(struct abi_stat) == 128, "the ABI's size");

#endif
