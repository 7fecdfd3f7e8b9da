/* SPDX-License-Identifier: MIT */
/* The library compared with the model. */
#include "random.h"

#include <inttypes.h>
#include <stdio.h>

bool run_answered(struct run *run, enum sim_end end, enum model_answer expected)
{
	static const struct {
		unsigned signal, code;
	} signals[] = {{0, 0}, {11, 1}, {11, 2}, {7, 2}};
	const struct sim_result *last = sim_last(run->cpu);

	if (expected == ANSWER_OK)
		return end == SIM_DONE;
	return end == SIM_SIGNALLED && last->signal == signals[expected].signal &&
	       last->code == signals[expected].code;
}

bool run_compare_word(struct run *run, unsigned page, unsigned word)
{
	uint64_t expected, got = 0;
	enum model_answer answer = model_read(&run->model, run->now, page, word, &expected);
	enum sim_end end = sim_read(run->cpu, word_va(run, page, word), 4, &got);

	if (run_answered(run, end, answer) && (answer != ANSWER_OK || got == (uint32_t)expected))
		return true;
	printf("process %u page %u word %u: answer %s, value %" PRIx64 "; expected %d, %" PRIx64 "\n",
	       run->now, page, word, sim_end_name(end), got, answer, expected);
	return false;
}

/* The layout, page by page. */
static bool compare_layout(struct run *run, unsigned process)
{
	struct quire_mm *mm = run->process[process]->mm;

	for (unsigned i = 0; i < WINDOW_PAGES; i++) {
		const struct page *page = &run->model.process[process].page[i];
		struct quire_region region;
		quire_va va = va_of(run, i);
		bool mapped = quire_mm_region(mm, va, &region) == QUIRE_OK && region.start <= va;
		bool good = mapped == page->mapped;

		if (good && mapped) {
			uint64_t offset = region.offset + (va - region.start);

			good = region.prot == page->prot &&
			       !(region.flags & QUIRE_REGION_SHARED) == !page->shared &&
			       !(region.flags & QUIRE_REGION_LOCKED) == !page->locked &&
			       !(region.flags & QUIRE_REGION_DONTFORK) == !page->dontfork &&
			       !(region.flags & QUIRE_REGION_WIPEONFORK) == !page->wipe &&
			       !region.file == (page->object < 0) &&
			       (page->object < 0 || offset == page->index * run->page_bytes) &&
			       (page->object < 0 || page->object >= FILES ||
				region.file == file_of(run, page->object));
		}
		if (!good) {
			printf("process %u page %u: mapped %d prot %x flags %x; expected %d %x\n", process, i,
			       mapped, mapped ? region.prot : 0, mapped ? region.flags : 0, page->mapped,
			       page->prot);
			return false;
		}
	}
	return true;
}

static bool compare_counts(struct run *run, unsigned process)
{
	struct quire_usage usage;
	unsigned mapped = model_mapped(&run->model, process), locked = model_locked(&run->model, process);
	unsigned own = model_own(&run->model, process);

	quire_mm_usage(run->process[process]->mm, &usage);
	if (usage.total_vm == mapped && usage.locked_vm == locked && usage.rss_anon + usage.swap == own)
		return true;
	printf("process %u: total %" PRIu64 " locked %" PRIu64 " anon %" PRIu64 " swap %" PRIu64
	       "; expected %u %u %u together\n",
	       process, usage.total_vm, usage.locked_vm, usage.rss_anon, usage.swap, mapped, locked, own);
	return false;
}

bool run_compare_all(struct run *run)
{
	unsigned was = run->now;
	char why[200];
	bool good = true;

	for (unsigned p = 0; good && p < PROCESSES; p++) {
		if (!run->process[p])
			continue;
		good = compare_layout(run, p) && compare_counts(run, p);
		run->now = p;
		sim_switch(run->cpu, run->process[p]);
		for (unsigned i = 0; good && i < WINDOW_PAGES * WORDS; i++)
			good = run_compare_word(run, i / WORDS, i % WORDS);
		good = good && compare_counts(run, p);
	}
	run->now = was;
	sim_switch(run->cpu, run->process[was]);
	if (good && quire_check(sim_system(run->sim), why, sizeof(why)) != QUIRE_OK) {
		printf("quire_check: %s\n", why);
		good = false;
	}
	return good && sim_finding_count(run->sim) == 0;
}
