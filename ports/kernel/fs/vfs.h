/* SPDX-License-Identifier: MIT */
/* Files of the reference kernel: inodes, open files, descriptor tables, paths, and how a file is mapped.
 *
 *   task.files ──► struct files   slots: fd ──► struct file   an open file description: position, flags
 *   task.fs    ──► struct fs      cwd, root, umask      │
 *                                                       ▼
 *                  struct dirent  name in a directory ─► struct inode ─► struct quire_file
 *                                                                       the pages: read, written, mapped
 *
 * There is one file system, in memory. A regular file IS a shared-memory object of the library: read(2)
 * and mmap(2) meet in its page cache. /dev is nodes in it; /proc is directories whose look-up makes
 * inodes on demand.
 *
 * Everything returns 0 or a count, or a negative errno of Linux. Everything may sleep but where it says
 * "any context". Lock order: struct fs, files -> tree mutex (names) -> inode mutex -> the library's. */
#ifndef KERNEL_VFS_H
#define KERNEL_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <quire/types.h>

/* Bytes of the longest path, with its end. */
#define PATH_SIZE 4096

struct task;
struct process;
struct inode;
struct file;
struct files;
struct fs;

/* Called by main.c once memory, tasks and the scheduler work: makes /, /dev, /proc, /tmp. */
int vfs_init(void);

/* Unpacks a cpio archive (newc) into /. `archive` may be freed afterwards. Then makes what is missing of
 * /etc/passwd, group, hostname, hosts, nsswitch.conf. */
int vfs_unpack(const void *archive, size_t length);

/* What to run, as `quire run` packed it (/.quire/boot): removed from the tree when read.
 * A boot without that file runs /init, or /sbin/init, or /bin/sh, whichever is there first. */
struct boot_spec {
	char *path;  /* of the program in the guest */
	char **argv; /* NULL-terminated, kmalloc()ed for good */
	char **envp;
	struct fs *fs;       /* cwd and root of the first task */
	struct files *files; /* its descriptors 0, 1, 2 */
};
int boot_spec_read(struct boot_spec *out_spec);
/* Called by the first program's process before it runs: the terminal, if there is one, becomes its own. */
void boot_spec_start(struct process *process);

/* --- descriptor tables and path contexts of a task ------------------------------------------------- */

struct files *files_create(void);             /* empty, one reference; NULL: no memory */
struct files *files_copy(struct files *from); /* fork: shares the open files; NULL: no memory */
struct files *files_get(struct files *files); /* CLONE_FILES */
void files_put(struct files *files);          /* exit: the last one closes everything */
int files_exec(struct task *task);            /* exec: unshares task->files, closes FD_CLOEXEC */
int files_unshare(struct task *task);         /* unshare(CLONE_FILES) */

struct fs *fs_create(void); /* cwd = root = /, umask 022 */
struct fs *fs_copy(struct fs *from);
struct fs *fs_get(struct fs *fs); /* CLONE_FS */
void fs_put(struct fs *fs);

/* The open file of a descriptor of the current task, with a reference: file_put() it. NULL: EBADF. */
struct file *file_of(int fd);
/* A new descriptor for `file`, whose reference it takes. Returns it, or -EMFILE, -ENOMEM (the reference
 * stays the caller's). `cloexec`: 0 or O_CLOEXEC. */
int fd_install(struct file *file, unsigned cloexec);

/* --- open files ------------------------------------------------------------------------------------ */

struct file *file_get(struct file *file);
void file_put(struct file *file);

/* Opens `path` (kernel memory) as the current task would. `flags`: O_*, Linux's numbers. */
int vfs_open(const char *path, unsigned flags, unsigned mode, struct file **out_file);
/* The same below directory `dirfd` (AT_FDCWD), for execveat. */
int vfs_open_at(int dirfd, const char *path, unsigned flags, unsigned mode, struct file **out_file);

/* Opens a program for exec: a regular file that the task may execute, not on a descriptor opened for
 * writing: -EACCES, -ENOENT, -ELOOP, -ETXTBSY. `at_flags`: AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW. */
int vfs_open_exec(int dirfd, const char *path, int at_flags, struct file **out_file);

/* Reads at an offset into kernel memory. Returns the count (short only at the end), or an errno. */
long file_pread(struct file *file, void *buffer, size_t length, uint64_t offset);
uint64_t file_size(const struct file *file);

/* The absolute path of a file as /proc/PID/maps and exe show it: NUL-terminated, cut to `size`. Deleted
 * files end in " (deleted)". Returns the length. */
size_t file_path(const struct file *file, char *buffer, size_t size);
/* The same for a mapping: of the file that a region of quire_mm_region() maps. "" for one without name. */
/* Drops cached pages that are clean and not mapped. Returns how many. */
uint64_t disk_reclaim(void);

size_t quire_file_path(const struct quire_file *file, char *buffer, size_t size);
/* A number that no other file has or had; 0: the library's own file. *out_first: whether this is the first time that
 * anyone asks for this one. */
uint32_t quire_file_number(const struct quire_file *file, bool *out_first);

/* What mmap(2) needs of a descriptor.
 * `flags`: MAP_*. *out_prot: for struct quire_mapping.file_prot. *out_file: no reference is taken, it lives as
 * long as `file`; NULL means "map anonymous memory" (/dev/zero, private).
 * Returns 0; -ENODEV: cannot be mapped; -EPERM: F_SEAL_WRITE; -EACCES: of /dev/zero, and of what cannot be mapped or
 * is sealed, that it is not open for reading, or not for the writing that is asked. Of other files the library says
 * so, by *out_prot. */
int file_mappable(struct file *file, quire_prot prot, uint32_t flags, quire_prot *out_prot,
		  struct quire_file **out_file);

/* Holds the seals of a file that can be sealed while it is mapped shared: what F_SEAL_WRITE looks for and what is
 * mapped must not cross. Returns whether file_seals_release() is due. */
bool file_seals_hold(struct file *file, uint32_t flags);
void file_seals_release(struct file *file);

/* --- calls from the rest of the kernel ------------------------------------------------------------- */

/* A byte came from the host on serial line 0 (standard input). Interrupt context; false: no room, mask
 * receive interrupts until arch_console_listen() is called by this half. */
bool console_input(unsigned char byte);

/* The task is leaving: puts task->files and task->fs, which are NULL afterwards. */
void vfs_task_exit(struct task *task);

/* --- /proc: provided by the task half, used by fs/proc*.c ------------------------------------------ */
/* See kernel.h: task_find(pid), tasks_each(), struct task's members. */

#endif
