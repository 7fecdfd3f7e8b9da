/* SPDX-License-Identifier: MIT */
/* struct stat64 of the architectures with a word of 32 bits. */
#ifndef ABI_STAT_WORD32_H
#define ABI_STAT_WORD32_H

#include <stdint.h>

struct abi_stat {
	uint64_t dev;
	uint32_t pad, short_ino;
	uint32_t mode, nlink, uid, gid;
	uint64_t rdev;
	uint32_t pad2;
	int64_t size;
	uint32_t blksize;
	uint64_t blocks;
	uint32_t atime, atime_nsec, mtime, mtime_nsec, ctime, ctime_nsec;
	uint64_t ino;
};

#endif
