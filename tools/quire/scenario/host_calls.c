/* SPDX-License-Identifier: MIT */
/* The system calls and files of the host backend. It calls Linux directly, so that errno comes from the
 * kernel. */
#include "host.h"
#include "names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#ifndef FALLOC_FL_KEEP_SIZE
#define FALLOC_FL_KEEP_SIZE 1
#endif
#ifndef FALLOC_FL_PUNCH_HOLE
#define FALLOC_FL_PUNCH_HOLE 2
#endif

enum {
	BUFFER = 65536
};

/* File system types, statfs(2). */
#define TMPFS 0x01021994u
#define RAMFS 0x858458f6u

static uint8_t buffer[BUFFER];

/* Whether the size fits in a machine word, signed or unsigned. */
static bool is_word(struct scn_size size)
{
	return size.bytes == (int64_t)(intptr_t)size.bytes || (uint64_t)size.bytes == (uintptr_t)size.bytes;
}

const char *host_cannot(void *context, const struct scn_op *op)
{
	if (!is_word(op->addr.off) || !is_word(op->to.off) || !is_word(op->len) || !is_word(op->len2))
		return "64-bit addresses and lengths: this machine has shorter words";
	switch (op->verb) {
	case SCN_EXEC:
		return host_can_exec() ? NULL : "exec: user space cannot single-step this CPU";
	case SCN_LIMIT:
		if (op->other == SCN_LIMIT_AS || op->other == SCN_LIMIT_DATA)
			return "limit as, data: these limits also count the harness's memory";
		return NULL;
	case SCN_ADVISE:
		if (op->flags == 14)
			return "advise hugepage: the host chooses page sizes itself";
		return NULL;
	case SCN_EVICT:
	case SCN_PRESSURE:
	case SCN_SWAPOFF:
	case SCN_STORE:
		return "evict, pressure, swapoff, store: the running kernel decides what it swaps";
	case SCN_SP:
		return "sp: the stack pointer belongs to the harness";
	default:
		return NULL;
	}
}

/* --- Files --- */

static bool fill_file(int fd, const struct scn_file *file, uint64_t size, uint64_t page)
{
	for (uint64_t at = 0; at < size; at += page) {
		size_t n = size - at < page ? (size_t)(size - at) : (size_t)page;

		memset(buffer, scn_fill_byte(file, at / page), n);
		if (pwrite(fd, buffer, n, (off_t)at) != (ssize_t)n)
			return false;
	}
	return true;
}

static int open_file_in(const char *folder)
{
	char path[4096];
	int fd;

	if (!folder || snprintf(path, sizeof(path), "%s/quire-scenario-XXXXXX", folder) >= (int)sizeof(path))
		return -1;
	fd = mkstemp(path);
	if (fd >= 0)
		unlink(path);
	return fd;
}

static bool is_in_memory(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && ((uint32_t)fs.f_type == TMPFS || (uint32_t)fs.f_type == RAMFS);
}

/* Opens the file in the first directory that is on a disk, else in the last writable one. */
static int open_disk_file(void)
{
	const char *const folder[] = {getenv("TMPDIR"), "/var/tmp", "/tmp", "."};
	int best = -1;

	for (unsigned i = 0; i < sizeof(folder) / sizeof(folder[0]); i++) {
		int fd = open_file_in(folder[i]);

		if (fd < 0)
			continue;
		if (best >= 0)
			close(best);
		best = fd;
		if (!is_in_memory(fd))
			break;
	}
	return best;
}

static bool open_file(struct scn_host *host, unsigned index)
{
	const struct scn_file *file = &host->shared->program.file[index];
	uint64_t page = host->shared->backend.page_size;
	uint64_t size = (uint64_t)file->size.pages * page + (uint64_t)file->size.bytes;
	struct stat st;
	int fd;

	fd = file->kind == SCN_FILE_DISK ? open_disk_file() : (int)syscall(SYS_memfd_create, "scenario", 0);
	host->files.fd[index] = fd;
	if (fd < 0 || ftruncate(fd, (off_t)size) != 0 || fstat(fd, &st) != 0)
		return false;
	host->files.inode[index] = st.st_ino;
	return !file->filled || fill_file(fd, file, size, page);
}

bool host_files_open(struct scn_host *host)
{
	for (unsigned i = 0; i < SCN_MAX_FILES; i++)
		host->files.fd[i] = -1;
	for (unsigned i = 0; i < host->shared->program.file_count; i++)
		if (!open_file(host, i))
			return false;
	return true;
}

void host_files_close(struct scn_host *host)
{
	for (unsigned i = 0; i < SCN_MAX_FILES; i++) {
		if (host->files.fd[i] >= 0)
			close(host->files.fd[i]);
		host->files.fd[i] = -1;
	}
}

uint64_t host_file_digest(void *context, unsigned file)
{
	struct scn_host *host = context;
	uint64_t hash = 0, at = 0;
	ssize_t n;

	while ((n = pread(host->files.fd[file], buffer, 4096, (off_t)at)) > 0) {
		hash = scn_hash(hash, buffer, (size_t)n);
		at += (uint64_t)n;
	}
	return scn_hash(hash, &at, sizeof(at));
}

/* --- Measured calls --- */

#define MEASURED(counts, number, ...) host_measured_call(counts, number, (const uint64_t[6]){__VA_ARGS__})

/* A 32-bit kernel returns addresses sign-extended, so only values in the last page are errors. */
static int64_t as_address(int64_t value)
{
	if (value < 0 && value > -4096)
		return value;
	return (int64_t)(uint64_t)(uintptr_t)value;
}

static int64_t map(struct scn_host *host, const uint64_t arg[6], struct scn_counts *counts)
{
	int fd = arg[4] == ~0ull ? -1 : host->files.fd[arg[4]];

#if defined(SYS_mmap2)
	if (arg[5] & 4095)
		return -EINVAL;
	return as_address(
	    MEASURED(counts, SYS_mmap2, arg[0], arg[1], arg[2], arg[3], (uint64_t)(int64_t)fd, arg[5] >> 12));
#else
	return as_address(
	    MEASURED(counts, SYS_mmap, arg[0], arg[1], arg[2], arg[3], (uint64_t)(int64_t)fd, arg[5]));
#endif
}

/* Sets only the soft limit, so that it can be raised again. */
static int64_t limit(const uint64_t arg[6])
{
	static const int which[SCN_LIMITS] = {RLIMIT_STACK, RLIMIT_MEMLOCK, RLIMIT_DATA, RLIMIT_AS};
	struct rlimit limits;

	if (getrlimit(which[arg[0]], &limits) != 0)
		return -errno;
	limits.rlim_cur = arg[1] == ~0ull ? RLIM_INFINITY : (rlim_t)arg[1];
	if (limits.rlim_cur > limits.rlim_max)
		limits.rlim_cur = limits.rlim_max;
	return setrlimit(which[arg[0]], &limits) == 0 ? 0 : -errno;
}

/* --- Accesses by the kernel: through a pipe, which copies from and to user memory --- */

static int64_t kernel_read(struct scn_host *host, uint64_t addr, struct scn_counts *counts)
{
	uint8_t byte = 0;
	int64_t n = MEASURED(counts, SYS_write, (uint64_t)host->files.pipe[1], addr, 1);

	if (n < 0)
		return n;
	return read(host->files.pipe[0], &byte, 1) == 1 ? byte : -EIO;
}

static int64_t kernel_write(struct scn_host *host, uint64_t addr, uint8_t value, struct scn_counts *counts)
{
	int64_t n;

	if (write(host->files.pipe[1], &value, 1) != 1)
		return -EIO;
	n = MEASURED(counts, SYS_read, (uint64_t)host->files.pipe[0], addr, 1);
	if (n < 0 && read(host->files.pipe[0], &value, 1) != 1)
		return -EIO;
	return n < 0 ? n : 0;
}

static int64_t remote(struct scn_host *host, bool write, const uint64_t arg[6], struct scn_counts *counts)
{
	uint8_t byte = (uint8_t)arg[2];
	struct iovec here = {&byte, 1};
	struct iovec there = {(void *)(uintptr_t)arg[0], 1};
	int64_t n = MEASURED(counts, write ? SYS_process_vm_writev : SYS_process_vm_readv,
			     (uint64_t)host->shared->pid[arg[1]], (uintptr_t)&here, 1, (uintptr_t)&there, 1);

	if (n < 0)
		return n;
	return write ? 0 : byte;
}

/* --- File operations --- */

static int64_t file_write(struct scn_host *host, const uint64_t arg[6])
{
	uint64_t done = 0;

	memset(buffer, (int)arg[3], BUFFER);
	while (done < arg[2]) {
		size_t n = arg[2] - done < BUFFER ? (size_t)(arg[2] - done) : BUFFER;
		ssize_t got = pwrite(host->files.fd[arg[0]], buffer, n, (off_t)(arg[1] + done));

		if (got < 0)
			return done ? (int64_t)done : -errno;
		done += (uint64_t)got;
		if ((size_t)got < n)
			break;
	}
	return (int64_t)done;
}

static int64_t file_read(struct scn_host *host, const uint64_t arg[6])
{
	uint8_t byte = 0;
	ssize_t n = pread(host->files.fd[arg[0]], &byte, 1, (off_t)arg[1]);

	return n < 0 ? -errno : n == 0 ? -ENXIO : byte;
}

static int64_t status(int result)
{
	return result == 0 ? 0 : -errno;
}

int64_t host_call(void *context, unsigned proc, enum scn_call call, const uint64_t arg[6],
		  struct scn_counts *counts)
{
	struct scn_host *host = context;

	host_flush_tlb(host);
	switch (call) {
	case SCN_CALL_MPROTECT:
	case SCN_CALL_MADVISE:
	case SCN_CALL_MLOCK2:
	case SCN_CALL_PEEK:
	case SCN_CALL_POKE:
		host->shared->changes++;
		break;
	default:
		break;
	}
	switch (call) {
	case SCN_CALL_MMAP:
		return map(host, arg, counts);
	case SCN_CALL_MUNMAP:
		return MEASURED(counts, SYS_munmap, arg[0], arg[1]);
	case SCN_CALL_MPROTECT:
		return MEASURED(counts, SYS_mprotect, arg[0], arg[1], arg[2]);
	case SCN_CALL_MREMAP:
		return as_address(MEASURED(counts, SYS_mremap, arg[0], arg[1], arg[2], arg[3], arg[4]));
	case SCN_CALL_BRK:
		return as_address(MEASURED(counts, SYS_brk, arg[0]));
	case SCN_CALL_MADVISE:
		return MEASURED(counts, SYS_madvise, arg[0], arg[1], arg[2]);
	case SCN_CALL_MLOCK2:
		return arg[2] ? MEASURED(counts, SYS_mlock2, arg[0], arg[1], arg[2])
			      : MEASURED(counts, SYS_mlock, arg[0], arg[1]);
	case SCN_CALL_MUNLOCK:
		return MEASURED(counts, SYS_munlock, arg[0], arg[1]);
	case SCN_CALL_MSYNC:
		return MEASURED(counts, SYS_msync, arg[0], arg[1], arg[2]);
	case SCN_CALL_LIMIT:
		return limit(arg);
	case SCN_CALL_KREAD:
		return kernel_read(host, arg[0], counts);
	case SCN_CALL_KWRITE:
		return kernel_write(host, arg[0], (uint8_t)arg[1], counts);
	case SCN_CALL_KZERO:
		return MEASURED(counts, SYS_read, (uint64_t)host->files.zero, arg[0], arg[1]);
	case SCN_CALL_PEEK:
		return remote(host, false, arg, counts);
	case SCN_CALL_POKE:
		return remote(host, true, arg, counts);
	case SCN_CALL_FREAD:
		return file_read(host, arg);
	case SCN_CALL_FWRITE:
		return file_write(host, arg);
	case SCN_CALL_FTRUNCATE:
		return status(ftruncate(host->files.fd[arg[0]], (off_t)arg[1]));
	case SCN_CALL_FPUNCH:
		return status(fallocate(host->files.fd[arg[0]], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					(off_t)arg[1], (off_t)arg[2]));
	default:
		return -ENOSYS;
	}
}
