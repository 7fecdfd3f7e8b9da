/* SPDX-License-Identifier: MIT */
/* A working set larger than memory: the same static binary runs on Linux and in the reference kernel, with a swap disk.
 *
 *   paging MEMORY SET    both in MiB: what is left free at the start, and the working set
 *
 * Locks what memory is available beyond MEMORY, so that both kernels have the same to give. Then fills the set and touches
 * it in three orders; each touch checks what the page holds, every fourth writes. Prints a line an order:
 * "name<TAB>touches<TAB>major<TAB>minor<TAB>pages in<TAB>pages out<TAB>busy milliseconds". Under `qemu -icount shift=0` a busy
 * nanosecond is an instruction of any part of the kernel or of the program: the time in which the CPU did not idle. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#define PAGE   4096ul
#define MIB    (1ul << 20)
#define SPARE  (1ul << 20) /* of tables and the program itself */
#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)
#define MIX    UINT64_C(0xbf58476d1ce4e5b9)

static unsigned char *set;
static uint64_t pages;
static uint32_t *version; /* of each page: what it was written with last */

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void *map(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		fail("mmap");
	madvise(at, bytes, MADV_NOHUGEPAGE);
	return at;
}

/* --- what the kernel counts --------------------------------------------------------------------------------- */

/* The number behind `name` in a file of lines "name number", or of its first line for ""; 0: it is not there. */
static uint64_t number_in(const char *path, const char *name)
{
	char line[200];
	uint64_t value = 0;
	size_t length = strlen(name);
	FILE *file = fopen(path, "re");

	if (!file)
		fail(path);
	while (fgets(line, sizeof(line), file)) {
		if (!length ||
		    (!strncmp(line, name, length) && (line[length] == ' ' || line[length] == ':'))) {
			value = strtoull(line + length + (length > 0), NULL, 10);
			break;
		}
	}
	fclose(file);
	return value;
}

/* Nanoseconds in which the CPU did something. Linux tells of a wait for a disk as idle or as I/O wait by turns, so
 * there it is the time of this process and of kswapd, which are exact; interrupts are left out. */
static uint64_t busy_ns(void)
{
	char path[64], name[16] = "";
	struct timespec own;
	double up, idle;
	FILE *file;

	for (unsigned pid = 2; pid < 200; pid++) {
		snprintf(path, sizeof(path), "/proc/%u/comm", pid);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (!fgets(name, sizeof(name), file))
			name[0] = '\0';
		fclose(file);
		if (strcmp(name, "kswapd0\n") != 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%u/schedstat", pid);
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own);
		return (uint64_t)own.tv_sec * 1000000000u + (uint64_t)own.tv_nsec + number_in(path, "");
	}
	file = fopen("/proc/uptime", "re");
	if (!file || fscanf(file, "%lf %lf", &up, &idle) != 2)
		fail("/proc/uptime");
	fclose(file);
	return (uint64_t)((up - idle) * 1e9 + 0.5);
}

struct counts {
	uint64_t major, minor, in, out, busy;
};

static struct counts count(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (struct counts){.major = (uint64_t)usage.ru_majflt,
			       .minor = (uint64_t)usage.ru_minflt,
			       .in = number_in("/proc/vmstat", "pswpin"),
			       .out = number_in("/proc/vmstat", "pswpout"),
			       .busy = busy_ns()};
}

static void report(const char *name, uint64_t touches, const struct counts *from)
{
	struct counts now = count();

	printf("%s\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\n", name,
	       touches, now.major - from->major, now.minor - from->minor, now.in - from->in,
	       now.out - from->out, (now.busy - from->busy) / 1000000);
	fflush(stdout);
}

/* --- the orders ----------------------------------------------------------------------------------------------- */

static uint64_t state = 1;

static uint64_t next_random(void)
{
	uint64_t word = state += GOLDEN;

	word = (word ^ word >> 30) * MIX;
	return word ^ word >> 27;
}

static uint64_t sequential(uint64_t turn)
{
	return turn % pages;
}

static uint64_t uniform(uint64_t turn)
{
	(void)turn;
	return next_random() % pages;
}

/* As Zipf has it: each octave of ranks is as likely as another. The ranks are spread over the set. */
static uint64_t zipf(uint64_t turn)
{
	unsigned octaves = 64 - (unsigned)__builtin_clzll(pages);
	uint64_t from = UINT64_C(1) << next_random() % octaves, rank = from + next_random() % from;

	(void)turn;
	return rank * GOLDEN % pages;
}

/* --- touches -------------------------------------------------------------------------------------------------- */

static uint64_t *word_of(uint64_t page)
{
	return (uint64_t *)(void *)(set + page * PAGE + page % 500 * 8);
}

static uint64_t content(uint64_t page)
{
	return page * MIX + version[page];
}

static void touch(uint64_t page, int writes)
{
	if (*word_of(page) != content(page)) {
		printf("page %" PRIu64 " holds something else\n", page);
		exit(1);
	}
	if (writes) {
		version[page]++;
		*word_of(page) = content(page);
	}
}

static void run(const char *name, uint64_t (*next)(uint64_t), uint64_t touches)
{
	struct counts from = count();

	for (uint64_t turn = 0; turn < touches; turn++)
		touch(next(turn), turn % 4 == 3);
	report(name, touches, &from);
}

int main(int argc, char **argv)
{
	uint64_t memory = argc == 3 ? strtoull(argv[1], NULL, 10) * MIB : 0, available, taken;
	uint64_t bytes = argc == 3 ? strtoull(argv[2], NULL, 10) * MIB : 0;
	struct counts from;

	if (!memory || !bytes) {
		fprintf(stderr, "usage: paging MEMORY SET (MiB)\n");
		return 2;
	}
	pages = bytes / PAGE;
	set = map(bytes);
	version = map(pages * sizeof(*version));
	if (mlock(version, pages * sizeof(*version)))
		fail("mlock");
	available = number_in("/proc/meminfo", "MemAvailable") * 1024;
	taken = available > memory + SPARE ? (available - memory - SPARE) / PAGE * PAGE : 0;
	if (!taken || mlock(map(taken), taken)) {
		fprintf(stderr, "paging: %" PRIu64 " MiB are available, less than asked for\n",
			available / MIB);
		return 1;
	}
	from = count();
	for (uint64_t page = 0; page < pages; page++)
		*word_of(page) = content(page);
	report("fill", pages, &from);
	run("sequential", sequential, 2 * pages);
	run("random", uniform, 2 * pages);
	run("zipf", zipf, 4 * pages);
	return 0;
}
