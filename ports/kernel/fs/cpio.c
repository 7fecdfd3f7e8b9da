/* SPDX-License-Identifier: MIT */
/* Unpacks an initramfs: a cpio archive of the "newc" format, into the tree in memory.
 *
 * A header is 110 characters: "070701" (or "070702"), then 13 numbers of eight hexadecimal digits; then
 * the name with its NUL, padded to 4; then the content, padded to 4. Files of the same inode number with
 * more than one link are one file; its content comes with the first or the last of them. */
#include "fs/fs.h"

enum {
	HEADER = 110,
	LINK_BUCKETS = 256
};
enum field {
	INO,
	MODE,
	UID,
	GID,
	NLINK,
	MTIME,
	SIZE,
	DEV_MAJOR,
	DEV_MINOR,
	RDEV_MAJOR,
	RDEV_MINOR,
	NAME_SIZE,
	CHECK,
	FIELDS
};

struct hard_link {
	struct hard_link *next;
	uint32_t ino;
	struct inode *inode; /* with a reference */
};

struct unpack {
	const unsigned char *data;
	size_t length, at;
	uint32_t field[FIELDS];
	struct hard_link *links[LINK_BUCKETS];
};

static bool parse_hex(const unsigned char *digits, uint32_t *out)
{
	uint32_t value = 0;

	for (int i = 0; i < 8; i++) {
		unsigned c = digits[i], digit = c - '0';

		if (digit > 9) {
			digit = (c | 32) - 'a';
			if (digit > 5)
				return false;
			digit += 10;
		}
		value = value << 4 | digit;
	}
	*out = value;
	return true;
}

/* Reads the header and leaves `at` behind the name. The name is NUL-terminated. */
static int read_header(struct unpack *u, const char **out_name)
{
	const unsigned char *head = u->data + u->at;
	size_t name_end;

	if (u->length - u->at < HEADER || memcmp(head, "07070", 5) || (head[5] != '1' && head[5] != '2'))
		return -EINVAL;
	for (int i = 0; i < FIELDS; i++)
		if (!parse_hex(head + 6 + i * 8, &u->field[i]))
			return -EINVAL;
	name_end = u->at + HEADER + u->field[NAME_SIZE];
	if (!u->field[NAME_SIZE] || u->field[NAME_SIZE] > PATH_SIZE || name_end > u->length ||
	    u->data[name_end - 1])
		return -EINVAL;
	*out_name = (const char *)head + HEADER;
	u->at = ALIGN_UP(name_end, (size_t)4);
	return u->at > u->length || u->field[SIZE] > u->length - u->at ? -EINVAL : 0;
}

static struct hard_link **find_link(struct unpack *u)
{
	struct hard_link **at = &u->links[u->field[INO] % LINK_BUCKETS];

	while (*at && (*at)->ino != u->field[INO])
		at = &(*at)->next;
	return at;
}

static int remember_link(struct hard_link **at, uint32_t ino, struct inode *inode)
{
	struct hard_link *link = kmalloc(sizeof(*link));

	if (!link)
		return -ENOMEM;
	*link = (struct hard_link){.ino = ino, .inode = inode_get(inode)};
	*at = link;
	return 0;
}

static void forget_links(struct unpack *u)
{
	for (int i = 0; i < LINK_BUCKETS; i++)
		while (u->links[i]) {
			struct hard_link *link = u->links[i];

			u->links[i] = link->next;
			inode_put(link->inode);
			kfree(link);
		}
}

/* Gives `inode` one more name, in a directory that the archive has made already. */
static int add_name(const char *name, struct inode *inode)
{
	const char *slash = strrchr(name, '/');
	struct inode *dir = inode_get(root_inode);
	int result = 0;

	if (slash) {
		char *above = kmalloc(PATH_SIZE);

		if (!above) {
			inode_put(dir);
			return -ENOMEM;
		}
		strlcpy(above, name, (size_t)(slash - name) + 1);
		inode_put(dir);
		result = make_path(above, S_IFDIR | 0755, 0, &dir);
		kfree(above);
		if (result)
			return result;
	}
	name = slash ? slash + 1 : name;
	mutex_lock(&tree_lock);
	result = tree_add(dir, name, strlen(name), inode);
	mutex_unlock(&tree_lock);
	inode_put(dir);
	return result;
}

static int write_content(struct unpack *u, struct inode *inode)
{
	size_t done = 0;
	enum quire_status status;

	if (!u->field[SIZE])
		return 0;
	status = quire_file_write(inode->pages, 0, u->data + u->at, u->field[SIZE], &done);
	return status == QUIRE_OK && done == u->field[SIZE] ? 0 : -ENOMEM;
}

static int fill_inode(struct unpack *u, struct inode *inode)
{
	inode->mode = u->field[MODE];
	inode->uid = u->field[UID];
	inode->gid = u->field[GID];
	inode->mtime = inode->atime = (uint64_t)u->field[MTIME] * NSEC_PER_SEC;
	if (inode->pages)
		return write_content(u, inode);
	if (IS_TYPE(inode, S_IFLNK)) {
		char *target = kmalloc((size_t)u->field[SIZE] + 1);

		if (!target)
			return -ENOMEM;
		memcpy(target, u->data + u->at, u->field[SIZE]);
		target[u->field[SIZE]] = 0;
		kfree(inode->target);
		inode->target = target;
	}
	return 0;
}

static int unpack_entry(struct unpack *u, const char *name)
{
	uint32_t mode = u->field[MODE];
	uint64_t rdev = (uint64_t)u->field[RDEV_MAJOR] << 8 | u->field[RDEV_MINOR];
	struct hard_link **known = NULL;
	struct inode *inode;
	int result;

	if ((mode & S_IFMT) == S_IFREG && u->field[NLINK] > 1) {
		known = find_link(u);
		if (*known) {
			result = add_name(name, (*known)->inode);
			return !result && u->field[SIZE] ? write_content(u, (*known)->inode) : result;
		}
	}
	result = make_path(name, mode, rdev, &inode);
	if (result)
		return result;
	if ((inode->mode ^ mode) & S_IFMT || inode->ops)
		result = inode->ops ? 0 : -EEXIST; /* an archive may name /proc: it stays what it is */
	else
		result = fill_inode(u, inode);
	if (!result && known)
		result = remember_link(known, u->field[INO], inode);
	inode_put(inode);
	return result;
}

static int unpack_archive(struct unpack *u)
{
	for (;;) {
		const char *name;
		int result;

		/* Archives may follow one another, with zeroes between them. */
		while (u->at + 4 <= u->length && !memcmp(u->data + u->at, "\0\0\0\0", 4))
			u->at += 4;
		if (u->at + 4 > u->length)
			return 0;
		result = read_header(u, &name);
		if (result)
			return result;
		if (!strcmp(name, "TRAILER!!!")) {
			forget_links(u);
			continue;
		}
		while (name[0] == '/' || (name[0] == '.' && name[1] == '/'))
			name++;
		if (name[0] && strcmp(name, "."))
			result = unpack_entry(u, name);
		if (result) {
			printk("initramfs: %s: error %d", name, -result);
			return result;
		}
		u->at = ALIGN_UP(u->at + u->field[SIZE], (size_t)4);
	}
}

static int write_missing(const char *path, const char *text)
{
	struct inode *inode;
	size_t done;
	int result = make_path(path, S_IFREG | 0644, 0, &inode);

	if (result)
		return result;
	if (inode->pages && !quire_file_size(inode->pages))
		result = status_to_errno(quire_file_write(inode->pages, 0, text, strlen(text), &done));
	inode_put(inode);
	return result;
}

/* What C libraries look at, when the archive did not bring it. */
static int add_etc(void)
{
	static const struct {
		const char *path, *text;
	} files[] = {
	    {"/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"},
	    {"/etc/group", "root:x:0:\nnogroup:x:65534:\n"},
	    {"/etc/hostname", "quire\n"},
	    {"/etc/hosts", "127.0.0.1 localhost quire\n"},
	    {"/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		int result = write_missing(files[i].path, files[i].text);

		if (result)
			return result;
	}
	return 0;
}

int vfs_unpack(const void *archive, size_t length)
{
	struct unpack *u = kzalloc(sizeof(*u));
	int result;

	if (!u)
		return -ENOMEM;
	u->data = archive;
	u->length = archive ? length : 0;
	result = unpack_archive(u);
	forget_links(u);
	kfree(u);
	return result ? result : add_etc();
}
