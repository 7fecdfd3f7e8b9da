/* SPDX-License-Identifier: MIT */
/* Compares two CPUs that fault on disjoint pages of one address space with one: real threads, real time.
 *
 *   bench-scale list
 *   bench-scale run NAME      prints the throughput of two threads over that of one, median of ROUNDS
 *
 * Each round measures one thread and then two, back to back, so that a slow moment of the machine affects
 * both. A page is cleared as a kernel would clear it. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <quire/quire.h>

#define RAM_BYTES (UINT64_C(400) << 20)
#define PAGES     32768u /* per thread and round: 128 MiB */
#define ROUNDS    9
#define PAGE      UINT64_C(4096)
#define NAME      "fault.two_cpus_over_one"

static _Thread_local unsigned this_cpu;

static void die(const char *what)
{
	fprintf(stderr, "bench-scale: %s\n", what);
	exit(1);
}

static void host_panic(void *host, const char *text)
{
	(void)host;
	die(text);
}

static unsigned host_cpu(void *host)
{
	(void)host;
	return this_cpu;
}

static const struct quire_host host = {.panic = host_panic, .cpu = host_cpu};

struct thread {
	pthread_t id;
	unsigned cpu;
	struct quire_system *system;
	struct quire_mm *mm;
	pthread_barrier_t *barrier;
	double seconds;
};

static quire_va base_of(unsigned cpu)
{
	return UINT64_C(0x7f0000000000) + ((quire_va)cpu << 32);
}

static double now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec + (double)at.tv_nsec * 1e-9;
}

static void *fault_all(void *argument)
{
	struct thread *thread = argument;
	double start;

	this_cpu = thread->cpu;
	pthread_barrier_wait(thread->barrier);
	start = now();
	for (unsigned i = 0; i < PAGES; i++) {
		struct quire_trap trap = {
		    .vector = QUIRE_VECTOR_PAGE_FAULT,
		    .syndrome = 6,
		    .address = base_of(thread->cpu) + i * PAGE,
		};

		if (quire_handle_trap(thread->system, thread->mm, &trap, NULL).kind != QUIRE_RESUME)
			die("a fault was not resolved");
	}
	thread->seconds = now() - start;
	return NULL;
}

/* Total pages per second of `count` threads. */
static double throughput(struct quire_system *system, unsigned count)
{
	struct thread threads[2];
	pthread_barrier_t barrier;
	double slowest = 0;
	struct quire_mm *mm;

	if (quire_mm_create(system, NULL, &mm) != QUIRE_OK)
		die("no address space");
	pthread_barrier_init(&barrier, NULL, count);
	for (unsigned i = 0; i < count; i++) {
		struct quire_mapping how = {
		    .addr = base_of(i),
		    .length = PAGES * PAGE,
		    .prot = QUIRE_PROT_READ | QUIRE_PROT_WRITE,
		    .flags = QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS | QUIRE_MAP_FIXED,
		};
		quire_va got;

		if (quire_mmap(mm, &how, &got) != QUIRE_OK)
			die("mmap");
		threads[i] = (struct thread){.cpu = i, .system = system, .mm = mm, .barrier = &barrier};
		if (pthread_create(&threads[i].id, NULL, fault_all, &threads[i]) != 0)
			die("no thread");
	}
	for (unsigned i = 0; i < count; i++) {
		pthread_join(threads[i].id, NULL);
		if (threads[i].seconds > slowest)
			slowest = threads[i].seconds;
	}
	pthread_barrier_destroy(&barrier);
	quire_mm_put(mm);
	return count * (double)PAGES / slowest;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double measure(void)
{
	struct quire_config config = {.arch = &quire_arch_x86_64,
				      .host = &host,
				      .ram_count = 1,
				      .cpus = 2,
				      .without = QUIRE_WITHOUT_TLB};
	struct quire_system *system;
	double ratio[ROUNDS];

	config.ram[0].base.v = UINT64_C(1) << 20;
	config.ram[0].bytes = RAM_BYTES;
	config.ram[0].linear = aligned_alloc(PAGE, RAM_BYTES);
	if (!config.ram[0].linear)
		die("no memory");
	memset(config.ram[0].linear, 1, RAM_BYTES);
	if (quire_system_create(&config, &system) != QUIRE_OK)
		die("no system");
	(void)throughput(system, 2);
	for (unsigned i = 0; i < ROUNDS; i++) {
		double one = throughput(system, 1);

		ratio[i] = throughput(system, 2) / one;
	}
	qsort(ratio, ROUNDS, sizeof(ratio[0]), by_size);
	quire_system_destroy(system);
	return ratio[ROUNDS / 2];
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "list")) {
		printf("%s ratio 1\n", NAME);
		return 0;
	}
	if (argc == 3 && !strcmp(argv[1], "run") && !strcmp(argv[2], NAME)) {
		printf("%.3f\n", measure());
		return 0;
	}
	fprintf(stderr, "usage: bench-scale list | run %s\n", NAME);
	return 2;
}
