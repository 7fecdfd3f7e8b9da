/* SPDX-License-Identifier: MIT */
/* quire_walk() beside the MMUs of the simulated machine, which were written from the manuals: the same translation,
 * the same registers, the same accessed and dirty bits. quire_syndrome() beside the decoder. quire_mode_of(). */
#include "fixture.h"

#include <string.h>

#include "machine.h"

#define ROUNDS 400
#define PAGES  6

static const char *const arches[] = {"i386",    "x86_64",       "x86_64_la57", "arm",
				     "arm64",   "arm64_39",     "arm64_16k",   "arm64_64k",
				     "riscv64", "riscv64_sv48", "toy"};

static uint64_t entry_at(const struct sim *sim, const struct sim_walk *walk)
{
	const struct quire_arch *arch = sim_arch(sim);
	void *at = sim_bus_at((void *)(uintptr_t)sim, walk->entry_at[walk->level],
			      arch->level[walk->level].entry_bytes);
	uint64_t bits = 0;

	if (at)
		memcpy(&bits, at, arch->level[walk->level].entry_bytes);
	return bits;
}

/* One address both ways; the second finds the entry as the first found it. */
static void compare(struct fx *fx, quire_va va, enum quire_access access, enum quire_mode mode)
{
	struct sim *sim = fx->sim;
	const struct quire_arch *arch = sim_arch(sim);
	struct sim_walk_request request = {
	    .root = {fx->cpu->root[0], fx->cpu->root[1]}, .va = va, .access = access, .mode = mode};
	struct quire_translation got;
	enum quire_status status;
	struct sim_walk want, look;
	uint64_t before, after;

	request.flags = SIM_WALK_QUIET;
	sim->mmu->walk(sim->mmu, &sim->bus, &request, &look);
	before = entry_at(sim, &look);
	status = quire_walk(fx->sim->system, (quire_pa){fx->cpu->root[0]}, va, access, mode, &got);
	after = entry_at(sim, &look);
	if (look.entry_at[look.level] && after != before) {
		void *at = sim_bus_at(sim, look.entry_at[look.level], arch->level[look.level].entry_bytes);

		memcpy(at, &before, arch->level[look.level].entry_bytes);
	}
	request.flags = 0;
	sim->mmu->walk(sim->mmu, &sim->bus, &request, &want);
	switch (want.end) {
	case SIM_WALK_OK:
		assert_int_equal(status, QUIRE_OK);
		assert_int_equal(got.pa.v, want.frame + (va & ((UINT64_C(1) << want.shift) - 1)));
		assert_int_equal(got.shift, want.shift);
		assert_true(got.allowed >> access & 1);
		assert_int_equal(after, entry_at(sim, &look));
		for (unsigned other = QUIRE_ACCESS_READ; other <= QUIRE_ACCESS_EXEC; other++) {
			bool without_walk = (want.rights & SIM_RIGHT(mode, other)) &&
					    (other != QUIRE_ACCESS_WRITE || want.dirty);

			assert_int_equal(got.allowed >> other & 1, without_walk);
		}
		break;
	case SIM_WALK_FAULT:
		assert_int_equal(status, QUIRE_EFAULT);
		if (got.trap.syndrome != want.syndrome)
			fail_msg("%s: %#llx: syndrome %#llx, the MMU's is %#llx", arch->name,
				 (unsigned long long)va, (unsigned long long)got.trap.syndrome,
				 (unsigned long long)want.syndrome);
		assert_int_equal(got.trap.vector, want.vector);
		assert_int_equal(got.trap.address, want.address);
		assert_int_equal(got.trap.mode, mode);
		break;
	case SIM_WALK_GP:
		assert_int_equal(status, QUIRE_ERANGE);
		break;
	default:
		assert_int_equal(status, QUIRE_EIO);
	}
}

/* Pages of every protection, young and old, clean and dirty, absent; kernel mappings; addresses of nobody. */
static void test_walk(void **state)
{
	const char *name = *state;
	struct sim_config config = {.kmap_bytes = strcmp(name, "toy") ? 1 << 20 : 0};
	struct fx fx = fx_open(name, "linux-6", &config);
	const struct quire_arch *arch = sim_arch(fx.sim);
	uint64_t random = 7;
	quire_va area = 0, at = strcmp(name, "toy") ? FX_AT : 0x10000;

	if (config.kmap_bytes)
		assert_int_equal(quire_kmap(sim_system(fx.sim), 4, QUIRE_PROT_READ, QUIRE_KMAP_EAGER, &area),
				 QUIRE_OK);
	fx_map(&fx, at, PAGES, QUIRE_PROT_RWX, QUIRE_MAP_PRIVATE, NULL);
	for (unsigned i = 0; i < ROUNDS; i++) {
		quire_va va = at + (sim_mix(&random) % (PAGES + 1)) * fx.page + sim_mix(&random) % fx.page;
		enum quire_access access = sim_mix(&random) % 3;
		enum quire_mode mode = sim_mix(&random) % 2;
		quire_va page = at + (sim_mix(&random) % PAGES) * fx.page;

		switch (sim_mix(&random) % 8) {
		case 0:
			(void)sim_read(fx.cpu, va, 1, NULL);
			break;
		case 1:
			(void)sim_write(fx.cpu, va, 1, 1);
			break;
		case 2:
			(void)!SIM_OP(fx.cpu, "mprotect",
				      quire_mprotect(fx.process->mm, page, fx.page, sim_mix(&random) % 8));
			break;
		case 3:
			(void)!SIM_OP(fx.cpu, "cold",
				      quire_madvise(fx.process->mm, page, fx.page, QUIRE_MADV_COLD));
			break;
		case 4:
			va = area + sim_mix(&random) % (4 * fx.page);
			break;
		case 5:
			va = (quire_va)sim_mix(&random);
			if (arch->long_bytes == 4)
				va &= 0xffffffff;
			break;
		case 6:
			(void)!SIM_OP(fx.cpu, "dontneed",
				      quire_madvise(fx.process->mm, page, fx.page, QUIRE_MADV_DONTNEED));
			break;
		}
		/* Tags of ARM64 are the machine's own affair: tests/port/mmu.c says them by hand. */
		if (arch->family == QUIRE_FAMILY_ARM64 && va >> 56 && va >> 56 != 0xff)
			va &= UINT64_MAX >> 8;
		compare(&fx, va, access, mode);
	}
	fx_close(&fx);
}

static void test_tagged_address(void **state)
{
	struct fx fx = fx_open("arm64", "linux-6", NULL);
	quire_pa root = {fx.cpu->root[0]};
	struct quire_translation plain, tagged;
	quire_va tag = UINT64_C(0x5a) << 56;

	(void)state;
	fx_map(&fx, FX_AT, 1, QUIRE_PROT_READ | QUIRE_PROT_WRITE, QUIRE_MAP_PRIVATE, NULL);
	assert_int_equal(
	    quire_walk(fx.sim->system, root, FX_AT | tag, QUIRE_ACCESS_WRITE, QUIRE_MODE_USER, &tagged),
	    QUIRE_EFAULT);
	assert_int_equal(tagged.trap.address, FX_AT | tag);
	assert_int_equal(sim_write(fx.cpu, FX_AT, 1, 1), SIM_DONE);
	assert_int_equal(quire_walk(fx.sim->system, root, FX_AT, QUIRE_ACCESS_WRITE, QUIRE_MODE_USER, &plain),
			 QUIRE_OK);
	assert_int_equal(
	    quire_walk(fx.sim->system, root, FX_AT | tag, QUIRE_ACCESS_WRITE, QUIRE_MODE_USER, &tagged),
	    QUIRE_OK);
	assert_int_equal(tagged.pa.v, plain.pa.v);
	fx_close(&fx);
}

/* What the decoder makes of the registers is the fault that they were made of. */
static void test_syndrome(void **state)
{
	(void)state;
	for (unsigned a = 0; a < sizeof(arches) / sizeof(arches[0]); a++) {
		const struct quire_arch *arch = quire_arch_find(arches[a]);
		unsigned known = 0;

		for (unsigned i = 0; i < QUIRE_CAUSE_COUNT * 6; i++) {
			struct quire_fault fault = {.va = 0x1234,
						    .cause = (uint8_t)(i / 6),
						    .access = i % 3,
						    .mode = i / 3 % 2,
						    .level = QUIRE_LEVEL_NONE};
			struct quire_fault back;
			struct quire_trap trap;

			if (quire_syndrome(arch, &fault, &trap) != QUIRE_OK)
				continue;
			known++;
			arch->decode(arch, &quire_profile_6, NULL, &trap, &back);
			/* i386 has no bit for a fetch; RISC-V does not say why, nor a page fault what. */
			if (fault.access != QUIRE_ACCESS_EXEC || strcmp(arch->name, "i386"))
				assert_int_equal(back.access, fault.access);
			assert_int_equal(back.mode, fault.mode);
			assert_int_equal(back.va, fault.va);
			if (arch->family != QUIRE_FAMILY_RISCV && fault.cause != QUIRE_CAUSE_PAGE_FAULT)
				assert_int_equal(back.cause, fault.cause);
		}
		assert_true(known >= 18);
	}
}

/* Registers by hand, as the manuals print them. */
static void test_literals(void **state)
{
	static const struct {
		const char *arch;
		enum quire_access access;
		enum quire_mode mode;
		enum quire_cause cause;
		int level;
		enum quire_vector vector;
		uint64_t syndrome;
	} rows[] = {
	    {"x86_64", QUIRE_ACCESS_WRITE, QUIRE_MODE_USER, QUIRE_CAUSE_PERMISSION, -1,
	     QUIRE_VECTOR_PAGE_FAULT, 7},
	    {"x86_64", QUIRE_ACCESS_EXEC, QUIRE_MODE_KERNEL, QUIRE_CAUSE_NOT_PRESENT, -1,
	     QUIRE_VECTOR_PAGE_FAULT, 0x10},
	    {"arm", QUIRE_ACCESS_WRITE, QUIRE_MODE_USER, QUIRE_CAUSE_NOT_PRESENT, 1, QUIRE_VECTOR_DATA_ABORT,
	     0x805},
	    {"arm", QUIRE_ACCESS_EXEC, QUIRE_MODE_USER, QUIRE_CAUSE_PERMISSION, 2,
	     QUIRE_VECTOR_PREFETCH_ABORT, 0xf},
	    {"arm64", QUIRE_ACCESS_WRITE, QUIRE_MODE_USER, QUIRE_CAUSE_PERMISSION, 3, QUIRE_VECTOR_SYNC,
	     0x9200004f},
	    {"arm64", QUIRE_ACCESS_READ, QUIRE_MODE_KERNEL, QUIRE_CAUSE_NOT_PRESENT, 0, QUIRE_VECTOR_SYNC,
	     0x96000004},
	    {"arm64", QUIRE_ACCESS_EXEC, QUIRE_MODE_USER, QUIRE_CAUSE_ACCESS_FLAG, 3, QUIRE_VECTOR_SYNC,
	     0x8200000b},
	    {"riscv64", QUIRE_ACCESS_WRITE, QUIRE_MODE_USER, QUIRE_CAUSE_PERMISSION, -1, QUIRE_VECTOR_CAUSE,
	     15},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct quire_fault fault = {.access = rows[i].access,
					    .mode = rows[i].mode,
					    .cause = rows[i].cause,
					    .level = (int8_t)rows[i].level};
		struct quire_trap trap;

		assert_int_equal(quire_syndrome(quire_arch_find(rows[i].arch), &fault, &trap), QUIRE_OK);
		assert_int_equal(trap.vector, rows[i].vector);
		assert_int_equal(trap.syndrome, rows[i].syndrome);
	}
	assert_int_equal(quire_syndrome(&quire_arch_x86_64,
					&(struct quire_fault){.cause = QUIRE_CAUSE_ALIGNMENT},
					&(struct quire_trap){0}),
			 QUIRE_EINVAL);
}

static void test_mode_of(void **state)
{
	(void)state;
	assert_int_equal(quire_mode_of(&quire_arch_x86_64, 0x33), QUIRE_MODE_USER);
	assert_int_equal(quire_mode_of(&quire_arch_x86_64, 0x10), QUIRE_MODE_KERNEL);
	assert_int_equal(quire_mode_of(&quire_arch_arm, 0x60000010), QUIRE_MODE_USER);
	assert_int_equal(quire_mode_of(&quire_arch_arm, 0x60000013), QUIRE_MODE_KERNEL);
	assert_int_equal(quire_mode_of(&quire_arch_arm64, 0x80000000), QUIRE_MODE_USER);
	assert_int_equal(quire_mode_of(&quire_arch_arm64, 0x80000010), QUIRE_MODE_USER);
	assert_int_equal(quire_mode_of(&quire_arch_arm64, 0x80000005), QUIRE_MODE_KERNEL);
	assert_int_equal(quire_mode_of(&quire_arch_riscv64, 0x20), QUIRE_MODE_USER);
	assert_int_equal(quire_mode_of(&quire_arch_riscv64, 0x120), QUIRE_MODE_KERNEL);
}

int main(void)
{
	struct CMUnitTest tests[sizeof(arches) / sizeof(arches[0]) + 4];
	size_t count = 0;

	for (size_t i = 0; i < sizeof(arches) / sizeof(arches[0]); i++)
		tests[count++] = fx_test("walk", test_walk, arches[i]);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_tagged_address);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_syndrome);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_literals);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(test_mode_of);
	return _cmocka_run_group_tests("mmu", tests, count, NULL, NULL);
}
