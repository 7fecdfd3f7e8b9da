/* SPDX-License-Identifier: MIT */
/* The self-test at boot: the library's conformance suite on this machine's memory, and this kernel's own
 * parts. */
#include "kern/selftest.h"
#include "conformance.h"
#include "kern/process.h"
#include "kern/report.h"

static void say(void *context, const char *line)
{
	printk("selftest: %s\n", line);
}

/* The laws of the architecture, and page tables against a model, on real frames. */
static bool conformance(void)
{
	struct conformance_env env = {
	    .arch = quire_system_arch(the_system),
	    .tables = conformance_tables,
	    .system = the_system,
	    .say = say,
	    .seed = 1,
	    .rounds = 2,
	};
	struct conformance_report report;
	int failed = quire_conformance(&env, &report);

	printk("selftest: conformance: %" PRIu64 " checks, %" PRIu64 " operations, %" PRIu64 " failures\n",
	       report.checks, report.operations, report.failures);
	return !failed;
}

/* The architecture's copies and fills at every alignment, of up to 200 bytes: those, and none beside them. */
static bool bytes(void)
{
	static volatile uint8_t from[256], to[256];

	for (unsigned i = 0; i < sizeof(from); i++)
		from[i] = (uint8_t)(i * 31 + 7);
	for (unsigned at = 0; at < 8 * 8 * 200; at++) {
		unsigned source = 8 + at % 8, target = 8 + at / 8 % 8, length = at / 64;

		for (unsigned i = 0; i < sizeof(to); i++)
			to[i] = 0xee;
		arch_memcpy((void *)&to[target], (const void *)&from[source], length);
		for (unsigned i = 0; i < sizeof(to); i++)
			if (to[i] != (i - target < length ? from[source + i - target] : 0xee))
				return false;
		arch_memset((void *)&to[target], 0x5a, length);
		for (unsigned i = 0; i < sizeof(to); i++)
			if (to[i] != (i - target < length ? 0x5a : 0xee))
				return false;
	}
	return true;
}

/* kmalloc of every size, freed in another order: all frames come back. */
static bool allocator(void)
{
	static void *objects[256];
	size_t before = free_frames_now();

	for (unsigned i = 0; i < ARRAY_SIZE(objects); i++) {
		objects[i] = kmalloc(1 + (i * 37) % 6000);
		if (!objects[i])
			return false;
		memset(objects[i], (int)i, 1 + (i * 37) % 6000);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(objects); i++)
		kfree(objects[(i * 97) % ARRAY_SIZE(objects)]);
	return free_frames_now() == before;
}

/* Kernel mappings: each page holds what was written, and all frames come back. */
static bool kernel_mappings(void)
{
	/* Where user and kernel have a root each, no fault brings a kernel page. */
	bool lazy = !(quire_system_arch(the_system)->caps & QUIRE_CAP_SPLIT_ROOT);
	quire_va va[8];
	size_t before;

	for (unsigned round = 0; round < 2; round++) {
		before = free_frames_now();
		for (unsigned i = 0; i < ARRAY_SIZE(va); i++) {
			if (quire_kmap(the_system, 3, QUIRE_PROT_READ | QUIRE_PROT_WRITE,
				       lazy && i & 1 ? QUIRE_KMAP_LAZY : QUIRE_KMAP_EAGER, &va[i]))
				return false;
			for (unsigned page = 0; page < 3; page++)
				*(volatile uint64_t *)(va[i] + page * PAGE_SIZE) = va[i] + page;
		}
		for (unsigned i = 0; i < ARRAY_SIZE(va); i++) {
			if (*(volatile uint64_t *)(va[i] + 2 * PAGE_SIZE) != va[i] + 2)
				return false;
			if (quire_kunmap(the_system, va[i]))
				return false;
		}
	}
	/* The first round may have made tables that stay. */
	return free_frames_now() == before;
}

static bool structures(void)
{
	char why[200];
	enum quire_status status = quire_check(the_system, why, sizeof(why));

	if (status)
		printk("selftest: quire_check: %s: %s\n", quire_status_name(status), why);
	return status == QUIRE_OK;
}

bool selftest_run(void)
{
	static const struct {
		const char *name;
		bool (*run)(void);
	} parts[] = {
	    {"conformance", conformance},         {"bytes", bytes},           {"allocator", allocator},
	    {"kernel mappings", kernel_mappings}, {"structures", structures},
	};
	bool passed = true;

	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
		size_t before = free_frames_now();
		bool ok = parts[i].run();

		printk("selftest: %s: %s, free frames %zu before, %zu after\n", parts[i].name,
		       ok ? "ok" : "FAILED", before, free_frames_now());
		passed &= ok;
	}
	printk("selftest: %s\n", passed ? "passed" : "FAILED");
	return passed;
}
