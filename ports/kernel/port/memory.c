/* SPDX-License-Identifier: MIT */
/* The memory system calls: each is the library's function of the same name. */
#include "abi/elf.h"
#include "extras/huge.h"
#include "port/host.h"
#include "kern/process.h"
#include "abi/functions.h"
#include "kern/uaccess.h"
#include "fs/vfs.h"
#include "port/system.h"

static struct quire_mm *own_mm(void)
{
	return current->process->mm;
}

/* Flags that the library has no room for. */
static bool beyond_32(uint64_t flags)
{
	return flags >> 32;
}

static uint32_t rights_of(const struct cred *cred)
{
	static const struct {
		enum capability cap;
		uint32_t right;
	} map[] = {
	    {CAP_IPC_LOCK, QUIRE_RIGHT_IPC_LOCK},
	    {CAP_SYS_ADMIN, QUIRE_RIGHT_SYS_ADMIN},
	    {CAP_SYS_RAWIO, QUIRE_RIGHT_SYS_RAWIO},
	};
	uint32_t rights = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(map); i++)
		if (cred->cap_effective & CAP_BIT(map[i].cap))
			rights |= map[i].right;
	return rights;
}

void mm_apply_limits(struct process *process, struct quire_mm *mm)
{
	static const struct {
		uint8_t from;
		enum quire_limit to;
	} map[] = {
	    {RLIMIT_DATA, QUIRE_LIMIT_DATA},
	    {RLIMIT_STACK, QUIRE_LIMIT_STACK},
	    {RLIMIT_AS, QUIRE_LIMIT_AS},
	    {RLIMIT_MEMLOCK, QUIRE_LIMIT_MEMLOCK},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(map); i++)
		quire_mm_set_limit(mm, map[i].to, process->rlimit[map[i].from].soft);
	quire_mm_set_rights(mm, rights_of(&process->cred));
}

/* --- mappings --------------------------------------------------------------------------------- */

/* Nothing maps huge pages for programs: there are none. */
static long refuse_huge(const struct quire_mapping *how)
{
	uint32_t type = how->flags & QUIRE_MAP_TYPE, size = how->flags >> 26;

	if (!how->length || !(how->flags & QUIRE_MAP_ANONYMOUS))
		return -EINVAL;
	if (type != QUIRE_MAP_SHARED && type != QUIRE_MAP_PRIVATE)
		return -EINVAL;
	return !size || size == huge_shift() ? -ENOMEM : -EINVAL;
}

/* Whether the call fails whatever the file is. */
static bool cannot_be(const struct quire_mapping *how)
{
	uint32_t type = how->flags & QUIRE_MAP_TYPE;
	bool fixed = how->flags & (QUIRE_MAP_FIXED | QUIRE_MAP_FIXED_NOREPLACE);

	return !how->length || how->length > user_end || (fixed && how->addr & PAGE_MASK) || !type ||
	       type > QUIRE_MAP_SHARED_VALIDATE;
}

/* Linux says this of any file that is on no persistent memory, mappable or not. */
static bool wants_sync(uint32_t flags)
{
	return (flags & QUIRE_MAP_TYPE) == QUIRE_MAP_SHARED_VALIDATE && (flags & QUIRE_MAP_SYNC);
}

/* mmap(2): MAP_32BIT is the second GiB, whatever the program is. The first hole there, or the hint. */
#define LOW_START (1ull << 30)
#define LOW_END   (1ull << 31)

static uint64_t low_hole(uint64_t from, uint64_t length)
{
	struct quire_region region;

	while (from < LOW_END && quire_mm_region(own_mm(), (quire_va)from, &region) == QUIRE_OK &&
	       region.start < from + length)
		from = region.end;
	return from + length <= LOW_END ? from : 0;
}

/* Another thread may take the hole first: then there may be another. */
static long map_low(struct quire_mapping *how, quire_va *out_va)
{
	uint64_t hint = ALIGN_DOWN(how->addr, PAGE_SIZE), length = ALIGN_UP(how->length, PAGE_SIZE), at = 0;
	long result = -EEXIST;

	how->flags |= QUIRE_MAP_FIXED_NOREPLACE;
	if (hint < LOW_START || hint > LOW_END)
		hint = LOW_START;
	while (result == -EEXIST) {
		if (length && length < LOW_END)
			at = low_hole(hint, length);
		if (!at && length && length < LOW_END)
			at = low_hole(LOW_START, length);
		how->addr = at;
		if (!at)
			return length ? -ENOMEM : -EINVAL;
		result = quire_mmap(own_mm(), how, out_va);
	}
	return result;
}

static long map_somewhere(struct quire_mapping *how, quire_va *out_va)
{
	bool low = how->flags & ABI_MAP_LOW && !(how->flags & (QUIRE_MAP_FIXED | QUIRE_MAP_FIXED_NOREPLACE));

	return low ? map_low(how, out_va) : quire_mmap(own_mm(), how, out_va);
}

static quire_prot implied(uint64_t prot)
{
	if (prot & QUIRE_PROT_READ && current->process->personality & READ_IMPLIES_EXEC)
		prot |= QUIRE_PROT_EXEC;
	return (quire_prot)prot;
}

static long map_file(struct file *file, struct quire_mapping *how, quire_va *out_va)
{
	bool held;
	long result;

	/* The library says why, in Linux's order; it needs no file for that. */
	if (cannot_be(how))
		return quire_mmap(own_mm(), how, out_va);
	if (wants_sync(how->flags))
		return -EOPNOTSUPP;
	if (huge_file_shift(file))
		return how->offset & ((1u << huge_file_shift(file)) - 1) ? -EINVAL : -ENOMEM;
	held = file_seals_hold(file, how->flags);
	result = file_mappable(file, how->prot, how->flags, &how->file_prot, &how->file);
	if (!result) {
		if (!how->file)
			how->flags |= QUIRE_MAP_ANONYMOUS;
		result = map_somewhere(how, out_va);
	}
	if (held)
		file_seals_release(file);
	return result;
}

WIDE_CALL(mmap)
{
	struct quire_mapping how = {
	    .addr = a[0],
	    .length = a[1],
	    .prot = implied(a[2]),
	    .flags = (uint32_t)a[3],
	    .offset = a[5],
	};
	struct file *file = NULL;
	quire_va va = 0;
	long result;

	if (a[5] & PAGE_MASK)
		return -EINVAL;
	if (!(how.flags & QUIRE_MAP_ANONYMOUS)) {
		file = file_of((int)a[4]);
		if (!file)
			return -EBADF;
	}
	if (how.flags & QUIRE_MAP_HUGETLB)
		result = refuse_huge(&how);
	else
		result = file ? map_file(file, &how, &va) : map_somewhere(&how, &va);
	if (file)
		file_put(file);
	return result ? result : (long)va;
}

long sys_munmap(const abi_ulong *a)
{
	return quire_munmap(own_mm(), a[0], a[1]);
}

long sys_mprotect(const abi_ulong *a)
{
	return beyond_32(a[2]) ? -EINVAL : (long)quire_mprotect(own_mm(), a[0], a[1], implied(a[2]));
}

long sys_mremap(const abi_ulong *a)
{
	struct quire_remapping how = {(quire_va)a[0], a[1], a[2], (uint32_t)a[3], (quire_va)a[4]};
	quire_va va = 0;
	long result;

	if (beyond_32(a[3]))
		return -EINVAL;
	result = quire_mremap(own_mm(), &how, &va);
	return result ? result : (long)va;
}

/* Whether the region behind `before` continues the same mapping; *out: that region. */
static bool goes_on(const struct quire_region *before, struct quire_region *out)
{
	const uint32_t same = QUIRE_REGION_SHARED | QUIRE_REGION_MAYWRITE | QUIRE_REGION_LOCKED;

	return !quire_mm_region(own_mm(), before->end, out) && out->start == before->end &&
	       out->file == before->file && out->prot == before->prot &&
	       !((out->flags ^ before->flags) & same);
}

/* Whether [start, end) is one shared mapping of a file that may be written, in however many regions.
 * *out_region: the first, with a reference to the file. */
static bool one_shared_mapping(uint64_t start, uint64_t end, struct quire_region *out_region)
{
	const uint32_t wanted = QUIRE_REGION_SHARED | QUIRE_REGION_MAYWRITE;
	struct quire_region at, next;
	bool whole;

	if (quire_mm_region_get(own_mm(), start, out_region))
		return false;
	whole = out_region->start <= start && (out_region->flags & wanted) == wanted;
	for (at = *out_region; whole && at.end < end; at = next)
		whole = goes_on(&at, &next);
	if (!whole)
		quire_file_put(out_region->file);
	return whole;
}

/* As Linux has it since 4.0: other pages of the same file are mapped over a part of a shared mapping. */
long sys_remap_file_pages(const abi_ulong *a)
{
	uint64_t start = a[0] & ~(uint64_t)PAGE_MASK, length = a[1] & ~(uint64_t)PAGE_MASK;
	struct quire_region region;
	struct quire_mapping how;
	quire_va va;
	long result;

	if (a[2] || start + length <= start || (abi_ulong)(a[3] + length / PAGE_SIZE) < a[3])
		return -EINVAL;
	if (!one_shared_mapping(start, start + length, &region))
		return -EINVAL;
	how = (struct quire_mapping){
	    .addr = start,
	    .length = length,
	    .prot = region.prot,
	    .flags = QUIRE_MAP_SHARED | QUIRE_MAP_FIXED | QUIRE_MAP_POPULATE |
		     ((uint32_t)a[4] & QUIRE_MAP_NONBLOCK) |
		     (region.flags & QUIRE_REGION_LOCKED ? (uint32_t)QUIRE_MAP_LOCKED : 0),
	    .offset = (uint64_t)a[3] * PAGE_SIZE,
	    .file = region.file,
	    .file_prot = QUIRE_PROT_READ | QUIRE_PROT_WRITE |
			 (region.flags & QUIRE_REGION_MAYEXEC ? (quire_prot)QUIRE_PROT_EXEC : 0),
	};
	result = quire_mmap(own_mm(), &how, &va);
	quire_file_put(region.file);
	return result;
}

long sys_brk(const abi_ulong *a)
{
	return (long)quire_brk(own_mm(), a[0]);
}

long sys_mseal(const abi_ulong *a)
{
	return quire_mseal(own_mm(), a[0], a[1], a[2]);
}

long sys_madvise(const abi_ulong *a)
{
	return quire_madvise(own_mm(), a[0], a[1], (int)a[2]);
}

/* Page by page of the answer, so that its length needs no memory. */
long sys_mincore(const abi_ulong *a)
{
	unsigned char vector[256];
	uint64_t at = a[0], left = ALIGN_UP(a[1], PAGE_SIZE), to = a[2];

	if (at & PAGE_MASK)
		return -EINVAL;
	if (left < a[1] || at > user_end || left > user_end - at)
		return -ENOMEM;
	while (left) {
		uint64_t part = MIN(left, sizeof(vector) * PAGE_SIZE);
		long result = quire_mincore(own_mm(), at, part, vector);

		if (result)
			return result;
		if (copy_to_user(to, vector, part / PAGE_SIZE))
			return -EFAULT;
		at += part;
		left -= part;
		to += part / PAGE_SIZE;
	}
	return 0;
}

long sys_mlock(const abi_ulong *a)
{
	return quire_mlock(own_mm(), a[0], a[1], 0);
}

long sys_mlock2(const abi_ulong *a)
{
	return a[2] & ~(uint64_t)QUIRE_MLOCK_ONFAULT
		   ? -EINVAL
		   : (long)quire_mlock(own_mm(), a[0], a[1], (uint32_t)a[2]);
}

long sys_munlock(const abi_ulong *a)
{
	return quire_munlock(own_mm(), a[0], a[1]);
}

long sys_mlockall(const abi_ulong *a)
{
	return beyond_32(a[0]) ? -EINVAL : (long)quire_mlockall(own_mm(), (uint32_t)a[0]);
}

long sys_munlockall(const abi_ulong *a)
{
	return quire_munlockall(own_mm());
}

long sys_msync(const abi_ulong *a)
{
	return beyond_32(a[2]) ? -EINVAL : (long)quire_msync(own_mm(), a[0], a[1], (uint32_t)a[2]);
}
