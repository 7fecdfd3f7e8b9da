/* SPDX-License-Identifier: MIT */
/* The software MMUs against tables typed by hand and syndromes typed from the manuals. Nothing of the
 * library takes part: neither its codecs nor its decoders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mmu.h"

#define RAM_BASE  0x100000
#define RAM_BYTES 0x40000

static unsigned char ram[RAM_BYTES] __attribute__((aligned(65536)));

static void *at(void *context, uint64_t pa, uint64_t bytes)
{
	(void)context;
	return pa - RAM_BASE < RAM_BYTES && bytes <= RAM_BYTES - (pa - RAM_BASE) ? ram + (pa - RAM_BASE)
										 : NULL;
}

static const struct sim_bus bus = {at, NULL};

/* An entry of a table: a machine starts from a list of them, a case changes one more. */
struct entry {
	uint64_t at, value;
};

enum {
	USER = QUIRE_MODE_USER,
	KERNEL = QUIRE_MODE_KERNEL
};
enum {
	RD = QUIRE_ACCESS_READ,
	WR = QUIRE_ACCESS_WRITE,
	EX = QUIRE_ACCESS_EXEC
};

/* A case: `entry` is set, then the access is made. ok: `value` is the physical address. Else a fault with
 * `value` as its syndrome, in vector `vector`. `after`: 0, or what the entry holds afterwards. */
struct access_case {
	const char *what;
	struct entry entry;
	int access, mode;
	bool ok;
	uint64_t value;
	uint64_t after;
};

struct machine {
	const struct sim_mmu *mmu;
	unsigned entry_bytes;
	uint64_t va;
	struct entry table[5];
	enum quire_vector data, fetch;
};

static void put(const struct machine *machine, struct entry entry)
{
	void *to = at(NULL, entry.at, machine->entry_bytes);

	if (!entry.at)
		return;
	assert_non_null(to);
	memcpy(to, &entry.value, machine->entry_bytes);
}

static uint64_t get(const struct machine *machine, uint64_t where)
{
	uint64_t value = 0;

	memcpy(&value, at(NULL, where, machine->entry_bytes), machine->entry_bytes);
	return value;
}

static struct sim_walk walk(const struct machine *machine, uint64_t va, int access, int mode)
{
	struct sim_walk_request request = {.root = {RAM_BASE, RAM_BASE},
					   .va = va,
					   .access = (enum quire_access)access,
					   .mode = (enum quire_mode)mode};
	struct sim_walk out;

	machine->mmu->walk(machine->mmu, &bus, &request, &out);
	return out;
}

static void build(const struct machine *machine)
{
	memset(ram, 0, sizeof(ram));
	for (unsigned i = 0; i < 5; i++)
		put(machine, machine->table[i]);
}

static void try_cases(const struct machine *machine, const struct access_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct access_case *c = &cases[i];
		struct sim_walk out;

		build(machine);
		put(machine, c->entry);
		out = walk(machine, machine->va, c->access, c->mode);
		if (c->ok) {
			uint64_t pa = out.frame + (machine->va & (SIM_BIT(out.shift) - 1));

			if (out.end != SIM_WALK_OK || pa != c->value)
				fail_msg("%s: %s: end %d, pa %#llx, expected %#llx", machine->mmu->name,
					 c->what, out.end, (unsigned long long)pa,
					 (unsigned long long)c->value);
		} else if (out.end != SIM_WALK_FAULT || out.syndrome != c->value ||
			   out.address != machine->va ||
			   out.vector != (c->access == EX ? machine->fetch : machine->data)) {
			fail_msg("%s: %s: end %d, vector %d, syndrome %#llx, expected %#llx",
				 machine->mmu->name, c->what, out.end, out.vector,
				 (unsigned long long)out.syndrome, (unsigned long long)c->value);
		}
		if (c->after && get(machine, c->entry.at) != c->after)
			fail_msg("%s: %s: the entry is %#llx afterwards", machine->mmu->name, c->what,
				 (unsigned long long)get(machine, c->entry.at));
	}
}

#define TRY(machine, cases) try_cases(&(machine), cases, sizeof(cases) / sizeof((cases)[0]))

/* The tables are tables. */
/* clang-format off */

/* --- x86: SDM vol. 3A, figure 4-12: P 1, W/R 2, U/S 4, RSVD 8, I/D 16 --- */

static const struct machine x86_64 = {
	.mmu = &sim_mmu_x86_64, .entry_bytes = 8, .va = 0x7f1234567abc,
	.table = {{0x1007f0, 0x101007}, {0x101240, 0x102007}, {0x102d10, 0x103007}, {0x103b38, 0x105007}},
	.data = QUIRE_VECTOR_PAGE_FAULT, .fetch = QUIRE_VECTOR_PAGE_FAULT,
};

static void test_x86_64(void **state)
{
	static const struct access_case cases[] = {
		{"user read sets A", {0x103b38, 0x105007}, RD, USER, true, 0x105abc, 0x105027},
		{"user write sets A and D", {0x103b38, 0x105007}, WR, USER, true, 0x105abc, 0x105067},
		{"the walk sets A above", {0x102d10, 0x103007}, RD, USER, true, 0x105abc, 0x103027},
		{"no D above", {0x102d10, 0x103007}, WR, USER, true, 0x105abc, 0x103027},
		{"nothing, user read", {0x103b38, 0}, RD, USER, false, 0x04, 0},
		{"nothing, user write", {0x103b38, 0}, WR, USER, false, 0x06, 0},
		{"nothing, user exec", {0x103b38, 0}, EX, USER, false, 0x14, 0},
		{"nothing, kernel read", {0x103b38, 0}, RD, KERNEL, false, 0x00, 0},
		{"nothing, kernel write", {0x103b38, 0}, WR, KERNEL, false, 0x02, 0},
		{"nothing, kernel exec", {0x103b38, 0}, EX, KERNEL, false, 0x10, 0},
		{"no table", {0x102d10, 0}, RD, USER, false, 0x04, 0},
		{"not present, all else set", {0x103b38, 0x105ffe}, RD, USER, false, 0x04, 0x105ffe},
		{"read-only, user write", {0x103b38, 0x105005}, WR, USER, false, 0x07, 0x105005},
		{"read-only, kernel write (WP)", {0x103b38, 0x105001}, WR, KERNEL, false, 0x03, 0x105001},
		{"read-only, user read", {0x103b38, 0x105005}, RD, USER, true, 0x105abc, 0x105025},
		{"supervisor, user read", {0x103b38, 0x105003}, RD, USER, false, 0x05, 0x105003},
		{"supervisor, user write", {0x103b38, 0x105003}, WR, USER, false, 0x07, 0},
		{"supervisor, user exec", {0x103b38, 0x105003}, EX, USER, false, 0x15, 0},
		{"supervisor, kernel write", {0x103b38, 0x105003}, WR, KERNEL, true, 0x105abc, 0x105063},
		{"XD, user exec", {0x103b38, 0x8000000000105007}, EX, USER, false, 0x15, 0},
		{"XD, kernel exec", {0x103b38, 0x8000000000105003}, EX, KERNEL, false, 0x11, 0},
		{"XD, user read", {0x103b38, 0x8000000000105007}, RD, USER, true, 0x105abc, 0x8000000000105027},
		{"XD above", {0x101240, 0x8000000000102007}, EX, USER, false, 0x15, 0},
		{"read-only above", {0x102d10, 0x103005}, WR, USER, false, 0x07, 0},
		{"supervisor above", {0x1007f0, 0x101003}, RD, USER, false, 0x05, 0},
		{"address bit 46", {0x103b38, 0x400000105007}, RD, USER, false, 0x0d, 0},
		{"address bit 46, write", {0x103b38, 0x400000105007}, WR, USER, false, 0x0f, 0},
		{"address bit 46, exec", {0x103b38, 0x400000105007}, EX, USER, false, 0x1d, 0},
		{"address bit 46, kernel", {0x103b38, 0x400000105007}, RD, KERNEL, false, 0x09, 0},
		{"PS in a PML4 entry", {0x1007f0, 0x101087}, RD, USER, false, 0x0d, 0},
		{"2 MiB page", {0x102d10, 0x200087}, WR, USER, true, 0x367abc, 0x2000e7},
		{"2 MiB page, bit 13", {0x102d10, 0x202087}, RD, USER, false, 0x0d, 0},
		{"2 MiB page, PAT", {0x102d10, 0x201087}, RD, USER, true, 0x367abc, 0x2010a7},
		{"1 GiB page", {0x101240, 0x40000087}, RD, USER, true, 0x74567abc, 0x400000a7},
		{"1 GiB page, bit 29", {0x101240, 0x60000087}, RD, USER, false, 0x0d, 0},
		{"PAT in a page", {0x103b38, 0x105087}, RD, USER, true, 0x105abc, 0x1050a7},
	};

	(void)state;
	TRY(x86_64, cases);
	build(&x86_64);
	assert_int_equal(walk(&x86_64, 0x0000800000000000, RD, USER).end, SIM_WALK_GP);
	assert_int_equal(walk(&x86_64, 0xffff7fffffffffff, RD, USER).end, SIM_WALK_GP);
	assert_int_equal(walk(&x86_64, 0xffff800000000000, RD, USER).end, SIM_WALK_FAULT);
	put(&x86_64, (struct entry){0x102d10, 0x70000007});
	assert_int_equal(walk(&x86_64, x86_64.va, RD, USER).end, SIM_WALK_BUS);
}

static void test_x86_64_la57(void **state)
{
	static const struct machine machine = {
		.mmu = &sim_mmu_x86_64_la57, .entry_bytes = 8, .va = 0xfe34567890a123,
		.table = {{0x1007f0, 0x101007}, {0x101340, 0x102007}, {0x102ac8, 0x103007}, {0x103e20, 0x104007},
		          {0x104850, 0x105007}},
		.data = QUIRE_VECTOR_PAGE_FAULT, .fetch = QUIRE_VECTOR_PAGE_FAULT,
	};
	static const struct access_case cases[] = {
		{"user read", {0, 0}, RD, USER, true, 0x105123, 0},
		{"no PML4", {0x1007f0, 0}, WR, USER, false, 0x06, 0},
		{"PS in a PML5 entry", {0x1007f0, 0x101087}, RD, USER, false, 0x0d, 0},
	};

	(void)state;
	TRY(machine, cases);
	assert_int_equal(walk(&machine, 0x0100000000000000, RD, USER).end, SIM_WALK_GP);
}

static void test_i386(void **state)
{
	static const struct machine machine = {
		.mmu = &sim_mmu_i386, .entry_bytes = 4, .va = 0x8049123,
		.table = {{0x100080, 0x101007}, {0x101124, 0x105007}},
		.data = QUIRE_VECTOR_PAGE_FAULT, .fetch = QUIRE_VECTOR_PAGE_FAULT,
	};
	static const struct access_case cases[] = {
		{"user read", {0x101124, 0x105007}, RD, USER, true, 0x105123, 0x105027},
		{"user write", {0x101124, 0x105007}, WR, USER, true, 0x105123, 0x105067},
		{"nothing, exec: no I/D bit", {0x101124, 0}, EX, USER, false, 0x04, 0},
		{"nothing, kernel write", {0x100080, 0}, WR, KERNEL, false, 0x02, 0},
		{"read-only", {0x101124, 0x105005}, WR, USER, false, 0x07, 0},
		{"supervisor", {0x101124, 0x105003}, RD, USER, false, 0x05, 0},
		{"4 MiB page", {0x100080, 0x800087}, WR, USER, true, 0x849123, 0x8000e7},
		{"4 MiB page, bit 13", {0x100080, 0x802087}, RD, USER, false, 0x0d, 0},
		{"4 MiB page, bit 21", {0x100080, 0xa00087}, RD, USER, false, 0x0d, 0},
	};

	(void)state;
	TRY(machine, cases);
}

/* --- ARM: DDI 0406C table B3-23; WnR is bit 11 of DFSR, the domain bits 7:4 --- */

static void test_arm(void **state)
{
	static const struct machine machine = {
		.mmu = &sim_mmu_arm, .entry_bytes = 4, .va = 0xbeefd678,
		.table = {{0x102fb8, 0x105001}, {0x1053f4, 0x108032}},
		.data = QUIRE_VECTOR_DATA_ABORT, .fetch = QUIRE_VECTOR_PREFETCH_ABORT,
	};
	static const struct access_case cases[] = {
		{"user read", {0x1053f4, 0x108032}, RD, USER, true, 0x108678, 0x108032},
		{"user write", {0, 0}, WR, USER, true, 0x108678, 0},
		{"user exec", {0, 0}, EX, USER, true, 0x108678, 0},
		{"section translation, read", {0x102fb8, 0}, RD, USER, false, 0x005, 0},
		{"section translation, write", {0x102fb8, 0}, WR, USER, false, 0x805, 0},
		{"section translation, kernel write", {0x102fb8, 0}, WR, KERNEL, false, 0x805, 0},
		{"section translation, exec", {0x102fb8, 0}, EX, USER, false, 0x005, 0},
		{"page translation, read", {0x1053f4, 0}, RD, USER, false, 0x007, 0},
		{"page translation, write", {0x1053f4, 0}, WR, USER, false, 0x807, 0},
		{"page translation, type bits 00", {0x1053f4, 0x1080fc}, RD, USER, false, 0x007, 0},
		{"page domain 3, read", {0x102fb8, 0x105061}, RD, USER, false, 0x03b, 0},
		{"page domain 3, write", {0x102fb8, 0x105061}, WR, USER, false, 0x83b, 0},
		{"page domain 3, exec", {0x102fb8, 0x105061}, EX, USER, false, 0x00b, 0},
		{"AP 111, user read", {0x1053f4, 0x108232}, RD, USER, true, 0x108678, 0},
		{"AP 111, user write", {0x1053f4, 0x108232}, WR, USER, false, 0x80f, 0},
		{"AP 111, kernel write", {0x1053f4, 0x108232}, WR, KERNEL, false, 0x80f, 0},
		{"AP 001, user read", {0x1053f4, 0x108012}, RD, USER, false, 0x00f, 0},
		{"AP 001, user exec", {0x1053f4, 0x108012}, EX, USER, false, 0x00f, 0},
		{"AP 001, kernel write", {0x1053f4, 0x108012}, WR, KERNEL, true, 0x108678, 0},
		{"AP 010, user read", {0x1053f4, 0x108022}, RD, USER, true, 0x108678, 0},
		{"AP 010, user write", {0x1053f4, 0x108022}, WR, USER, false, 0x80f, 0},
		{"AP 010, kernel write", {0x1053f4, 0x108022}, WR, KERNEL, true, 0x108678, 0},
		{"AP 000, kernel read", {0x1053f4, 0x108002}, RD, KERNEL, false, 0x00f, 0},
		{"AP 101, user read", {0x1053f4, 0x108212}, RD, USER, false, 0x00f, 0},
		{"AP 101, kernel read", {0x1053f4, 0x108212}, RD, KERNEL, true, 0x108678, 0},
		{"AP 101, kernel write", {0x1053f4, 0x108212}, WR, KERNEL, false, 0x80f, 0},
		{"AP 110, user read", {0x1053f4, 0x108222}, RD, USER, true, 0x108678, 0},
		{"XN, exec", {0x1053f4, 0x108033}, EX, USER, false, 0x00f, 0},
		{"XN, read", {0x1053f4, 0x108033}, RD, USER, true, 0x108678, 0},
		{"PXN table, kernel exec", {0x102fb8, 0x105005}, EX, KERNEL, false, 0x00f, 0},
		{"PXN table, user exec", {0x102fb8, 0x105005}, EX, USER, true, 0x108678, 0},
		{"section", {0x102fb8, 0x300c02}, WR, USER, true, 0x3fd678, 0},
		{"section, AP 111, write", {0x102fb8, 0x308c02}, WR, USER, false, 0x80d, 0},
		{"section, domain 5, read", {0x102fb8, 0x300ca2}, RD, USER, false, 0x059, 0},
		{"section, domain 5, write", {0x102fb8, 0x300ca2}, WR, USER, false, 0x859, 0},
		{"section, domain 5, exec", {0x102fb8, 0x300ca2}, EX, USER, false, 0x009, 0},
		{"section, XN", {0x102fb8, 0x300c12}, EX, USER, false, 0x00d, 0},
		{"section, PXN, kernel exec", {0x102fb8, 0x300c03}, EX, KERNEL, false, 0x00d, 0},
		{"section, PXN, user exec", {0x102fb8, 0x300c03}, EX, USER, true, 0x3fd678, 0},
		{"supersection", {0x102fb8, 0x1040c02}, RD, USER, true, 0x1efd678, 0},
		{"large page", {0x1053f4, 0x300031}, RD, USER, true, 0x30d678, 0},
		{"large page, XN", {0x1053f4, 0x308031}, EX, USER, false, 0x00f, 0},
		{"second-level walk outside memory", {0x102fb8, 0x70000001}, RD, USER, false, 0x00e, 0},
		{"second-level walk outside memory, write", {0x102fb8, 0x70000001}, WR, USER, false, 0x80e, 0},
	};
	struct sim_walk_request request = {
		.root = {0x70000000, 0x70000000}, .va = 0xbeefd678, .access = QUIRE_ACCESS_READ};
	struct sim_walk out;

	(void)state;
	TRY(machine, cases);
	sim_mmu_arm.walk(&sim_mmu_arm, &bus, &request, &out);
	assert_int_equal(out.syndrome, 0x00c);
	build(&machine);
	put(&machine, (struct entry){0x1053f4, 0x108832});
	assert_false(walk(&machine, machine.va, RD, USER).global);
	put(&machine, (struct entry){0x1053f4, 0x108032});
	assert_true(walk(&machine, machine.va, RD, USER).global);
}

/* --- ARM64: ESR_EL1 = EC << 26 | IL << 25 | WnR << 6 | xFSC --- */

static const struct machine arm64 = {
	.mmu = &sim_mmu_arm64, .entry_bytes = 8, .va = 0xaaaab1234567,
	.table = {{0x100aa8, 0x101003}, {0x101550, 0x102003}, {0x102c48, 0x103003}, {0x1031a0, 0x60000000105f43}},
	.data = QUIRE_VECTOR_SYNC, .fetch = QUIRE_VECTOR_SYNC,
};

static void test_arm64(void **state)
{
	static const struct access_case cases[] = {
		{"user read", {0, 0}, RD, USER, true, 0x105567, 0},
		{"user write", {0, 0}, WR, USER, true, 0x105567, 0},
		{"kernel write", {0, 0}, WR, KERNEL, true, 0x105567, 0},
		{"level 0, user read", {0x100aa8, 0}, RD, USER, false, 0x92000004, 0},
		{"level 0, kernel read", {0x100aa8, 0}, RD, KERNEL, false, 0x96000004, 0},
		{"level 0, user write", {0x100aa8, 0}, WR, USER, false, 0x92000044, 0},
		{"level 0, kernel write", {0x100aa8, 0}, WR, KERNEL, false, 0x96000044, 0},
		{"level 0, user exec", {0x100aa8, 0}, EX, USER, false, 0x82000004, 0},
		{"level 0, kernel exec", {0x100aa8, 0}, EX, KERNEL, false, 0x86000004, 0},
		{"level 1", {0x101550, 0}, RD, USER, false, 0x92000005, 0},
		{"level 2", {0x102c48, 0}, RD, USER, false, 0x92000006, 0},
		{"level 3", {0x1031a0, 0}, RD, USER, false, 0x92000007, 0},
		{"invalid, all else set", {0x1031a0, 0x60000000105f42}, RD, USER, false, 0x92000007, 0},
		{"level 3, bit 1 clear", {0x1031a0, 0x60000000105f41}, RD, USER, false, 0x92000007, 0},
		{"level 0, a block", {0x100aa8, 0x60000000000f41}, RD, USER, false, 0x92000004, 0},
		{"access flag, read", {0x1031a0, 0x60000000105b43}, RD, USER, false, 0x9200000b, 0x60000000105b43},
		{"access flag, write", {0x1031a0, 0x60000000105b43}, WR, USER, false, 0x9200004b, 0},
		{"access flag, exec", {0x1031a0, 0x105b43}, EX, USER, false, 0x8200000b, 0},
		{"access flag before permission", {0x1031a0, 0x60000000105bc3}, WR, USER, false, 0x9200004b, 0},
		{"access flag, level 2", {0x102c48, 0x60000000200b41}, RD, USER, false, 0x9200000a, 0},
		{"read-only, user write", {0x1031a0, 0x60000000105fc3}, WR, USER, false, 0x9200004f, 0},
		{"read-only, kernel write", {0x1031a0, 0x60000000105fc3}, WR, KERNEL, false, 0x9600004f, 0},
		{"UXN, user exec", {0x1031a0, 0x60000000105f43}, EX, USER, false, 0x8200000f, 0},
		{"PXN, kernel exec", {0x1031a0, 0x60000000105f43}, EX, KERNEL, false, 0x8600000f, 0},
		{"EL0-writable, kernel exec", {0x1031a0, 0x105f43}, EX, KERNEL, false, 0x8600000f, 0},
		{"EL0-read-only, kernel exec", {0x1031a0, 0x105fc3}, EX, KERNEL, true, 0x105567, 0},
		{"execute-only, user exec", {0x1031a0, 0x20000000105f83}, EX, USER, true, 0x105567, 0},
		{"execute-only, user read", {0x1031a0, 0x20000000105f83}, RD, USER, false, 0x9200000f, 0},
		{"execute-only, kernel read", {0x1031a0, 0x20000000105f83}, RD, KERNEL, true, 0x105567, 0},
		{"2 MiB block", {0x102c48, 0x60000000200f41}, WR, USER, true, 0x234567, 0},
		{"2 MiB block, read-only", {0x102c48, 0x60000000200fc1}, WR, USER, false, 0x9200004e, 0},
		{"1 GiB block", {0x101550, 0x60000040000f41}, RD, USER, true, 0x71234567, 0},
		{"1 GiB block, read-only", {0x101550, 0x60000040000fc1}, WR, USER, false, 0x9200004d, 0},
		{"page address of 41 bits", {0x1031a0, 0x60010000105f43}, RD, USER, false, 0x92000003, 0},
		{"table address of 41 bits", {0x101550, 0x10000102003}, RD, USER, false, 0x92000001, 0},
		{"APTable read-only", {0x101550, 0x4000000000102003}, WR, USER, false, 0x9200004f, 0},
		{"APTable no EL0", {0x101550, 0x2000000000102003}, RD, USER, false, 0x9200000f, 0},
		{"walk outside memory, level 3", {0x102c48, 0x70000003}, RD, USER, false, 0x92000017, 0},
		{"walk outside memory, level 1", {0x100aa8, 0x70000003}, WR, KERNEL, false, 0x96000055, 0},
	};
	struct sim_walk_request high = {
		.root = {0x70000000, RAM_BASE}, .va = 0xffff000000000000, .access = QUIRE_ACCESS_READ};
	struct sim_walk out;

	(void)state;
	TRY(arm64, cases);
	build(&arm64);
	assert_int_equal(walk(&arm64, 0x0001000000000000, RD, USER).syndrome, 0x92000004);
	/* High addresses go by TTBR1: entry 0 of that root is empty, where TTBR0 would have aborted. */
	sim_mmu_arm64.walk(&sim_mmu_arm64, &bus, &high, &out);
	assert_int_equal(out.syndrome, 0x92000004);
}

static void test_arm64_granules(void **state)
{
	static const struct machine small = {
		.mmu = &sim_mmu_arm64_39, .entry_bytes = 8, .va = 0x2ab1234567,
		.table = {{0x100550, 0x101003}, {0x101c48, 0x102003}, {0x1021a0, 0x60000000105f43}},
		.data = QUIRE_VECTOR_SYNC, .fetch = QUIRE_VECTOR_SYNC,
	};
	static const struct access_case small_cases[] = {
		{"user read", {0, 0}, RD, USER, true, 0x105567, 0},
		{"level 1 is the first", {0x100550, 0}, RD, USER, false, 0x92000005, 0},
		{"1 GiB block", {0x100550, 0x60000040000f41}, RD, USER, true, 0x71234567, 0},
	};
	static const struct machine middle = {
		.mmu = &sim_mmu_arm64_16k, .entry_bytes = 8, .va = 0x2aaab1234567,
		.table = {{0x101550, 0x104003}, {0x106ac0, 0x108003}, {0x10a468, 0x6000000010cf43}},
		.data = QUIRE_VECTOR_SYNC, .fetch = QUIRE_VECTOR_SYNC,
	};
	static const struct access_case middle_cases[] = {
		{"user read", {0, 0}, RD, USER, true, 0x10c567, 0},
		{"level 1", {0x101550, 0}, RD, USER, false, 0x92000005, 0},
		{"level 1, a block", {0x101550, 0x60000000000f41}, RD, USER, false, 0x92000005, 0},
		{"level 2", {0x106ac0, 0}, WR, USER, false, 0x92000046, 0},
		{"32 MiB block", {0x106ac0, 0x60000002000f41}, RD, USER, true, 0x3234567, 0},
	};
	static const struct machine large = {
		.mmu = &sim_mmu_arm64_64k, .entry_bytes = 8, .va = 0x2aab1234567,
		.table = {{0x10aaa8, 0x110003}, {0x118918, 0x60000000120f43}},
		.data = QUIRE_VECTOR_SYNC, .fetch = QUIRE_VECTOR_SYNC,
	};
	static const struct access_case large_cases[] = {
		{"user read", {0, 0}, RD, USER, true, 0x124567, 0},
		{"level 2", {0x10aaa8, 0}, RD, USER, false, 0x92000006, 0},
		{"level 3", {0x118918, 0}, RD, KERNEL, false, 0x96000007, 0},
		{"512 MiB block", {0x10aaa8, 0x60000020000f41}, RD, USER, true, 0x31234567, 0},
	};

	(void)state;
	TRY(small, small_cases);
	assert_int_equal(walk(&small, 0x0000008000000000, RD, USER).syndrome, 0x92000004);
	TRY(middle, middle_cases);
	TRY(large, large_cases);
}

/* --- RISC-V: causes 12, 13, 15 are page faults of fetch, load, store; 1, 5, 7 access faults --- */

static void test_riscv(void **state)
{
	static const struct machine machine = {
		.mmu = &sim_mmu_riscv64, .entry_bytes = 8, .va = 0x2ab1234567,
		.table = {{0x100550, 0x40401}, {0x101c48, 0x40801}, {0x1021a0, 0x414df}},
		.data = QUIRE_VECTOR_CAUSE, .fetch = QUIRE_VECTOR_CAUSE,
	};
	static const struct access_case cases[] = {
		{"user load", {0x1021a0, 0x414df}, RD, USER, true, 0x105567, 0x414df},
		{"user store", {0, 0}, WR, USER, true, 0x105567, 0},
		{"user fetch", {0, 0}, EX, USER, true, 0x105567, 0},
		{"nothing, load", {0x1021a0, 0}, RD, USER, false, 13, 0},
		{"nothing, store", {0x1021a0, 0}, WR, USER, false, 15, 0},
		{"nothing, fetch", {0x1021a0, 0}, EX, KERNEL, false, 12, 0},
		{"A clear, load", {0x1021a0, 0x4149f}, RD, USER, false, 13, 0x4149f},
		{"A clear, store", {0x1021a0, 0x4149f}, WR, USER, false, 15, 0},
		{"A clear, fetch", {0x1021a0, 0x4149f}, EX, USER, false, 12, 0},
		{"D clear, store", {0x1021a0, 0x4145f}, WR, USER, false, 15, 0x4145f},
		{"D clear, load", {0x1021a0, 0x4145f}, RD, USER, true, 0x105567, 0},
		{"W without R", {0x1021a0, 0x414d5}, WR, USER, false, 15, 0},
		{"U clear, user", {0x1021a0, 0x414cf}, RD, USER, false, 13, 0},
		{"U clear, kernel", {0x1021a0, 0x414cf}, RD, KERNEL, true, 0x105567, 0},
		{"user page, kernel load (SUM)", {0, 0}, RD, KERNEL, true, 0x105567, 0},
		{"user page, kernel fetch", {0, 0}, EX, KERNEL, false, 12, 0},
		{"X alone, load", {0x1021a0, 0x41459}, RD, USER, false, 13, 0},
		{"X alone, fetch", {0x1021a0, 0x41459}, EX, USER, true, 0x105567, 0},
		{"bit 54", {0x1021a0, 0x400000000414df}, RD, USER, false, 13, 0},
		{"N without Svnapot", {0x1021a0, 0x80000000000414df}, RD, USER, false, 13, 0},
		{"2 MiB page", {0x101c48, 0x800df}, RD, USER, true, 0x234567, 0},
		{"2 MiB page, misaligned", {0x101c48, 0x804df}, RD, USER, false, 13, 0},
		{"1 GiB page", {0x100550, 0x100000df}, RD, USER, true, 0x71234567, 0},
		{"a pointer with U", {0x101c48, 0x40811}, RD, USER, false, 13, 0},
		{"a pointer at the last level", {0x1021a0, 0x41401}, RD, USER, false, 13, 0},
		{"walk outside memory, load", {0x101c48, 0x1c000001}, RD, USER, false, 5, 0},
		{"walk outside memory, store", {0x101c48, 0x1c000001}, WR, USER, false, 7, 0},
		{"walk outside memory, fetch", {0x101c48, 0x1c000001}, EX, USER, false, 1, 0},
	};
	static const struct machine sv48 = {
		.mmu = &sim_mmu_riscv64_sv48, .entry_bytes = 8, .va = 0x2aaab1234567,
		.table = {{0x1002a8, 0x40401}, {0x101550, 0x40801}, {0x102c48, 0x40c01}, {0x1031a0, 0x414df}},
		.data = QUIRE_VECTOR_CAUSE, .fetch = QUIRE_VECTOR_CAUSE,
	};
	static const struct access_case sv48_cases[] = {
		{"user load", {0, 0}, RD, USER, true, 0x105567, 0},
		{"no table", {0x1002a8, 0}, WR, USER, false, 15, 0},
	};

	(void)state;
	TRY(machine, cases);
	assert_int_equal(walk(&machine, 0x4000000000, RD, USER).syndrome, 13);
	assert_int_equal(walk(&machine, 0x4000000000, WR, USER).syndrome, 15);
	TRY(sv48, sv48_cases);
}

/* --- toy: access, present 4, user 8, level << 4 --- */

static void test_toy(void **state)
{
	static const struct machine machine = {
		.mmu = &sim_mmu_toy, .entry_bytes = 4, .va = 0xd6abc,
		.table = {{0x10000c, 0x101003}, {0x101008, 0x102003}, {0x102018, 0x1050fd}},
		.data = QUIRE_VECTOR_CAUSE, .fetch = QUIRE_VECTOR_CAUSE,
	};
	static const struct access_case cases[] = {
		{"user read sets A", {0x102018, 0x1050bd}, RD, USER, true, 0x105abc, 0x1050fd},
		{"user write", {0, 0}, WR, USER, true, 0x105abc, 0},
		{"nothing, user read", {0x102018, 0}, RD, USER, false, 0x08, 0},
		{"nothing, user write", {0x102018, 0}, WR, USER, false, 0x09, 0},
		{"nothing, user exec", {0x102018, 0}, EX, USER, false, 0x0a, 0},
		{"nothing, kernel read", {0x102018, 0}, RD, KERNEL, false, 0x00, 0},
		{"level 1", {0x101008, 0}, RD, USER, false, 0x18, 0},
		{"level 2", {0x10000c, 0}, RD, USER, false, 0x28, 0},
		{"D clear, write", {0x102018, 0x10507d}, WR, USER, false, 0x0d, 0x10507d},
		{"D clear, read", {0x102018, 0x10507d}, RD, USER, true, 0x105abc, 0},
		{"U clear, user", {0x102018, 0x1050dd}, RD, USER, false, 0x0c, 0},
		{"U clear, kernel write", {0x102018, 0x1050dd}, WR, KERNEL, true, 0x105abc, 0},
		{"user page, kernel exec", {0, 0}, EX, KERNEL, false, 0x06, 0},
		{"32 KiB page", {0x101008, 0x2080fd}, RD, USER, true, 0x20eabc, 0},
		{"32 KiB page, forbidden", {0x101008, 0x2080ed}, EX, USER, false, 0x1e, 0},
		{"a page at the root", {0x10000c, 0x2000fd}, RD, USER, false, 0x28, 0},
	};

	(void)state;
	TRY(machine, cases);
	assert_int_equal(walk(&machine, 0x200000, RD, USER).syndrome, 0x28);
}

/* clang-format on */

/* A quiet walk changes nothing, and takes a clear accessed bit for set. */
static void test_quiet(void **state)
{
	struct sim_walk_request request = {.root = {RAM_BASE, RAM_BASE},
					   .va = 0x7f1234567abc,
					   .access = QUIRE_ACCESS_WRITE,
					   .flags = SIM_WALK_QUIET};
	struct sim_walk out;

	(void)state;
	build(&x86_64);
	sim_mmu_x86_64.walk(&sim_mmu_x86_64, &bus, &request, &out);
	assert_int_equal(out.end, SIM_WALK_OK);
	assert_false(out.dirty);
	assert_int_equal(get(&x86_64, 0x103b38), 0x105007);
	assert_int_equal(get(&x86_64, 0x1007f0), 0x101007);
	build(&arm64);
	put(&arm64, (struct entry){0x1031a0, 0x60000000105b43});
	request.va = arm64.va;
	sim_mmu_arm64.walk(&sim_mmu_arm64, &bus, &request, &out);
	assert_int_equal(out.end, SIM_WALK_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_x86_64), cmocka_unit_test(test_x86_64_la57),
	    cmocka_unit_test(test_i386),   cmocka_unit_test(test_arm),
	    cmocka_unit_test(test_arm64),  cmocka_unit_test(test_arm64_granules),
	    cmocka_unit_test(test_riscv),  cmocka_unit_test(test_toy),
	    cmocka_unit_test(test_quiet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
