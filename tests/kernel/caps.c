/* SPDX-License-Identifier: MIT */
/* Capabilities in the reference kernel: capabilities(7) line by line, from root with all of them. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define ALL      ((1ull << (CAP_LAST_CAP + 1)) - 1)
#define BIT(cap) (1ull << (cap))

static unsigned checks;
static const char *self;

#define CHECK(condition) check(condition, #condition, __LINE__)
static void check(int good, const char *what, int line)
{
	checks++;
	if (good)
		return;
	printf("line %d: %s, errno %s\n", line, what, strerrorname_np(errno));
	fflush(stdout);
	_exit(1);
}
#define FAILS(call, error) CHECK((errno = 0, (call) == -1) && errno == (error))

struct caps {
	uint64_t effective, permitted, inheritable;
};

static struct caps get(pid_t pid)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, pid};
	struct __user_cap_data_struct data[2];

	CHECK(syscall(SYS_capget, &header, data) == 0);
	return (struct caps){data[0].effective | (uint64_t)data[1].effective << 32,
			     data[0].permitted | (uint64_t)data[1].permitted << 32,
			     data[0].inheritable | (uint64_t)data[1].inheritable << 32};
}

static long set(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {
	    {(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
	    {(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)}};

	return syscall(SYS_capset, &header, data);
}

/* A process of its own for each chapter: what is given up is gone. */
static void chapter(void (*run)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		run();
		_exit(0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

/* What the program finds after exec, given as argument. */
static void exec_and_expect(uint64_t effective, uint64_t permitted)
{
	char text[2][24];

	sprintf(text[0], "%llx", (unsigned long long)effective);
	sprintf(text[1], "%llx", (unsigned long long)permitted);
	execl(self, self, text[0], text[1], NULL);
	CHECK(!"exec");
}

static void the_calls(void)
{
	struct __user_cap_header_struct header = {1, 0};
	struct __user_cap_data_struct data[2];

	FAILS(syscall(SYS_capget, &header, data), EINVAL);
	CHECK(header.version == _LINUX_CAPABILITY_VERSION_3);
	header.version = 2;
	CHECK(syscall(SYS_capget, &header, NULL) == 0);
	header.version = _LINUX_CAPABILITY_VERSION_3;
	header.pid = 32000;
	FAILS(syscall(SYS_capget, &header, data), ESRCH);
	header.pid = -5;
	FAILS(syscall(SYS_capget, &header, data), EINVAL);
	header.pid = getppid();
	FAILS(syscall(SYS_capset, &header, data), EPERM);
	header.pid = 0;
	FAILS(syscall(SYS_capset, &header, NULL), EFAULT);
	FAILS(syscall(SYS_capset, NULL, data), EFAULT);
	CHECK(get(0).effective == ALL && get(0).permitted == ALL && get(0).inheritable == 0);
	CHECK(get(getppid()).permitted == ALL);
}

static void sets_shrink(void)
{
	FAILS(set(ALL, BIT(CAP_KILL), 0), EPERM); /* effective beyond permitted */
	CHECK(set(0, BIT(CAP_SYS_PTRACE), 0) == 0);
	CHECK(set(BIT(CAP_SYS_PTRACE), BIT(CAP_SYS_PTRACE), 0) == 0);
	FAILS(set(0, BIT(CAP_KILL), 0), EPERM);
	FAILS(set(0, 0, BIT(CAP_KILL)), EPERM);
	CHECK(set(0, BIT(CAP_SYS_PTRACE), BIT(CAP_SYS_PTRACE)) == 0);
	CHECK(get(0).inheritable == BIT(CAP_SYS_PTRACE));
}

/* The lowest page that anybody may map. On ARM the vectors may lie below. */
static void *lowest_page(void)
{
	struct utsname machine;

	CHECK(uname(&machine) == 0);
	return strncmp(machine.machine, "armv", 4) == 0 ? (void *)0x2000 : NULL;
}

/* Root without capabilities is a user like any other, in memory too. */
static void what_they_allow(void)
{
	struct rlimit limit = {4096, 4096};
	void *lowest = lowest_page();
	char *page;

	CHECK(mkdir("/tmp/caps-dir", 0) == 0);
	CHECK(chown("/tmp/caps-dir", 7, 7) == 0);
	CHECK(mmap(lowest, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
	      lowest);
	CHECK(munmap(lowest, 4096) == 0);
	CHECK(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(mlock(page, 8192) == 0 && munlock(page, 8192) == 0);
	CHECK(set(0, 0, 0) == 0);
	FAILS((long)mmap(lowest, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), EPERM);
	FAILS(mlock(page, 8192), ENOMEM);
	limit.rlim_max = 1 << 20;
	FAILS(setrlimit(RLIMIT_MEMLOCK, &limit), EPERM);
	FAILS(sethostname("x", 1), EPERM);
	FAILS(chroot("/tmp"), EPERM);
	FAILS(mknod("/tmp/caps-node", S_IFCHR, 0x103), EPERM);
	FAILS(chmod("/tmp/caps-dir", 0700), EPERM);
	FAILS(chown("/tmp/caps-dir", 0, 0), EPERM);
	FAILS(open("/tmp/caps-dir/x", O_CREAT | O_RDWR, 0600), EACCES);
	FAILS(access("/tmp/caps-dir", R_OK), EACCES);
	FAILS(setuid(5), EPERM);
	FAILS(setgid(5), EPERM);
	FAILS(prctl(PR_CAPBSET_DROP, CAP_KILL, 0, 0, 0), EPERM);
}

static void a_directory_again(void)
{
	CHECK(rmdir("/tmp/caps-dir") == 0);
}

static void other_users(void)
{
	CHECK(seteuid(7) == 0);
	CHECK(get(0).effective == 0 && get(0).permitted == ALL);
	CHECK(seteuid(0) == 0);
	CHECK(get(0).effective == ALL);
	syscall(SYS_setfsuid, 7);
	CHECK(!(get(0).effective & BIT(CAP_DAC_OVERRIDE)) && get(0).effective & BIT(CAP_SYS_ADMIN));
	syscall(SYS_setfsuid, 0);
	CHECK(get(0).effective == ALL);
	CHECK(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0 && prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0) == 1);
	CHECK(setresuid(7, 7, 7) == 0);
	CHECK(get(0).effective == 0 && get(0).permitted == ALL);
	CHECK(set(BIT(CAP_SETUID), BIT(CAP_SETUID), 0) == 0);
	CHECK(setresuid(8, 8, 8) == 0);
	exec_and_expect(0, 0);
}

static void no_longer_root(void)
{
	CHECK(setresuid(7, 7, 7) == 0);
	CHECK(get(0).effective == 0 && get(0).permitted == 0);
	FAILS(setresuid(0, 0, 0), EPERM);
}

/* A child that borrows its parent's address space takes no rights from it. */
static void vfork_leaves_rights(void)
{
	struct rlimit limit = {4096, 4096};
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	CHECK(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
	pid = vfork();
	if (pid == 0)
		_exit(syscall(SYS_setuid, 7) != 0 || mlock(page, 8192) == 0);
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(mlock(page, 8192) == 0);
}

static void exec_of_root(void)
{
	CHECK(prctl(PR_CAPBSET_READ, CAP_MKNOD, 0, 0, 0) == 1);
	CHECK(prctl(PR_CAPBSET_DROP, CAP_MKNOD, 0, 0, 0) == 0);
	CHECK(prctl(PR_CAPBSET_READ, CAP_MKNOD, 0, 0, 0) == 0);
	FAILS(prctl(PR_CAPBSET_READ, 64, 0, 0, 0), EINVAL);
	CHECK(set(0, 0, 0) == 0);
	exec_and_expect(ALL & ~BIT(CAP_MKNOD), ALL & ~BIT(CAP_MKNOD));
}

static void exec_without_new_privileges(void)
{
	CHECK(set(BIT(CAP_KILL), BIT(CAP_KILL), 0) == 0);
	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	exec_and_expect(BIT(CAP_KILL), BIT(CAP_KILL));
}

static void shown_by_proc(void)
{
	char text[4096] = "", expected[64];
	int fd;

	CHECK(set(BIT(CAP_KILL), BIT(CAP_KILL) | BIT(CAP_CHOWN), 0) == 0);
	fd = open("/proc/self/status", O_RDONLY);
	CHECK(read(fd, text, sizeof(text) - 1) > 0);
	sprintf(expected, "\nCapPrm:\t%016llx\nCapEff:\t%016llx\n", BIT(CAP_KILL) | BIT(CAP_CHOWN),
		BIT(CAP_KILL));
	CHECK(strstr(text, expected) != NULL);
}

int main(int argc, char **argv)
{
	if (argc == 3) {
		struct caps caps = get(0);

		return caps.effective != strtoull(argv[1], NULL, 16) ||
		       caps.permitted != strtoull(argv[2], NULL, 16);
	}
	self = argv[0];
	chapter(the_calls);
	chapter(sets_shrink);
	chapter(what_they_allow);
	chapter(a_directory_again);
	chapter(other_users);
	chapter(no_longer_root);
	chapter(vfork_leaves_rights);
	chapter(exec_of_root);
	chapter(exec_without_new_privileges);
	chapter(shown_by_proc);
	printf("capabilities: all as they should be\n");
	return 0;
}
