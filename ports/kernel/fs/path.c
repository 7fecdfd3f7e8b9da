/* SPDX-License-Identifier: MIT */
/* From a path to an inode: one loop over components; a symbolic link puts its target in front of the rest. */
#include "fs/fs.h"

enum {
	MAX_LINKS = 40,
	LINK_FEW = 512 /* most targets that are made have room in so many bytes */
};

struct walk {
	struct inode *at;   /* with a reference */
	struct inode *root; /* with a reference */
	const char *rest;   /* what is still to be walked: of the path, or in the buffer */
	char *buffer;       /* NULL: no link yet */
	unsigned links;
};

static int start_at(int dirfd, const char *path, struct walk *walk)
{
	struct fs *fs = current->fs;
	struct file *file;

	if (!fs) { /* before the first task has one */
		walk->root = inode_get(root_inode);
		walk->at = inode_get(root_inode);
		return 0;
	}
	mutex_lock(&fs->lock);
	walk->root = inode_get(fs->root);
	walk->at = path[0] == '/' ? inode_get(fs->root) : dirfd == AT_FDCWD ? inode_get(fs->cwd) : NULL;
	mutex_unlock(&fs->lock);
	if (walk->at)
		return 0;
	file = file_of_any(dirfd);
	if (!file)
		return -EBADF;
	walk->at = inode_get(file->inode);
	file_put(file);
	return 0;
}

/* Steps to the directory above, but not out of the root. */
static void step_up(struct walk *walk)
{
	struct inode *above = walk->at;

	if (walk->at == walk->root)
		return;
	mutex_lock(&tree_lock);
	if (walk->at->parent)
		above = inode_get(walk->at->parent);
	mutex_unlock(&tree_lock);
	if (above != walk->at)
		inode_put(walk->at);
	walk->at = above;
}

long link_target(struct inode *link, char **out_target)
{
	bool made = link->ops && link->ops->target;
	size_t size = made ? LINK_FEW : strlen(link->target) + 1;

	for (;; size = PATH_SIZE) {
		char *target = kmalloc(size);
		long length;

		if (!target)
			return -ENOMEM;
		length =
		    made ? link->ops->target(link, target, size) : (long)strlcpy(target, link->target, size);
		*out_target = target;
		/* Of a path that had no room a name was left out. */
		if (length >= 0 && (!made || size == PATH_SIZE || (size_t)length + NAME_LENGTH + 2 <= size))
			return length;
		kfree(target);
		if (length < 0)
			return length;
	}
}

/* A link's target in front of the rest, or, for one that names a thing and not a path, the thing. */
static int follow(struct walk *walk, struct inode *link)
{
	size_t rest = strlen(walk->rest);
	char *target, *joined;
	long length;

	if (++walk->links > MAX_LINKS)
		return -ELOOP;
	if (link->ops && link->ops->follow) {
		struct inode *thing;
		int result = link->ops->follow(link, &thing);

		if (result)
			return result;
		inode_put(walk->at);
		walk->at = thing;
		return 0;
	}
	length = link_target(link, &target);
	if (length < 0)
		return (int)length;
	joined = target;
	if (rest && (size_t)length < PATH_SIZE && (size_t)length + rest + 2 <= 2 * PATH_SIZE) {
		joined = kmalloc((size_t)length + rest + 2);
		if (joined) {
			memcpy(joined, target, (size_t)length);
			joined[length] = '/';
			memcpy(joined + length + 1, walk->rest, rest + 1);
		}
		kfree(target);
	} else if (rest || (size_t)length >= PATH_SIZE) {
		kfree(target);
		return -ENAMETOOLONG;
	}
	if (!joined)
		return -ENOMEM;
	if (joined[0] == '/') {
		inode_put(walk->at);
		walk->at = inode_get(walk->root);
	}
	kfree(walk->buffer);
	walk->buffer = joined;
	walk->rest = joined;
	return 0;
}

/* Takes the next component off the rest. 0: there is none; *last: nothing but slashes follows. */
static size_t next_component(struct walk *walk, const char **out_name, bool *out_last, bool *out_slash)
{
	size_t length = 0;

	while (*walk->rest == '/')
		walk->rest++;
	*out_name = walk->rest;
	while (walk->rest[length] && walk->rest[length] != '/')
		length++;
	walk->rest += length;
	*out_slash = *walk->rest == '/';
	while (*walk->rest == '/')
		walk->rest++;
	*out_last = !*walk->rest;
	return length;
}

static int look_up(struct walk *walk, const char *name, size_t length, struct inode **out_inode)
{
	int result;

	if (!IS_TYPE(walk->at, S_IFDIR))
		return -ENOTDIR;
	if (inode_permission(walk->at, MAY_EXEC))
		return -EACCES;
	mutex_lock(&tree_lock);
	result = tree_lookup(walk->at, name, length, out_inode);
	mutex_unlock(&tree_lock);
	return result;
}

/* WALK_PARENT: where the last component is, or would be. */
static int note_parent(struct walk *walk, const char *name, size_t length, struct place *place)
{
	memcpy(place->name, name, length);
	place->name[length] = 0;
	place->length = (uint8_t)length;
	place->dir = inode_get(walk->at);
	return 0;
}

static int walk_on(struct walk *walk, unsigned flags, struct place *place)
{
	for (;;) {
		struct inode *found = NULL;
		const char *name;
		bool last, slash;
		size_t length = next_component(walk, &name, &last, &slash);
		int result;

		if (!length || (length == 1 && name[0] == '.') ||
		    (length == 2 && name[0] == '.' && name[1] == '.')) {
			if ((length || place->slash) && !IS_TYPE(walk->at, S_IFDIR))
				return -ENOTDIR;
			if (length == 2)
				step_up(walk);
			if (!last)
				continue;
			place->special = true;
			place->inode = inode_get(walk->at);
			return 0;
		}
		if (length > NAME_LENGTH)
			return -ENAMETOOLONG;
		place->slash |= last && slash;
		result = look_up(walk, name, length, &found);
		if (!result && IS_TYPE(found, S_IFLNK) && (!last || slash || (flags & WALK_FOLLOW))) {
			bool is_thing = found->ops && found->ops->follow;

			result = follow(walk, found);
			inode_put(found);
			if (result)
				return result;
			if (!is_thing || !last)
				continue;
			place->special = true;
			place->inode = inode_get(walk->at);
			return 0;
		}
		if (!last && !result) {
			inode_put(walk->at);
			walk->at = found;
			continue;
		}
		if (!last)
			return result;
		if (!result && place->slash && !IS_TYPE(found, S_IFDIR)) {
			inode_put(found);
			return -ENOTDIR;
		}
		place->inode = result ? NULL : found;
		if (!(flags & WALK_PARENT) || (result && result != -ENOENT))
			return result;
		return note_parent(walk, name, length, place);
	}
}

int path_walk(int dirfd, const char *path, unsigned flags, struct place *out_place)
{
	struct walk walk = {0};
	size_t length = strlen(path);
	int result;

	memset(out_place, 0, sizeof(*out_place));
	if (!length && !(flags & WALK_EMPTY))
		return -ENOENT;
	if (length >= PATH_SIZE)
		return -ENAMETOOLONG;
	result = start_at(dirfd, path, &walk);
	if (result) {
		inode_put(walk.root);
		return result;
	}
	if (!length) {
		out_place->special = true;
		out_place->inode = inode_get(walk.at);
	} else {
		walk.rest = path;
		result = walk_on(&walk, flags, out_place);
	}
	kfree(walk.buffer);
	inode_put(walk.at);
	inode_put(walk.root);
	if (result)
		place_put(out_place);
	return result;
}

void place_put(struct place *place)
{
	inode_put(place->dir);
	inode_put(place->inode);
	place->dir = place->inode = NULL;
}

int path_inode(int dirfd, uint64_t user_path, unsigned flags, struct inode **out_inode)
{
	struct place place;
	char *path;
	int result = path_from_user(user_path, flags & WALK_EMPTY, &path);

	if (result)
		return result;
	result = path_walk(dirfd, path, flags, &place);
	kfree(path);
	if (!result)
		*out_inode = place.inode;
	return result;
}

/* One component: the inode that is there, or a new one. */
static int make_one(struct inode *dir, const char *name, size_t length, uint32_t mode, uint64_t rdev,
		    struct inode **out_inode)
{
	struct inode *inode;
	int result = tree_lookup(dir, name, length, out_inode);

	if (result != -ENOENT)
		return result;
	inode = inode_create(dir, mode, rdev);
	if (!inode)
		return -ENOMEM;
	result = tree_add(dir, name, length, inode);
	if (result) {
		inode_put(inode);
		return result;
	}
	*out_inode = inode;
	return 0;
}

int make_path(const char *path, uint32_t mode, uint64_t rdev, struct inode **out_inode)
{
	struct inode *at = inode_get(root_inode);
	int result = 0;

	mutex_lock(&tree_lock);
	while (*path == '/')
		path++;
	while (*path && !result) {
		size_t length = 0;
		struct inode *next;
		bool last;

		while (path[length] && path[length] != '/')
			length++;
		last = !path[length];
		if (!IS_TYPE(at, S_IFDIR))
			result = -ENOTDIR;
		else
			result =
			    make_one(at, path, length, last ? mode : S_IFDIR | 0755, last ? rdev : 0, &next);
		if (result)
			break;
		inode_put(at);
		at = next;
		path += length;
		while (*path == '/')
			path++;
	}
	mutex_unlock(&tree_lock);
	if (result || !out_inode)
		inode_put(at);
	else
		*out_inode = at;
	return result;
}
