/* SPDX-License-Identifier: MIT */
/* What a scenario says: the errors of its text with suggestions, why an operation was skipped, what was not met. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <tools/quire/scenario/sim_backend.h>

#include "said.h"

static struct scn_program program;

static bool parse(const char *text, struct scn_error *error)
{
	return scn_parse(text, strlen(text), &program, error);
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

/* --- On the machine --- */

static struct scn_sim *open_machine(void)
{
	struct scn_sim_config config = {.check_every = 1};
	const char *why;
	struct scn_sim *sim = scn_sim_open(&config, &why);

	assert_non_null(sim);
	return sim;
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
	struct scn_sim *sim = open_machine();
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
	struct scn_sim *sim = open_machine();
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
	    {"A = map 1p rw\nmincore arena 1025p", "mincore looks at 1024 pages at most"},
	    {"A = map 0 rw\nread A -> ok", "the map of a name in it has failed"},
	    {"A = map 0 rw\nread A.end -> ok", "the map of a name in it has failed"},
	};
	struct scn_sim *sim = open_machine();
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
	struct scn_sim *sim = open_machine();
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(suggests),          cmocka_unit_test(names_all_errors),
	    cmocka_unit_test(names_its_limits),  cmocka_unit_test(says_it_in_words),
	    cmocka_unit_test(leaves_room_above), cmocka_unit_test(says_why_it_skips),
	    cmocka_unit_test(fills_by_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
