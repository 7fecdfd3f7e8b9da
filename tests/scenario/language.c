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

/* What each misspelt word is taken for, and one of the words that may stand there. */
static void suggests(void **state)
{
	static const struct {
		const char *text, *meant, *other;
	} row[] = {
	    {"mapp 1p rw", "did you mean 'map'?", "unmap, protect"},
	    {"MAP 1p rw", "did you mean 'map'?", "unmap"},
	    {"raed arena", "did you mean 'read'?", "write"},
	    {"map 1p rw sharde", "did you mean 'shared'?", "noreplace"},
	    {"advise arena 1p dontned", "did you mean 'dontneed'?", "willneed"},
	    {"remap arena 1p 1p maymov", "did you mean 'maymove'?", "dontunmap"},
	    {"limit stak 1p", "did you mean 'stack'?", "memlock"},
	    {"Area = map 1p rw\nread area2", "did you mean 'Area'?", "heap"},
	    {"fork kid\nkit: read arena", "did you mean 'kid'?", "main"},
	    {"file ff shm 1p\nmap 1p rw file fff", "did you mean 'ff'?", "ff"},
	    {"file f shm 1p fil 3", "did you mean 'fill'?", "code"},
	    {"read arena -> SIGSEGV MAPER", "did you mean 'MAPERR'?", "ACCERR"},
	    {"read arena -> minr 1", "did you mean 'minor'?", "SIGBUS"},
	    {"read arena -> [linux-5] ok", "did you mean 'linux-6'?", "riscv64"},
	    {"needs zeropage", "did you mean 'zero-page'?", "fault-around"},
	};
	struct scn_error error;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		assert_false(parse(row[i].text, &error));
		if (!strstr(error.text, row[i].meant) || !strstr(error.hint, row[i].other))
			fail_msg("\"%s\": %s (%s)", row[i].text, error.text, error.hint);
	}
	/* Nothing is near: only the list. */
	assert_false(parse("frobnicate arena", &error));
	assert_null(strstr(error.text, "did you mean"));
	assert_non_null(strstr(error.hint, "here may stand: map"));
	/* An error without a list leaves none of an error before it. */
	assert_false(parse("map", &error));
	assert_string_equal(error.hint, "");
}

struct said_lines {
	unsigned count, line[16];
};

static void remember_line(void *context, const struct scn_error *error)
{
	struct said_lines *said = context;

	if (said->count < 16)
		said->line[said->count] = error->line;
	said->count++;
}

/* Each line with an error is named once, and what it would have declared is known below it. */
static void names_all_errors(void **state)
{
	static const char text[] = "A = mapp 1p rw\n" /* 1 */
				   "read A\n"
				   "read B\n" /* 3 */
				   "read B+1p\n"
				   "fork\n"         /* 5 */
				   "fork kid now\n" /* 6 */
				   "kid: read A\n"
				   "boy: read A\n" /* 8 */
				   "boy: read A\n"
				   "fwrite f 0 1 = 1\n"    /* 10 */
				   "fwrite f 0 1 = 256\n"; /* 11 */
	static const unsigned lines[] = {1, 3, 5, 6, 8, 10, 11};
	struct said_lines said = {0};

	assert_int_equal(scn_parse_all(text, strlen(text), &program, remember_line, &said), 7);
	assert_int_equal(said.count, 7);
	for (unsigned i = 0; i < said.count; i++)
		assert_int_equal(said.line[i], lines[i]);
	assert_int_equal(scn_parse_all("read arena", 10, &program, remember_line, &said), 0);
}

/* A scenario up to each limit is read; one more is refused, and the message has the limit. */
static void names_its_limits(void **state)
{
	static const struct {
		const char *line, *text;
		unsigned most;
	} row[] = {
	    {"N%u = map 1p rw\n", "too many names: a scenario has at most 48", SCN_MAX_NAMES},
	    {"read arena\n", "too many operations: a scenario has at most 512", SCN_MAX_OPS},
	    {"fork p%u\n", "too many processes: a scenario has at most 8", SCN_MAX_PROCS - 1},
	    {"file f%u shm 1p\n", "too many files: a scenario has at most 8", SCN_MAX_FILES},
	    {"layout -> row 0..0 rw-p\n", "too many rows: a scenario has at most 256", SCN_MAX_ROWS},
	    {"read arena -> [arm] ok\n", "too many expectations with a condition", SCN_MAX_VARIANTS},
	};
	static char text[32 * (SCN_MAX_OPS + 1)];

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct scn_error error = {0};
		size_t used = 0;

		for (unsigned n = 0; n < row[i].most; n++)
			used += (size_t)snprintf(text + used, sizeof(text) - used, row[i].line, n);
		if (!parse(text, &error))
			fail_msg("%u of \"%s\": %s", row[i].most, row[i].line, error.text);
		snprintf(text + used, sizeof(text) - used, row[i].line, row[i].most);
		assert_false(parse(text, &error));
		if (!strstr(error.text, row[i].text))
			fail_msg("\"%s\": %s", row[i].line, error.text);
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
	assert_int_equal(seen, (1u << SCN_ARCHES) - 1);
}

/* --- Expectations and differences, on the machine --- */

struct said {
	unsigned count;
	char text[600];
};

static void remember(void *context, unsigned index, const char *text)
{
	struct said *said = context;

	said->count++;
	snprintf(said->text, sizeof(said->text), "%u: %s", index, text);
}

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

/* Runs a scenario, checks it, and keeps what was said about its last failure. */
static const struct scn_run *run_text(struct scn_sim *sim, const char *text, struct said *said)
{
	struct scn_error error;
	const struct scn_run *run;
	const char *why;

	if (!parse(text, &error))
		fail_msg("\"%s\": %s", text, error.text);
	run = scn_sim_run(sim, &program, &why);
	assert_non_null(run);
	memset(said, 0, sizeof(*said));
	scn_check(run, remember, said);
	return run;
}

static void says_it_in_words(void **state)
{
	static const char *const row[][2] = {
	    {"A = map 1p r\nwrite A = 1 -> ok", "1: expected ok, got SIGSEGV ACCERR"},
	    {"A = map 1p rw\nread A -> SIGSEGV MAPERR", "1: expected SIGSEGV MAPERR, got ok"},
	    {"A = map 1p r\nwrite A = 1 -> SIGSEGV MAPERR", "1: expected SIGSEGV MAPERR, got SIGSEGV ACCERR"},
	    {"A = map 1p r fixed arena\nwrite A+3 = 1 -> SIGSEGV ACCERR at A",
	     "1: expected at arena, got at arena+3"},
	    {"unmap arena 0 -> ok", "0: expected ok, got EINVAL"},
	    {"A = map 1p rw\nread A -> value 7", "1: expected value 7, got value 0"},
	    {"A = map 1p rw\nread A -> minor 2", "1: expected minor 2, got minor 1"},
	    {"A = map 1p rw\nexit\nread A -> ok", "2: its process has ended"},
	    {"A = map 1p rw\nread A+1p -> value 77", "1: expected no signal, got SIGSEGV MAPERR"},
	    {"A = map 0 rw\nB = map 1p rw -> at A", "1: expected at A, whose map has failed"},
	};
	struct scn_sim *sim = open_machine(NULL);
	struct said said;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		run_text(sim, row[i][0], &said);
		if (said.count != 1 || strcmp(said.text, row[i][1]) != 0)
			fail_msg("\"%s\": %u: %s", row[i][0], said.count, said.text);
	}
	assert_int_equal(scn_sim_close(sim), 0);
}

/* A mapping that the kernel placed at the top of the arena has room above it, where nothing is mapped. What
 * reaches there is done and judged; the room is reserved again, so that no mapping comes to lie in it. */
static void leaves_room_above(void **state)
{
	static const char text[] = "A = map 1p rw -> ok, at arena+16383p\n"
				   "read A+1p -> SIGSEGV MAPERR at A+1p\n"
				   "write A x3 = 1 -> SIGSEGV MAPERR at A+1p, count 1\n"
				   "exec A+1p -> SIGSEGV MAPERR\n"
				   "kread A+1p -> EFAULT\n"
				   "kzero A 2p -> ok, count 1p\n"
				   "read A+63p -> SIGSEGV MAPERR\n"
				   "unmap A+1p 1p -> ok\n"
				   "protect A 2p r -> ENOMEM\n"
				   "mincore A 2p -> ENOMEM\n"
				   "layout A 3p -> row A..A+1p r--p\n"
				   "limit as 1p\n"
				   "read A+1p -> SIGSEGV MAPERR\n"
				   "limit as unlimited\n"
				   "fork child\n"
				   "child: read A+1p -> SIGSEGV MAPERR\n"
				   "B = map 1p rw -> ok, at arena+16382p\n";
	struct scn_sim *sim = open_machine(NULL);
	const struct scn_run *run;
	struct said said;

	run = run_text(sim, text, &said);
	if (said.count)
		fail_msg("%u: %s", said.count, said.text);
	for (unsigned i = 0; i < program.op_count; i++)
		assert_int_equal(run->result[i].state, SCN_RAN);
	assert_int_equal(scn_sim_close(sim), 0);
}

static void says_why_it_skips(void **state)
{
	static const char *const row[][2] = {
	    {"A = map 1p rw\nread A+100p -> ok",
	     "its range leaves the arena, the heap and the lowest 512 KiB"},
	    {"A = map 1p rw\nmap 1p rw fixed A+1p",
	     "its range leaves the arena, the heap and the lowest 512 KiB"},
	    {"A = map 0 rw\nread A -> ok", "the map of a name in it has failed"},
	    {"A = map 0 rw\nread A.end -> ok", "the map of a name in it has failed"},
	};
	struct scn_sim *sim = open_machine(NULL);
	struct said said;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		const struct scn_run *run = run_text(sim, row[i][0], &said);

		assert_int_equal(run->result[1].state, SCN_SKIPPED);
		assert_string_equal(run->result[1].why, row[i][1]);
		assert_int_equal(said.count, 0);
	}
	assert_int_equal(scn_sim_close(sim), 0);
}

/* fill BYTE is BYTE plus the number of the page, which wraps after 255. */
static void fills_by_page(void **state)
{
	struct scn_sim *sim = open_machine(NULL);
	struct said said;

	run_text(sim,
		 "file f shm 4p+9 fill 253\nfread f 0 -> value 253\nfread f 2p-1 -> value 254\n"
		 "fread f 3p -> value 0\nfread f 4p+8 -> value 1\n"
		 "A = map 5p r private file f\nread A+2p -> value 255",
		 &said);
	if (said.count)
		fail_msg("%s", said.text);
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
	    cmocka_unit_test(suggests),
	    cmocka_unit_test(names_all_errors),
	    cmocka_unit_test(names_its_limits),
	    cmocka_unit_test(prints_what_it_reads),
	    cmocka_unit_test(prints_what_it_generates),
	    cmocka_unit_test(is_a_function_of_the_seed),
	    cmocka_unit_test(survives_any_bytes),
	    cmocka_unit_test(chooses_by_the_machine),
	    cmocka_unit_test(knows_every_machine),
	    cmocka_unit_test(sees_what_is_not_met),
	    cmocka_unit_test(says_it_in_words),
	    cmocka_unit_test(leaves_room_above),
	    cmocka_unit_test(says_why_it_skips),
	    cmocka_unit_test(fills_by_page),
	    cmocka_unit_test(shrinks_to_the_cause),
	    cmocka_unit_test(joins_mappings_that_could_be_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
