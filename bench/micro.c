/* SPDX-License-Identifier: MIT */
/* Instruction counts of the mechanisms: frames, objects, walking, mapping, copying, unmapping.
 *
 *   micro list        one line for each bench: name, unit, operations in a run, the function to count
 *   micro run NAME    runs one: everything is prepared, then measure() is called
 *
 * bench/run.py counts the instructions inside measure(), including the loop around the operations. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mm/mm.h"
#include "page/rmap.h"
#include "page/slab.h"
#include "pt/pt.h"

#define PAGES 4096
#define TURNS 1000
#define START ((quire_va)0x7f0000000000)

static unsigned this_cpu;

static void host_panic(void *context, const char *text)
{
	(void)context;
	fprintf(stderr, "panic: %s\n", text);
	abort();
}

/* Stands for the port's read of the CPU number. */
static unsigned host_cpu(void *context)
{
	(void)context;
	return *(volatile unsigned *)&this_cpu;
}

static void host_flush(void *context, const struct quire_flush *flush)
{
	(void)context, (void)flush;
}

static const struct quire_host host = {.panic = host_panic, .cpu = host_cpu, .tlb_flush = host_flush};

struct bench {
	struct quire_system *system;
	struct quire_mm *mm[2]; /* the tables use an mm only as an opaque owner */
	struct qr_pt pt[2];
};

static void demand(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "micro: %s\n", what);
	exit(1);
}

static void begin(struct bench *bench)
{
	size_t bytes = (size_t)96 << 20;
	struct quire_config config = {
	    .arch = &quire_arch_x86_64,
	    .host = &host,
	    .cpus = 2,
	    .ram_count = 1,
	    .ram = {{.base = {1 << 20}, .bytes = bytes, .linear = aligned_alloc(4096, bytes)}},
	};

	demand(config.ram[0].linear != NULL, "no memory");
	demand(quire_system_create(&config, &bench->system) == QUIRE_OK, "no system");
	for (unsigned i = 0; i < 2; i++) {
		bench->mm[i] = calloc(1, sizeof(struct quire_mm));
		demand(bench->mm[i] != NULL, "no memory");
		demand(qr_pt_create(bench->system, bench->mm[i], NULL, &bench->pt[i]) == QUIRE_OK, "no root");
		bench->pt[i].cpus = 1;
	}
}

/* An anonymous page with one reference, which its mapping will own. */
static struct qr_page *new_page(struct bench *bench)
{
	struct qr_page *page = qr_frame_alloc(bench->system, 0, 0, QUIRE_PAGE_ANON);

	demand(page != NULL, "no frame");
	qr_page_set(page, QR_PAGE_EXCLUSIVE | QR_PAGE_UPTODATE);
	return page;
}

static quire_va va_of(unsigned i)
{
	return START + ((quire_va)i << 12);
}

static void map_pages(struct bench *bench, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct qr_page *page = new_page(bench);

		demand(qr_pt_map(&bench->pt[0], va_of(i), qr_page_pfn(bench->system, page),
				 QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_USER,
				 QUIRE_PTE_YOUNG | QUIRE_PTE_DIRTY, 0) == QUIRE_OK,
		       "no mapping");
		qr_page_put(bench->system, page);
	}
}

/* --- the benches -------------------------------------------------------------------------------------- */

static void nothing(struct bench *bench)
{
	(void)bench;
}

static void run_frame(struct bench *bench)
{
	for (unsigned i = 0; i < TURNS; i++)
		qr_frame_free(bench->system, qr_frame_alloc(bench->system, 0, 0, QUIRE_PAGE_PORT), 0);
}

/* Sixty-four at a time: the CPU's list underflows and overflows, so batches move to and from the zone. */
static void run_frame_bulk(struct bench *bench)
{
	struct qr_page *page[64];

	for (unsigned turn = 0; turn < TURNS / 64 + 1; turn++) {
		for (unsigned i = 0; i < 64; i++)
			page[i] = qr_frame_alloc(bench->system, 0, 0, QUIRE_PAGE_PORT);
		for (unsigned i = 0; i < 64; i++)
			qr_frame_free(bench->system, page[i], 0);
	}
}

static void run_slab(struct bench *bench)
{
	for (unsigned i = 0; i < TURNS; i++)
		qr_slab_free(bench->system, QR_SLAB_VMA, qr_slab_alloc(bench->system, QR_SLAB_VMA));
}

static void prepare_walk(struct bench *bench)
{
	map_pages(bench, 512);
}

static void run_walk(struct bench *bench)
{
	for (unsigned i = 0; i < TURNS; i++)
		qr_pt_find(&bench->pt[0], va_of(i % 512), 0);
}

static struct qr_page *pages[512];

static void prepare_map(struct bench *bench)
{
	demand(qr_pt_alloc(&bench->pt[0], START, 0, NULL) != NULL, "no table");
	for (unsigned i = 0; i < 512; i++)
		pages[i] = new_page(bench);
}

static void run_map(struct bench *bench)
{
	for (unsigned i = 0; i < 512; i++) {
		if (qr_pt_map(&bench->pt[0], va_of(i), qr_page_pfn(bench->system, pages[i]),
			      QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_USER,
			      QUIRE_PTE_YOUNG | QUIRE_PTE_DIRTY, 0) != QUIRE_OK)
			demand(false, "no mapping");
	}
}

static void prepare_many(struct bench *bench)
{
	map_pages(bench, PAGES);
}

static void run_copy(struct bench *bench)
{
	struct qr_tlb tlb;
	struct qr_pt_copy copy = {.to = &bench->pt[1], .from = &bench->pt[0], .tlb = &tlb};

	qr_tlb_begin(&tlb, &bench->pt[0]);
	demand(qr_pt_copy(&copy, START, va_of(PAGES), QR_COPY_COW) == QUIRE_OK && copy.came.anon == PAGES,
	       "no copy");
	qr_tlb_end(&tlb);
}

static void prepare_child(struct bench *bench)
{
	map_pages(bench, PAGES);
	run_copy(bench);
}

static void unmap(struct bench *bench, unsigned tree)
{
	struct qr_pt_counts gone = {0};
	struct qr_tlb tlb;

	qr_tlb_begin(&tlb, &bench->pt[tree]);
	qr_pt_unmap(&bench->pt[tree], &tlb, START, va_of(PAGES), QR_UNMAP_ALL, &gone);
	qr_tlb_end(&tlb);
	demand(gone.anon == PAGES, "not all was unmapped");
}

static void run_unmap(struct bench *bench)
{
	unmap(bench, 0);
}

static void run_unmap_child(struct bench *bench)
{
	unmap(bench, 1);
}

static void run_protect(struct bench *bench)
{
	struct qr_tlb tlb;

	qr_tlb_begin(&tlb, &bench->pt[0]);
	demand(qr_pt_protect(&bench->pt[0], &tlb.ranges, START, va_of(PAGES),
			     QUIRE_PROT_READ | QUIRE_PROT_USER, QR_PROTECT_PRIVATE) == PAGES,
	       "not all was changed");
	qr_tlb_end(&tlb);
}

static const struct micro {
	const char *name;
	unsigned operations;
	void (*prepare)(struct bench *bench);
	void (*run)(struct bench *bench);
} benches[] = {
    {"frame.alloc_free", TURNS, nothing, run_frame},
    {"frame.alloc_free_bulk", (TURNS / 64 + 1) * 64, nothing, run_frame_bulk},
    {"slab.alloc_free", TURNS, nothing, run_slab},
    {"pt.walk", TURNS, prepare_walk, run_walk},
    {"pt.map", 512, prepare_map, run_map},
    {"pt.copy_per_page", PAGES, prepare_many, run_copy},
    {"pt.unmap_per_page", PAGES, prepare_many, run_unmap},
    {"pt.unmap_child_per_page", PAGES, prepare_child, run_unmap_child},
    {"pt.protect_per_page", PAGES, prepare_many, run_protect},
};

/* callgrind counts the instructions inside this function. */
__attribute__((noinline)) void measure(const struct micro *micro, struct bench *bench);
void measure(const struct micro *micro, struct bench *bench)
{
	micro->run(bench);
}

int main(int argc, char **argv)
{
	struct bench bench;

	if (argc == 2 && strcmp(argv[1], "list") == 0) {
		for (size_t i = 0; i < QR_ARRAY_COUNT(benches); i++)
			printf("%s.instructions instructions %u measure\n", benches[i].name,
			       benches[i].operations);
		return 0;
	}
	for (size_t i = 0; argc == 3 && strcmp(argv[1], "run") == 0 && i < QR_ARRAY_COUNT(benches); i++) {
		if (strncmp(argv[2], benches[i].name, strlen(benches[i].name)) != 0 ||
		    strcmp(argv[2] + strlen(benches[i].name), ".instructions") != 0)
			continue;
		begin(&bench);
		benches[i].prepare(&bench);
		measure(&benches[i], &bench);
		return 0;
	}
	fprintf(stderr, "usage: micro list | micro run NAME\n");
	return 2;
}
