/* SPDX-License-Identifier: MIT */
/* Names of files: links, renaming, long ones, listing, attributes, directories. Prints the same on any Linux.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "said.h"

static void names(void)
{
	char bytes[128] = {0};
	struct stat st;
	int fd;

	printf("== names\n");
	close(make("file", "0123456789"));
	SAY(symlink("file", "link"));
	SAY(symlink("dangling-target", "dangling"));
	SAY(mkdir("d", 0755));
	SAY(mkdir("d", 0755));
	SAY(mkdir("absent/d", 0755));
	SAY(mkdir("d/e/", 0700));
	SAY(rmdir("d"));
	SAY(rmdir("d/e/."));
	SAY(rmdir("d/e/.."));
	SAY(unlink("d"));
	SAY(rmdir("file"));
	SAY(rename("d", "d/e/f"));
	SAY(rename("file", "d"));
	SAY(rename("d", "file"));
	SAY(rename("file", "d/e/moved"));
	SAY(rename("d/e", "."));
	SAY(link("d/e/moved", "twin"));
	SAY(rename("twin", "d/e/moved"));
	SAY(stat("twin", &st));
	SAY(st.st_nlink);
	SAY(link("d", "d2"));
	SAY(link("link", "link2"));
	SAY(lstat("link2", &st));
	SAY(S_ISLNK(st.st_mode));
	SAY(linkat(AT_FDCWD, "d/e/moved", AT_FDCWD, "d/e/third", 0));
	SAY(renameat2(AT_FDCWD, "twin", AT_FDCWD, "link", RENAME_EXCHANGE));
	SAY(readlink("twin", bytes, sizeof(bytes)));
	printf("%s\n", bytes);
	SAY(renameat2(AT_FDCWD, "twin", AT_FDCWD, "link", RENAME_NOREPLACE));
	SAY(renameat2(AT_FDCWD, "twin", AT_FDCWD, "twin", RENAME_EXCHANGE));
	SAY(renameat2(AT_FDCWD, "twin", AT_FDCWD, "twin", 0));
	SAY(renameat2(AT_FDCWD, "twin", AT_FDCWD, "missing", RENAME_EXCHANGE));
	SAY(readlink("link", bytes, sizeof(bytes)));
	SAY(readlink("twin", bytes, 2));
	SAY(unlink("twin"));
	SAY(unlinkat(AT_FDCWD, "d/e", 0));
	SAY(stat("d", &st));
	SAY(st.st_nlink);
	SAY(chmod("d", 01711));
	SAY(stat("d", &st));
	SAY(st.st_mode);
	SAY(umask(027));
	SAY(mkdir("masked", 0777));
	SAY(stat("masked", &st));
	SAY(st.st_mode & 0777);
	SAY(umask(022));
	SAY(mkfifo("d/fifo", 0644));
	SAY(stat("d/fifo", &st));
	SAY(S_ISFIFO(st.st_mode));
	SAY(open("d/fifo", O_WRONLY | O_NONBLOCK));
	memset(bytes, 'n', sizeof(bytes));
	fd = open("d", O_RDONLY | O_DIRECTORY);
	SAY(faccessat(fd, "fifo", R_OK, 0));
	SAY(unlinkat(fd, "fifo", 0));
	SAY(mkdirat(fd, "at", 0755));
	SAY(unlinkat(fd, "at", AT_REMOVEDIR));
	SAY(fchdir(fd));
	SAY(close(fd));
	SAY(access("../link", F_OK));
	SAY(chdir(".."));
	SAY(chdir("link"));
}

static void long_names(void)
{
	char name[300], path[5000], *volatile nowhere = (char *)16;

	printf("== long names\n");
	memset(name, 'n', sizeof(name));
	name[255] = 0;
	SAY(close(open(name, O_RDWR | O_CREAT, 0600)));
	SAY(unlink(name));
	name[255] = 'n';
	name[256] = 0;
	SAY(open(name, O_RDWR | O_CREAT, 0600));
	memset(path, '/', sizeof(path));
	path[4095] = 0;
	SAY(access(path, F_OK));
	path[4095] = '/';
	path[4096] = 0;
	SAY(access(path, F_OK));
	SAY(access(nowhere, F_OK));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void listing(void)
{
	char name[32], *seen[600];
	size_t count = 0, removed = 0;
	struct dirent *entry;
	DIR *dir;

	printf("== listing\n");
	mkdir("many", 0755);
	for (int i = 0; i < 500; i++) {
		sprintf(name, "many/%03d", i);
		close(open(name, O_CREAT | O_WRONLY, 0644));
	}
	dir = opendir("many");
	while ((entry = readdir(dir))) {
		if (count < 600)
			seen[count++] = strdup(entry->d_name);
		if (entry->d_name[0] != '.') {
			sprintf(name, "many/%.20s", entry->d_name);
			removed += unlink(name) == 0;
		}
	}
	closedir(dir);
	qsort(seen, count, sizeof(seen[0]), by_name);
	printf("%zu names, %zu removed while reading, %s %s %s .. %s\n", count, removed, seen[0], seen[1],
	       seen[2], seen[count - 1]);
	SAY(rmdir("many"));
}

static void attributes(void)
{
	struct timespec times[2] = {{1000000000, 5}, {1500000000, 999999999}};
	struct statx extended;
	struct stat st;
	int fd = make("attributes", "12345");

	printf("== attributes\n");
	SAY(futimens(fd, times));
	SAY(fstat(fd, &st));
	printf("%ld.%ld %ld.%ld size %ld links %ld type %o\n", (long)st.st_atim.tv_sec, st.st_atim.tv_nsec,
	       (long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec, (long)st.st_size, (long)st.st_nlink, st.st_mode);
	times[0].tv_nsec = UTIME_OMIT;
	times[1].tv_nsec = 1000000000;
	SAY(utimensat(AT_FDCWD, "attributes", times, 0));
	SAY(statx(AT_FDCWD, "attributes", 0, STATX_BASIC_STATS, &extended));
	printf("%llu %o %u %lld\n", (unsigned long long)extended.stx_size, extended.stx_mode,
	       extended.stx_nlink, (long long)extended.stx_mtime.tv_sec);
	SAY(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &extended));
	SAY(fstatat(fd, "", &st, AT_EMPTY_PATH));
	SAY(fstatat(fd, "", &st, 0));
	SAY(fchmod(fd, 04755));
	SAY(fchown(fd, 1, 2));
	SAY(fstat(fd, &st));
	printf("%o %u %u\n", st.st_mode, st.st_uid, st.st_gid);
	SAY(fchown(fd, -1, -1));
	SAY(access("attributes", X_OK));
	SAY(chmod("attributes", 0644));
	SAY(access("attributes", X_OK));
	SAY(access("attributes", 8));
	SAY(ioctl(fd, TIOCGWINSZ, &st));
	SAY(isatty(fd) ? 1 : -1);
	SAY(close(fd));
}

static void directories(void)
{
	char path[4096], text[64];
	int fd;

	printf("== directories\n");
	SAY(mkdir("gone", 0755));
	SAY(chdir("gone"));
	SAY(getcwd(path, sizeof(path)) != NULL);
	SAY(strcmp(strrchr(path, '/'), "/gone"));
	SAY(rmdir("../gone"));
	say("getcwd", getcwd(path, sizeof(path)) ? 0 : -1);
	SAY(open("x", O_CREAT | O_RDWR, 0600));
	SAY(mkdir("x", 0600));
	SAY(chdir(".."));
	fd = make("unlinked", "still here");
	SAY(unlink("unlinked"));
	snprintf(text, sizeof(text), "/proc/self/fd/%d", fd);
	SAY(readlink(text, path, sizeof(path)) > 0);
	SAY(strstr(path, "unlinked (deleted)") != NULL);
	SAY(close(fd));
	fd = open("/proc/self/comm", O_RDONLY);
	memset(text, 0, sizeof(text));
	SAY(read(fd, text, sizeof(text)) > 0);
	printf("%s", text);
	SAY(close(fd));
	SAY(open("/proc/self/absent", O_RDONLY));
	SAY(open("/proc/99999999", O_RDONLY));
	SAY(rename("/proc/self", "x"));
}

int main(void)
{
	char home[] = "/tmp/names-XXXXXX";

	said_begin(home);
	names();
	long_names();
	listing();
	attributes();
	directories();
	return said_end(home);
}
