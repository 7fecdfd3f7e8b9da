/* SPDX-License-Identifier: MIT */
/* System V shared memory, as 64-bit programs see it. */
#ifndef ABI_SHM_H
#define ABI_SHM_H

#include "abi/abi.h"

/* clang-format off */
enum {
	IPC_CREAT = 01000, IPC_EXCL = 02000, IPC_NOWAIT = 04000,
	IPC_RMID = 0, IPC_SET, IPC_STAT, IPC_INFO,
	IPC_64 = 0x100, /* of the command: the structures below, which 64-bit programs always have */
	SHM_LOCK = 11, SHM_UNLOCK, SHM_STAT, SHM_INFO, SHM_STAT_ANY,
	SHM_HUGETLB = 04000, SHM_NORESERVE = 010000,
	SHM_RDONLY = 010000, SHM_RND = 020000, SHM_REMAP = 040000, SHM_EXEC = 0100000,
	SHM_DEST = 01000, SHM_LOCKED = 02000, /* of the mode */
};
/* clang-format on */

struct abi_ipc_perm {
	int32_t key;
	uint32_t uid, gid, cuid, cgid, mode;
	uint16_t seq, pad;
	abi_ulong unused[2];
};

struct abi_shmid_ds {
	struct abi_ipc_perm perm;
	abi_ulong bytes;
	abi_long atime, dtime, ctime;
	int32_t cpid, lpid;
	abi_ulong nattch, unused[2];
};

struct abi_shminfo {
	abi_ulong shmmax, shmmin, shmmni, shmseg, shmall, unused[4];
};

struct abi_shm_info {
	int32_t used_ids;
	abi_ulong total, resident, swapped, swap_attempts, swap_successes;
};

#endif
