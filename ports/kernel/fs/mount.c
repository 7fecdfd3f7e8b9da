/* SPDX-License-Identifier: MIT */
/* mount(2) and umount2(2): file systems in memory (tmpfs) at directories of the tree.
 *
 *   name of the mount point ──► before: the directory that was there     after: the root of the file system
 *
 * A mount changes which inode the name of its directory stands for, so that walks, paths and ".." know nothing of it.
 * The directory that was there is kept and comes back. tree_lock guards the list of mounts and their names. */
#include "fs/mount.h"

#include "abi/functions.h"
#include "kern/boot.h"

#define SOURCE_SIZE 128

enum {
	MS_NODIRATIME = 0x800,
	MS_SILENT = 0x8000,
	MS_RELATIME = 0x200000,
	MS_STRICTATIME = 0x1000000,
	NO_EFFECT = MS_NODIRATIME | MS_SILENT | MS_RELATIME | MS_STRICTATIME,
	MNT_FORCE = 1,
	MNT_DETACH = 2,
	MNT_EXPIRE = 4,
	UMOUNT_NOFOLLOW = 8
};

struct mount {
	struct list link;
	struct inode *root;
	struct inode *covered; /* with the reference of its name */
	unsigned live;         /* inodes of the file system; atomic */
	uint64_t most;         /* pages of its files together; 0: as much as there is */
	int32_t pages;         /* of them, as far as they were counted: mount_recount(); atomic */
	char source[SOURCE_SIZE];
};

static struct list mounts = LIST_INIT(mounts);
static uint64_t next_dev = DEV_MOUNTS;

void mount_count(struct mount *mount, int by)
{
	if (mount)
		__atomic_add_fetch(&mount->live, by, __ATOMIC_ACQ_REL);
}

bool mount_is_root(const struct inode *inode)
{
	return inode->mount && inode->mount->root == inode;
}

void mount_recount(struct inode *inode)
{
	uint64_t now = inode->pages ? quire_file_resident(inode->pages) : 0;

	if (!inode->mount)
		return;
	__atomic_add_fetch(&inode->mount->pages, (int32_t)(now - inode->counted), __ATOMIC_RELAXED);
	inode->counted = now;
}

void mount_uncount(struct inode *inode)
{
	if (inode->mount)
		__atomic_sub_fetch(&inode->mount->pages, (int32_t)inode->counted, __ATOMIC_RELAXED);
	inode->counted = 0;
}

uint64_t mount_pages(const struct mount *mount, uint64_t *out_free)
{
	int32_t used = __atomic_load_n(&mount->pages, __ATOMIC_RELAXED);
	uint64_t taken = used > 0 ? (uint64_t)used : 0;

	*out_free = taken < mount->most ? mount->most - taken : 0;
	return mount->most;
}

size_t mount_room(struct inode *inode, uint64_t pos, size_t n)
{
	struct quire_file_counts there;
	uint64_t free, first = pos / PAGE_SIZE, end = (pos + n + PAGE_MASK) / PAGE_SIZE;

	if (!inode->mount || !n || !mount_pages(inode->mount, &free))
		return n;
	quire_file_count(inode->pages, pos, n, &there);
	if (end - first - MIN(end - first, there.cached) <= free)
		return n;
	/* All that is there, and as many pages as are free, at least: or the first page, if it is there. */
	quire_file_count(inode->pages, pos, 1, &there);
	free = MAX(free, there.cached);
	return MIN(n, (first + free) * PAGE_SIZE - MIN(pos, (first + free) * PAGE_SIZE));
}

/* The name keeps its place, its reference goes to the other inode. locked: tree_lock */
static void change_inode(struct dirent *name, struct inode *to)
{
	list_remove(&name->alias);
	name->inode = to;
	list_append(&to->names, &name->alias);
}

/* --- mounting -------------------------------------------------------------------------------------- */

static struct inode *make_root(struct mount *mount)
{
	struct inode *root = inode_create(NULL, S_IFDIR | 01777, 0);

	if (!root)
		return NULL;
	root->mount = mount;
	mount_count(mount, 1);
	root->nlink = 2;
	return root;
}

/* mode=OCTAL: the text behind the number; NULL: it is none. */
static const char *take_mode(struct inode *root, const char *text)
{
	const char *at = text;
	uint32_t mode = 0;

	for (; *at >= '0' && *at <= '7' && mode <= 07777; at++)
		mode = mode * 8 + (uint32_t)(*at - '0');
	root->mode = S_IFDIR | (mode & 07777);
	return at > text && mode <= 07777 ? at : NULL;
}

/* size=BYTES, with k, m or g behind it, or % of the memory: the same. */
static const char *take_size(struct mount *mount, const char *text)
{
	static const char units[] = "kKmMgG";
	const char *at, *unit;
	uint64_t size = strtoul64(text, &at);

	if (at == text)
		return NULL;
	unit = *at ? strchr(units, *at) : NULL;
	if (unit) {
		unsigned shift = ((unsigned)(unit - units) / 2 + 1) * 10;

		size = MIN(size, (uint64_t)INT64_MAX >> shift) << shift;
	} else if (*at == '%') {
		size = boot_info.ram_bytes / 100 * size;
	}
	mount->most = ALIGN_UP(MIN(size, (uint64_t)INT64_MAX), PAGE_SIZE) / PAGE_SIZE;
	return unit || *at == '%' ? at + 1 : at;
}

/* The options, with commas between them. */
static int take_options(struct mount *mount, const char *options)
{
	while (options && *options) {
		if (!strncmp(options, "mode=", 5))
			options = take_mode(mount->root, options + 5);
		else if (!strncmp(options, "size=", 5))
			options = take_size(mount, options + 5);
		else
			return -EINVAL;
		if (options && *options && *options++ != ',')
			return -EINVAL;
	}
	return options ? 0 : -EINVAL;
}

/* locked: tree_lock */
static int attach(struct mount *mount, struct inode *at)
{
	struct dirent *name;

	if (!IS_TYPE(at, S_IFDIR))
		return -ENOTDIR;
	if (list_empty(&at->names))
		return at->dead ? -ENOENT : -EBUSY; /* the root of all, and what lies in /proc */
	name = list_first(&at->names, struct dirent, alias);
	mount->root->dev = next_dev++;
	mount->root->parent = inode_get(name->dir);
	mount->covered = at;
	change_inode(name, mount->root);
	list_append(&mounts, &mount->link);
	return 0;
}

static int mount_memory(struct inode *at, const char *source, const char *options)
{
	struct mount *mount = kzalloc(sizeof(*mount));
	int result;

	if (!mount)
		return -ENOMEM;
	strlcpy(mount->source, source, sizeof(mount->source));
	mount->root = make_root(mount);
	if (!mount->root) {
		kfree(mount);
		return -ENOMEM;
	}
	result = take_options(mount, options);
	if (!result) {
		mutex_lock(&tree_lock);
		result = attach(mount, at);
		mutex_unlock(&tree_lock);
	}
	if (result) {
		inode_put(mount->root);
		kfree(mount);
	}
	return result;
}

static long optional_string(char *to, uint64_t from, size_t size)
{
	long length = from ? strncpy_from_user(to, from, size) : 0;

	if (!from)
		to[0] = '\0';
	return length == -ENAMETOOLONG || length >= (long)size ? -EINVAL : MIN(length, 0l);
}

long sys_mount(const abi_ulong *a)
{
	char source[SOURCE_SIZE], type[16], options[64];
	struct inode *at;
	long result = optional_string(type, a[2], sizeof(type));

	if (!result)
		result = optional_string(source, a[0], sizeof(source));
	if (!result)
		result = optional_string(options, a[4], sizeof(options));
	if (!result)
		result = path_inode(AT_FDCWD, a[1], WALK_FOLLOW, &at);
	if (result)
		return result;
	if (!capable(CAP_SYS_ADMIN))
		result = -EPERM;
	else if ((uint32_t)a[3] & ~(uint32_t)NO_EFFECT || !type[0])
		result = -EINVAL;
	else if (strcmp(type, "tmpfs"))
		result = -ENODEV;
	else
		result = mount_memory(at, source[0] ? source : "none", options);
	/* Mounted: the name's reference to `at` is the mount's. */
	inode_put(at);
	return result;
}

/* --- unmounting ------------------------------------------------------------------------------------ */

/* The next name below `top` after `at`, each directory before its content; NULL: that was the last. */
static struct dirent *next_name(const struct inode *top, struct dirent *at)
{
	struct inode *dir = at->inode;

	if (IS_TYPE(dir, S_IFDIR) && dir->mount == top->mount && !list_empty(&dir->children))
		return list_first(&dir->children, struct dirent, sibling);
	while (at->sibling.next == &at->dir->children) {
		if (at->dir == top)
			return NULL;
		at = list_first(&at->dir->names, struct dirent, alias);
	}
	return list_first(&at->sibling, struct dirent, sibling);
}

/* References that the tree itself has: of the names, and of the directories in it. */
static uint32_t own_references(const struct inode *inode)
{
	uint32_t count = 0;

	for (const struct list *at = inode->names.next; at != &inode->names; at = at->next)
		count++;
	return count + (IS_TYPE(inode, S_IFDIR) ? inode->nlink - 2 : 0);
}

static bool is_used(const struct inode *inode, uint32_t allowed)
{
	return __atomic_load_n(&inode->refs, __ATOMIC_ACQUIRE) > own_references(inode) + allowed ||
	       (inode->pages && quire_file_mappings(inode->pages));
}

/* Whether someone has something of it open, as its directory, mapped or covered. The caller has one reference of the
 * root. locked: tree_lock */
static bool is_busy(const struct mount *mount)
{
	struct inode *root = mount->root;
	struct dirent *name =
	    list_empty(&root->children) ? NULL : list_first(&root->children, struct dirent, sibling);
	unsigned found = 1;

	if (is_used(root, 1))
		return true;
	for (; name; name = next_name(root, name)) {
		if (name->inode->mount != mount || is_used(name->inode, 0))
			return true;
		found += &name->alias == name->inode->names.next;
	}
	return found != __atomic_load_n(&mount->live, __ATOMIC_ACQUIRE);
}

/* Removes every name, the deepest first. locked: tree_lock */
static void remove_all(struct inode *root)
{
	while (!list_empty(&root->children)) {
		struct dirent *name = list_first(&root->children, struct dirent, sibling);

		while (!list_empty(&name->inode->children))
			name = list_first(&name->inode->children, struct dirent, sibling);
		tree_remove(name);
	}
}

/* locked: tree_lock */
static int detach(struct mount *mount)
{
	struct inode *root = mount->root;

	if (is_busy(mount))
		return -EBUSY;
	remove_all(root);
	change_inode(list_first(&root->names, struct dirent, alias), mount->covered);
	list_remove(&mount->link);
	return 0;
}

/* MNT_DETACH and MNT_FORCE: as without them. What is in use stays: EBUSY. */
long sys_umount2(const abi_ulong *a)
{
	unsigned flags = (unsigned)a[1];
	struct mount *mount;
	struct inode *root;
	long result;

	if (flags & ~(unsigned)(MNT_FORCE | MNT_DETACH | UMOUNT_NOFOLLOW))
		return -EINVAL;
	result = path_inode(AT_FDCWD, a[0], flags & UMOUNT_NOFOLLOW ? 0 : WALK_FOLLOW, &root);
	if (result)
		return result;
	mount = root->mount;
	mutex_lock(&tree_lock);
	if (!mount_is_root(root) || list_empty(&root->names))
		result = -EINVAL;
	else
		result = capable(CAP_SYS_ADMIN) ? detach(mount) : -EPERM;
	mutex_unlock(&tree_lock);
	if (!result)
		inode_put(root); /* the name's */
	inode_put(root);
	/* The last inode of the file system has gone with it. */
	if (!result)
		kfree(mount);
	return result;
}

/* --- what is mounted ------------------------------------------------------------------------------- */

void mount_lines(struct text *text)
{
	char *path = kmalloc(PATH_SIZE);
	const struct mount *mount;

	if (!path) {
		text->failed = true;
		return;
	}
	mutex_lock(&tree_lock);
	list_for_each (mount, &mounts, link) {
		tree_path(mount->root, path, PATH_SIZE);
		text_add(text, "%s %s tmpfs rw,relatime 0 0\n", mount->source, path);
	}
	mutex_unlock(&tree_lock);
	kfree(path);
}
