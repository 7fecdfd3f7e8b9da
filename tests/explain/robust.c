/* SPDX-License-Identifier: MIT */
/* The parser against what is no log: every log cut at every byte, 10 MB of words out of order, 10 MB of
 * random bytes, one endless line. Nothing may crash (the sanitizers see it), and nothing be made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "feed.h"

#include <dirent.h>
#include <string.h>

#define NOISE_BYTES (10u << 20)

static const char *logs_folder;

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static char *read_log(const char *name, size_t *out_size)
{
	char path[4096];
	char *data = malloc(1 << 16);
	FILE *file;

	assert_non_null(data);
	snprintf(path, sizeof(path), "%s/%s", logs_folder, name);
	file = fopen(path, "rb");
	assert_non_null(file);
	*out_size = fread(data, 1, 1 << 16, file);
	assert_true(*out_size < 1 << 16);
	fclose(file);
	return data;
}

/* Each prefix from a buffer of exactly its size. What is cut off may have said that a report is none of
 * ours: at most the last one is made up. */
static unsigned cut(struct feed *feed, const char *data, size_t size)
{
	unsigned whole = feed_bytes(feed, data, size);

	for (size_t length = 0; length < size; length++) {
		char *prefix = malloc(length ? length : 1);

		assert_non_null(prefix);
		memcpy(prefix, data, length);
		assert_true(feed_bytes(feed, prefix, length) <= whole + 1);
		free(prefix);
	}
	return whole;
}

static void cut_at_every_byte(void **state)
{
	unsigned logs = 0, faults = 0;
	struct dirent *entry;
	size_t bytes = 0;
	struct feed feed;
	DIR *folder = opendir(logs_folder);

	assert_non_null(folder);
	feed_open(&feed);
	while ((entry = readdir(folder)) != NULL) {
		size_t size, length = strlen(entry->d_name);
		char *data;

		if (length < 4 || strcmp(entry->d_name + length - 4, ".log") != 0)
			continue;
		data = read_log(entry->d_name, &size);
		faults += cut(&feed, data, size);
		bytes += size;
		logs++;
		free(data);
	}
	closedir(folder);
	feed_close(&feed);
	printf("%u logs with %u faults, cut at %zu places\n", logs, faults, bytes);
	assert_true(logs >= 40);
	assert_true(faults >= logs - 1);
}

/* Every word that the dialects look for, none in its place: no address and no code behind them. */
static void words_out_of_order(void **state)
{
	static const char *const words[] = {"BUG:",
					    "Unable to handle kernel",
					    "Internal error:",
					    "Oops:",
					    "#PF:",
					    "segfault at",
					    "unhandled",
					    "ESR =",
					    "badaddr:",
					    "cause:",
					    "status:",
					    "Code:",
					    "RIP:",
					    "EIP:",
					    "pc :",
					    "sp :",
					    "*pgd=",
					    "Comm:",
					    "Process",
					    "[<",
					    ">]",
					    "(0x",
					    "kernel",
					    "at",
					    "virtual address",
					    ",",
					    "code",
					    "esr",
					    "in",
					    "\n",
					    "\n[ 1.0] ",
					    "> ",
					    "nothing",
					    "zebra",
					    "+/",
					    "(pid:",
					    "Tainted",
					    "error_code(",
					    "---[ end trace"};
	char *data = malloc(NOISE_BYTES + 64);
	uint64_t random = 0x9e3779b97f4a7c15;
	struct feed feed;
	size_t size = 0;

	assert_non_null(data);
	while (size < NOISE_BYTES) {
		const char *word = words[next_random(&random) % (sizeof(words) / sizeof(words[0]))];

		memcpy(data + size, word, strlen(word));
		size += strlen(word);
		data[size++] = ' ';
	}
	feed_open(&feed);
	assert_int_equal(feed_bytes(&feed, data, size), 0);
	feed_close(&feed);
	free(data);
}

/* The same with numbers: reports may be found, and each must hold together. */
static void words_and_numbers(void **state)
{
	static const char *const words[] = {"BUG: unable to handle kernel paging request at",
					    "Unable to handle kernel paging request at virtual address",
					    "Internal error: Oops:",
					    "Oops:",
					    "#PF: error_code(",
					    "x[1]: segfault at",
					    "ip",
					    "sp",
					    "error",
					    "[#1]",
					    "unhandled page fault (11) at",
					    "code",
					    "ESR = ",
					    "badaddr:",
					    "cause:",
					    "status:",
					    "Code:",
					    "<",
					    ">",
					    "(",
					    ")",
					    "\n",
					    "\n",
					    "RIP: 0010:[<",
					    ">]",
					    "f+0x1/0x2",
					    "pc :",
					    "psr:",
					    "sp :",
					    "[00000000] *pgd=",
					    ", *pmd="};
	char *data = malloc(NOISE_BYTES + 64);
	uint64_t random = 0x2545f4914f6cdd1d;
	struct feed feed;
	size_t size = 0;
	unsigned found;

	assert_non_null(data);
	while (size < NOISE_BYTES / 4) {
		uint64_t dice = next_random(&random);
		const char *word = words[dice % (sizeof(words) / sizeof(words[0]))];

		memcpy(data + size, word, strlen(word));
		size += strlen(word);
		size += (size_t)snprintf(data + size, 24, dice >> 60 & 1 ? " %llx " : " %08llx ",
					 (unsigned long long)(next_random(&random) >> (dice >> 32 & 63)));
	}
	feed_open(&feed);
	found = feed_bytes(&feed, data, size);
	feed_close(&feed);
	free(data);
	printf("%u reports in the noise\n", found);
	assert_true(found > 1000);
}

static void random_bytes(void **state)
{
	char *data = malloc(NOISE_BYTES);
	uint64_t random = 88172645463325252u;
	struct feed feed;

	assert_non_null(data);
	for (size_t i = 0; i + 8 <= NOISE_BYTES; i += 8) {
		uint64_t word = next_random(&random);

		memcpy(data + i, &word, 8);
	}
	feed_open(&feed);
	assert_int_equal(feed_bytes(&feed, data, NOISE_BYTES), 0);
	feed_close(&feed);
	free(data);
}

/* A line of 10 MB, of a phrase's beginning again and again: no quadratic time. */
static void one_line(void **state)
{
	static const char phrase[] = "Unable to handle kernel ";
	char *data = malloc(NOISE_BYTES);
	struct feed feed;

	assert_non_null(data);
	for (size_t i = 0; i < NOISE_BYTES; i++)
		data[i] = phrase[i % (sizeof(phrase) - 1)];
	feed_open(&feed);
	assert_int_equal(feed_bytes(&feed, data, NOISE_BYTES), 0);
	feed_close(&feed);
	free(data);
}

static void nothing(void **state)
{
	struct feed feed;

	feed_open(&feed);
	assert_int_equal(feed_bytes(&feed, "", 0), 0);
	assert_int_equal(feed_bytes(&feed, "\n", 1), 0);
	assert_int_equal(feed_bytes(&feed, "\0\0\0", 3), 0);
	feed_close(&feed);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cut_at_every_byte), cmocka_unit_test(words_out_of_order),
	    cmocka_unit_test(words_and_numbers), cmocka_unit_test(random_bytes),
	    cmocka_unit_test(one_line),          cmocka_unit_test(nothing),
	};

	if (argc != 2)
		return 2;
	logs_folder = argv[1];
	return cmocka_run_group_tests_name("explain-robust", tests, NULL, NULL);
}
