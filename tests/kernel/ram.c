// SPDX-License-Identifier: MIT
/* What the boot loader placed moves beside the image, and RAM stays one range; or stays, and is not given away. */
#include "arch.h"
#include "kern/boot.h"

int printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void abort(void) __attribute__((noreturn));
int fflush(void *file); /* NULL: all */

#define CHECK(condition)                                                    \
	do {                                                                \
		if (!(condition)) {                                         \
			printf("ram.c:%d: not %s\n", __LINE__, #condition); \
			fflush(NULL);                                       \
			abort();                                            \
		}                                                           \
	} while (0)

#define MIB 0x100000u

/* Three machines, of which each test has one, one MiB behind the other from 16 MiB on. */
static uint8_t memory[3 * MIB];

void *arch_linear(uint64_t pa)
{
	return memory + (pa - 16 * MIB);
}

uint64_t boot_size(const char *name)
{
	return 0;
}

static const void *place(uint64_t pa, uint8_t value, size_t bytes)
{
	return memset(arch_linear(pa), value, bytes);
}

static bool is_all(const void *at, uint8_t value, size_t bytes)
{
	const uint8_t *byte = at;

	for (size_t i = 0; i < bytes; i++)
		if (byte[i] != value)
			return false;
	return true;
}

/* The second begins where the first is still to be read. */
static void both_move(uint64_t start)
{
	const void *archive = place(start + 0x20000, 1, 0x18000), *tree = place(start + 0x40000, 2, 100);
	struct ram_loaded loaded[] = {{&archive, start + 0x20000, 0x18000}, {&tree, start + 0x40000, 100}};
	uint64_t end;

	ram_add(start, start + MIB);
	end = ram_gather(loaded, 2, start + 0x10000);
	CHECK(end == start + 0x29000);
	CHECK(archive == arch_linear(start + 0x10000) && is_all(archive, 1, 0x18000));
	CHECK(tree == arch_linear(start + 0x28000) && is_all(tree, 2, 100));
	ram_reserve(start, end);
}

static void one_below_the_image_stays(uint64_t start)
{
	const void *tree = place(start + 0x1000, 3, 100), *archive = place(start + 0x80000, 4, 0x1000);
	struct ram_loaded loaded[] = {{&tree, start + 0x1000, 100}, {&archive, start + 0x80000, 0x1000}};

	ram_add(start, start + MIB);
	CHECK(ram_gather(loaded, 2, start + 0x10000) == start + 0x11000);
	CHECK(tree == arch_linear(start + 0x1000) && is_all(tree, 3, 100));
	CHECK(archive == arch_linear(start + 0x10000) && is_all(archive, 4, 0x1000));
	ram_reserve(start + 0x10000, start + 0x11000);
}

/* Firmware lies between. */
static void one_without_room_stays(uint64_t start)
{
	const void *archive = place(start + 0x80000, 5, 0x2000);
	struct ram_loaded loaded = {&archive, start + 0x80000, 0x2000};

	ram_add(start, start + MIB);
	ram_reserve(start + 0x11000, start + 0x12000);
	CHECK(ram_gather(&loaded, 1, start + 0x10000) == start + 0x10000);
	CHECK(archive == arch_linear(start + 0x80000) && is_all(archive, 5, 0x2000));
}

static bool is_given(const struct quire_config *config, uint64_t pa)
{
	for (unsigned i = 0; i < config->ram_count; i++)
		if (pa - config->ram[i].base.v < config->ram[i].bytes)
			return true;
	return false;
}

int main(void)
{
	static struct quire_config config;

	both_move(16 * MIB);
	one_below_the_image_stays(17 * MIB);
	one_without_room_stays(18 * MIB);
	ram_give(&config);
	/* One range behind the image, where the archive was too. */
	CHECK(config.ram[0].base.v == 16 * MIB + 0x29000 && config.ram[0].bytes == MIB - 0x29000);
	CHECK(!is_given(&config, 17 * MIB + 0x1000) && !is_given(&config, 17 * MIB + 0x10000));
	CHECK(is_given(&config, 17 * MIB + 0x80000));
	CHECK(!is_given(&config, 18 * MIB + 0x80000) && !is_given(&config, 18 * MIB + 0x81000));
	CHECK(is_given(&config, 18 * MIB + 0x82000));
	printf("ok\n");
	return 0;
}
