/* SPDX-License-Identifier: MIT */
/* System calls of machines with a word of 32 bits, where a 64-bit argument is two. */
#include "abi/functions.h"

#include "abi/stat.h"
#include "fs/fs.h"

#if ABI_LONG_BYTES == 4

/* The 64-bit argument whose first half is argument `n`; on some machines it starts in an even register. */
static uint64_t pair(const abi_ulong *a, unsigned n)
{
	return a[n] | (uint64_t)a[n + 1] << 32;
}

static unsigned even(unsigned n)
{
	return ABI_PAIRS_ALIGNED ? (n + 1) & ~1u : n;
}

/* The offset is in pages. */
long sys_mmap2(const abi_ulong *a)
{
	const uint64_t b[6] = {a[0], a[1], a[2], a[3], a[4], (uint64_t)a[5] * PAGE_SIZE};

	return wide_mmap(b);
}

/* --- positions -------------------------------------------------------------------------------- */

long sys_llseek(const abi_ulong *a)
{
	int64_t result = file_seek((int)a[0], (int64_t)((uint64_t)a[1] << 32 | a[2]), (unsigned)a[4]);

	return result < 0 ? (long)result : put_user(result, a[3]);
}

long sys_pread32(const abi_ulong *a)
{
	const uint64_t b[4] = {a[0], a[1], a[2], pair(a, even(3))};

	return wide_pread64(b);
}

long sys_pwrite32(const abi_ulong *a)
{
	const uint64_t b[4] = {a[0], a[1], a[2], pair(a, even(3))};

	return wide_pwrite64(b);
}

/* The halves are two longs here, low first, on every machine. */
#define VECTOR_AT(call, as)                                                    \
	long sys_##call(const abi_ulong *a)                                    \
	{                                                                      \
		const uint64_t b[6] = {a[0], a[1], a[2], pair(a, 3), 0, a[5]}; \
                                                                               \
		return wide_##as(b);                                           \
	}
VECTOR_AT(preadv32, preadv)
VECTOR_AT(pwritev32, pwritev)
VECTOR_AT(preadv2_32, preadv2)
VECTOR_AT(pwritev2_32, pwritev2)

/* --- sizes and ranges ------------------------------------------------------------------------- */

long sys_truncate64(const abi_ulong *a)
{
	const uint64_t b[2] = {a[0], pair(a, even(1))};

	return wide_truncate(b);
}

long sys_ftruncate64(const abi_ulong *a)
{
	const uint64_t b[2] = {a[0], pair(a, even(1))};

	return wide_ftruncate(b);
}

long sys_fallocate32(const abi_ulong *a)
{
	const uint64_t b[4] = {a[0], a[1], pair(a, 2), pair(a, 4)};

	return wide_fallocate(b);
}

long sys_readahead32(const abi_ulong *a)
{
	unsigned at = even(1);
	const uint64_t b[3] = {a[0], pair(a, at), a[at + 2]};

	return wide_readahead(b);
}

long sys_fadvise64_64(const abi_ulong *a)
{
	const uint64_t b[4] = {a[0], pair(a, 1), pair(a, 3), a[5]};

	return wide_fadvise64(b);
}

/* ARM has the advice second, so that the pairs are even. */
long sys_arm_fadvise64_64(const abi_ulong *a)
{
	const uint64_t b[4] = {a[0], pair(a, 2), pair(a, 4), a[1]};

	return wide_fadvise64(b);
}

long sys_sync_file_range32(const abi_ulong *a)
{
	const uint64_t b[4] = {a[0], pair(a, 1), pair(a, 3), a[5]};

	return wide_sync_file_range(b);
}

/* Likewise the flags. */
long sys_sync_file_range2(const abi_ulong *a)
{
	const uint64_t b[4] = {a[0], pair(a, 2), pair(a, 4), a[1]};

	return wide_sync_file_range(b);
}

/* --- statfs64(): its second argument is the size that the program knows ------------------------ */

static bool known_size(uint64_t size)
{
	/* ARM's compiler pads the program's structure to 88. */
	return size == sizeof(struct abi_statfs) || size == sizeof(struct abi_statfs) + 4;
}

long sys_statfs64(const abi_ulong *a)
{
	const abi_ulong b[2] = {a[0], a[2]};

	return known_size(a[1]) ? sys_statfs(b) : -EINVAL;
}

long sys_fstatfs64(const abi_ulong *a)
{
	const abi_ulong b[2] = {a[0], a[2]};

	return known_size(a[1]) ? sys_fstatfs(b) : -EINVAL;
}

#endif
