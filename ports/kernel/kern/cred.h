/* SPDX-License-Identifier: MIT */
/* Who a process is, and what it may do beyond that: users, groups, capabilities. */
#ifndef KERNEL_CRED_H
#define KERNEL_CRED_H

#include "kern/kernel.h"

/* The capabilities that something here asks for, by Linux's numbers. */
enum capability {
	CAP_CHOWN = 0,
	CAP_DAC_OVERRIDE = 1,
	CAP_DAC_READ_SEARCH = 2,
	CAP_FOWNER = 3,
	CAP_FSETID = 4,
	CAP_KILL = 5,
	CAP_SETGID = 6,
	CAP_SETUID = 7,
	CAP_SETPCAP = 8,
	CAP_LINUX_IMMUTABLE = 9,
	CAP_IPC_LOCK = 14,
	CAP_IPC_OWNER = 15,
	CAP_SYS_RAWIO = 17,
	CAP_SYS_CHROOT = 18,
	CAP_SYS_PTRACE = 19,
	CAP_SYS_ADMIN = 21,
	CAP_SYS_NICE = 23,
	CAP_SYS_RESOURCE = 24,
	CAP_MKNOD = 27,
	CAP_MAC_OVERRIDE = 32,
	CAP_LAST = 40
};
#define CAP_BIT(cap) (1ull << (cap))
#define CAP_ALL      (CAP_BIT(CAP_LAST + 1) - 1)

#define MAX_GROUPS 32
struct cred {
	uid_t uid, euid, suid, fsuid;
	gid_t gid, egid, sgid, fsgid;
	unsigned group_count;
	gid_t groups[MAX_GROUPS];
	/* effective is a part of permitted; exec gives root no more than bounding. */
	uint64_t cap_effective, cap_permitted, cap_inheritable, cap_bounding;
	bool keep_caps; /* PR_SET_KEEPCAPS: permitted survives the loss of the last uid 0 */
};

/* Root as the machine starts: every capability. */
extern const struct cred root_cred;

/* Whether the calling process may what `cap` allows. */
bool capable(enum capability cap);
/* The file group, or one of the others. */
bool cred_in_group(const struct cred *cred, gid_t gid);

/* exec without file capabilities: root gets what the bounding set leaves, others lose all. */
void caps_exec(struct cred *cred, bool no_new_privs);
/* The user ids were changed: what Linux gives and takes with them. */
void caps_fix_uids(struct cred *cred, const struct cred *old);
void caps_fix_fsuid(struct cred *cred, uid_t old);

/* prctl: PR_CAPBSET_READ, PR_CAPBSET_DROP. */
long caps_bounding_read(uint64_t cap);
long caps_bounding_drop(uint64_t cap);

#endif
