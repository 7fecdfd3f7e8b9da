/* SPDX-License-Identifier: MIT */
/* Core files as core(5) describes them. For the reference kernel alone: it changes core_pattern. Exit status 1: something
 * was otherwise. */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/procfs.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "expect.h"

#define PAGE 4096l

static char *room; /* 4 pages: touched, never touched, not to be dumped, touched */
static char *shared;

static int set_pattern(const char *value)
{
	int fd = open("/proc/sys/kernel/core_pattern", O_WRONLY);
	long n = write(fd, value, strlen(value));
	int result = n < 0 ? errno : 0;

	close(fd);
	return result;
}

static void *sleeps(void *argument)
{
	for (;;)
		pause();
	return argument;
}

/* A child that dies of `signal`, with a second thread. Its status, and its pid. */
static int die(int signal, rlim_t limit, int dumpable, pid_t *out_pid)
{
	const struct rlimit core = {limit, limit};
	int status = 0;

	*out_pid = fork();
	if (!*out_pid) {
		pthread_t thread;

		setrlimit(RLIMIT_CORE, &core);
		if (!dumpable)
			prctl(PR_SET_DUMPABLE, 0);
		pthread_create(&thread, NULL, sleeps, NULL);
		raise(signal);
		_exit(0);
	}
	waitpid(*out_pid, &status, 0);
	return status;
}

static void read_at(int fd, void *to, size_t n, off_t at)
{
	EXPECT(pread(fd, to, n, at), (long)n);
}

/* The segment that has the address. */
static Elf64_Phdr find(int fd, const Elf64_Ehdr *header, const void *address)
{
	Elf64_Phdr at = {0};

	for (int i = 0; i < header->e_phnum; i++) {
		read_at(fd, &at, sizeof(at), (off_t)(header->e_phoff + (unsigned)i * sizeof(at)));
		if (at.p_type == PT_LOAD && at.p_vaddr <= (uint64_t)address &&
		    (uint64_t)address < at.p_vaddr + at.p_memsz)
			return at;
	}
	return (Elf64_Phdr){0};
}

static void look_at_memory(int fd, const Elf64_Ehdr *header)
{
	Elf64_Phdr at = find(fd, header, room);
	char text[16] = "";

	EXPECT(at.p_filesz >= 2 * PAGE, 1);
	EXPECT(at.p_flags, PF_R | PF_W);
	read_at(fd, text, 6, (off_t)(at.p_offset + (uint64_t)room - at.p_vaddr));
	EXPECT(strcmp(text, "first"), 0);
	read_at(fd, text, 6, (off_t)(at.p_offset + (uint64_t)room - at.p_vaddr) + PAGE);
	EXPECT(text[0], 0);
	at = find(fd, header, room + 2 * PAGE);
	EXPECT(at.p_memsz, PAGE);
	EXPECT(at.p_filesz, 0);
	at = find(fd, header, room + 3 * PAGE);
	read_at(fd, text, 7, (off_t)(at.p_offset + (uint64_t)(room + 3 * PAGE) - at.p_vaddr));
	EXPECT(strcmp(text, "fourth"), 0);
	at = find(fd, header, shared);
	read_at(fd, text, 7, (off_t)at.p_offset);
	EXPECT(strcmp(text, "shared"), 0);
}

static void look_at_notes(int fd, const Elf64_Ehdr *header, pid_t pid)
{
	struct elf_prstatus status;
	struct elf_prpsinfo about;
	Elf64_Nhdr note;
	Elf64_Phdr at;

	read_at(fd, &at, sizeof(at), (off_t)header->e_phoff);
	EXPECT(at.p_type, PT_NOTE);
	read_at(fd, &note, sizeof(note), (off_t)at.p_offset);
	EXPECT(note.n_type, NT_PRSTATUS);
	EXPECT(note.n_descsz, sizeof(status));
	read_at(fd, &status, sizeof(status), (off_t)at.p_offset + 20);
	EXPECT(status.pr_cursig, SIGABRT);
	EXPECT(status.pr_pid, pid);
	EXPECT(status.pr_ppid, getpid());
	read_at(fd, &note, sizeof(note), (off_t)(at.p_offset + 20 + sizeof(status)));
	EXPECT(note.n_type, NT_PRPSINFO);
	EXPECT(note.n_descsz, sizeof(about));
	read_at(fd, &about, sizeof(about), (off_t)(at.p_offset + 40 + sizeof(status)));
	EXPECT(strcmp(about.pr_fname, "cores"), 0);
	EXPECT(strncmp(about.pr_psargs + strlen(about.pr_psargs) - 11, "cores again", 11), 0);
}

static void look_at_core(void)
{
	char name[64];
	Elf64_Ehdr header;
	struct stat st;
	pid_t pid;
	int fd, status = die(SIGABRT, RLIM_INFINITY, 1, &pid);

	EXPECT(WTERMSIG(status), SIGABRT);
	EXPECT(WCOREDUMP(status), 0x80);
	snprintf(name, sizeof(name), "kept/cores-%d-%d.0%%", pid, SIGABRT);
	fd = open(name, O_RDONLY);
	EXPECT(fd >= 0, 1);
	EXPECT(fstat(fd, &st), 0);
	EXPECT(st.st_mode, S_IFREG | 0600);
	read_at(fd, &header, sizeof(header), 0);
	EXPECT(memcmp(header.e_ident, ELFMAG "\2\1\1", 7), 0);
	EXPECT(header.e_type, ET_CORE);
	look_at_memory(fd, &header);
	look_at_notes(fd, &header, pid);
	close(fd);
	unlink(name);
}

static void look_at_refusals(void)
{
	struct stat st;
	pid_t pid;

	EXPECT(set_pattern("|/bin/cat"), EINVAL);
	EXPECT(set_pattern("core"), 0);
	EXPECT(WCOREDUMP(die(SIGSEGV, 4095, 1, &pid)), 0);
	EXPECT(WCOREDUMP(die(SIGABRT, RLIM_INFINITY, 0, &pid)), 0);
	EXPECT(WCOREDUMP(die(SIGTERM, RLIM_INFINITY, 1, &pid)), 0);
	EXPECT(access("core", F_OK), -1);
	EXPECT(WCOREDUMP(die(SIGSEGV, 5000, 1, &pid)), 0x80);
	EXPECT(stat("core", &st), 0);
	EXPECT(st.st_size <= 5000, 1);
	EXPECT(unlink("core") | symlink("elsewhere", "core"), 0);
	EXPECT(WCOREDUMP(die(SIGABRT, RLIM_INFINITY, 1, &pid)), 0);
	EXPECT(unlink("core") | mkdir("core", 0755), 0);
	EXPECT(WCOREDUMP(die(SIGABRT, RLIM_INFINITY, 1, &pid)), 0);
	EXPECT(rmdir("core") | symlink("kept", "link") | close(creat("kept/file", 0644)) |
		   link("kept/file", "core"),
	       0);
	EXPECT(WCOREDUMP(die(SIGABRT, RLIM_INFINITY, 1, &pid)), 0);
}

int main(int argc, char **argv)
{
	char home[] = "/tmp/cores-XXXXXX";

	if (argc == 1) {
		execl(argv[0], argv[0], "again", NULL);
		return 1;
	}
	if (!mkdtemp(home) || chdir(home) || mkdir("kept", 0755))
		return 1;
	room = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	strcpy(room, "first");
	strcpy(room + 2 * PAGE, "third");
	strcpy(room + 3 * PAGE, "fourth");
	strcpy(shared, "shared");
	EXPECT(madvise(room + 2 * PAGE, PAGE, MADV_DONTDUMP), 0);
	EXPECT(set_pattern("kept/%e-%p-%s.%u%%\n"), 0);
	look_at_core();
	look_at_refusals();
	if (!failures)
		printf("as core(5) says\n");
	return failures != 0;
}
