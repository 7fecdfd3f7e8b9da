/* SPDX-License-Identifier: MIT */
/* What less memory costs under exact LRU: misses against pages of memory, by reuse distances.
 *
 * The distance of a reference is the number of other pages that were referenced since the last reference to the same
 * one: it misses where memory has no more pages than that (Mattson et al., Evaluation techniques for storage
 * hierarchies, 1970). A tree of counts gives each in the logarithm of the number of references.
 *
 * Of many references, those of one page in N are looked at, chosen by a hash: their distances are an N-th of what they
 * would be among all (Waldspurger et al., Efficient MRC construction with SHARDS, 2015). How far that is off is
 * estimated by the parts of the sample: each gives a curve, and these differ. */
#include "report.h"

#include <stdlib.h>
#include <string.h>

enum {
	PARTS = 8
};

/* --- distances ------------------------------------------------------------------------------------------- */

/* A place for each reference, 1 where its page was not referenced since; a Fenwick tree of sums. */
static void add(int32_t *tree, size_t size, size_t at, int32_t by)
{
	for (at++; at <= size; at += at & -at)
		tree[at] += by;
}

/* The sum of the places up to `at`. */
static int64_t sum(const int32_t *tree, size_t at)
{
	int64_t sum = 0;

	for (at++; at > 0; at -= at & -at)
		sum += tree[at];
	return sum;
}

/* counts[d]: how many references have the distance d; counts[pages]: the first ones. NULL: memory ran out. */
static uint64_t *count_distances(const struct replay_trace *trace)
{
	uint64_t *counts = calloc((size_t)trace->pages + 1, sizeof(*counts));
	int32_t *tree = calloc(trace->count + 1, sizeof(*tree));
	size_t *last = calloc((size_t)trace->pages + 1, sizeof(*last)); /* and one; 0: none yet */

	for (size_t i = 0; counts && tree && last && i < trace->count; i++) {
		uint32_t page = trace->page[i];

		if (last[page]) {
			counts[sum(tree, i) - sum(tree, last[page] - 1)]++;
			add(tree, trace->count, last[page] - 1, -1);
		} else {
			counts[trace->pages]++;
		}
		add(tree, trace->count, i, 1);
		last[page] = i + 1;
	}
	if (!tree || !last) {
		free(counts);
		counts = NULL;
	}
	free(tree);
	free(last);
	return counts;
}

/* misses[m]: the references that miss with m pages, for m up to trace->pages. NULL: memory ran out. */
static uint64_t *count_misses(const struct replay_trace *trace)
{
	uint64_t *counts = count_distances(trace), left = trace->count;

	for (uint32_t memory = 0; counts && memory <= trace->pages; memory++) {
		uint64_t here = counts[memory];

		counts[memory] = left;
		left -= here;
	}
	return counts;
}

/* --- how far a sample is off ------------------------------------------------------------------------------- */

/* Of one part of the sample: its misses for each of so many sizes of memory, scaled to the whole sample. */
static bool part_misses(const struct replay_trace *trace, unsigned part, double *misses, unsigned sizes)
{
	struct replay_trace own = {
	    .page = malloc(trace->count * sizeof(*own.page)), .count = trace->count, .pages = trace->pages};
	uint64_t *all = NULL;

	if (own.page) {
		memcpy(own.page, trace->page, trace->count * sizeof(*own.page));
		if (replay_keep(&own, PARTS, part))
			all = count_misses(&own);
	}
	for (unsigned i = 0; all && i < sizes; i++) {
		uint64_t memory = (uint64_t)trace->pages * (i + 1) / sizes / PARTS;

		misses[i] =
		    own.count ? (double)all[memory < own.pages ? memory : own.pages] / (double)own.count : 0;
	}
	free(own.page);
	free(all);
	return all != NULL;
}

/* By Newton; the library of mathematics would be needed for this alone. */
static double square_root(double of)
{
	double root = of > 1 ? of : 1;

	for (unsigned i = 0; of > 0 && i < 60; i++)
		root = (root + of / root) / 2;
	return of > 0 ? root : 0;
}

/* The standard error of the ratio of misses, in percent: the largest of some sizes of memory. Below 0: memory ran out. */
static double error_of(const struct replay_trace *trace)
{
	enum {
		SIZES = 16
	};
	double misses[PARTS][SIZES], most = 0;

	for (unsigned part = 0; part < PARTS; part++)
		if (!part_misses(trace, part, misses[part], SIZES))
			return -1;
	for (unsigned i = 0; i < SIZES; i++) {
		double mean = 0, square = 0;

		for (unsigned part = 0; part < PARTS; part++)
			mean += misses[part][i] / PARTS;
		for (unsigned part = 0; part < PARTS; part++)
			square += (misses[part][i] - mean) * (misses[part][i] - mean);
		square = square_root(square / (PARTS - 1) / PARTS);
		most = square > most ? square : most;
	}
	return 100 * most;
}

/* --- the curve --------------------------------------------------------------------------------------------- */

static json_t *points_of(const struct replay_trace *trace, const uint64_t *misses, unsigned every)
{
	uint32_t step = (trace->pages + CURVE_POINTS - 1) / CURVE_POINTS;
	json_t *points = json_array();

	for (uint32_t memory = 1; memory <= trace->pages; memory++)
		if (memory == trace->pages || (memory - 1) % step == 0)
			json_array_append_new(points, json_pack("[I,I]", (json_int_t)memory * every,
								(json_int_t)(misses[memory] * every)));
	return points;
}

json_t *curve_make(struct replay_trace *trace, const char *source, uint64_t references, unsigned every)
{
	unsigned more = replay_thin_out(trace, CURVE_MOST_REFERENCES);
	uint64_t *misses = more ? count_misses(trace) : NULL;
	double error = 0;
	json_t *curve;

	every *= more;
	if (misses && every > 1)
		error = error_of(trace);
	if (!misses || error < 0) {
		free(misses);
		return NULL;
	}
	curve = json_pack("{s:s,s:I,s:i,s:f,s:I,s:o}", "source", source, "references", (json_int_t)references,
			  "every", (int)every, "error", error, "first", (json_int_t)trace->pages * every,
			  "points", points_of(trace, misses, every));
	free(misses);
	json_object_set_new(curve, "policies", replay_policies(trace, every));
	return curve;
}
