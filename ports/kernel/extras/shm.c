/* SPDX-License-Identifier: MIT */
/* System V shared memory: shmget(2), shmat(2), shmdt(2), shmctl(2).
 *
 *   segment ── file ──► inode ──► quire_file ◄── the mappings: how many there are is nattch
 *      ▲                  │
 *      └───────── shm ────┘
 *
 * A segment holds its file, and so its pages, until IPC_RMID. From then on only mappings do: the segment is
 * found by its id until the last of them is gone and the inode ends (shm_forget).
 *
 * The last detachment is noted by shmdt() alone: munmap() and the end of a process leave dtime and lpid as they were.
 *
 * shm_lock guards the table and every segment. It is not held over a call that may unmap something: the end
 * of another segment may come of that. */
#include "extras/shm.h"

#include "abi/functions.h"
#include "abi/shm.h"
#include "fs/fs.h"
#include "kern/process.h"
#include "kern/uaccess.h"
#include "port/system.h"

#define ID_SEQUENCE 32768 /* an id is the sequence number times this, plus the index */

struct shm_segment {
	unsigned index;
	uint16_t sequence;
	int32_t key; /* 0: private, or to be removed */
	uid_t uid, cuid;
	gid_t gid, cgid;
	uint32_t mode; /* and SHM_DEST, SHM_LOCKED */
	uint64_t bytes;
	uint64_t atime, dtime, ctime; /* ns since 1970 */
	pid_t cpid, lpid;
	struct file *file;        /* NULL with SHM_DEST */
	struct quire_file *pages; /* the file's; lives as long as the segment */
};

static struct mutex shm_lock = MUTEX_INIT(shm_lock);
static struct shm_segment *table[SHM_MAX_IDS];
static unsigned used, sequence;
static struct shm_limits most = {SHM_MAX_BYTES, SHM_MAX_PAGES, SHM_MAX_IDS, -1};

static int id_of(const struct shm_segment *segment)
{
	return segment->sequence * ID_SEQUENCE + (int)segment->index;
}

static uint64_t pages_of(const struct shm_segment *segment)
{
	return ALIGN_UP(segment->bytes, PAGE_SIZE) / PAGE_SIZE;
}

/* locked: shm_lock. NULL: no such id. */
static struct shm_segment *find(int id)
{
	struct shm_segment *segment;

	if (id < 0 || id % ID_SEQUENCE >= (int)SHM_MAX_IDS)
		return NULL;
	segment = table[id % ID_SEQUENCE];
	return segment && id_of(segment) == id ? segment : NULL;
}

static struct shm_segment *find_key(int32_t key)
{
	for (unsigned i = 0; key && i < SHM_MAX_IDS; i++)
		if (table[i] && table[i]->key == key)
			return table[i];
	return NULL;
}

/* As the permission bits of a file. `want`: 04, 02, 01. */
static long permission(const struct shm_segment *segment, unsigned want)
{
	const struct cred *cred = &current->process->cred;
	unsigned granted = segment->mode;

	if (cred->euid == segment->cuid || cred->euid == segment->uid)
		granted >>= 6;
	else if (cred_in_group(cred, segment->cgid) || cred_in_group(cred, segment->gid))
		granted >>= 3;
	return !(want & ~granted & 7) || capable(CAP_IPC_OWNER) ? 0 : -EACCES;
}

static bool is_owner(const struct shm_segment *segment)
{
	const struct cred *cred = &current->process->cred;

	return cred->euid == segment->cuid || cred->euid == segment->uid || capable(CAP_SYS_ADMIN);
}

/* --- shmget ----------------------------------------------------------------------------------- */

static struct shm_segment *segment_alloc(int32_t key, uint64_t bytes, unsigned flags)
{
	const struct process *process = current->process;
	struct shm_segment *segment = kzalloc(sizeof(*segment));
	char name[24];

	if (!segment)
		return NULL;
	ksnprintf(name, sizeof(name), "/SYSV%08x", (unsigned)key);
	segment->file =
	    file_create_anonymous(S_IFREG | (flags & 0777), name, O_RDONLY | O_LARGEFILE, &regular_ops, NULL);
	if (!segment->file || quire_file_truncate(segment->file->inode->pages, bytes)) {
		file_put(segment->file);
		kfree(segment);
		return NULL;
	}
	segment->file->inode->nlink = 0;
	segment->pages = segment->file->inode->pages;
	segment->key = key;
	segment->uid = segment->cuid = process->cred.euid;
	segment->gid = segment->cgid = process->cred.egid;
	segment->mode = flags & 0777;
	segment->bytes = bytes;
	segment->ctime = time_realtime();
	segment->cpid = process->pid;
	return segment;
}

/* locked: shm_lock. Pages of all segments. */
static uint64_t all_pages(void)
{
	uint64_t pages = 0;

	for (unsigned i = 0; i < SHM_MAX_IDS; i++)
		pages += table[i] ? pages_of(table[i]) : 0;
	return pages;
}

/* locked: shm_lock. Where and as which of its place a new segment goes: as it was asked for, if that is free. */
static void choose_id(struct shm_segment *segment)
{
	unsigned wanted = (unsigned)most.next_id % ID_SEQUENCE, index = 0;

	segment->sequence = (uint16_t)(sequence & 0x7fff);
	if (most.next_id >= 0 && wanted < SHM_MAX_IDS && !table[wanted]) {
		index = wanted;
		segment->sequence = (uint16_t)(most.next_id / ID_SEQUENCE);
	} else {
		sequence++;
	}
	most.next_id = -1;
	while (table[index])
		index++;
	segment->index = index;
}

/* locked: shm_lock */
static long create(int32_t key, uint64_t bytes, unsigned flags)
{
	struct shm_segment *segment;
	struct quire_memory_counts memory;

	if (!bytes || bytes > most.bytes)
		return -EINVAL;
	if (used >= most.ids || all_pages() + ALIGN_UP(bytes, PAGE_SIZE) / PAGE_SIZE > most.pages)
		return -ENOSPC;
	if (flags & SHM_HUGETLB && !capable(CAP_IPC_LOCK))
		return -EPERM;
	quire_memory(the_system, &memory);
	if (bytes / PAGE_SIZE > memory.frames || flags & SHM_HUGETLB)
		return -ENOMEM;
	segment = segment_alloc(key, bytes, flags);
	if (!segment)
		return -ENOMEM;
	choose_id(segment);
	segment->file->inode->shm = segment;
	table[segment->index] = segment;
	used++;
	return id_of(segment);
}

static long get(int32_t key, uint64_t bytes, unsigned flags)
{
	struct shm_segment *segment = find_key(key);

	if (!segment)
		return key && !(flags & IPC_CREAT) ? -ENOENT : create(key, bytes, flags);
	if ((flags & (IPC_CREAT | IPC_EXCL)) == (IPC_CREAT | IPC_EXCL))
		return -EEXIST;
	if (permission(segment, flags >> 6 | flags >> 3 | flags))
		return -EACCES;
	return bytes > segment->bytes ? -EINVAL : id_of(segment);
}

long sys_shmget(const abi_ulong *a)
{
	long result;

	mutex_lock(&shm_lock);
	result = get((int32_t)a[0], a[1], (unsigned)a[2]);
	mutex_unlock(&shm_lock);
	return result;
}

/* --- shmat and shmdt -------------------------------------------------------------------------- */

/* Where and how: the arguments of mmap. Linux has SHMLBA at one page on all machines of this kernel. */
static long attach_request(uint64_t at, unsigned flags, struct quire_mapping *out_how)
{
	bool read_only = flags & SHM_RDONLY;
	quire_prot exec = flags & SHM_EXEC ? QUIRE_PROT_EXEC : 0;

	if (at & PAGE_MASK) {
		if (!(flags & SHM_RND))
			return -EINVAL;
		at &= ~(uint64_t)PAGE_MASK;
		if (!at && flags & SHM_REMAP)
			return -EINVAL;
	} else if (!at && flags & SHM_REMAP) {
		return -EINVAL;
	}
	*out_how = (struct quire_mapping){
	    .addr = at,
	    .prot = QUIRE_PROT_READ | exec | (read_only ? 0 : QUIRE_PROT_WRITE),
	    .flags = QUIRE_MAP_SHARED,
	    .file_prot = QUIRE_PROT_READ | QUIRE_PROT_EXEC | (read_only ? 0 : QUIRE_PROT_WRITE),
	};
	if (at)
		out_how->flags |= flags & SHM_REMAP ? QUIRE_MAP_FIXED : QUIRE_MAP_FIXED_NOREPLACE;
	return 0;
}

/* The pages of a segment that the caller may attach so, with a reference. */
static long attach_pages(int id, unsigned flags, struct quire_mapping *how)
{
	unsigned want = 04 | (flags & SHM_RDONLY ? 0 : 02) | (flags & SHM_EXEC ? 01 : 0);
	struct shm_segment *segment;
	long result = -EINVAL;

	mutex_lock(&shm_lock);
	segment = find(id);
	if (segment)
		result = permission(segment, want);
	if (!result && segment->file)
		quire_file_get(segment->pages);
	else if (!result && !quire_file_get_mapped(segment->pages))
		result = -EINVAL;
	if (!result) {
		how->file = segment->pages;
		how->length = segment->bytes;
	}
	mutex_unlock(&shm_lock);
	return result;
}

static void note_attached(int id)
{
	struct shm_segment *segment;

	mutex_lock(&shm_lock);
	segment = find(id);
	if (segment) {
		segment->atime = time_realtime();
		segment->lpid = current->process->pid;
	}
	mutex_unlock(&shm_lock);
}

long sys_shmat(const abi_ulong *a)
{
	struct quire_mapping how;
	quire_va va = 0;
	long result = (int)a[0] < 0 ? -EINVAL : attach_request(a[1], (unsigned)a[2], &how);

	if (!result)
		result = attach_pages((int)a[0], (unsigned)a[2], &how);
	if (result)
		return result;
	if ((how.flags & QUIRE_MAP_FIXED_NOREPLACE) && how.addr + how.length < how.addr)
		result = -EINVAL;
	else
		result = quire_mmap(current->process->mm, &how, &va);
	if (!result)
		note_attached((int)a[0]);
	quire_file_put(how.file);
	if (result == -EEXIST)
		return -EINVAL;
	return result ? result : (long)va;
}

static bool is_part_of(const struct quire_region *region, uint64_t attach)
{
	struct inode *inode = region->file ? quire_file_context(region->file) : NULL;

	return inode && inode->shm && region->start - attach == region->offset;
}

/* The segment may have been destroyed by what the caller unmapped. */
static void note_detached(int id)
{
	struct shm_segment *segment;

	mutex_lock(&shm_lock);
	segment = find(id);
	if (segment) {
		segment->dtime = time_realtime();
		segment->lpid = current->process->pid;
	}
	mutex_unlock(&shm_lock);
}

/* Every part of the attachment that is still there goes. */
long sys_shmdt(const abi_ulong *a)
{
	struct quire_mm *mm = current->process->mm;
	struct quire_file *file = NULL;
	struct quire_region region;
	uint64_t at = a[0], end = user_end;
	long result = -EINVAL;
	int id = -1;

	if (at & PAGE_MASK)
		return -EINVAL;
	while (at < end && !quire_mm_region_get(mm, at, &region) && region.start < end) {
		bool part = is_part_of(&region, a[0]) && (!file || file == region.file);

		if (part && !file) {
			struct inode *inode = quire_file_context(region.file);

			file = quire_file_get(region.file);
			id = id_of(inode->shm);
			end = a[0] + ALIGN_UP(quire_file_size(file), PAGE_SIZE);
		}
		if (part)
			result = quire_munmap(mm, region.start, region.end - region.start);
		quire_file_put(region.file);
		if (part && result)
			break;
		at = region.end;
	}
	if (file)
		note_detached(id);
	quire_file_put(file);
	return result;
}

/* --- shmctl ----------------------------------------------------------------------------------- */

static void stat_of(const struct shm_segment *segment, struct abi_shmid_ds *out)
{
	*out = (struct abi_shmid_ds){
	    .perm = {.key = segment->key,
		     .uid = segment->uid,
		     .gid = segment->gid,
		     .cuid = segment->cuid,
		     .cgid = segment->cgid,
		     .mode = segment->mode,
		     .seq = segment->sequence},
	    .bytes = (abi_ulong)segment->bytes,
	    .atime = (abi_long)(segment->atime / NSEC_PER_SEC),
	    .dtime = (abi_long)(segment->dtime / NSEC_PER_SEC),
	    .ctime = (abi_long)(segment->ctime / NSEC_PER_SEC),
	    .cpid = segment->cpid,
	    .lpid = segment->lpid,
	    .nattch = (abi_ulong)quire_file_mappings(segment->pages),
	};
}

/* locked: shm_lock. By id, or for SHM_STAT and SHM_STAT_ANY, which return the id, by the index in it. */
static long stat_segment(int id, int command, struct abi_shmid_ds *out)
{
	bool by_index = command != IPC_STAT;
	struct shm_segment *segment = NULL;
	long result;

	if (!by_index)
		segment = find(id);
	else if (id >= 0 && id % ID_SEQUENCE < (int)SHM_MAX_IDS)
		segment = table[id % ID_SEQUENCE];
	if (!segment)
		return -EINVAL;
	result = command == SHM_STAT_ANY ? 0 : permission(segment, 04);
	if (result)
		return result;
	stat_of(segment, out);
	return by_index ? id_of(segment) : 0;
}

/* locked: shm_lock */
static int highest_index(void)
{
	int index = SHM_MAX_IDS - 1;

	while (index > 0 && !table[index])
		index--;
	return index;
}

static long limits(uint64_t to)
{
	struct abi_shminfo info = {
	    .shmmin = 1,
	};
	int highest;

	mutex_lock(&shm_lock);
	info.shmmax = (abi_ulong)most.bytes;
	info.shmall = (abi_ulong)most.pages;
	info.shmmni = info.shmseg = most.ids;
	highest = highest_index();
	mutex_unlock(&shm_lock);
	return put_user(info, to) ? -EFAULT : highest;
}

static long totals(uint64_t to)
{
	struct abi_shm_info info = {0};
	int highest;

	mutex_lock(&shm_lock);
	info.used_ids = (int32_t)used;
	for (unsigned i = 0; i < SHM_MAX_IDS; i++) {
		if (!table[i])
			continue;
		info.total += (abi_ulong)pages_of(table[i]);
		info.resident += (abi_ulong)quire_file_resident(table[i]->pages);
	}
	highest = highest_index();
	mutex_unlock(&shm_lock);
	return put_user(info, to) ? -EFAULT : highest;
}

/* locked: shm_lock. *out_file: what the caller puts once the lock is released. */
static long change(struct shm_segment *segment, int command, const struct abi_shmid_ds *given,
		   struct file **out_file)
{
	const struct process *process = current->process;

	if (command == SHM_LOCK || command == SHM_UNLOCK) {
		if (!capable(CAP_IPC_LOCK) &&
		    (!is_owner(segment) || (command == SHM_LOCK && !process->rlimit[RLIMIT_MEMLOCK].soft)))
			return -EPERM;
		/* Nothing takes pages of shared memory away from here: the mark is all. */
		segment->mode = (segment->mode & ~(uint32_t)SHM_LOCKED) |
				(command == SHM_LOCK ? (uint32_t)SHM_LOCKED : 0);
		return 0;
	}
	if (!is_owner(segment))
		return -EPERM;
	if (command == IPC_SET) {
		segment->uid = given->perm.uid;
		segment->gid = given->perm.gid;
		segment->mode = (segment->mode & ~0777u) | (given->perm.mode & 0777);
		segment->ctime = time_realtime();
		return 0;
	}
	segment->mode |= SHM_DEST;
	segment->key = 0;
	*out_file = segment->file;
	segment->file = NULL;
	return 0;
}

static long change_segment(int id, int command, uint64_t from)
{
	struct abi_shmid_ds given = {0};
	struct shm_segment *segment;
	struct file *file = NULL;
	long result = -EINVAL;

	if (command == IPC_SET && get_user(given, from))
		return -EFAULT;
	mutex_lock(&shm_lock);
	segment = find(id);
	if (segment)
		result = change(segment, command, &given, &file);
	mutex_unlock(&shm_lock);
	file_put(file);
	return result;
}

long sys_shmctl(const abi_ulong *a)
{
	int id = (int)a[0], command = (int)a[1] & ~IPC_64;
	struct abi_shmid_ds stat;
	long result;

	if (id < 0 || command < 0)
		return -EINVAL;
	switch (command) {
	case IPC_INFO:
		return limits(a[2]);
	case SHM_INFO:
		return totals(a[2]);
	case IPC_STAT:
	case SHM_STAT:
	case SHM_STAT_ANY:
		mutex_lock(&shm_lock);
		result = stat_segment(id, command, &stat);
		mutex_unlock(&shm_lock);
		return result >= 0 && put_user(stat, a[2]) ? -EFAULT : result;
	case IPC_RMID:
	case IPC_SET:
	case SHM_LOCK:
	case SHM_UNLOCK:
		return change_segment(id, command, a[2]);
	default:
		return -EINVAL;
	}
}

void shm_limits_get(struct shm_limits *out_limits)
{
	mutex_lock(&shm_lock);
	*out_limits = most;
	mutex_unlock(&shm_lock);
}

void shm_limits_set(const struct shm_limits *limits)
{
	mutex_lock(&shm_lock);
	most = *limits;
	mutex_unlock(&shm_lock);
}

/* --- for others ------------------------------------------------------------------------------- */

void shm_forget(struct shm_segment *segment)
{
	mutex_lock(&shm_lock);
	table[segment->index] = NULL;
	used--;
	mutex_unlock(&shm_lock);
	kfree(segment);
}

bool shm_line(unsigned index, char *line, size_t size)
{
	const struct shm_segment *s;

	line[0] = '\0';
	if (index >= SHM_MAX_IDS)
		return false;
	mutex_lock(&shm_lock);
	s = table[index];
	if (s)
		ksnprintf(line, size,
			  "%10d %10d  %4o %21" PRIu64 " %5d %5d  %5" PRIu64 " %5u %5u %5u %5u %10" PRIu64
			  " %10" PRIu64 " %10" PRIu64 " %21" PRIu64 " %21u\n",
			  s->key, id_of(s), s->mode, s->bytes, s->cpid, s->lpid,
			  quire_file_mappings(s->pages), s->uid, s->gid, s->cuid, s->cgid,
			  s->atime / NSEC_PER_SEC, s->dtime / NSEC_PER_SEC, s->ctime / NSEC_PER_SEC,
			  quire_file_resident(s->pages) * PAGE_SIZE, 0u);
	mutex_unlock(&shm_lock);
	return true;
}
