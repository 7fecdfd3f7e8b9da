// SPDX-License-Identifier: MIT
/* The reader of device trees, on trees that this test writes: whole, cut short, and damaged. */
#include "arch/common/fdt.h"

#include "arch.h"
#include "kern/boot.h"

int printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *malloc(size_t bytes);
void free(void *object);
void abort(void) __attribute__((noreturn));
int fflush(void *file); /* NULL: all */

struct boot_info boot_info;

static struct {
	uint64_t start, end;
} added[8], reserved[8];
static unsigned added_count, reserved_count;

void ram_add(uint64_t start, uint64_t end)
{
	if (added_count < ARRAY_SIZE(added)) {
		added[added_count].start = start;
		added[added_count++].end = end;
	}
}

void ram_reserve(uint64_t start, uint64_t end)
{
	if (reserved_count < ARRAY_SIZE(reserved)) {
		reserved[reserved_count].start = start;
		reserved[reserved_count++].end = end;
	}
}

static uint64_t gathered[2];
static unsigned gathered_count;

uint64_t ram_gather(const struct ram_loaded *loaded, unsigned count, uint64_t to)
{
	for (gathered_count = 0; gathered_count < count; gathered_count++)
		gathered[gathered_count] = loaded[gathered_count].pa;
	return to + 0x1000;
}

void *arch_linear(uint64_t pa)
{
	return (void *)(uintptr_t)(pa + 0x1000000);
}

size_t strlcpy(char *to, const char *from, size_t size)
{
	size_t n = strlen(from);

	if (n < size)
		memcpy(to, from, n + 1);
	return n;
}

#define CHECK(condition)                                                    \
	do {                                                                \
		if (!(condition)) {                                         \
			printf("fdt.c:%d: not %s\n", __LINE__, #condition); \
			fflush(NULL);                                       \
			abort();                                            \
		}                                                           \
	} while (0)

/* --- writing a tree --------------------------------------------------------------------------- */

#define ROOM 2048
static uint8_t structure[ROOM], strings[ROOM], blob[2 * ROOM + 128];
static size_t structure_bytes, strings_bytes, blob_bytes;

static void put(uint8_t *to, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void add(uint32_t value)
{
	put(structure + structure_bytes, value);
	structure_bytes += 4;
}

static void add_bytes(const void *bytes, size_t n)
{
	memcpy(structure + structure_bytes, bytes, n);
	structure_bytes = ALIGN_UP(structure_bytes + n, (size_t)4);
}

static void begin(const char *name)
{
	add(1);
	add_bytes(name, strlen(name) + 1);
}

static void property(const char *name, const void *value, size_t n)
{
	add(3);
	add((uint32_t)n);
	add((uint32_t)strings_bytes);
	memcpy(strings + strings_bytes, name, strlen(name) + 1);
	strings_bytes += strlen(name) + 1;
	add_bytes(value, n);
}

static void text(const char *name, const char *value)
{
	property(name, value, strlen(value) + 1);
}

static void cells(const char *name, unsigned count, const uint32_t *value)
{
	uint8_t bytes[32];

	for (unsigned i = 0; i < count; i++)
		put(bytes + 4 * i, value[i]);
	property(name, bytes, 4 * (size_t)count);
}
#define CELLS(name, ...) cells(name, sizeof((uint32_t[]){__VA_ARGS__}) / 4, (const uint32_t[]){__VA_ARGS__})

static void cpu(const char *name, uint32_t id, const char *status)
{
	begin(name);
	text("device_type", "cpu");
	CELLS("reg", id);
	if (status)
		text("status", status);
	add(2);
}

static void build(void)
{
	size_t at = 40;

	begin("");
	CELLS("#address-cells", 2);
	CELLS("#size-cells", 2);
	add(4);
	begin("memory@40000000");
	text("device_type", "memory");
	CELLS("reg", 0, 0x40000000, 0, 0x8000000, 1, 0, 0, 0x1000);
	add(2);
	begin("cpus");
	CELLS("#address-cells", 1);
	CELLS("#size-cells", 0);
	cpu("cpu@0", 0, NULL);
	cpu("cpu@1", 1, "disabled");
	cpu("cpu@100", 0x100, "okay");
	add(2);
	begin("reserved-memory");
	begin("firmware@40000000");
	CELLS("reg", 0, 0x40000000, 0, 0x200000);
	add(2);
	begin("anywhere");
	CELLS("size", 0, 0x1000);
	add(2);
	add(2);
	begin("chosen");
	text("bootargs", "mem=64M trace=1");
	CELLS("linux,initrd-start", 0x44000000);
	CELLS("linux,initrd-end", 0, 0x44001234);
	add(2);
	add(2);
	add(9);
	memset(blob, 0, sizeof(blob));
	put(blob + 16, (uint32_t)at);
	put(blob + at + 4, 0x47000000);
	put(blob + at + 12, 0x2000);
	at += 32;
	put(blob + 8, (uint32_t)at);
	memcpy(blob + at, structure, structure_bytes);
	at += structure_bytes;
	put(blob + 12, (uint32_t)at);
	memcpy(blob + at, strings, strings_bytes);
	blob_bytes = at + strings_bytes;
	put(blob, 0xd00dfeed);
	put(blob + 4, (uint32_t)blob_bytes);
	put(blob + 20, 17);
	put(blob + 24, 16);
	put(blob + 32, (uint32_t)strings_bytes);
	put(blob + 36, (uint32_t)structure_bytes);
}

/* --- reading it ------------------------------------------------------------------------------- */

static bool was_reserved(uint64_t start, uint64_t end)
{
	for (unsigned i = 0; i < reserved_count; i++)
		if (reserved[i].start == start && reserved[i].end == end)
			return true;
	return false;
}

static void whole(void)
{
	uint64_t ids[4];

	CHECK(fdt_size(blob) == blob_bytes);
	CHECK(fdt_read_memory(blob));
	CHECK(added_count == 2);
	CHECK(added[0].start == 0x40000000 && added[0].end == 0x48000000);
	CHECK(added[1].start == 0x100000000 && added[1].end == 0x100001000);
	CHECK(reserved_count == 2);
	CHECK(was_reserved(0x40000000, 0x40200000));
	CHECK(was_reserved(0x47000000, 0x47002000));
	CHECK(!strcmp(boot_info.cmdline, "mem=64M trace=1"));
	CHECK(boot_info.initrd_size == 0x1234);
	CHECK(boot_info.initrd_pa == 0x44000000);
	CHECK(boot_info.initrd == arch_linear(0x44000000));
	CHECK(fdt_cpus(blob, ids, 4) == 2);
	CHECK(ids[0] == 0 && ids[1] == 0x100);
	CHECK(fdt_cpus(blob, ids, 1) == 1);
}

/* The tree and the archive are moved in the order of their addresses. */
static void gathering(void)
{
	const void *at = blob;

	CHECK(fdt_gather(&at, 0x48000000, 0x40300000) == 0x40301000);
	CHECK(gathered_count == 2 && gathered[0] == 0x44000000 && gathered[1] == 0x48000000);
	CHECK(fdt_gather(&at, 0x43000000, 0x40300000) == 0x40301000);
	CHECK(gathered_count == 2 && gathered[0] == 0x43000000 && gathered[1] == 0x44000000);
}

/* Any answer is right, but nothing outside the blob may be read: the copy has no byte more. */
static void read_all(const uint8_t *bytes, size_t n)
{
	uint8_t *copy = malloc(n);
	struct fdt_node node = {0};
	uint64_t ids[4];
	size_t length;

	CHECK(copy);
	memcpy(copy, bytes, n);
	added_count = reserved_count = 0;
	(void)fdt_read_memory(copy);
	(void)fdt_cpus(copy, ids, 4);
	while (fdt_size(copy) && fdt_next(copy, &node))
		(void)fdt_property(copy, &node, "no such", &length);
	free(copy);
}

static void damaged(void)
{
	static uint8_t bad[sizeof(blob)];

	for (size_t n = 40; n < blob_bytes; n++) {
		memcpy(bad, blob, n);
		put(bad + 4, (uint32_t)n);
		read_all(bad, n);
	}
	for (size_t at = 8; at < blob_bytes; at++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			memcpy(bad, blob, blob_bytes);
			bad[at] ^= (uint8_t)(1u << bit);
			read_all(bad, blob_bytes);
		}
	}
}

int main(void)
{
	build();
	whole();
	gathering();
	damaged();
	printf("ok\n");
	return 0;
}
