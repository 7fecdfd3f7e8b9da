/* SPDX-License-Identifier: MIT */
/* What the files of fs/ share: inodes, names, open files, text for /proc.
 *
 *   struct inode ◄── struct dirent ──► its directory      tree_lock: names, nlink, parents
 *        ▲   └ pages (struct quire_file)                   inode.lock: size, append, locks of content
 *        │
 *   struct file   position under file.pos_lock
 *
 * References of an inode: one a name, one an open file or a cwd, one for a caller while it uses it.
 * The pages outlive them as long as they are mapped: a regular inode is freed when the library lets its
 * pages go. */
#ifndef KERNEL_FS_H
#define KERNEL_FS_H

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/stat.h"
#include "kern/kernel.h"
#include "kern/lock.h"
#include "kern/task.h"
#include "kern/time.h"
#include "kern/uaccess.h"
#include "fs/vfs.h"

#define NAME_LENGTH 255

/* Of inode_permission(). */
enum {
	MAY_EXEC = 1,
	MAY_WRITE = 2,
	MAY_READ = 4
};

/* The file systems, by st_dev. */
enum {
	DEV_MEMORY = 1, /* memfd_create(), /dev/shm, pipes: pages are the only copy */
	DEV_ROOT = 2,   /* the tree: pages are a cache over disk.c */
	DEV_PROC = 4,
	DEV_MOUNTS = 16 /* the first of mount(2)'s: in memory alone */
};

#define IS_TYPE(inode, type) (((inode)->mode & S_IFMT) == (type))

struct mount;
struct place;
struct poll_set;
struct dir_sink;

/* What an open file can do. Absent: -EINVAL, -ENOTTY for ioctl, always ready for poll. Buffers are the
 * kernel's; `pos` is NULL for what has no position; `wait`: may sleep for data or room, else -EAGAIN. */
struct file_ops {
	long (*read)(struct file *file, char *to, size_t n, uint64_t *pos, bool wait);
	/* Like read, straight to a program's memory, where what is taken must not be lost to a bad
	 * address. */
	long (*read_user)(struct file *file, uint64_t to, size_t n, bool wait);
	long (*write)(struct file *file, const char *from, size_t n, uint64_t *pos, bool wait);
	long (*ioctl)(struct file *file, unsigned command, uint64_t argument);
	/* POLL* that hold now; adds its wait queues to `set` unless that is NULL. Takes no mutex. */
	unsigned (*poll)(struct file *file, struct poll_set *set);
	long (*list)(struct file *file, struct dir_sink *sink);
	int (*open)(struct file *file); /* 0 or an errno */
	void (*release)(struct file *file);
	bool stream;      /* no position: lseek() is ESPIPE */
	bool no_position; /* lseek() is 0, whatever it asks */
	/* Where a program's memory ends in a hole, write(2) takes what comes before the page with the hole in it. */
	bool whole_pages;
};

/* Directories whose names are made on demand (/proc). */
struct inode_ops {
	/* A new reference to the inode of `name`, or -ENOENT, -ENOMEM. tree_lock is held. */
	int (*lookup)(struct inode *dir, const char *name, size_t length, struct inode **out_inode);
	/* The target of a symbolic link into `to`: its length, or an errno. tree_lock is not held. */
	long (*target)(struct inode *inode, char *to, size_t size);
	/* A link that is not a path but the thing itself (/proc/PID/fd/N): the inode, with a reference. */
	int (*follow)(struct inode *inode, struct inode **out_inode);
	void (*release)(struct inode *inode);
};

struct inode {
	uint32_t refs; /* atomic */
	uint32_t mode;
	uint32_t uid, gid, nlink;
	uint64_t ino, dev, rdev;
	struct mount *mount;          /* whose file system it is in; NULL: the tree's, or none */
	uint64_t counted;             /* pages of it that mount->pages has: mount.c */
	uint64_t atime, mtime, ctime; /* ns since 1970 */
	struct mutex lock;
	const struct inode_ops *ops; /* NULL: a plain inode of this tree */
	const struct file_ops *fops;

	struct quire_file *pages; /* regular */
	struct quire_file *disk;  /* what was written back of them; atomic (disk.c) */
	struct list with_disk;    /* disk.c */
	uint32_t writers;         /* open for writing; atomic */
	uint32_t seals;           /* F_SEAL_* */
	struct shm_segment *shm;  /* whose pages these are (extras/shm.c) */
	char *target;             /* symbolic link */
	struct pipe *pipe;        /* FIFO, while it is open */
	void *private;            /* of /proc */

	struct inode *parent; /* directory: with a reference; the root's is itself, without one */
	struct list children; /* directory: struct dirent.sibling, by cookie */
	uint64_t next_cookie;
	uint64_t child_count;
	bool dead; /* directory that was removed */

	uint8_t block_shift;      /* of huge pages; 0: of pages */
	struct list names;        /* struct dirent.alias */
	char *ghost;              /* its path, once the last name is gone; or of what never had one */
	struct list record_locks; /* locks.c */
	uint32_t told;            /* quire_file_number() was asked for it; atomic */
};

struct dirent {
	struct list sibling, alias;
	struct dirent *chain; /* of the hash bucket */
	struct inode *dir, *inode;
	uint64_t cookie;
	uint32_t hash;
	uint8_t length;
	char name[];
};

struct file {
	uint32_t refs;  /* atomic */
	unsigned flags; /* O_*: access mode, status flags, O_PATH */
	bool created;   /* by the open(2) that gave it */
	uint64_t pos;
	struct mutex pos_lock;
	struct inode *inode;
	const struct file_ops *ops;
	void *private;
	struct list watchers; /* epoll.c */
};

struct files {
	uint32_t refs;
	struct spinlock lock;
	unsigned size; /* slots */
	struct file **slot;
	uint8_t *cloexec;
	unsigned hint; /* no free slot below */
	unsigned used; /* no slot from here on was ever taken */
};

struct fs {
	uint32_t refs;
	struct mutex lock;
	struct inode *cwd, *root;
	unsigned umask;
};

extern struct mutex tree_lock;
extern struct inode *root_inode;

static inline void ref_get(uint32_t *refs)
{
	__atomic_add_fetch(refs, 1, __ATOMIC_RELAXED);
}
static inline bool ref_put(uint32_t *refs)
{
	return __atomic_sub_fetch(refs, 1, __ATOMIC_ACQ_REL) == 0;
}

/* --- inode.c --------------------------------------------------------------------------------------- */

/* One reference, no name, in the file system of `dir`; NULL there: of memory alone, as memfd_create() makes
 * it. Returns NULL when there is no memory. */
struct inode *inode_create(const struct inode *dir, uint32_t mode, uint64_t rdev);
void inode_free(struct inode *inode); /* from the release of its pages */
struct inode *inode_get(struct inode *inode);
void inode_put(struct inode *inode);
uint64_t inode_size(struct inode *inode);
int inode_permission(struct inode *inode, unsigned mask); /* of the current task: 0, -EACCES */
bool inode_owned(struct inode *inode);                    /* the task owns it, or may act as if */
int inode_truncate(struct inode *inode, uint64_t size);
int status_to_errno(enum quire_status status);
static inline void inode_touch(struct inode *inode)
{
	inode->mtime = inode->ctime = time_realtime();
}

struct stat {
	uint64_t dev, ino, nlink;
	uint32_t mode, uid, gid;
	uint64_t rdev;
	int64_t size, blksize, blocks;
	struct timespec atime, mtime, ctime;
};
void inode_stat(struct inode *inode, struct stat *out_stat);

/* --- tree.c: names; every function wants tree_lock ------------------------------------------------- */

/* With a reference. -ENOENT. */
int tree_lookup(struct inode *dir, const char *name, size_t length, struct inode **out_inode);
struct dirent *tree_find(struct inode *dir, const char *name, size_t length);
/* -EEXIST, -ENOENT (the directory was removed), -ENOMEM, -ENAMETOOLONG. */
int tree_add(struct inode *dir, const char *name, size_t length, struct inode *inode);
void tree_remove(struct dirent *dirent);
/* From the name of one place to that of another; flags: RENAME_*. */
int tree_rename(const struct place *from, const struct place *to, unsigned flags);
size_t tree_path(struct inode *inode, char *buffer, size_t size); /* absolute, of the whole tree */

/* --- path.c ---------------------------------------------------------------------------------------- */

enum {
	WALK_FOLLOW = 1, /* a symbolic link at the end */
	WALK_PARENT = 2, /* the last name may be missing: place.dir and place.name say where it would be */
	WALK_EMPTY = 4   /* "" is the directory itself (AT_EMPTY_PATH) */
};
struct place {
	struct inode *dir;   /* with a reference; NULL unless WALK_PARENT */
	struct inode *inode; /* with a reference; NULL: not there */
	bool slash;          /* the path ended in a slash */
	bool special;        /* the last component was "." or "..", or the path is "/" */
	uint8_t length;
	char name[NAME_LENGTH + 1];
};
int path_walk(int dirfd, const char *path, unsigned flags, struct place *out_place);
/* The target of a symbolic link, kmalloc'ed, and its length, which may be more than PATH_SIZE - 1: then it is cut. Or an
 * errno. tree_lock is not held. */
long link_target(struct inode *link, char **out_target);
void place_put(struct place *place);
/* The same with the path of a program's memory, for the inode alone. */
int path_inode(int dirfd, uint64_t user_path, unsigned flags, struct inode **out_inode);
/* Like mkdir -p and creat from the kernel itself, for boot. */
int make_path(const char *path, uint32_t mode, uint64_t rdev, struct inode **out_inode);

/* --- file.c, fdtable.c ----------------------------------------------------------------------------- */

/* A new open file of `inode`, whose reference it takes. NULL: no memory (the reference stays). */
struct file *file_create(struct inode *inode, unsigned flags, const struct file_ops *ops);
int file_open_inode(struct inode *inode, unsigned flags, struct file **out_file);
/* A file without a name: pipes, eventfd; `text` is what /proc/PID/fd shows. */
struct file *file_create_anonymous(uint32_t mode, const char *text, unsigned flags,
				   const struct file_ops *ops, void *private);
struct file *file_of_any(int fd);                     /* O_PATH descriptors too */
struct file *files_slot(struct files *files, int fd); /* with a reference, of another's table */
int files_next(struct files *files, int fd);          /* the least open descriptor >= fd; -1: none */
bool files_cloexec(struct files *files, int fd);

extern const struct file_ops regular_ops, directory_ops, path_ops, fifo_ops, tty_ops, stream_ops;

/* --- rw.c ------------------------------------------------------------------------------------------ */

long file_read_user(struct file *file, uint64_t to, size_t n, uint64_t *pos);
long file_write_user(struct file *file, uint64_t from, size_t n, uint64_t *pos);
/* lseek() with 64 bits everywhere: the new position, or an errno. */
int64_t file_seek(int fd, int64_t offset, unsigned whence);
/* Copies up to `n` bytes of file `in`, from *pos, which moves, or where it stands. Bytes copied, or an error. */
long file_send(int out, int in, uint64_t *pos, size_t n);

/* --- names.c: getdents ----------------------------------------------------------------------------- */

/* Takes one name. False: no room; the lister stops, with file.pos at the one refused. */
bool dir_emit(struct dir_sink *sink, uint64_t ino, uint64_t next_pos, unsigned type, const char *name,
	      size_t length);

/* --- poll.c ---------------------------------------------------------------------------------------- */

enum {
	POLL_QUEUES = 2 /* of one file, at most */
};
/* Where the poll of files puts waiters: of the current task, or to be told (kern/lock.h). */
struct poll_set {
	struct waiter *waiter;
	size_t count, room;
	bool (*notify)(void *owner, unsigned events);
	void *owner;
	bool exclusive;
};
void poll_wait(struct poll_set *set, struct wait_queue *queue); /* `set` may be NULL */
unsigned file_ready(struct file *file, struct poll_set *set);   /* the POLL* that hold now */

struct watch {
	struct file *file; /* with a reference; NULL: ignored */
	unsigned events;   /* POLL* wanted */
	unsigned ready;    /* found */
};
/* How many are ready; 0 at the deadline (0: do not wait); -ERESTARTSYS; -ENOMEM. */
long wait_ready(struct watch *watch, size_t count, uint64_t deadline);
uint64_t deadline_after(uint64_t ns);
/* A timeout of a program: NULL waits without limit. 0, -EFAULT, -EINVAL. `width`: bytes of its seconds. */
long deadline_from_user(uint64_t user_time, unsigned width, uint64_t *out_deadline);
/* epoll.c: the last reference to a file is gone; nobody watches it from here on. */
void epoll_forget(struct file *file);
/* The end of a call that set a temporary signal mask: the result, with EINTR for a signal. */
long end_masked(long result);

/* --- locks.c --------------------------------------------------------------------------------------- */

void locks_drop_owner(struct inode *inode, const void *owner);
long locks_fcntl(struct file *file, int command, uint64_t user_lock);

/* --- disk.c ---------------------------------------------------------------------------------------- */

extern const struct quire_file_ops disk_ops;
/* The disk's part of truncation and punching: before and after the library's, since a writeback that is
 * under way may bring back in between what the first call took. */
void disk_truncate(struct inode *inode, uint64_t size);
int disk_punch(struct inode *inode, uint64_t offset, uint64_t length);
void disk_forget(struct inode *inode); /* its reference to its pages is about to go */

/* --- pipe.c, dev.c, ramdisk.c, tty.c -------------------------------------------------------------------------- */

long pipe_create(unsigned flags, struct file *out_ends[2]);
/* F_GETPIPE_SZ, F_SETPIPE_SZ: the size, -EBADF for what is no pipe; -EBUSY: more bytes are in it; -EPERM: beyond
 * pipe_size_limit without the right. */
long pipe_size(const struct file *file);
long pipe_set_size(struct file *file, uint32_t wanted);
/* The next power of two, of whole pages. */
uint64_t pipe_rounded_size(uint64_t size);
extern uint32_t pipe_size_limit;
const struct file_ops *device_ops(uint32_t type, uint64_t rdev); /* NULL: no such device */
extern const struct file_ops ramdisk_ops;
uint64_t ramdisk_size(const struct file *file); /* 0: it is another file */
int dev_init(void);

/* tty.c. tty_input() is called from the interrupt: false when there is no room. */
bool tty_input(unsigned char byte);
void tty_hangup(void);
void tty_window(unsigned rows, unsigned columns);
void tty_set_line(unsigned line);       /* enum console_line that its output goes to */
void tty_take(struct process *process); /* becomes the controlling terminal of its session */

/* console.c. `kinds`: one letter for standard input, output and error: t terminal, p pipe. */
void console_configure(const char *kinds, unsigned rows, unsigned columns);
struct file *console_open(int fd); /* descriptor 0, 1 or 2 of the first task */

/* --- proc.c ---------------------------------------------------------------------------------------- */

int proc_init(void);
int sys_init(void);

#endif
