/* SPDX-License-Identifier: MIT */
/* The first process of a plain kernel: mounts what programs expect, runs /program, tells its exit status
 * on the console, and switches the machine off. Linked statically; see run.sh. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum {
	MOST_ARGUMENTS = 62,
	ROUNDS = 16 /* the longest chain of modules that need each other */
};

static void mount_all(void)
{
	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/tmp", 01777);
	mkdir("/disk", 01777);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
}

static int load(const char *name)
{
	char path[300];
	int fd, result;

	snprintf(path, sizeof(path), "/modules/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	result = (int)syscall(SYS_finit_module, fd, "", 0);
	close(fd);
	if (result == 0)
		unlink(path);
	return result;
}

/* No list says which module needs which: those that fail are tried again while others come in. */
static void load_modules(void)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		DIR *folder = opendir("/modules");
		struct dirent *entry;
		unsigned loaded = 0;

		if (!folder)
			return;
		while ((entry = readdir(folder)))
			loaded += entry->d_name[0] != '.' && load(entry->d_name) == 0;
		closedir(folder);
		if (!loaded)
			return;
	}
}

/* Pages that the kernel writes back in its own time make faults wait, by chance. */
static void stop_writeback(void)
{
	int fd = open("/proc/sys/vm/dirty_writeback_centisecs", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "0\n", 2) != 2)
		dprintf(STDERR_FILENO, "oracle: writeback goes on\n");
	close(fd);
}

/* A folder on a disk, for programs that ask for one by TMPDIR. */
static void mount_disk(void)
{
	for (unsigned i = 0; i < 100 && access("/dev/vda", F_OK) != 0; i++)
		usleep(20000);
	if (mount("/dev/vda", "/disk", "ext4", 0, NULL) == 0)
		setenv("TMPDIR", "/disk", 1);
}

/* The second disk is there for that. */
static void swap_on(void)
{
	if (access("/dev/vdb", F_OK) == 0 && swapon("/dev/vdb", 0) != 0)
		dprintf(STDERR_FILENO, "oracle: swapon: %s\n", strerror(errno));
}

/* The console as a pipe: every byte as it is. */
static void make_raw(int fd)
{
	struct termios terminal;

	if (tcgetattr(fd, &terminal) != 0)
		return;
	cfmakeraw(&terminal);
	tcsetattr(fd, TCSANOW, &terminal);
}

/* The arguments: one after the other in /arguments, each ended by a zero byte. */
static void read_arguments(char *text, size_t size, char *argv[])
{
	int fd = open("/arguments", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, size - 1);
	unsigned count = 1;

	argv[0] = (char *)(size_t) "/program";
	for (char *at = text; n > 0 && at < text + n && count < MOST_ARGUMENTS; at += strlen(at) + 1)
		argv[count++] = at;
	argv[count] = NULL;
	close(fd);
}

static int run(void)
{
	static char text[8192];
	char *argv[MOST_ARGUMENTS + 1];
	pid_t pid, ended;
	int status = 0;

	read_arguments(text, sizeof(text), argv);
	pid = fork();
	if (pid == 0) {
		execv("/program", argv);
		fprintf(stderr, "/program: %s\n", strerror(errno));
		_exit(127);
	}
	do
		ended = wait(&status);
	while (ended != pid && ended > 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(void)
{
	int status;

	mount_all();
	load_modules();
	mount_disk();
	swap_on();
	stop_writeback();
	make_raw(STDOUT_FILENO);
	setenv("PATH", "/bin", 1);
	setenv("HOME", "/", 1);
	dprintf(STDOUT_FILENO, "\n@oracle begin\n");
	tcdrain(STDOUT_FILENO);
	status = run();
	dprintf(STDOUT_FILENO, "\n@oracle exit %d\n", status);
	tcdrain(STDOUT_FILENO);
	sync();
	reboot(RB_POWER_OFF);
	return 0;
}
