/* SPDX-License-Identifier: MIT */
/* Frames, objects and reverse maps under real threads: the counts must come out even. Run it under
 * ThreadSanitizer too. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "page/rmap.h"
#include "page/slab.h"

#define THREADS 4
#define ROUNDS  4000
#define HOLD    24
#define SHARED  8

static _Thread_local unsigned this_cpu;

static void host_panic(void *context, const char *text)
{
	(void)context;
	fprintf(stderr, "panic: %s\n", text);
	abort();
}

static unsigned host_cpu(void *context)
{
	(void)context;
	return this_cpu;
}

static void host_wait(void *context, const uint32_t *word, uint32_t expected, enum quire_wait_kind kind)
{
	(void)context, (void)word, (void)expected, (void)kind;
	sched_yield();
}

static const struct quire_host host = {.panic = host_panic, .cpu = host_cpu, .wait = host_wait};

struct thread {
	struct quire_system *system;
	struct qr_page **shared;
	pthread_t id;
	unsigned number;
	unsigned cpu;
	uint64_t place[SHARED]; /* this thread's entries */
};

static void demand(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void turn_frames(struct thread *thread, struct qr_page **hold, uint64_t round)
{
	unsigned at = (unsigned)(round * 7 % HOLD);

	if (hold[at]) {
		uint64_t *word = qr_page_linear(thread->system, hold[at]);

		demand(*word == (uint64_t)(uintptr_t)hold[at] + thread->number, "a frame has two owners");
		qr_page_put(thread->system, hold[at]);
	}
	hold[at] = qr_frame_alloc(thread->system, 0, 0, QUIRE_PAGE_ANON);
	if (hold[at])
		*(uint64_t *)qr_page_linear(thread->system, hold[at]) =
		    (uint64_t)(uintptr_t)hold[at] + thread->number;
}

static void turn_shared(struct thread *thread, uint64_t round)
{
	unsigned at = (unsigned)(round % SHARED);
	struct qr_page *page = thread->shared[at];

	if (round / SHARED % 2 == 0) {
		qr_page_get(page);
		demand(qr_rmap_add(thread->system, page, &thread->place[at]) == QUIRE_OK, "no chunk");
	} else {
		/* As an unmap does it. */
		if (qr_rmap_del_private(page, &thread->place[at]) < 0)
			qr_rmap_del(thread->system, page, &thread->place[at]);
		qr_page_put(thread->system, page);
	}
	demand(qr_rmap_total(thread->system, page) <= THREADS, "more mappings than threads");
	qr_page_lock(thread->system, page);
	page->u.anon.slot++; /* guarded by the page lock alone */
	qr_page_unlock(thread->system, page);
}

static void *work(void *context)
{
	struct thread *thread = context;
	struct qr_page *hold[HOLD] = {0};

	this_cpu = thread->cpu;
	for (uint64_t round = 0; round < ROUNDS; round++) {
		void *object = qr_slab_alloc(thread->system, QR_SLAB_VMA);

		turn_frames(thread, hold, round);
		turn_shared(thread, round);
		if (object)
			qr_slab_free(thread->system, QR_SLAB_VMA, object);
		if (round % 256 == 0) {
			quire_pfn pfn;

			if (quire_frame_alloc(thread->system, 3, 0, &pfn) == QUIRE_OK)
				quire_frame_free(thread->system, pfn, 3);
		}
	}
	for (unsigned i = 0; i < HOLD; i++) {
		if (hold[i])
			qr_page_put(thread->system, hold[i]);
	}
	return NULL;
}

/* `one_cpu`: every thread says that it is CPU 0, as threads that are moved about would. */
static void run(bool one_cpu)
{
	size_t bytes = 2u << 20;
	char *memory = aligned_alloc(4096, bytes);
	struct quire_config config = {
	    .arch = &quire_arch_x86_64,
	    .host = &host,
	    .cpus = THREADS,
	    .without = QUIRE_WITHOUT_TLB,
	    .ram_count = 1,
	    .ram = {{.base = {1 << 20}, .bytes = bytes, .linear = memory}},
	};
	struct thread thread[THREADS] = {{0}};
	struct qr_page *shared[SHARED];
	struct quire_system *system;
	uint64_t locked = 0;

	demand(quire_system_create(&config, &system) == QUIRE_OK, "no system");
	for (unsigned i = 0; i < SHARED; i++)
		shared[i] = qr_frame_alloc(system, 0, 0, QUIRE_PAGE_ANON);
	for (unsigned i = 0; i < THREADS; i++) {
		thread[i] =
		    (struct thread){.system = system, .shared = shared, .number = i, .cpu = one_cpu ? 0 : i};
		demand(pthread_create(&thread[i].id, NULL, work, &thread[i]) == 0, "no thread");
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i].id, NULL);
	for (unsigned i = 0; i < SHARED; i++) {
		locked += shared[i]->u.anon.slot;
		demand(qr_rmap_count(shared[i]) == 0 && shared[i]->ref == 1, "a mapping is left");
		qr_page_put(system, shared[i]);
	}
	demand(locked == (uint64_t)THREADS * ROUNDS, "the page lock let two in");
	/* Every object came back, every frame is counted: else the end of the system panics. */
	quire_system_destroy(system);
	free(memory);
}

int main(void)
{
	run(false);
	run(true);
	return 0;
}
