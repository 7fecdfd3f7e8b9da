/* SPDX-License-Identifier: MIT */
/* Traits: a simulated machine stands in for a kernel with each, and the probe has to find it; a probe
 * that fails is an unknown trait; what is read, printed, left out, and seen by recorded results. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <tools/quire/conform/conform.h>
#include <tools/quire/scenario/names.h>
#include <tools/quire/scenario/sim_backend.h>

static struct scn_program program;

static const struct scn_run *run_sim(void *context, const struct scn_program *p, const char **why)
{
	return scn_sim_run(context, p, why);
}

static struct scn_sim *open_machine(const struct scn_traits *traits)
{
	struct scn_sim_config config = {.traits = traits};
	const char *why = NULL;
	struct scn_sim *sim = scn_sim_open(&config, &why);

	if (!sim)
		fail_msg("%s", why);
	return sim;
}

static void probe_machine(const struct scn_traits *made, struct scn_traits *found)
{
	struct scn_sim *sim = open_machine(made);
	struct scn_prober prober = {.context = sim, .run = run_sim};

	scn_traits_probe(&prober, found);
	for (unsigned t = 0; t < SCN_TRAITS; t++)
		if (!(found->known >> t & 1))
			fail_msg("%s is not found out", scn_trait_rows[t].name);
	assert_int_equal(scn_sim_close(sim), 0);
}

/* --- Both ways --- */

static const struct {
	enum scn_trait trait;
	int64_t value[6]; /* ends with -1 */
} both_ways[] = {
    {SCN_TRAIT_ZERO_PAGE, {0, 1, -1}},
    {SCN_TRAIT_PROTECT_UPGRADES, {0, 1, -1}},
    {SCN_TRAIT_FAULT_AROUND, {0, 8192, 65536, 131072, -1}},
    {SCN_TRAIT_STACK_GAP, {0, 1, 255, 256, 1000, -1}},
    {SCN_TRAIT_TOP_DOWN, {0, 1, -1}},
    {SCN_TRAIT_OVERCOMMIT, {0, 1, -1}},
    {SCN_TRAIT_MIN_ADDR, {4096, 8192, 65536, -1}},
    {SCN_TRAIT_MAPPINGS, {5, 30, 399, 400, -1}},
    {SCN_TRAIT_STACK_LIMIT, {2, 3, 2048, 8191, 8192, -1}},
    {SCN_TRAIT_MEMLOCK_LIMIT, {0, 1, 16, 2047, 2048, -1}},
    {SCN_TRAIT_NX, {0, 1, -1}},
    {SCN_TRAIT_EXECUTE_ONLY, {0, 1, -1}},
    {SCN_TRAIT_REMOTE, {0, 1, -1}},
    {SCN_TRAIT_DISK, {0, 1, -1}},
    {SCN_TRAIT_MERGEABLE, {0, 1, -1}},
    {SCN_TRAIT_HUGE_ADVICE, {0, 1, -1}},
    {SCN_TRAIT_COUNTS, {1, -1}},
    {SCN_TRAIT_PAGEMAP, {1, -1}},
    {SCN_TRAIT_FIRST_WRITE, {1, 4, 16, 512, -1}},
    {SCN_TRAIT_FIRST_SHARED, {1, 16, 512, -1}},
};

static void the_probe_finds_each_trait(void **state)
{
	for (size_t i = 0; i < sizeof(both_ways) / sizeof(both_ways[0]); i++) {
		for (unsigned k = 0; both_ways[i].value[k] >= 0; k++) {
			struct scn_traits made, found;

			scn_traits_usual(&made);
			made.value[both_ways[i].trait] = both_ways[i].value[k];
			probe_machine(&made, &found);
			for (unsigned t = 0; t < SCN_TRAITS; t++)
				if (found.value[t] != made.value[t])
					fail_msg("%s = %ld: %s found as %ld, not %ld",
						 scn_trait_rows[both_ways[i].trait].name,
						 (long)both_ways[i].value[k], scn_trait_rows[t].name,
						 (long)found.value[t], (long)made.value[t]);
		}
	}
}

/* Without these most probes have nothing to look at; they are found all the same. */
static void a_machine_that_shows_nothing(void **state)
{
	struct scn_traits made, found;
	struct scn_sim *sim;
	struct scn_prober prober = {.run = run_sim};
	int64_t value = -1;

	scn_traits_usual(&made);
	made.value[SCN_TRAIT_COUNTS] = made.value[SCN_TRAIT_PAGEMAP] = 0;
	sim = open_machine(&made);
	prober.context = sim;
	assert_true(scn_trait_probe(&prober, SCN_TRAIT_COUNTS, &value));
	assert_int_equal(value, 0);
	assert_true(scn_trait_probe(&prober, SCN_TRAIT_PAGEMAP, &value));
	assert_int_equal(value, 0);
	assert_false(scn_trait_probe(&prober, SCN_TRAIT_ZERO_PAGE, &value));
	assert_true(scn_traits_probe(&prober, &found) > 0);
	assert_int_equal(found.value[SCN_TRAIT_ZERO_PAGE], 1);
	assert_int_equal(scn_traits_obstacle(&found), SCN_TRAIT_COUNTS);
	assert_int_equal(scn_sim_close(sim), 0);
}

/* What a gap is cannot be seen by a stack that may not grow. */
static void a_stack_that_may_not_grow(void **state)
{
	struct scn_traits made, found;
	struct scn_sim *sim;
	struct scn_prober prober = {.run = run_sim};

	scn_traits_usual(&made);
	made.value[SCN_TRAIT_STACK_LIMIT] = 1;
	sim = open_machine(&made);
	prober.context = sim;
	assert_int_equal(scn_traits_probe(&prober, &found), 1);
	assert_int_equal(found.value[SCN_TRAIT_STACK_LIMIT], 1);
	assert_false(found.known >> SCN_TRAIT_STACK_GAP & 1);
	assert_int_equal(scn_sim_close(sim), 0);
}

/* --- Probes that fail --- */

static const struct scn_run *run_nothing(void *context, const struct scn_program *p, const char **why)
{
	*why = "no";
	return NULL;
}

static const struct scn_run *run_skipped(void *context, const struct scn_program *p, const char **why)
{
	static struct scn_run run;
	static const struct scn_backend backend = {.page_size = 4096};

	scn_run_init(&run, p, &backend, NULL);
	for (unsigned i = 0; i < SCN_MAX_RESULTS; i++)
		run.result[i].state = SCN_SKIPPED;
	return &run;
}

static void a_failed_probe_is_an_unknown_trait(void **state)
{
	struct scn_prober failing[] = {{.run = run_nothing}, {.run = run_skipped}};

	for (unsigned i = 0; i < 2; i++) {
		struct scn_traits found;
		char *text = NULL;
		size_t bytes = 0;
		FILE *to;

		assert_true(scn_traits_probe(&failing[i], &found) >= 15);
		assert_false(found.known >> SCN_TRAIT_ZERO_PAGE & 1);
		assert_int_equal(found.value[SCN_TRAIT_ZERO_PAGE], 1);
		to = open_memstream(&text, &bytes);
		scn_traits_print(to, "", &found);
		fclose(to);
		assert_non_null(strstr(text, "unknown: zero-page;"));
		free(text);
	}
}

/* --- Words --- */

static void are_read_and_printed(void **state)
{
	struct scn_traits traits;
	char room[80];

	scn_traits_usual(&traits);
	assert_null(scn_traits_read("zero-page=no,fault-around=16384,stack-gap=1", &traits));
	assert_int_equal(traits.value[SCN_TRAIT_ZERO_PAGE], 0);
	assert_string_equal(scn_trait_text(&traits, SCN_TRAIT_ZERO_PAGE, room), "no zero page");
	assert_string_equal(scn_trait_text(&traits, SCN_TRAIT_FAULT_AROUND, room), "fault-around 16 KiB");
	assert_string_equal(scn_trait_text(&traits, SCN_TRAIT_STACK_GAP, room), "stack gap 1 page");
	assert_string_equal(scn_trait_text(&traits, SCN_TRAIT_MAPPINGS, room), "mappings 400 or more");
	assert_null(scn_traits_read("fault-around=no", &traits));
	assert_string_equal(scn_trait_text(&traits, SCN_TRAIT_FAULT_AROUND, room), "no fault-around");
	assert_string_equal(scn_traits_read("zero-page", &traits), "a trait is written NAME=VALUE");
	assert_string_equal(scn_traits_read("luck=yes", &traits), "no such trait");
	assert_string_equal(scn_traits_read("zero-page=maybe", &traits), "not a value of this trait");
	assert_string_equal(scn_traits_read("zero-page=2", &traits), "not a value of this trait");
	assert_string_equal(scn_traits_read("stack-gap=1x", &traits), "not a value of this trait");
	assert_string_equal(scn_traits_read("stack-gap=999999", &traits), "not a value of this trait");
}

static void every_trait_has_its_own_name(void **state)
{
	for (unsigned i = 0; i < SCN_TRAITS; i++) {
		const struct scn_trait_row *row = &scn_trait_rows[i];

		assert_non_null(row->name);
		assert_int_equal(scn_trait_find(row->name, strlen(row->name)), i);
		assert_true(row->way != SCN_WAY_LEFT_OUT || (row->what && row->leaves_out));
		assert_true(!row->bound || (row->what && row->leaves_out));
		assert_true(row->usual <= row->most);
	}
	assert_true(SCN_TRAITS <= 32);
}

static void what_the_library_has_not_is_left_out(void **state)
{
	static const char text[] = "file d disk 1p fill 1\nA = map 1p rw\nexec A\nB = map 1p x\npeek main A\n"
				   "advise A 1p mergeable\nadvise A 1p nohugepage\nprotect A 1p x\n"
				   "C = map 1p r file d\nread A\n";
	static const struct {
		const char *trait;
		unsigned gone;
	} row[] = {
	    {"nx=no", 1},          {"execute-only=yes", 2}, {"remote=no", 1},           {"mergeable=no", 1},
	    {"huge-advice=no", 1}, {"disk=no", 1},          {"fault-around=262144", 1}, {"top-down=no", 3},
	    {"zero-page=no", 0}};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct scn_traits traits;
		struct scn_error error;
		bool disk;

		scn_traits_usual(&traits);
		assert_null(scn_traits_read(row[i].trait, &traits));
		assert_true(scn_parse(text, strlen(text), &program, &error));
		assert_int_equal(program.op_count, 9);
		assert_int_equal(scn_traits_shown_by(&traits, &program) != SCN_TRAITS,
				 row[i].gone && strcmp(row[i].trait, "disk=no") != 0);
		assert_int_equal(scn_traits_leave_out(&traits, &program), row[i].gone);
		disk = strcmp(row[i].trait, "disk=no") == 0;
		assert_int_equal(program.op_count, disk ? 9 : 9 - row[i].gone);
		assert_int_equal(program.file[0].kind, disk ? SCN_FILE_SHM : SCN_FILE_DISK);
	}
}

/* --- Recorded results --- */

/* Of the programs from which nothing is left out for the traits `shown`. */
static uint64_t digest_of_programs(const struct scn_traits *traits, const struct scn_traits *shown)
{
	struct scn_sim *sim = open_machine(traits);
	uint64_t hash = 0;

	for (uint64_t i = 0; i < 150; i++) {
		struct conform_choice choice = conform_seeded(1, i);
		const struct scn_run *run;
		uint64_t digest;
		const char *why;

		conform_generate(&choice, 40, CONFORM_ALL, &program);
		if (scn_traits_leave_out(shown, &program))
			continue;
		run = scn_sim_run(sim, &program, &why);
		assert_non_null(run);
		digest = scn_run_digest(run);
		hash = scn_hash(hash, &digest, sizeof(digest));
	}
	assert_int_equal(scn_sim_close(sim), 0);
	return hash;
}

/* A trait that recorded results show must be marked so; the static program would blame the kernel. */
static void recorded_results_show_what_is_marked(void **state)
{
	static const struct {
		enum scn_trait trait;
		int64_t value;
	} row[] = {{SCN_TRAIT_ZERO_PAGE, 0},     {SCN_TRAIT_PROTECT_UPGRADES, 0}, {SCN_TRAIT_FAULT_AROUND, 0},
		   {SCN_TRAIT_STACK_GAP, 3},     {SCN_TRAIT_TOP_DOWN, 0},         {SCN_TRAIT_OVERCOMMIT, 0},
		   {SCN_TRAIT_MIN_ADDR, 4096},   {SCN_TRAIT_MAPPINGS, 4},         {SCN_TRAIT_STACK_LIMIT, 1},
		   {SCN_TRAIT_MEMLOCK_LIMIT, 1}, {SCN_TRAIT_REMOTE, 0},           {SCN_TRAIT_NX, 0},
		   {SCN_TRAIT_MERGEABLE, 0},     {SCN_TRAIT_HUGE_ADVICE, 0}};
	struct scn_traits usual;

	scn_traits_usual(&usual);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct scn_traits traits = usual;

		traits.value[row[i].trait] = row[i].value;
		if ((digest_of_programs(&traits, &traits) != digest_of_programs(&usual, &traits)) !=
		    scn_trait_rows[row[i].trait].recorded)
			fail_msg("%s", scn_trait_rows[row[i].trait].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_probe_finds_each_trait),
	    cmocka_unit_test(a_machine_that_shows_nothing),
	    cmocka_unit_test(a_stack_that_may_not_grow),
	    cmocka_unit_test(a_failed_probe_is_an_unknown_trait),
	    cmocka_unit_test(are_read_and_printed),
	    cmocka_unit_test(every_trait_has_its_own_name),
	    cmocka_unit_test(what_the_library_has_not_is_left_out),
	    cmocka_unit_test(recorded_results_show_what_is_marked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
