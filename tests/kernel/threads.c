/* SPDX-License-Identifier: MIT */
/* Threads at work, built statically against glibc and against musl: mutexes, conditions, barriers, fresh
 * memory in every thread, thread-local storage. Prints the same lines on any Linux. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
	THREADS = 8,
	ROUNDS = 2000,
	PAGES = 64,
	PAGE = 4096,
	QUEUE = 16,
	ITEMS = 4000
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static unsigned long shared;
static _Thread_local unsigned long own;
static int queue[QUEUE], head, tail;
static unsigned char *common;

static void check(int error, const char *what)
{
	if (error) {
		printf("%s: %s\n", what, strerror(error));
		exit(1);
	}
}

/* Everyone adds under the mutex, touches fresh pages of its own, and its share of pages of all. */
static void *work(void *argument)
{
	unsigned me = (unsigned)(uintptr_t)argument;
	unsigned char *fresh;

	pthread_barrier_wait(&barrier);
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&lock);
		shared += me + 1;
		pthread_mutex_unlock(&lock);
		own++;
	}
	fresh = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fresh == MAP_FAILED)
		return NULL;
	for (int i = 0; i < PAGES; i++) {
		fresh[i * PAGE] = (unsigned char)(me + 1);
		common[((unsigned)i * THREADS + me) * PAGE / 8] = (unsigned char)(me + 1);
	}
	for (int i = 0; i < PAGES; i++)
		own += fresh[i * PAGE];
	munmap(fresh, PAGES * PAGE);
	pthread_barrier_wait(&barrier);
	return (void *)(uintptr_t)own;
}

static void *produce(void *argument)
{
	for (int i = 1; i <= ITEMS; i++) {
		pthread_mutex_lock(&lock);
		while (head - tail == QUEUE)
			pthread_cond_wait(&changed, &lock);
		queue[head++ % QUEUE] = i;
		pthread_cond_broadcast(&changed);
		pthread_mutex_unlock(&lock);
	}
	return argument;
}

static void *consume(void *argument)
{
	unsigned long *sum = argument;

	for (int i = 0; i < ITEMS / 2; i++) {
		pthread_mutex_lock(&lock);
		while (head == tail)
			pthread_cond_wait(&changed, &lock);
		*sum += (unsigned long)queue[tail++ % QUEUE];
		pthread_cond_broadcast(&changed);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

int main(void)
{
	pthread_t thread[THREADS];
	unsigned long sums[2] = {0, 0}, touched = 0;

	common = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (common == MAP_FAILED)
		return 1;
	check(pthread_barrier_init(&barrier, NULL, THREADS), "barrier");
	for (uintptr_t i = 0; i < THREADS; i++)
		check(pthread_create(&thread[i], NULL, work, (void *)i), "thread");
	for (int i = 0; i < THREADS; i++) {
		void *result;

		check(pthread_join(thread[i], &result), "join");
		printf("thread %d: %lu\n", i, (unsigned long)(uintptr_t)result);
	}
	for (int i = 0; i < PAGES * PAGE; i++)
		touched += common[i];
	printf("shared %lu, pages of all %lu\n", shared, touched);
	check(pthread_create(&thread[0], NULL, produce, NULL), "producer");
	check(pthread_create(&thread[1], NULL, consume, &sums[0]), "consumer");
	check(pthread_create(&thread[2], NULL, consume, &sums[1]), "consumer");
	for (int i = 0; i < 3; i++)
		check(pthread_join(thread[i], NULL), "join");
	printf("consumed %lu\n", sums[0] + sums[1]);
	return 0;
}
