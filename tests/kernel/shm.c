/* SPDX-License-Identifier: MIT */
/* System V shared memory: ids, rights, attachments, removal while attached. Prints the same lines on any Linux. */
#define _GNU_SOURCE
#include <grp.h>
#include <stdint.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>

#include "said.h"

#define PAGE 4096l
#define BAD  ((void *)-1)

/* Only whether it succeeds: where, and which id, is not the question. */
static void *attach(const char *what, void *at)
{
	say(what, at == BAD ? -1 : 0);
	return at;
}
#define SHMAT(...) attach("shmat(" #__VA_ARGS__ ")", shmat(__VA_ARGS__))

static int id_said(const char *what, int id)
{
	say(what, id < 0 ? -1 : 0);
	return id;
}
#define SHMGET(...) id_said("shmget(" #__VA_ARGS__ ")", shmget(__VA_ARGS__))

static void look(int id)
{
	struct shmid_ds ds;

	if (shmctl(id, IPC_STAT, &ds)) {
		printf("  stat: %s\n", strerrorname_np(errno));
		return;
	}
	printf("  mode %o, %zu bytes, %lu attached, by its creator %d, attached once %d\n", ds.shm_perm.mode,
	       ds.shm_segsz, ds.shm_nattch, ds.shm_cpid == getpid(), ds.shm_atime != 0);
}

static void in_child(const char *what, void (*work)(int), int id)
{
	pid_t pid;
	int status;

	printf("-- %s\n", what);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		work(id);
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	printf("-- status %x\n", (unsigned)status);
}

static void getting(void)
{
	key_t key = ftok(".", getpid() & 0xff);
	int id, same;

	printf("== shmget\n");
	SHMGET(key, PAGE, 0600);
	SHMGET(key, 0, IPC_CREAT | 0600);
	id = SHMGET(key, PAGE + 5, IPC_CREAT | 0640);
	SHMGET(key, PAGE, IPC_CREAT | IPC_EXCL | 0600);
	SHMGET(key, PAGE + 6, 0);
	SHMGET(IPC_PRIVATE, ~0ul, 0600);
	SHMGET(IPC_PRIVATE, 1ul << 62, 0600);
	same = SHMGET(key, 0, 0);
	printf("the same: %d\n", same == id);
	look(id);
	SAY(shmctl(id, IPC_RMID, NULL));
	SAY(shmctl(id, IPC_RMID, NULL));
	SHMGET(key, PAGE, 0600);
	SAY(shmctl(-1, IPC_STAT, NULL));
	SAY(shmctl(id, 99, NULL));
}

static void forked(int id)
{
	look(id);
	SHMAT(id, NULL, SHM_RDONLY);
	look(id);
}

static void attaching(void)
{
	int id = SHMGET(IPC_PRIVATE, 4 * PAGE, 0600);
	char *one, *two, *room;
	struct shmid_ds ds;

	printf("== shmat\n");
	one = SHMAT(id, NULL, 0);
	two = SHMAT(id, NULL, SHM_RDONLY);
	one[2 * PAGE] = 'x';
	printf("%c, at the start %d\n", two[2 * PAGE], two[0]);
	look(id);
	SAY(mprotect(two, PAGE, PROT_READ | PROT_WRITE));
	SAY(mprotect(one, PAGE, PROT_READ | PROT_EXEC));
	look(id);
	SAY(shmdt(SHMAT(id, NULL, 0)));
	SAY(shmctl(id, IPC_STAT, &ds));
	printf("detached by this process %d, once %d\n", ds.shm_lpid == getpid(), ds.shm_dtime != 0);
	room = mmap(NULL, 8 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	SHMAT(id, room, 0);
	SHMAT(id, room + 5, 0);
	SHMAT(id, room + 5, SHM_RND);
	SHMAT(id, NULL, SHM_REMAP);
	SHMAT(id, (void *)5, SHM_RND | SHM_REMAP);
	SHMAT(id, room, SHM_REMAP);
	SHMAT(id, room + 4 * PAGE + 9, SHM_REMAP | SHM_RND | SHM_EXEC);
	SHMAT(id, (void *)~(PAGE - 1), SHM_REMAP);
	SHMAT(-1, NULL, 0);
	printf("%c%c\n", room[2 * PAGE], room[6 * PAGE]);
	look(id);
	in_child("a child", forked, id);
	look(id);
	SAY(munmap(room + PAGE, PAGE));
	look(id);
	SAY(shmdt(room + 1));
	SAY(shmdt(room + PAGE));
	SAY(shmdt(room));
	look(id);
	SAY(shmdt(room));
	SAY(shmdt(room + 4 * PAGE));
	SAY(mremap(two, 4 * PAGE, 8 * PAGE, 0) == MAP_FAILED ? -1 : 0);
	SAY(shmctl(id, IPC_RMID, NULL));
	look(id);
	SHMAT(id, NULL, 0);
	look(id);
	SAY(shmdt(two));
	SAY(shmdt(one));
	look(id);
	SHMAT(id, NULL, 0);
}

static void as_another(int id)
{
	struct shmid_ds ds;

	if (setgroups(0, NULL) || setgid(12345) || setuid(12345))
		_exit(1);
	look(id);
	SHMAT(id, NULL, SHM_RDONLY);
	SHMAT(id, NULL, 0);
	SHMAT(id, NULL, SHM_RDONLY | SHM_EXEC);
	SAY(shmctl(id, IPC_RMID, NULL));
	SAY(shmctl(id, SHM_LOCK, NULL));
	memset(&ds, 0, sizeof(ds));
	SAY(shmctl(id, IPC_SET, &ds));
}

static void rights(void)
{
	struct shmid_ds ds;
	struct shm_info info;
	struct shminfo limits;
	int id = SHMGET(IPC_PRIVATE, PAGE, 0604);

	printf("== rights\n");
	in_child("for others to read", as_another, id);
	SAY(shmctl(id, IPC_STAT, &ds));
	ds.shm_perm.mode = 0600;
	SAY(shmctl(id, IPC_SET, &ds));
	in_child("for nobody", as_another, id);
	ds.shm_perm.uid = 12345;
	SAY(shmctl(id, IPC_SET, &ds));
	SAY(shmctl(id, SHM_LOCK, NULL));
	look(id);
	SAY(shmctl(id, SHM_UNLOCK, NULL));
	SAY(shmctl(id, IPC_SET, NULL));
	SAY(shmctl(id, IPC_STAT, (void *)8));
	in_child("for its new owner", as_another, id);
	look(id);
	SAY(shmctl(0, SHM_INFO, (void *)&info) < 0);
	SAY(shmctl(0, IPC_INFO, (void *)&limits) < 0);
	printf("%lu %lu\n", limits.shmmin, limits.shmmni);
}

int main(void)
{
	char home[] = "/tmp/shm-XXXXXX";

	said_begin(home);
	getting();
	attaching();
	rights();
	return said_end(home);
}
