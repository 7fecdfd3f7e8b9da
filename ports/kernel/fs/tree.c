/* SPDX-License-Identifier: MIT */
/* Names: the directories of the tree in memory, as one hash of (directory, name).
 *
 * Every function wants tree_lock. A name holds a reference to its inode; a directory holds one to its
 * parent. Positions of getdents are cookies that only grow, so that removing names while a directory is
 * read neither skips nor repeats one. */
#include "fs/fs.h"

enum {
	BUCKETS = 4096
};

struct mutex tree_lock = MUTEX_INIT(tree_lock);
struct inode *root_inode;
static struct dirent *buckets[BUCKETS];

static uint32_t hash_name(const struct inode *dir, const char *name, size_t length)
{
	uint64_t hash = dir->ino * 0x9e3779b97f4a7c15u;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)name[i]) * 0x100000001b3u;
	return (uint32_t)(hash ^ hash >> 32);
}

struct dirent *tree_find(struct inode *dir, const char *name, size_t length)
{
	uint32_t hash = hash_name(dir, name, length);
	struct dirent *at;

	for (at = buckets[hash % BUCKETS]; at; at = at->chain)
		if (at->hash == hash && at->dir == dir && at->length == length &&
		    !memcmp(at->name, name, length))
			return at;
	return NULL;
}

int tree_lookup(struct inode *dir, const char *name, size_t length, struct inode **out_inode)
{
	struct dirent *found;

	if (length > NAME_LENGTH)
		return -ENAMETOOLONG;
	if (dir->ops && dir->ops->lookup)
		return dir->ops->lookup(dir, name, length, out_inode);
	found = tree_find(dir, name, length);
	if (!found)
		return -ENOENT;
	*out_inode = inode_get(found->inode);
	return 0;
}

static struct dirent *dirent_create(const char *name, size_t length)
{
	struct dirent *dirent = kmalloc(sizeof(*dirent) + length + 1);

	if (dirent) {
		dirent->length = (uint8_t)length;
		memcpy(dirent->name, name, length);
		dirent->name[length] = 0;
	}
	return dirent;
}

/* Cannot fail: the second half of adding a name. */
static void dirent_insert(struct dirent *dirent, struct inode *dir, struct inode *inode)
{
	dirent->dir = dir;
	dirent->inode = inode_get(inode);
	dirent->hash = hash_name(dir, dirent->name, dirent->length);
	dirent->cookie = dir->next_cookie++;
	dirent->chain = buckets[dirent->hash % BUCKETS];
	buckets[dirent->hash % BUCKETS] = dirent;
	list_append(&dir->children, &dirent->sibling);
	list_append(&inode->names, &dirent->alias);
	dir->child_count++;
	inode->nlink++;
	if (IS_TYPE(inode, S_IFDIR)) {
		inode->nlink = MAX(inode->nlink, 2u);
		dir->nlink++;
		if (inode->parent && inode->parent != inode)
			inode_put(inode->parent);
		inode->parent = inode_get(dir);
	}
	inode_touch(dir);
	inode->ctime = dir->ctime;
}

int tree_add(struct inode *dir, const char *name, size_t length, struct inode *inode)
{
	struct dirent *dirent;

	if (dir->dead)
		return -ENOENT;
	if (dir->ops)
		return -EPERM;
	if (length > NAME_LENGTH)
		return -ENAMETOOLONG;
	if (tree_find(dir, name, length))
		return -EEXIST;
	dirent = dirent_create(name, length);
	if (!dirent)
		return -ENOSPC;
	dirent_insert(dirent, dir, inode);
	return 0;
}

static void dirent_unlink(struct dirent *dirent)
{
	struct dirent **link = &buckets[dirent->hash % BUCKETS];

	while (*link != dirent)
		link = &(*link)->chain;
	*link = dirent->chain;
	list_remove(&dirent->sibling);
	list_remove(&dirent->alias);
	dirent->dir->child_count--;
	inode_touch(dirent->dir);
	dirent->inode->ctime = dirent->dir->ctime;
}

void tree_remove(struct dirent *dirent)
{
	struct inode *inode = dirent->inode, *dir = dirent->dir;

	/* /proc/PID/maps and fd still show the old path of an open file. */
	if (inode->names.next->next == &inode->names && __atomic_load_n(&inode->refs, __ATOMIC_RELAXED) > 1) {
		char *path = kmalloc(PATH_SIZE);

		if (path) {
			tree_path(inode, path, PATH_SIZE);
			kfree(inode->ghost);
			inode->ghost = kstrdup(path);
			kfree(path);
		}
	}
	dirent_unlink(dirent);
	inode->nlink--;
	if (IS_TYPE(inode, S_IFDIR)) {
		inode->nlink = 0;
		inode->dead = true;
		dir->nlink--;
	}
	kfree(dirent);
	inode_put(inode);
}

static bool is_below(struct inode *dir, const struct inode *above)
{
	while (dir != above && dir->parent && dir->parent != dir)
		dir = dir->parent;
	return dir == above;
}

static int check_replace(struct inode *moved, struct inode *there)
{
	if (!IS_TYPE(there, S_IFDIR))
		return IS_TYPE(moved, S_IFDIR) ? -ENOTDIR : 0;
	if (!IS_TYPE(moved, S_IFDIR))
		return -EISDIR;
	return there->child_count ? -ENOTEMPTY : 0;
}

/* Both names stay where they are and change their inodes: RENAME_EXCHANGE. */
static void exchange(struct dirent *one, struct dirent *two, struct dirent *spare[2])
{
	struct inode *dir[2] = {one->dir, two->dir};
	struct inode *inode[2] = {inode_get(one->inode), inode_get(two->inode)};

	for (int i = 0; i < 2; i++) {
		struct dirent *old = i ? two : one;
		bool is_dir = IS_TYPE(inode[i], S_IFDIR);

		dirent_unlink(old);
		inode[i]->nlink -= is_dir ? 0 : 1;
		dir[i]->nlink -= is_dir;
		inode_put(inode[i]);
		kfree(old);
	}
	for (int i = 0; i < 2; i++) {
		uint32_t nlink = inode[1 - i]->nlink;

		dirent_insert(spare[i], dir[i], inode[1 - i]);
		if (IS_TYPE(inode[1 - i], S_IFDIR))
			inode[1 - i]->nlink = nlink;
	}
	inode_put(inode[0]);
	inode_put(inode[1]);
}

static int rename_exchange(struct dirent *old, struct dirent *there)
{
	struct dirent *spare[2];

	if ((IS_TYPE(old->inode, S_IFDIR) && is_below(there->dir, old->inode)) ||
	    (IS_TYPE(there->inode, S_IFDIR) && is_below(old->dir, there->inode)))
		return -EINVAL;
	spare[0] = dirent_create(old->name, old->length);
	spare[1] = dirent_create(there->name, there->length);
	if (!spare[0] || !spare[1]) {
		kfree(spare[0]);
		kfree(spare[1]);
		return -ENOSPC;
	}
	exchange(old, there, spare);
	return 0;
}

int tree_rename(const struct place *old_place, const struct place *new_place, unsigned flags)
{
	struct inode *from = old_place->dir, *to = new_place->dir;
	struct dirent *old, *there, *fresh;
	struct inode *inode;
	uint32_t nlink;
	int result;

	if (from->ops || to->ops)
		return from->ops && to->ops ? -EPERM : -EXDEV;
	old = tree_find(from, old_place->name, old_place->length);
	there = tree_find(to, new_place->name, new_place->length);
	if (!old || to->dead)
		return -ENOENT;
	if (there && flags & RENAME_NOREPLACE)
		return -EEXIST;
	inode = old->inode;
	if (!there && flags & RENAME_EXCHANGE)
		return -ENOENT;
	/* Two names of one file, or one name twice: nothing is renamed. */
	if (there && there->inode == inode)
		return 0;
	if (flags & RENAME_EXCHANGE)
		return rename_exchange(old, there);
	if (IS_TYPE(inode, S_IFDIR) && is_below(to, inode))
		return -EINVAL;
	result = there ? check_replace(inode, there->inode) : 0;
	if (result)
		return result;
	fresh = dirent_create(new_place->name, new_place->length);
	if (!fresh)
		return -ENOSPC;
	if (there)
		tree_remove(there);
	nlink = inode->nlink;
	dirent_insert(fresh, to, inode);
	dirent_unlink(old);
	if (IS_TYPE(inode, S_IFDIR))
		from->nlink--;
	inode->nlink = nlink;
	kfree(old);
	inode_put(inode);
	return 0;
}

/* Written from the end of the buffer towards its start, then moved. */
size_t tree_path(struct inode *inode, char *buffer, size_t size)
{
	size_t at = size - 1, length;
	bool deleted = false;

	buffer[at] = 0;
	if (list_empty(&inode->names) && inode != root_inode) {
		const char *ghost = inode->ghost ? inode->ghost : "";

		return ghost[0] == '/' && !inode->ops ? (size_t)ksnprintf(buffer, size, "%s (deleted)", ghost)
						      : strlcpy(buffer, ghost, size);
	}
	while (inode != root_inode && at > 0) {
		struct dirent *name;

		if (list_empty(&inode->names)) {
			deleted = true;
			break;
		}
		name = list_first(&inode->names, struct dirent, alias);
		if ((size_t)name->length + 1 > at)
			break;
		at -= name->length;
		memcpy(buffer + at, name->name, name->length);
		buffer[--at] = '/';
		inode = name->dir;
	}
	length = size - 1 - at;
	if (!length && !deleted) {
		buffer[--at] = '/';
		length = 1;
	}
	memmove(buffer, buffer + at, length + 1);
	return length;
}
