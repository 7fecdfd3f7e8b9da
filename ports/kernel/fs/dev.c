/* SPDX-License-Identifier: MIT */
/* The devices of /dev: null, zero, full, random, kmsg, a block device of memory, and the terminal's nodes. */
#include "fs/fs.h"

static long null_read(struct file *file, char *to, size_t n, uint64_t *pos, bool wait)
{
	return 0;
}

static long null_write(struct file *file, const char *from, size_t n, uint64_t *pos, bool wait)
{
	return (long)n;
}

static long zero_read(struct file *file, char *to, size_t n, uint64_t *pos, bool wait)
{
	memset(to, 0, n);
	return (long)n;
}

static long full_write(struct file *file, const char *from, size_t n, uint64_t *pos, bool wait)
{
	return -ENOSPC;
}

static long random_read(struct file *file, char *to, size_t n, uint64_t *pos, bool wait)
{
	random_bytes(to, n);
	return (long)n;
}

static long kmsg_write(struct file *file, const char *from, size_t n, uint64_t *pos, bool wait)
{
	printk("%.*s", (int)MIN(n, (size_t)512), from);
	return (long)n;
}

static const struct file_ops null_ops = {.read = null_read, .write = null_write, .no_position = true};
static const struct file_ops zero_ops = {.read = zero_read, .write = null_write, .no_position = true};
static const struct file_ops full_ops = {.read = zero_read, .write = full_write, .no_position = true};
static const struct file_ops random_ops = {.read = random_read, .write = null_write};
static const struct file_ops kmsg_ops = {.read = null_read, .write = kmsg_write};

/* A device number of 16 bits: major << 8 | minor. */
static const struct {
	const char *name;
	uint64_t rdev;
	const struct file_ops *ops;
	uint32_t mode;
} devices[] = {
    {"null", 0x103, &null_ops, 0666},      {"zero", 0x105, &zero_ops, 0666},
    {"full", 0x107, &full_ops, 0666},      {"random", 0x108, &random_ops, 0666},
    {"urandom", 0x109, &random_ops, 0666}, {"kmsg", 0x10b, &kmsg_ops, 0600},
    {"tty", 0x500, &tty_ops, 0666},        {"console", 0x501, &tty_ops, 0600},
};
#define RAMDISK 0x100 /* a block device */

const struct file_ops *device_ops(uint32_t type, uint64_t rdev)
{
	if (type == S_IFBLK)
		return rdev == RAMDISK ? &ramdisk_ops : NULL;
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		if (devices[i].rdev == rdev)
			return devices[i].ops;
	return NULL;
}

static int make_link(const char *path, const char *target)
{
	struct inode *inode;
	int result = make_path(path, S_IFLNK | 0777, 0, &inode);

	if (result)
		return result;
	if (IS_TYPE(inode, S_IFLNK) && !inode->target) {
		inode->target = kstrdup(target);
		result = inode->target ? 0 : -ENOMEM;
	}
	inode_put(inode);
	return result;
}

int dev_init(void)
{
	static const struct {
		const char *path, *target;
	} links[] = {
	    {"/dev/fd", "/proc/self/fd"},
	    {"/dev/stdin", "/proc/self/fd/0"},
	    {"/dev/stdout", "/proc/self/fd/1"},
	    {"/dev/stderr", "/proc/self/fd/2"},
	};
	char path[32];
	struct inode *shm;
	int result = make_path("/dev/shm", S_IFDIR | 01777, 0, &shm);

	if (!result) {
		shm->dev = DEV_MEMORY;
		inode_put(shm);
	}

	for (size_t i = 0; i < ARRAY_SIZE(devices) && !result; i++) {
		ksnprintf(path, sizeof(path), "/dev/%s", devices[i].name);
		result = make_path(path, S_IFCHR | devices[i].mode, devices[i].rdev, NULL);
	}
	if (!result)
		result = make_path("/dev/ram0", S_IFBLK | 0660, RAMDISK, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(links) && !result; i++)
		result = make_link(links[i].path, links[i].target);
	return result;
}
