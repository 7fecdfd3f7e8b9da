/* SPDX-License-Identifier: MIT */
/* What a file is. */
#ifndef ABI_STAT_H
#define ABI_STAT_H

#include "abi/abi.h"

/* clang-format off */
enum {
	S_IFMT = 0170000, S_IFSOCK = 0140000, S_IFLNK = 0120000, S_IFREG = 0100000, S_IFBLK = 0060000,
	S_IFDIR = 0040000, S_IFCHR = 0020000, S_IFIFO = 0010000,
	S_ISUID = 04000, S_ISGID = 02000, S_ISVTX = 01000,

	STATX_BASIC_STATS = 0x7ff,
	STATX_RESERVED = (int)0x80000000
};
/* clang-format on */

struct abi_statx_time {
	int64_t sec;
	uint32_t nsec, pad;
};

struct abi_statx {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, pad;
	uint64_t ino, size, blocks, attributes_mask;
	struct abi_statx_time atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t mount_id;
	uint32_t direct_memory, direct_offset;
	uint64_t spare[12];
};
_Static_assert(sizeof(struct abi_statx) == 256, "the ABI's size");

/* statfs(); statfs64() of 32-bit machines. */
struct abi_statfs {
	abi_long type, block_size;
	uint64_t blocks, free, available, files, files_free;
	int32_t id[2];
	abi_long name_length, fragment_size, flags, spare[4];
} __attribute__((packed, aligned(4)));

/* getdents64(): the name and its NUL follow, then zeroes to the next multiple of 8. */
struct abi_dirent64 {
	uint64_t ino, next;
	uint16_t bytes;
	uint8_t type;
	char name[];
};

#endif
