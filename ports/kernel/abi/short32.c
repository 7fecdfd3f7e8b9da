/* SPDX-License-Identifier: MIT */
/* The older system calls of machines with a word of 32 bits: positions of one word, user and group ids of 16 bits. */
#include "abi/functions.h"

#include "fs/fs.h"
#include "kern/cred.h"
#include "kern/kernel.h"

#if ABI_LONG_BYTES == 4

/* --- positions and sizes: a word with its sign ------------------------------------------------- */

static uint64_t signed_word(uint64_t word)
{
	return (uint64_t)(int64_t)(int32_t)word;
}

/* One beyond the word is an error, but the position has changed. */
long sys_lseek32(const abi_ulong *a)
{
	int64_t result = file_seek((int)a[0], (int64_t)signed_word(a[1]), (unsigned)a[2]);

	return result > INT32_MAX ? -EOVERFLOW : (long)result;
}

long sys_truncate32(const abi_ulong *a)
{
	const uint64_t b[2] = {a[0], signed_word(a[1])};

	return wide_truncate(b);
}

long sys_ftruncate32(const abi_ulong *a)
{
	const uint64_t b[2] = {a[0], signed_word(a[1])};

	return wide_ftruncate(b);
}

long sys_sendfile32(const abi_ulong *a)
{
	uint32_t at = 0;
	uint64_t pos;
	long result;

	if (a[2] && get_user(at, a[2]))
		return -EFAULT;
	pos = signed_word(at);
	result = file_send((int)a[0], (int)a[1], a[2] ? &pos : NULL, a[3]);
	return result >= 0 && a[2] && put_user((uint32_t)pos, a[2]) ? -EFAULT : result;
}

/* The length is of one word, the offset of two. */
long sys_fadvise64_32(const abi_ulong *a)
{
	const uint64_t b[4] = {a[0], a[1] | (uint64_t)a[2] << 32, a[3], a[4]};

	return wide_fadvise64(b);
}

/* The arguments are in memory; the offset is in bytes. */
long sys_mmap_block(const abi_ulong *a)
{
	uint32_t in[6];
	uint64_t b[6];

	if (get_user(in, a[0]))
		return -EFAULT;
	for (unsigned i = 0; i < 6; i++)
		b[i] = in[i];
	return wide_mmap(b);
}

long sys_waitpid(const abi_ulong *a)
{
	const abi_ulong b[4] = {a[0], a[1], a[2], 0};

	return sys_wait4(b);
}

long sys_umount(const abi_ulong *a)
{
	const abi_ulong b[2] = {a[0], 0};

	return sys_umount2(b);
}

/* --- ids ---------------------------------------------------------------------------------------- */

#define OVERFLOW_ID 65534 /* what an id that has no 16 bits is shown as */

/* -1 is "unchanged" in either width. */
static abi_ulong unchanged_or(uint64_t id)
{
	return (uint16_t)id == UINT16_MAX ? UINT32_MAX : (uint16_t)id;
}

static uint16_t narrow(uint64_t id)
{
	return id > UINT16_MAX ? OVERFLOW_ID : (uint16_t)id;
}

#define ID_GET(call)                                    \
	long sys_##call##16(const abi_ulong *a)         \
	{                                               \
		return narrow((uint32_t)sys_##call(a)); \
	}
ID_GET(getuid)
ID_GET(geteuid)
ID_GET(getgid)
ID_GET(getegid)

#define ID_SET(call)                                                                                 \
	long sys_##call##16(const abi_ulong *a)                                                      \
	{                                                                                            \
		const abi_ulong b[3] = {unchanged_or(a[0]), unchanged_or(a[1]), unchanged_or(a[2])}; \
                                                                                                     \
		return sys_##call(b);                                                                \
	}
ID_SET(setuid)
ID_SET(setgid)
ID_SET(setreuid)
ID_SET(setregid)
ID_SET(setresuid)
ID_SET(setresgid)
ID_SET(setfsuid)
ID_SET(setfsgid)

#define ID_CHOWN(call)                                                                 \
	long sys_##call##16(const abi_ulong *a)                                        \
	{                                                                              \
		const abi_ulong b[3] = {a[0], unchanged_or(a[1]), unchanged_or(a[2])}; \
                                                                                       \
		return sys_##call(b);                                                  \
	}
ID_CHOWN(chown)
ID_CHOWN(lchown)
ID_CHOWN(fchown)

static long put_three(const abi_ulong *a, uint32_t real, uint32_t effective, uint32_t saved)
{
	return put_user(narrow(real), a[0]) || put_user(narrow(effective), a[1]) ||
		       put_user(narrow(saved), a[2])
		   ? -EFAULT
		   : 0;
}

long sys_getresuid16(const abi_ulong *a)
{
	const struct cred *c = &current->process->cred;

	return put_three(a, c->uid, c->euid, c->suid);
}

long sys_getresgid16(const abi_ulong *a)
{
	const struct cred *c = &current->process->cred;

	return put_three(a, c->gid, c->egid, c->sgid);
}

long sys_getgroups16(const abi_ulong *a)
{
	const struct cred *c = &current->process->cred;

	if (!a[0])
		return c->group_count;
	if ((int)a[0] < (int)c->group_count)
		return -EINVAL;
	for (unsigned i = 0; i < c->group_count; i++)
		if (put_user(narrow(c->groups[i]), a[1] + i * sizeof(uint16_t)))
			return -EFAULT;
	return c->group_count;
}

#endif
