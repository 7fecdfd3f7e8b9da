/* SPDX-License-Identifier: MIT */
/* mmap() and munmap() for xv6. While an inode is mapped it has one quire_file, through which read() and write() see what
 * mappings write, and mappings what write() writes. Pages go back to the disk at munmap(), exec() and exit(). No
 * inode's lock is held while a program's memory is copied, which may be a mapping of that inode. */
#include <quire/quire.h>
#include "types.h"
#include "param.h"
#include "memlayout.h"
#include "spinlock.h"
#include "sleeplock.h"
#include "riscv.h"
#include "fs.h"
#include "file.h"
#include "proc.h"
#include "defs.h"

/* What one transaction of the log takes, as in filewrite(). */
#define MOST ((MAXOPBLOCKS - 1 - 1 - 2) / 2 * BSIZE)

struct mapped {
	struct inode *ip; /* 0: not used */
	struct quire_file *file;
};

static struct mapped mapped[NINODE];
static struct sleeplock lock = {.lk = {.name = "mapped"}, .name = "mapped"};
extern struct quire_system *quire;

static enum quire_status mapped_read(void *context, uint64_t offset, void *page, size_t bytes,
				     size_t *out_bytes)
{
	struct inode *ip = ((struct mapped *)context)->ip;
	int n;
	ilock(ip);
	n = readi(ip, 0, (uint64)page, offset, bytes);
	iunlock(ip);
	*out_bytes = n < 0 ? 0 : n;
	return n < 0 ? QUIRE_EIO : QUIRE_OK;
}

static enum quire_status mapped_write(void *context, uint64_t offset, const void *page, size_t bytes)
{
	struct inode *ip = ((struct mapped *)context)->ip;
	int n = 0, part = 0;
	for (uint done = 0; done < bytes && n == part; done += part) {
		part = bytes - done < MOST ? bytes - done : MOST;
		begin_op();
		ilock(ip);
		n = writei(ip, 0, (uint64)page + done, offset + done, part);
		iunlock(ip);
		end_op();
	}
	return n == part ? QUIRE_OK : QUIRE_EIO;
}

static void mapped_release(void *context)
{
	struct mapped *m = context;
	struct inode *ip = m->ip;
	acquiresleep(&lock);
	m->ip = 0;
	releasesleep(&lock);
	begin_op();
	iput(ip);
	end_op();
}

/* The file of an inode, with a reference: a new one if `make`. 0: it has none, or no memory. */
static struct quire_file *file_of(struct inode *ip, int make)
{
	static const struct quire_file_ops ops = {mapped_read, mapped_write, 0, mapped_release};
	struct mapped *m, *unused = 0;
	struct quire_file *file = 0;
	acquiresleep(&lock);
	for (m = mapped; m < mapped + NINODE && !file; m++) {
		if (m->ip == 0)
			unused = m;
		else if (m->ip == ip)
			file = quire_file_tryget(m->file);
	}
	if (!file && make && unused && quire_file_create(quire, &ops, unused, ip->size, &file) == QUIRE_OK) {
		unused->file = file;
		unused->ip = idup(ip);
	}
	releasesleep(&lock);
	return file;
}

/* Reads from an inode to a page of the kernel, or a part of it. Returns the bytes, or -1. */
static int read_part(struct inode *ip, char *page, uint offset, uint bytes)
{
	struct quire_file *file = file_of(ip, 0);
	size_t done;
	int n;
	if (file) {
		n = quire_file_read(file, offset, page, bytes, &done) == QUIRE_OK ? done : -1;
		quire_file_put(file);
		return n;
	}
	ilock(ip);
	n = readi(ip, 0, (uint64)page, offset, bytes);
	iunlock(ip);
	return n;
}

/* read() of an inode. */
int mm_fileread(struct file *f, uint64 addr, int bytes)
{
	char *page = kalloc();
	int done = 0, n = -1, part;
	while (page && done < bytes) {
		part = bytes - done < PGSIZE ? bytes - done : PGSIZE;
		n = read_part(f->ip, page, f->off, part);
		if (n > 0 && copyout(myproc()->mm, addr + done, page, n) < 0)
			n = -1;
		if (n <= 0)
			break;
		f->off += n;
		done += n;
	}
	if (page)
		kfree(page);
	return done > 0 || n >= 0 || bytes == 0 ? done : -1;
}

/* What write() wrote to an inode, for its mappings. */
void mm_filewrote(struct inode *ip, char *from, uint offset, uint bytes)
{
	struct quire_file *file = file_of(ip, 0);
	size_t done;
	if (!file)
		return;
	if (quire_file_write(file, offset, from, bytes, &done) != QUIRE_OK)
		printf("write: mappings do not see it\n");
	quire_file_put(file);
}

/* Writes back what the program wrote to shared mappings; holes are no error here. */
void mm_sync(struct quire_mm *mm)
{
	if (quire_msync(mm, 0, TRAPFRAME, QUIRE_MS_SYNC) == QUIRE_EIO)
		printf("exit: a file was not written back\n");
}

uint64 sys_mmap(void)
{
	struct quire_mapping how = {0};
	struct file *f = 0;
	uint64 at = -1;
	int prot, flags, fd;
	argaddr(0, &how.addr);
	argaddr(1, &how.length);
	argint(2, &prot);
	argint(3, &flags);
	argint(4, &fd);
	argaddr(5, &how.offset);
	how.prot = prot;
	how.flags = flags;
	if (!(flags & QUIRE_MAP_ANONYMOUS)) {
		if (fd < 0 || fd >= NOFILE || (f = myproc()->ofile[fd]) == 0 || f->type != FD_INODE ||
		    !f->readable)
			return -1;
		how.file = file_of(f->ip, 1);
		how.file_prot = QUIRE_PROT_READ | (f->writable ? QUIRE_PROT_WRITE : 0);
		if (how.file == 0)
			return -1;
	}
	if (quire_mmap(myproc()->mm, &how, &at) != QUIRE_OK)
		at = -1;
	quire_file_put(how.file);
	return at;
}

uint64 sys_munmap(void)
{
	uint64 addr, bytes;
	argaddr(0, &addr);
	argaddr(1, &bytes);
	mm_sync(myproc()->mm);
	return quire_munmap(myproc()->mm, addr, bytes) == QUIRE_OK ? 0 : -1;
}
