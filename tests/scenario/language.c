/* SPDX-License-Identifier: MIT */
/* The language: what is refused and where, the round trip of text, expectations that fail, the shrinker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <tools/quire/conform/conform.h>
#include <tools/quire/scenario/names.h>
#include <tools/quire/scenario/sim_backend.h>

#include "said.h"

static struct scn_program program, again;

static bool parse(const char *text, struct scn_error *error)
{
	return scn_parse(text, strlen(text), &program, error);
}

static void refuses(void **state)
{
	static const struct {
		const char *text;
		unsigned line, column;
		const char *word;
	} row[] = {
	    {"mapp 1p rw", 1, 1, "not an operation"},
	    {"# comment\n\nmap 1q rw", 3, 5, "not a size"},
	    {"map 1p rwz", 1, 8, "not a protection"},
	    {"map 1p rw sideways", 1, 11, "not a word of map"},
	    {"read A", 1, 6, "no mapping of that name"},
	    {"A = map 1p rw\nread A+", 2, 6, "not an offset"},
	    {"A = map 1p rw\nwrite A 7", 2, 9, "'= VALUE' is missing"},
	    {"A = map 1p rw\nwrite A = 256", 2, 11, "not a byte"},
	    {"A = map 1p rw\nread A x0", 2, 8, "1 to 4096"},
	    {"A = read arena", 1, 5, "only map and remap"},
	    {"child: read arena", 1, 1, "no such process"},
	    {"fork main", 1, 6, "already"},
	    {"map 1p rw file f", 1, 16, "no such file"},
	    {"file f shm 1p\nfile f shm 1p", 2, 6, "already"},
	    {"file f tape 1p", 1, 8, "shm or disk"},
	    {"read arena -> SIGSEGV", 1, 22, "a code of this signal"},
	    {"read arena -> SIGSEGV ADRERR", 1, 23, "a code of this signal"},
	    {"read arena -> happy", 1, 15, "not an expectation"},
	    {"read arena -> ok ok", 1, 18, "','"},
	    {"layout -> row arena..arena+1p rw", 1, 31, "protections such as"},
	    {"layout -> row arena", 1, 15, "START..END"},
	    {"resident arena 1p -> pages 12", 1, 28, "1 and ."},
	    {"advise arena 1p gently", 1, 17, "not an advice"},
	    {"limit colour 1p", 1, 7, "not a limit"},
	    {"unmap 99999999999999999999999 1p", 1, 7, "number is too large"},
	    {"map 99999999999999999999p rw", 1, 5, "number is too large"},
	    {"read arena+99999999999999999999", 1, 6, "number is too large"},
	    {"read arena+9999999999999999999999999999999999999999999999999999999999999999999", 1, 6,
	     "at most 63"},
	    {"map 9999999999999999999999999999999999999999999999999999999999999999999 rw", 1, 5, "too large"},
	    {"read arena -> minor 5000000000", 1, 21, "0 to 4294967295"},
	    {"read arena\nfile f shm 1p", 2, 1, "before the first operation"},
	    {"\xff\xfer\0", 1, 1, "UTF-16"},
	    {"\xef\xbb\xbfread", 1, 5, "an address is missing"},
	    {"map", 1, 4, "a size is missing"},
	    {"read arena -> [linux-2.5] ok", 1, 16, "not a profile or an architecture"},
	    {"read arena -> [] ok", 1, 16, "not a profile or an architecture"},
	    {"read arena -> [arm|] ok", 1, 16, "not a profile or an architecture"},
	    {"read arena -> [!] ok", 1, 16, "not a profile or an architecture"},
	    {"read arena -> [arm", 1, 19, "']' is missing"},
	    {"read arena -> [x86 arm] ok", 1, 20, "no machine is all of that"},
	    {"read arena -> [arm|!arm] ok", 1, 16, "every machine is one of that"},
	    {"read arena -> ok, [arm] ok", 1, 19, "not an expectation"},
	    {"read arena -> [arm]", 1, 20, "not an expectation"},
	    {"read arena -> ok [arm] any, ok", 1, 27, "end of the line"},
	    {"needs", 1, 6, "not a trait"},
	    {"needs zero-page luck", 1, 17, "not a trait"},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct scn_error error = {0};

		assert_false(parse(row[i].text, &error));
		if (error.line != row[i].line || error.column != row[i].column ||
		    !strstr(error.text, row[i].word))
			fail_msg("\"%s\": %u:%u: %s", row[i].text, error.line, error.column, error.text);
	}
}

static char *text_of(const struct scn_program *p)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *to = open_memstream(&text, &bytes);

	assert_non_null(to);
	scn_print(to, p, NULL, NULL);
	fclose(to);
	return text;
}

static void assert_round_trip(const struct scn_program *p)
{
	struct scn_error error;
	char *first = text_of(p), *second;

	if (!scn_parse(first, strlen(first), &again, &error))
		fail_msg("%u:%u: %s in\n%s", error.line, error.column, error.text, first);
	second = text_of(&again);
	assert_string_equal(first, second);
	assert_int_equal(p->op_count, again.op_count);
	assert_int_equal(p->variant_count, again.variant_count);
	for (unsigned i = 0; i < p->variant_count; i++)
		assert_memory_equal(&p->variant[i].on, &again.variant[i].on, sizeof(again.variant[i].on));
	free(first);
	free(second);
}

static void prints_what_it_reads(void **state)
{
	static const char text[] =
	    "needs zero-page fault-around\nneeds nx\nfile f shm 4p+100 fill 3\nfile g shm 1p code 9\nfile d "
	    "disk 2p\n"
	    "A = map 4p rw shared file f 1p at arena+3p populate\n"
	    "B = map 0x123456 none+growsdown private flags 0x4000000\nmap 1p 0x10 untyped noreplace 0x7000\n"
	    "protect A.end-1p 1p rx+growsup -> EINVAL\nremap A 1p 2p fixed B maymove dontunmap flags 0x80\n"
	    "remap A 1p 2p maymove to arena+9p\nfork kid -> ok\nkid: write A+1p-3 x7 = 0x5a -> count 7, "
	    "minor 3, major 0\n"
	    "lock A 1p onfault\nsync A 1p async invalidate flags 8\nlimit stack unlimited\nlimit data 7p\n"
	    "kid: poke main A = 3\npeek kid A -> value 7\nfwrite f 1p+1 2p = 9 -> count 2p\nsp arena+4p\n"
	    "advise A 1p 99\nlayout A 2p -> row A..A+1p rw-s file f, row A+1p..A.end ---p\n"
	    "layout -> norows\nresident A 3p -> pages 1.1\nmemory\n"
	    "read A -> SIGBUS ADRERR at A+4p\nbrk heap+1p+7 -> at heap+1p+7\nkid: exit\n"
	    "read A -> [linux-2.4] major 1\nread A -> ok, minor 1 [!linux-6 arm|x86] value 3 [arm64_48] any\n"
	    "layout -> norows [linux-2.4|arm linux-2.6|x86] row A..A+1p rw-s [!riscv64] norows\n";
	struct scn_error error = {0};

	if (!parse(text, &error))
		fail_msg("%u:%u: %s", error.line, error.column, error.text);
	assert_round_trip(&program);
	assert_int_equal(program.op[1].flags & SCN_MAP_PRIVATE, SCN_MAP_PRIVATE);
	assert_int_equal(program.expect[7].minor, 3);
}

static void prints_what_it_generates(void **state)
{
	unsigned long ops = 0;

	for (uint64_t i = 0; i < 3000; i++) {
		struct conform_choice choice = conform_seeded(99, i);

		conform_generate(&choice, 40, CONFORM_ALL, &program);
		ops += program.op_count;
		assert_round_trip(&program);
	}
	assert_true(ops / 3000 >= 30);
}

static void is_a_function_of_the_seed(void **state)
{
	struct conform_choice one = conform_seeded(5, 17), two = conform_seeded(5, 17),
			      other = conform_seeded(6, 17);
	char *first, *second, *third;

	conform_generate(&one, 40, CONFORM_ALL, &program);
	first = text_of(&program);
	conform_generate(&two, 40, CONFORM_ALL, &program);
	second = text_of(&program);
	conform_generate(&other, 40, CONFORM_ALL, &program);
	third = text_of(&program);
	assert_string_equal(first, second);
	assert_string_not_equal(first, third);
	free(first);
	free(second);
	free(third);
}

static void survives_any_bytes(void **state)
{
	static const char words[][12] = {"map", "1p",   "rw",    "read",  "arena", "->",     "ok",
					 "=",   ",",    "A",     "fork",  "x3",    "file",   "f",
					 "shm", "row",  "..",    "\n",    "main:", "-9",     "0x",
					 "+p",  "#",    "unmap", "pages", "heap",  "A.end",  "7",
					 "\t",  "\377", "[",     "]",     "!arm",  "x86|arm"};
	char text[512];
	struct scn_error error;

	srand(3);
	for (unsigned i = 0; i < 20000; i++) {
		size_t n = 0;

		for (unsigned k = 0; k < 30; k++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", words[rand() % 34],
					      rand() % 4 ? " " : "\n");
		memset(&error, 0, sizeof(error));
		if (!scn_parse(text, n, &program, &error)) {
			assert_true(error.line >= 1 && error.column >= 1 && error.text[0]);
			continue;
		}
		assert_round_trip(&program);
	}
}

/* What operation 0 is expected to do on a machine, as the printer writes it. */
static char *expected_on(const char *profile, const char *arch)
{
	const struct scn_backend machine = {.profile = profile, .arch = arch};

	program.expect[0] = scn_expected(&program, &machine, 0);
	program.variant_count = 0;
	return text_of(&program);
}

static void chooses_by_the_machine(void **state)
{
	static const struct {
		const char *clauses, *profile, *arch, *same;
	} row[] = {
	    /* A condition that holds, does not hold. */
	    {"ok, minor 1 [linux-2.4] major 1", "linux-2.4", "i386", "ok, major 1"},
	    {"ok, minor 1 [linux-2.4] major 1", "linux-2.6", "i386", "ok, minor 1"},
	    /* Both words; one of the names; not a name. */
	    {"ok [linux-2.6 arm] value 1", "linux-2.6", "arm", "ok, value 1"},
	    {"ok [linux-2.6 arm] value 1", "linux-2.6", "i386", "ok"},
	    {"ok [linux-2.6 arm] value 1", "linux-4.14", "arm", "ok"},
	    {"ok [linux-2.6|arm] value 1", "linux-4.14", "arm", "ok, value 1"},
	    {"ok [!linux-6 !x86] value 1", "linux-2.4", "toy", "ok, value 1"},
	    {"ok [!linux-6 !x86] value 1", "linux-6", "arm", "ok"},
	    {"ok [!linux-6 !x86] value 1", "linux-2.4", "x86_64_la57", "ok"},
	    /* Families and their members. */
	    {"ok [arm64] value 1", "linux-6", "arm64_16k", "ok, value 1"},
	    {"ok [arm64] value 1", "linux-6", "arm64", "ok, value 1"},
	    {"ok [arm64_48] value 1", "linux-6", "arm64_39", "ok"},
	    {"ok [arm64_48] value 1", "linux-6", "arm64", "ok, value 1"},
	    {"ok [riscv64] value 1", "linux-6", "riscv64_sv48", "ok, value 1"},
	    {"ok [x86] value 1", "linux-6", "arm", "ok"},
	    /* An outcome replaces everything, any everything by nothing; the last that holds wins. */
	    {"ok, value 1, minor 1 [x86] SIGSEGV ACCERR", "linux-6", "i386", "SIGSEGV ACCERR"},
	    {"ok, value 1, minor 1 [x86] any", "linux-6", "i386", ""},
	    {"ok, value 1 [x86] value 2 [i386] value 3", "linux-6", "i386", "ok, value 3"},
	    {"ok, value 1 [x86] value 2 [i386] value 3", "linux-6", "x86_64", "ok, value 2"},
	    /* A machine that does not say what it is. */
	    {"ok [linux-6 x86_64] value 1", NULL, NULL, "ok, value 1"},
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		char text[200], want[200], *got;
		struct scn_error error;

		snprintf(text, sizeof(text), "read arena -> %s", row[i].clauses);
		snprintf(want, sizeof(want), "read arena%s%s\n", row[i].same[0] ? " -> " : "", row[i].same);
		assert_true(parse(text, &error));
		got = expected_on(row[i].profile, row[i].arch);
		assert_string_equal(got, want);
		free(got);
	}
}

/* The language knows every profile and every architecture that the library has, each as one machine. */
static void knows_every_machine(void **state)
{
	const struct quire_profile *profile;
	const struct quire_arch *arch;
	uint32_t number, seen = 0;
	unsigned count = 0;

	for (; (profile = quire_profile_at(count)) != NULL; count++) {
		assert_true(scn_word_number(scn_profile_words, profile->name, &number));
		assert_int_equal(number, count);
	}
	assert_int_equal(count, SCN_PROFILES);
	for (count = 0; (arch = quire_arch_at(count)) != NULL; count++) {
		if (!scn_word_number(scn_arch_words, arch->name, &number))
			fail_msg("%s is no word of the language", arch->name);
		number &= 0u - number;
		assert_int_equal(seen & number, 0);
		seen |= number;
	}
	/* A host, and no machine of the library's. */
	assert_true(scn_word_number(scn_arch_words, "riscv64_svadu", &number));
	assert_int_equal(seen & number, 0);
	assert_int_equal(seen | number, (1u << SCN_ARCHES) - 1);
}

/* --- Expectations and differences, on the machine --- */

static struct scn_sim *open_machine(const char *mutant)
{
	struct scn_sim_config config = {.mutant = mutant, .check_every = 1};
	const char *why;
	struct scn_sim *sim = scn_sim_open(&config, &why);

	assert_non_null(sim);
	return sim;
}

static void sees_what_is_not_met(void **state)
{
	static const char *const text[] = {
	    "A = map 1p rw fixed arena\nread A -> value 1",
	    "A = map 1p rw fixed arena\nread A -> minor 2",
	    "A = map 1p rw fixed arena\nread A -> major 1",
	    "A = map 1p rw fixed arena\nread A -> SIGSEGV MAPERR",
	    "A = map 1p rw fixed arena\nread A+1p -> ok",
	    "A = map 1p rw fixed arena\nread A+1p -> value 0",
	    "A = map 1p r fixed arena\nwrite A = 1 -> SIGSEGV MAPERR",
	    "A = map 1p r fixed arena\nwrite A = 1 -> SIGSEGV ACCERR at A+1",
	    "map 0 rw -> ok",
	    "map 1p rw -> ENOMEM",
	    "map 1p rw fixed arena -> at arena+1p",
	    "A = map 2p rw fixed arena\nread A x3 -> count 3",
	    "A = map 2p rw fixed arena\nread A\nresident A 2p -> pages 11",
	    "A = map 2p rw fixed arena\nresident A 2p -> pages .",
	    "A = map 1p rw fixed arena\nlayout -> norows",
	    "A = map 1p rw fixed arena\nlayout -> row A..A+1p r--p",
	    "A = map 1p rw fixed arena\nlayout -> row A..A+2p rw-p",
	    "A = map 1p rw shared fixed arena\nlayout -> row A..A+1p rw-p",
	    "exit\nmap 1p rw -> ok",
	    "A = map 1p rw fixed arena\nread A -> minor 1 [x86_64] minor 2",
	    "A = map 1p rw fixed arena\nread A -> [linux-6] value 1",
	};
	struct scn_sim *sim = open_machine(NULL);

	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		struct said said = {0};
		struct scn_error error;
		const struct scn_run *run;
		const char *why;

		assert_true(parse(text[i], &error));
		run = scn_sim_run(sim, &program, &why);
		assert_non_null(run);
		if (scn_check(run, remember, &said) == 0 || said.count == 0)
			fail_msg("%u told of \"%s\"", said.count, text[i]);
	}
	assert_int_equal(scn_sim_close(sim), 0);
}

static const struct scn_run *run_sim(void *context, const struct scn_program *p, const char **why)
{
	return scn_sim_run(context, p, why);
}

static void shrinks_to_the_cause(void **state)
{
	struct scn_sim *sim[2] = {open_machine(NULL), open_machine("zero-page")};
	struct conform_side side[2] = {{.name = "right", .context = sim[0], .run = run_sim},
				       {.name = "wrong", .context = sim[1], .run = run_sim}};
	struct conform_difference difference = {0};

	for (uint64_t i = 0; i < 50 && !difference.found; i++) {
		struct conform_choice choice = conform_seeded(1, i);

		conform_generate(&choice, 40, CONFORM_ALL, &program);
		conform_compare(side, &program, &difference);
	}
	assert_true(difference.found);
	conform_shrink(side, &program, &difference);
	assert_true(difference.found && program.op_count <= 3);
	assert_round_trip(&program);
	assert_int_equal(scn_sim_close(sim[0]), 0);
	assert_int_equal(scn_sim_close(sim[1]), 0);
}

static const struct scn_run *kept_run(struct scn_sim *sim, const char *text, struct scn_run *to)
{
	struct scn_error error;
	const struct scn_run *run;
	const char *why;

	assert_true(parse(text, &error));
	run = scn_sim_run(sim, &program, &why);
	assert_non_null(run);
	*to = *run;
	return to;
}

/* Where a release is known to join fewer mappings, and only there, they count as one. */
static void joins_mappings_that_could_be_one(void **state)
{
	static struct scn_run one, two, other;
	struct scn_sim *sim = open_machine(NULL);
	struct conform_difference difference;

	kept_run(sim, "map 1p rw fixed arena\nmap 1p rw fixed arena+1p\nlayout\nfork child", &one);
	kept_run(sim, "map 1p rw fixed arena\nmap 1p rw noreserve fixed arena+1p\nlayout\nfork child", &two);
	kept_run(sim, "map 1p rw fixed arena\nmap 1p r fixed arena+1p\nlayout\nfork child", &other);
	conform_compare_runs(&one, &two, 0, &difference);
	assert_true(difference.found && difference.index == 2);
	assert_string_equal(difference.what, "layout");
	conform_compare_runs(&one, &two, CONFORM_JOINS, &difference);
	assert_false(difference.found);
	conform_compare_runs(&one, &other, CONFORM_JOINS, &difference);
	assert_true(difference.found && difference.index == 2);
	conform_compare_runs(&other, &two, CONFORM_JOINS, &difference);
	assert_true(difference.found && difference.index == 2);
	assert_true(conform_joins(6 << 8 | 1) && !conform_joins(6 << 8 | 18));
	assert_int_equal(scn_sim_close(sim), 0);
}

/* What is left of a program on a kernel, compared with the profile of a release. */
static unsigned kept_on(const char *text, unsigned version, enum quire_release release)
{
	struct scn_error error;

	assert_true(parse(text, &error));
	conform_leave_out(&program, version, release);
	return program.op_count;
}

/* A row about the fault path holds for the profiles that have the younger rule. */
static void leaves_out_by_release(void **state)
{
	const char *grows = "map 1p rw growsdown fixed arena+9p\nread arena+9p\nadvise arena+9p 1p cold";
	unsigned old = 4 << 8 | 14;

	assert_int_equal(kept_on(grows, old, QUIRE_LINUX_6), 1);
	assert_int_equal(kept_on(grows, old, QUIRE_LINUX_4_14), 2);
	assert_int_equal(kept_on(grows, 6 << 8 | 18, QUIRE_LINUX_6), 3);
	assert_int_equal(conform_release(2 << 8 | 4), QUIRE_LINUX_2_4);
	assert_int_equal(conform_release(2 << 8 | 6), QUIRE_LINUX_2_6);
	assert_int_equal(conform_release(old), QUIRE_LINUX_4_14);
	assert_int_equal(conform_release(6 << 8 | 1), QUIRE_LINUX_6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(leaves_out_by_release),
	    cmocka_unit_test(refuses),
	    cmocka_unit_test(prints_what_it_reads),
	    cmocka_unit_test(prints_what_it_generates),
	    cmocka_unit_test(is_a_function_of_the_seed),
	    cmocka_unit_test(survives_any_bytes),
	    cmocka_unit_test(chooses_by_the_machine),
	    cmocka_unit_test(knows_every_machine),
	    cmocka_unit_test(sees_what_is_not_met),
	    cmocka_unit_test(shrinks_to_the_cause),
	    cmocka_unit_test(joins_mappings_that_could_be_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
