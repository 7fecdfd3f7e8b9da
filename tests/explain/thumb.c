/* SPDX-License-Identifier: MIT */
/* Functions of ARM code by their place in a file: the symbol of Thumb code is odd. usage: explain-thumb FILE */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <gelf.h>
#include <unistd.h>

#include "tools/quire/explain/explain.h"

static const char *path;

/* Where the code begins in the file. */
static uint64_t code_of(void)
{
	int fd = open(path, O_RDONLY);
	Elf_Scn *section = NULL;
	uint64_t found = 0;
	GElf_Shdr header;
	Elf *elf;

	assert_true(fd >= 0 && elf_version(EV_CURRENT) != EV_NONE);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	while ((section = elf_nextscn(elf, section)) != NULL)
		if (gelf_getshdr(section, &header) && header.sh_type == SHT_PROGBITS &&
		    header.sh_flags & SHF_EXECINSTR)
			found = header.sh_offset;
	elf_end(elf);
	close(fd);
	assert_true(found > 0);
	return found;
}

static void each_instruction(void **state)
{
	static const struct {
		uint64_t at;
		const char *function;
		uint64_t offset;
	} wanted[] = {{0, "first", 0},   {2, "first", 2},  {10, "first", 10}, {12, "second", 0},
		      {16, "second", 4}, {24, "third", 0}, {28, "third", 4},  {32, "third", 8}};
	uint64_t code = code_of();
	struct ex_symbols *symbols = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		struct ex_source source;

		assert_true(ex_symbol_of(&symbols, path, code + wanted[i].at, &source));
		assert_string_equal(source.function, wanted[i].function);
		assert_int_equal(source.offset, wanted[i].offset);
	}
	ex_symbols_close(symbols);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_instruction)};

	if (argc != 2)
		return 2;
	path = argv[1];
	return cmocka_run_group_tests_name("Thumb code", tests, NULL, NULL);
}
