/* SPDX-License-Identifier: MIT */
/* A program that has nothing but the installed library: an address space, a page of it, and what is no page. */
#include <quire/quire.h>
#include <stdio.h>
#include <stdlib.h>

static char memory[8 << 20] __attribute__((aligned(4096)));

static void user_panic(void *host, const char *text)
{
	(void)host;
	puts(text);
	exit(1);
}

int main(void)
{
	static const struct quire_host host = {.panic = user_panic};
	struct quire_config config = {
	    .arch = &quire_arch_riscv64, .host = &host, .without = QUIRE_WITHOUT_ALL};
	struct quire_mapping how = {.length = 4096,
				    .prot = QUIRE_PROT_READ | QUIRE_PROT_WRITE,
				    .flags = QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS};
	struct quire_system *system;
	struct quire_mm *mm;
	quire_va addr;
	int value = 0;
	size_t done;

	config.ram[0] = (struct quire_ram){{0x80000000}, sizeof(memory), memory};
	config.ram_count = 1;
	if (quire_system_create(&config, &system) != QUIRE_OK ||
	    quire_mm_create(system, NULL, &mm) != QUIRE_OK)
		return 1;
	if (quire_mmap(mm, &how, &addr) != QUIRE_OK ||
	    quire_copy_out(mm, addr, &(int){42}, sizeof(int), 0, &done) != QUIRE_OK ||
	    quire_copy_in(mm, &value, addr, sizeof(int), 0, &done) != QUIRE_OK)
		return 2;
	if (quire_copy_in(mm, &value, addr + 4096, sizeof(int), 0, &done) != QUIRE_EFAULT)
		return 3;
	quire_mm_put(mm);
	quire_system_destroy(system);
	printf("%d by the installed library\n", value);
	return 0;
}
