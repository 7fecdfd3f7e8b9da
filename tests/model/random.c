/* SPDX-License-Identifier: MIT */
/* The library beside the reference model under random operations, on the simulated machine.
 *
 *   random                 all systems, RUNS seeds of STEPS steps
 *   random SEED:STEP       one seed up to one step, told operation by operation
 *   random --mutant NAME   with a rule broken on purpose, which must be found
 *
 * Compared after each operation: its answer and what it touched; every STEPS_PER_LOOK steps: layout,
 * every word, counts, quire_check(). Pages are evicted and stores attached and detached in between: the model knows
 * nothing of it, since a program does not see it. */
#include "random.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS           110
#define STEPS          2000
#define STEPS_PER_LOOK 100
#define SAY(run, ...)                                                    \
	do {                                                             \
		snprintf((run)->said, sizeof((run)->said), __VA_ARGS__); \
		if ((run)->talk)                                         \
			printf("%s\n", (run)->said);                     \
	} while (0)

static uint64_t random_word(struct run *run)
{
	uint64_t z = run->random += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static unsigned pick(struct run *run, unsigned n)
{
	return (unsigned)(random_word(run) % n);
}

/* A range of the window. */
static unsigned some_range(struct run *run, unsigned *count)
{
	unsigned at = pick(run, WINDOW_PAGES);

	*count = 1 + pick(run, pick(run, 4) ? 6 : 20);
	if (at + *count > WINDOW_PAGES)
		*count = WINDOW_PAGES - at;
	return at;
}

static uint8_t some_prot(struct run *run)
{
	static const uint8_t prots[] = {3, 3, 3, 1, 1, 0, 7, 5};

	return prots[pick(run, sizeof(prots))];
}

static bool expect(struct run *run, enum quire_status got, int expected)
{
	if ((int)got == expected)
		return true;
	printf("returned %s, expected %s\n", quire_status_name(got),
	       quire_status_name((enum quire_status)expected));
	return false;
}

/* --- operations ----------------------------------------------------------------------------------------- */

static bool do_map(struct run *run)
{
	unsigned count, at = some_range(run, &count), kind = pick(run, 8);
	struct page like = {.prot = some_prot(run), .may_write = true, .object = -1};
	struct quire_mapping how = {
	    .addr = va_of(run, at), .length = count * run->page_bytes, .flags = QUIRE_MAP_FIXED};
	quire_va got;

	like.shared = kind >= 5;
	how.flags |= like.shared ? QUIRE_MAP_SHARED : QUIRE_MAP_PRIVATE;
	if (kind == 5) {
		model_collect(&run->model, FILES);
		like.object = model_object(&run->model, count, false);
		how.flags |= QUIRE_MAP_ANONYMOUS;
	} else if (kind >= 3) {
		like.object = (int)pick(run, FILES);
		like.index = pick(run, OBJECT_PAGES - count + 1);
		how.file = file_of(run, like.object);
		how.offset = like.index * run->page_bytes;
		if (pick(run, 4) == 0) {
			how.file_prot = QUIRE_PROT_READ | QUIRE_PROT_EXEC;
			like.may_write = !like.shared;
			like.prot &= like.shared ? 5 : 7;
		}
	} else {
		how.flags |= QUIRE_MAP_ANONYMOUS;
	}
	how.prot = like.prot;
	SAY(run, "p%u mmap %u+%u prot %u object %d index %" PRIu64 " shared %d", run->now, at, count,
	    like.prot, like.object, like.index, like.shared);
	model_map(&run->model, run->now, at, count, &like);
	return expect(run, quire_mmap(mm_of(run), &how, &got), 0) && got == how.addr;
}

static bool do_unmap(struct run *run)
{
	unsigned count, at = some_range(run, &count);

	SAY(run, "p%u munmap %u+%u", run->now, at, count);
	model_unmap(&run->model, run->now, at, count);
	return expect(run, quire_munmap(mm_of(run), va_of(run, at), count * run->page_bytes), 0);
}

static bool do_protect(struct run *run)
{
	unsigned count, at = some_range(run, &count);
	uint8_t prot = some_prot(run);

	SAY(run, "p%u mprotect %u+%u %u", run->now, at, count, prot);
	return expect(run, quire_mprotect(mm_of(run), va_of(run, at), count * run->page_bytes, prot),
		      model_protect(&run->model, run->now, at, count, prot));
}

static bool do_move(struct run *run)
{
	unsigned count, at = some_range(run, &count), to = pick(run, WINDOW_PAGES - count + 1);
	struct quire_remapping how = {.old_addr = va_of(run, at),
				      .old_length = count * run->page_bytes,
				      .new_length = count * run->page_bytes,
				      .flags = QUIRE_MREMAP_MAYMOVE | QUIRE_MREMAP_FIXED,
				      .new_addr = va_of(run, to)};
	quire_va got = 0;

	if (to < at + count && at < to + count)
		return true;
	SAY(run, "p%u mremap %u+%u to %u", run->now, at, count, to);
	return expect(run, quire_mremap(mm_of(run), &how, &got),
		      model_move(&run->model, run->now, at, count, to));
}

static bool do_advise(struct run *run)
{
	static const int advice[] = {QUIRE_MADV_DONTNEED,   QUIRE_MADV_DONTNEED, QUIRE_MADV_REMOVE,
				     QUIRE_MADV_DONTFORK,   QUIRE_MADV_DOFORK,   QUIRE_MADV_WIPEONFORK,
				     QUIRE_MADV_KEEPONFORK, QUIRE_MADV_DOFORK};
	unsigned count, at = some_range(run, &count);
	int what = advice[pick(run, 8)], expected;

	/* A device keeps what a hole took from memory: only memory is punched. */
	for (unsigned i = at; what == QUIRE_MADV_REMOVE && i < at + count; i++) {
		const struct page *page = &run->model.process[run->now].page[i];

		if (page->mapped && page->object >= 0 && run->model.object[page->object].device)
			return true;
	}
	SAY(run, "p%u madvise %u+%u %d", run->now, at, count, what);
	if (what == QUIRE_MADV_DONTNEED)
		expected = model_discard(&run->model, run->now, at, count);
	else if (what == QUIRE_MADV_REMOVE)
		expected = model_remove(&run->model, run->now, at, count);
	else
		expected = model_advise_fork(&run->model, run->now, at, count, what);
	/* A hole that reaches the end of everything: ENOMEM at once, as the model says too. */
	return expect(run, quire_madvise(mm_of(run), va_of(run, at), count * run->page_bytes, what),
		      expected);
}

static bool do_lock(struct run *run)
{
	unsigned count, at = some_range(run, &count);
	bool lock = pick(run, 2);

	SAY(run, "p%u %s %u+%u", run->now, lock ? "mlock" : "munlock", at, count);
	/* Files may end inside: which vma the rest is in decides then. Left to the oracle. */
	for (unsigned i = at; i < at + count; i++) {
		if (run->model.process[run->now].page[i].object == MEMORY)
			return true;
	}
	return expect(run,
		      lock ? quire_mlock(mm_of(run), va_of(run, at), count * run->page_bytes, 0)
			   : quire_munlock(mm_of(run), va_of(run, at), count * run->page_bytes),
		      model_lock(&run->model, run->now, at, count, lock));
}

static bool do_access(struct run *run)
{
	unsigned page = pick(run, WINDOW_PAGES), word = pick(run, WORDS);
	uint32_t value = (uint32_t)random_word(run);
	enum model_answer answer;

	if (pick(run, 3) == 0) {
		SAY(run, "p%u read %u.%u", run->now, page, word);
		return run_compare_word(run, page, word);
	}
	SAY(run, "p%u write %u.%u %x", run->now, page, word, value);
	answer = model_write(&run->model, run->now, page, word, value);
	if (!run_answered(run, sim_write(run->cpu, word_va(run, page, word), 4, value), answer)) {
		printf("answer %s, expected %d\n", sim_end_name(sim_last(run->cpu)->end), answer);
		return false;
	}
	return run_compare_word(run, page, word);
}

static bool do_kernel_access(struct run *run)
{
	unsigned number = pick(run, WINDOW_PAGES), word = pick(run, WORDS);
	struct page *page = &run->model.process[run->now].page[number];
	uint32_t value = (uint32_t)random_word(run), got = 0;
	size_t done;
	enum model_answer answer;
	uint64_t expected;

	if (pick(run, 2)) {
		SAY(run, "p%u access read %u.%u", run->now, number, word);
		answer = model_read(&run->model, run->now, number, word, &expected);
		/* The kernel goes by the vma: EXEC alone does not let it read. None of ours is so. */
		return expect(run, quire_mm_access(mm_of(run), word_va(run, number, word), &got, 4, 0, &done),
			      answer == ANSWER_OK ? 0 : QUIRE_EFAULT) &&
		       (answer != ANSWER_OK || got == (uint32_t)expected);
	}
	SAY(run, "p%u access write %u.%u %x", run->now, number, word, value);
	answer = model_write(&run->model, run->now, number, word, value);
	(void)page;
	return expect(
	    run,
	    quire_mm_access(mm_of(run), word_va(run, number, word), &value, 4, QUIRE_REMOTE_WRITE, &done),
	    answer == ANSWER_OK ? 0 : QUIRE_EFAULT);
}

static bool do_fork(struct run *run)
{
	unsigned child = pick(run, PROCESSES);

	if (run->process[child])
		return true;
	SAY(run, "p%u fork to p%u", run->now, child);
	model_fork(&run->model, run->now, child);
	return expect(run, sim_process_fork(run->process[run->now], &run->process[child]), 0);
}

static bool do_exit(struct run *run)
{
	unsigned victim = pick(run, PROCESSES);

	if (!run->process[victim] || victim == run->now)
		return true;
	SAY(run, "p%u exits", victim);
	model_exit(&run->model, victim);
	sim_process_exit(run->process[victim]);
	run->process[victim] = NULL;
	return true;
}

static bool do_switch(struct run *run)
{
	unsigned next = pick(run, PROCESSES);

	if (run->process[next]) {
		SAY(run, "switch to p%u", next);
		run->now = next;
		sim_switch(run->cpu, run->process[next]);
	}
	return true;
}

static bool do_file(struct run *run)
{
	uint64_t halves = pick(run, 2 * OBJECT_PAGES + 1), first = pick(run, OBJECT_PAGES);
	unsigned word = pick(run, WORDS), device = pick(run, 2), object = pick(run, FILES);
	uint32_t value = (uint32_t)random_word(run);
	uint64_t offset = first * run->page_bytes + word * (run->page_bytes / WORDS);
	struct quire_file *file = file_of(run, (int)object);
	size_t done;

	/* Writing and reading by the file, where it has that page. */
	if (first >= run->model.object[object].pages)
		object = 0, file = file_of(run, 0);
	switch (pick(run, 8)) {
	case 0:
		SAY(run, "truncate to %" PRIu64 " halves", halves);
		model_truncate(&run->model, MEMORY, halves);
		return expect(run, quire_file_truncate(run->memory, halves * run->page_bytes / 2), 0);
	case 1:
		SAY(run, "punch %" PRIu64 "+2", first);
		model_punch(&run->model, MEMORY, first, 2);
		return expect(run,
			      quire_file_punch(run->memory, first * run->page_bytes, 2 * run->page_bytes), 0);
	case 2:
		SAY(run, "sync %u", device);
		return expect(run, quire_file_sync(run->device[device]->file, 0, 0), 0);
	case 3:
		SAY(run, "drop %u", device);
		(void)quire_file_drop(run->device[device]->file, 0, 0);
		return true;
	case 4:
	case 5:
	case 6:
		SAY(run, "file %u write %" PRIu64 ".%u %x", object, first, word, value);
		if (offset + 4 > quire_file_size(file))
			return true;
		run->model.object[object].word[first][word] = value;
		return expect(run, quire_file_write(file, offset, &value, 4, &done), 0);
	default:
		SAY(run, "file %u read %" PRIu64 ".%u", object, first, word);
		if (offset + 4 > quire_file_size(file))
			return true;
		return expect(run, quire_file_read(file, offset, &value, 4, &done), 0) &&
		       value == (uint32_t)run->model.object[object].word[first][word];
	}
}

/* Pages leave memory, or come back before anyone asks. Holes are nobody's concern here. */
static bool do_evict(struct run *run)
{
	static const int advice[] = {QUIRE_MADV_PAGEOUT, QUIRE_MADV_COLD, QUIRE_MADV_WILLNEED};
	unsigned count, at = some_range(run, &count), what = pick(run, 6);
	uint64_t length = count * run->page_bytes, evicted;

	if (what < 3) {
		SAY(run, "p%u advice %d %u+%u", run->now, advice[what], at, count);
		/* What it says of holes and locks the model leaves to the oracle. */
		return quire_madvise(mm_of(run), va_of(run, at), length, advice[what]) != QUIRE_EFAULT;
	}
	SAY(run, "p%u evict %u+%u", run->now, at, count);
	return expect(run, quire_mm_evict(mm_of(run), va_of(run, at), length, &evicted), QUIRE_OK);
}

static bool do_swap_area(struct run *run)
{
	struct quire_system *system = sim_system(run->sim);
	struct sim_store *store = run->store[pick(run, STORES)];

	SAY(run, "reclaim, or swapoff and swapon of %" PRIu64 " slots", store->store.slots);
	if (pick(run, 8))
		return quire_reclaim(system, pick(run, 32)) <= 32;
	return expect(run, quire_swapoff(system, &store->store), QUIRE_OK) &&
	       expect(run, quire_swapon(system, &store->store, (int)pick(run, 2)), QUIRE_OK);
}

static bool do_sync(struct run *run)
{
	unsigned count, at = some_range(run, &count), holes = 0;

	SAY(run, "p%u msync %u+%u", run->now, at, count);
	for (unsigned i = at; i < at + count; i++)
		holes += !run->model.process[run->now].page[i].mapped;
	return expect(run, quire_msync(mm_of(run), va_of(run, at), count * run->page_bytes, QUIRE_MS_SYNC),
		      holes ? QUIRE_ENOMEM : QUIRE_OK);
}

static bool step(struct run *run)
{
	static bool (*const operations[])(struct run *) = {
	    do_map,    do_map,    do_map,    do_unmap,  do_protect,       do_protect, do_move,      do_advise,
	    do_advise, do_lock,   do_access, do_access, do_access,        do_access,  do_access,    do_access,
	    do_access, do_access, do_access, do_access, do_kernel_access, do_fork,    do_exit,      do_switch,
	    do_switch, do_file,   do_sync,   do_evict,  do_evict,         do_evict,   do_swap_area,
	};

	return operations[pick(run, sizeof(operations) / sizeof(operations[0]))](run);
}

/* --- a run ---------------------------------------------------------------------------------------------- */

static const struct {
	const char *arch, *profile;
} systems[] = {{"x86_64", "linux-6"},   {"i386", "linux-2.4"},  {"x86_64", "linux-2.6"}, {"arm", "linux-2.6"},
	       {"arm64", "linux-4.14"}, {"riscv64", "linux-6"}, {"i386", "linux-6"}};

static void make_device(struct run *run, unsigned number)
{
	uint64_t bytes = OBJECT_PAGES * run->page_bytes;
	struct object *object = &run->model.object[model_object(&run->model, OBJECT_PAGES, true)];

	if (sim_file_create(run->sim, bytes, (unsigned char)(number * 100), &run->device[number]) != QUIRE_OK)
		abort();
	for (unsigned i = 0; i < OBJECT_PAGES; i++) {
		for (unsigned word = 0; word < WORDS; word++)
			object->word[i][word] = (uint32_t)(0x01010101u * (unsigned char)(number * 100 + i));
	}
}

static void start(struct run *run, uint64_t seed)
{
	struct sim_config config = {
	    .arch = systems[seed % (sizeof(systems) / sizeof(systems[0]))].arch,
	    .profile = systems[seed % (sizeof(systems) / sizeof(systems[0]))].profile,
	    .ram_bytes = 8 << 20,
	    .high_bytes = seed % 2 ? 4 << 20 : 0,
	    .seed = seed,
	};

	run->sim = sim_create(&config, NULL);
	if (!run->sim || sim_process_create(run->sim, NULL, &run->process[0]) != QUIRE_OK)
		abort();
	run->page_bytes = sim_page_bytes(run->sim);
	run->cpu = sim_cpu(run->sim, 0);
	run->random = seed;
	sim_use_cpu(run->cpu);
	sim_switch(run->cpu, run->process[0]);
	/* The model knows no limit of locked memory; 2.4 locks nothing without this right. */
	quire_mm_set_rights(run->process[0]->mm, QUIRE_RIGHT_IPC_LOCK);
	/* One that is full soon, with read-ahead by slots, and one that is not. */
	for (unsigned i = 0; i < STORES; i++) {
		run->store[i] = sim_store_create(run->sim, i ? 400 : 24, i ? 0 : QUIRE_STORE_SEEKS);
		if (!run->store[i] ||
		    quire_swapon(sim_system(run->sim), &run->store[i]->store, (int)seed % 2) != QUIRE_OK)
			abort();
		run->store[i]->checked = true;
	}
	make_device(run, 0);
	make_device(run, 1);
	model_object(&run->model, OBJECT_PAGES, false);
	if (quire_file_create(sim_system(run->sim), NULL, NULL, OBJECT_PAGES * run->page_bytes,
			      &run->memory) != QUIRE_OK)
		abort();
}

static const char *mutant;
static uint64_t pages_out, pages_in;

static bool one_run(uint64_t seed, unsigned steps, bool talk)
{
	struct run *run = calloc(1, sizeof(*run));
	bool good = true;
	unsigned i;

	run->talk = talk;
	start(run, seed);
	sim_mutant(run->sim, mutant);
	for (i = 1; good && i <= steps; i++) {
		good = step(run) && sim_finding_count(run->sim) == 0;
		if (good && (i % STEPS_PER_LOOK == 0 || (talk && i + 5 > steps)))
			good = run_compare_all(run);
	}
	if (!good)
		printf("%" PRIu64 ":%u   %s on %s: %s\n", seed, i - 1, systems[seed % 7].profile,
		       systems[seed % 7].arch, run->said);
	pages_out += quire_event_count(sim_system(run->sim), QUIRE_EVENT_PSWPOUT);
	pages_in += quire_event_count(sim_system(run->sim), QUIRE_EVENT_PSWPIN);
	sim_file_close(run->device[0]);
	sim_file_close(run->device[1]);
	quire_file_put(run->memory);
	if (sim_destroy(run->sim) != 0 && good) {
		printf("%" PRIu64 ":%u   findings at the end\n", seed, steps);
		good = false;
	}
	free(run);
	return good;
}

int main(int argc, char **argv)
{
	unsigned long seed, steps = STEPS;
	unsigned failures = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 3 && strcmp(argv[1], "--mutant") == 0) {
		mutant = argv[2];
	} else if (argc > 1) {
		if (sscanf(argv[1], "%lu:%lu", &seed, &steps) < 1) {
			fprintf(stderr, "usage: %s [SEED[:STEP]]\n", argv[0]);
			return 2;
		}
		return one_run(seed, (unsigned)steps, argc == 2) ? 0 : 1;
	}
	for (seed = 1; seed <= RUNS && failures < 3; seed++)
		failures += !one_run(seed, STEPS, false);
	printf("%d runs of %d steps, %" PRIu64 " pages swapped out and %" PRIu64 " in, %u differ\n", RUNS,
	       STEPS, pages_out, pages_in, failures);
	return failures ? 1 : 0;
}
