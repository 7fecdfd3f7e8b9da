/* SPDX-License-Identifier: MIT */
/* Calls of many kinds that fit no other test: what they answer, on Linux and in the reference kernel. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "said.h"

#define CREATED_QUERY 1028 /* newer than the headers */

/* --- record locks ------------------------------------------------------------------------------ */

static int lock(int fd, int command, short type, off_t start, off_t length)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
	int result = fcntl(fd, command, &lock);

	if (!result && command == F_GETLK)
		printf("  type %d start %ld length %ld\n", lock.l_type, (long)lock.l_start, (long)lock.l_len);
	return result;
}

static void first_lock(int fd)
{
	pid_t pid;

	SAY(lock(fd, F_SETLK, F_WRLCK, 20, 5));
	SAY(lock(fd, F_SETLK, F_RDLCK, 5, 5));
	SAY(lock(fd, F_SETLK, F_WRLCK, 12, 2));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		SAY(lock(fd, F_GETLK, F_WRLCK, 0, 0));
		SAY(lock(fd, F_GETLK, F_RDLCK, 0, 0));
		SAY(lock(fd, F_GETLK, F_WRLCK, 13, 0));
		SAY(lock(fd, F_SETLK, F_WRLCK, 13, 1));
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	SAY(lock(fd, F_SETLK, F_UNLCK, 0, 0));
}

/* Each waits for what the other has: one of them is told. */
static void deadlock(int fd)
{
	int ready[2], status;
	char byte;
	pid_t pid;

	if (pipe(ready))
		exit(1);
	SAY(lock(fd, F_SETLK, F_WRLCK, 0, 1));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (lock(fd, F_SETLK, F_WRLCK, 1, 1) || write(ready[1], "r", 1) != 1)
			_exit(9);
		_exit(lock(fd, F_SETLKW, F_WRLCK, 0, 1) ? errno : 0);
	}
	if (read(ready[0], &byte, 1) != 1)
		exit(1);
	usleep(100000); /* the child waits by then: it is the parent that closes the circle */
	SAY(lock(fd, F_SETLKW, F_WRLCK, 1, 1));
	SAY(lock(fd, F_SETLK, F_UNLCK, 0, 0));
	waitpid(pid, &status, 0);
	SAY(WEXITSTATUS(status));
	SAY(close(ready[0]) | close(ready[1]));
}

static void locks(void)
{
	int fd = make("locks", "text");

	printf("== record locks\n");
	close(fd);
	fd = open("locks", O_RDWR);
	first_lock(fd);
	deadlock(fd);
	SAY(close(fd));
}

/* --- files ---------------------------------------------------------------------------------------- */

static void pipes(void)
{
	char *page = calloc(1, 65536);
	int end[2];

	printf("== the size of a pipe\n");
	if (!page || pipe2(end, O_NONBLOCK))
		exit(1);
	SAY(fcntl(end[0], F_GETPIPE_SZ));
	SAY(fcntl(end[0], F_SETPIPE_SZ, 1));
	SAY(write(end[1], page, 5000));
	SAY(fcntl(end[1], F_SETPIPE_SZ, 5000));
	SAY(write(end[1], "more", 4));
	SAY(fcntl(end[1], F_SETPIPE_SZ, 4096));
	SAY(read(end[0], page, 1));
	SAY(fcntl(end[1], F_SETPIPE_SZ, 4096));
	SAY(write(end[1], page, 1));
	SAY(fcntl(end[1], F_SETPIPE_SZ, 1 << 20));
	SAY(fcntl(end[1], F_SETPIPE_SZ, 0));
	SAY(read(end[0], page, 65536));
	SAY(page[4097] == 'r');
	SAY(fcntl(0, F_GETPIPE_SZ));
	SAY(close(end[0]) | close(end[1]));
	free(page);
}

static void files(void)
{
	int null = open("/dev/null", O_RDWR), fd;
	pid_t pid;

	printf("== files\n");
	SAY(chmod(".", 0755));
	SAY(fsync(null));
	SAY(fdatasync(null));
	SAY(fcntl(null, CREATED_QUERY, 0));
	fd = open("created", O_RDWR | O_CREAT, 0644);
	SAY(fcntl(fd, CREATED_QUERY, 0));
	SAY(close(fd));
	fd = open("created", O_RDWR | O_CREAT, 0644);
	SAY(fcntl(fd, CREATED_QUERY, 0));
	SAY(fsync(fd));
	SAY(close(fd) | close(null));
	fflush(stdout);
	pid = fork();
	if (!pid) {
		SAY(open("created", O_RDONLY | O_NOATIME) >= 0);
		SAY(setuid(12345));
		SAY(open("created", O_RDONLY | O_NOATIME));
		SAY(open("created", O_RDONLY) >= 0);
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* --- processes ------------------------------------------------------------------------------------ */

static void reaper(void)
{
	int told[2], status, mine;
	pid_t parent = getpid(), pid, got;

	printf("== orphans\n");
	if (pipe(told))
		exit(1);
	SAY(prctl(PR_GET_CHILD_SUBREAPER, &mine));
	SAY(mine);
	SAY(prctl(PR_SET_CHILD_SUBREAPER, 1));
	SAY(prctl(PR_GET_CHILD_SUBREAPER, &mine));
	SAY(mine);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		if (fork() == 0) {
			char byte;

			close(told[1]);
			(void)!read(told[0], &byte, 1);
			while (getppid() != parent)
				usleep(1000);
			_exit(7);
		}
		prctl(PR_GET_CHILD_SUBREAPER, &mine);
		_exit(mine);
	}
	waitpid(pid, &status, 0);
	SAY(WEXITSTATUS(status));
	close(told[1]);
	got = wait(&status);
	SAY(got > 0 && got != pid);
	SAY(WEXITSTATUS(status));
	SAY(prctl(PR_SET_CHILD_SUBREAPER, 0));
	close(told[0]);
}

static void dies(const char *how, rlim_t limit, int dumpable, int signal)
{
	struct rlimit core = {limit, RLIM_INFINITY};
	siginfo_t info;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		setrlimit(RLIMIT_CORE, &core);
		prctl(PR_SET_DUMPABLE, dumpable);
		kill(getpid(), signal);
		_exit(1);
	}
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	waitpid(pid, &status, 0);
	printf("%s: code %d core %d signal %d\n", how, info.si_code, !!WCOREDUMP(status), WTERMSIG(status));
}

/* Where cores are written to a program or nowhere, Linux may leave the bit out: only its absence is compared. */
static void cores(void)
{
	printf("== cores\n");
	dies("no limit left", 0, 1, SIGABRT);
	dies("not dumpable", RLIM_INFINITY, 0, SIGABRT);
	dies("no core signal", RLIM_INFINITY, 1, SIGTERM);
}

static void flags(void)
{
	printf("== prctl\n");
	SAY(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
	SAY(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
	SAY(prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0));
	SAY(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	SAY(prctl(PR_SET_TIMERSLACK, 70000));
	fflush(stdout);
	if (fork() == 0) {
		SAY(prctl(PR_GET_TIMERSLACK));
		SAY(prctl(PR_SET_TIMERSLACK, 1));
		SAY(prctl(PR_GET_TIMERSLACK));
		SAY(prctl(PR_SET_TIMERSLACK, 0));
		SAY(prctl(PR_GET_TIMERSLACK));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	SAY(prctl(PR_SET_TIMERSLACK, 0));
	SAY(prctl(PR_GET_TIMERSLACK));
}

/* --- threads -------------------------------------------------------------------------------------- */

static pid_t sleeper;

static void *sleeps(void *end)
{
	char byte;

	prctl(PR_SET_NAME, "sleeper");
	__atomic_store_n(&sleeper, gettid(), __ATOMIC_RELEASE);
	(void)!read(*(int *)end, &byte, 1);
	return NULL;
}

static char state_of(pid_t tid, int *out_names_it)
{
	char path[64], line[256], state = '?', name[32] = "";
	FILE *file;
	int id = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	file = fopen(path, "r");
	if (file && fgets(line, sizeof(line), file))
		sscanf(line, "%d (%31[^)]) %c", &id, name, &state);
	if (file)
		fclose(file);
	*out_names_it = id == tid && !strcmp(name, "sleeper");
	return state;
}

static void threads(void)
{
	int end[2], named = 0;
	pthread_t thread;
	clockid_t clock;
	struct timespec time;

	printf("== threads\n");
	if (pipe(end) || pthread_create(&thread, NULL, sleeps, &end[0]))
		exit(1);
	while (!__atomic_load_n(&sleeper, __ATOMIC_ACQUIRE) || state_of(sleeper, &named) != 'S')
		usleep(1000);
	SAY(state_of(sleeper, &named) == 'S' && named);
	SAY(state_of(getpid(), &named) == 'R' && !named);
	SAY(pthread_getcpuclockid(thread, &clock));
	SAY(clock_gettime(clock, &time));
	SAY(clock_getcpuclockid(0, &clock));
	SAY(clock_gettime(clock, &time));
	SAY(clock_getcpuclockid(getppid(), &clock));
	SAY(clock_gettime(clock, &time));
	SAY(clock_gettime(-1, &time));
	SAY(write(end[1], "x", 1));
	pthread_join(thread, NULL);
	SAY(close(end[0]) | close(end[1]));
}

/* --- memory --------------------------------------------------------------------------------------- */

static int executable(const void *at)
{
	unsigned long start, end;
	char line[512], rights[8];
	int is = -1;
	FILE *maps = fopen("/proc/self/maps", "r");

	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %7s", &start, &end, rights) == 3 && (unsigned long)at >= start &&
		    (unsigned long)at < end)
			is = rights[2] == 'x';
	if (maps)
		fclose(maps);
	return is;
}

static void *low(void *hint, size_t length, int more)
{
	return mmap(hint, length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | more, -1, 0);
}

static void memory(void)
{
	char *at, *none;

	printf("== memory\n");
	at = low(NULL, 8192, MAP_32BIT);
	SAY(at >= (char *)(1ul << 30) && at + 8192 <= (char *)(1ul << 31));
	SAY(low((void *)(3ul << 29), 4096, MAP_32BIT) == (void *)(3ul << 29));
	none = low((void *)(3ul << 30), 4096, MAP_32BIT);
	SAY(none >= (char *)(1ul << 30) && none < (char *)(1ul << 31));
	SAY(low(NULL, 1ul << 31, MAP_32BIT) == MAP_FAILED);
	SAY(low(NULL, 0, MAP_32BIT) == MAP_FAILED);
	SAY(low((void *)(5ul << 32), 4096, MAP_32BIT | MAP_FIXED) == (void *)(5ul << 32));
	SAY(executable(at));
	SAY(personality(READ_IMPLIES_EXEC) != -1);
	SAY(executable(at));
	SAY(mprotect(at, 4096, PROT_READ | PROT_WRITE));
	SAY(executable(at));
	SAY(mprotect(at, 4096, PROT_NONE));
	SAY(executable(at));
	SAY(executable(low(NULL, 4096, 0)));
	SAY(personality(0) == READ_IMPLIES_EXEC);
}

int main(void)
{
	char home[] = "/tmp/calls-XXXXXX";

	said_begin(home);
	locks();
	pipes();
	files();
	reaper();
	cores();
	flags();
	threads();
	memory();
	return said_end(home);
}
