/* SPDX-License-Identifier: MIT */
/* quire_config_check(): each refusal is named, and quire_system_create() refuses the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <quire/quire.h>

#define RAM_BYTES ((size_t)1 << 20)

static unsigned char *memory;
static struct quire_host host;

static void host_panic(void *context, const char *text)
{
	(void)context;
	fail_msg("%s", text);
	abort();
}

static void host_flush(void *context, const struct quire_flush *flush)
{
	(void)context, (void)flush;
}

static void host_sync(void *context, const void *entry)
{
	(void)context, (void)entry;
}

static void host_sync_code(void *context, void *page, size_t bytes)
{
	(void)context, (void)page, (void)bytes;
}

static unsigned host_cpu(void *context)
{
	(void)context;
	return 0;
}

static void *host_map(void *context, quire_pfn pfn)
{
	(void)context, (void)pfn;
	return memory;
}

/* A configuration that nothing is wrong with. */
static struct quire_config good(void)
{
	host = (struct quire_host){.panic = host_panic,
				   .tlb_flush = host_flush,
				   .pte_sync = host_sync,
				   .icache_sync = host_sync_code,
				   .cpu = host_cpu};
	return (struct quire_config){.arch = &quire_arch_x86_64,
				     .host = &host,
				     .cpus = 2,
				     .ram_count = 1,
				     .ram = {{{1 << 20}, RAM_BYTES, memory}}};
}

static void expect(const struct quire_config *config, const char *text)
{
	struct quire_system *system;
	char why[200] = "";

	assert_int_equal(quire_config_check(config, why, sizeof(why)), QUIRE_EINVAL);
	assert_string_equal(why, text);
	assert_int_equal(quire_system_create(config, &system), QUIRE_EINVAL);
}

static void expect_good(const struct quire_config *config)
{
	struct quire_system *system;
	char why[200] = "";

	if (quire_config_check(config, why, sizeof(why)) != QUIRE_OK)
		fail_msg("%s", why);
	assert_int_equal(quire_system_create(config, &system), QUIRE_OK);
	quire_system_destroy(system);
}

static void test_host(void **state)
{
	struct quire_config config = good();

	(void)state;
	expect_good(&config);
	config.arch = NULL;
	expect(&config, "arch is missing");
	config = good();
	config.host = NULL;
	expect(&config, "host is missing");
	config = good();
	host.panic = NULL;
	expect(&config, "host.panic is missing");
	config = good();
	host.cpu = NULL;
	expect(&config, "2 CPUs, and host.cpu is missing");
	config.cpus = 1;
	expect_good(&config);
	config = good();
	host.frame_map = host_map;
	expect(&config, "host.frame_map and host.frame_unmap: one of the two is missing");
}

/* A function that the CPU cannot do without is asked for, unless the machine says that it can. */
static void test_without(void **state)
{
	struct quire_config config = good();

	(void)state;
	host.tlb_flush = NULL;
	expect(&config, "host.tlb_flush is missing, and the configuration does not say WITHOUT_TLB");
	config.without = QUIRE_WITHOUT_TLB;
	expect_good(&config);
	config = good();
	host.pte_sync = NULL;
	host.icache_sync = NULL;
	expect_good(&config); /* x86 needs neither */
	config.arch = &quire_arch_arm64;
	expect(&config,
	       "host.pte_sync is missing on arm64, and the configuration does not say WITHOUT_PTE_SYNC");
	config.arch = &quire_arch_arm;
	expect(&config,
	       "host.pte_sync is missing on arm, and the configuration does not say WITHOUT_PTE_SYNC");
	config.without = QUIRE_WITHOUT_PTE_SYNC;
	expect(&config,
	       "host.icache_sync is missing on arm, and the configuration does not say WITHOUT_ICACHE_SYNC");
	config.arch = &quire_arch_riscv64;
	expect(&config, "host.icache_sync is missing on riscv64, and the configuration does not say "
			"WITHOUT_ICACHE_SYNC");
	config.without = QUIRE_WITHOUT_ICACHE_SYNC;
	expect_good(&config);
	config.without = 8;
	expect(&config, "without 0x8 has an unknown bit");
}

static void test_numbers(void **state)
{
	struct quire_config config = good();

	(void)state;
	config.cpus = 100;
	expect(&config, "100 CPUs, at most 64 (QUIRE_CONFIG_CPUS)");
	config = good();
	config.overcommit = (enum quire_overcommit)3;
	expect(&config, "overcommit 3 is none");
	config = good();
	config.mmap_min_addr = UINT64_C(0x800000000000);
	expect(&config,
	       "mmap_min_addr 0x800000000000 is not below the end of user addresses, 0x7ffffffff000");
	config = good();
	config.kmap_start = UINT64_C(0xffffc90000000000);
	expect(&config, "kmap_start 0xffffc90000000000 is above kmap_end 0x0");
	config.kmap_end = config.kmap_start + 0x1800;
	expect(&config, "kmap_start 0xffffc90000000000 or kmap_end 0xffffc90000001800 is not at a page");
	config.kmap_start = 0x10000;
	config.kmap_end = 0x20000;
	expect(&config, "kmap_start 0x10000 to kmap_end 0x20000 is not in the kernel's addresses, "
			"0xffff800000000000 to 0xffffffffffffffff");
}

static void test_ram(void **state)
{
	struct quire_config config = good();

	(void)state;
	config.ram_count = 9;
	expect(&config, "9 ranges of RAM, 1 to 8 are possible (QUIRE_CONFIG_RAM_RANGES)");
	config.ram_count = 0;
	expect(&config, "0 ranges of RAM, 1 to 8 are possible (QUIRE_CONFIG_RAM_RANGES)");
	config = good();
	config.ram[0].base.v = UINT64_C(1) << 60;
	expect(&config, "ram[0]: 0x1000000000000000 + 0x100000 is beyond the 52 bits of a physical address");
	config = good();
	config.ram[0].linear = NULL;
	expect(&config, "ram[0] has no linear address, and host.frame_map is missing");
	config = good();
	config.ram[0].bytes = 4095;
	expect(&config, "no range of RAM has a linear address and a whole page");
	config = good();
	config.ram[0].linear = (void *)0x123000;
	config.ram[0].base.v = 0x100800;
	expect(&config,
	       "ram[0]: base 0x100800 and linear address 0x123000 differ within a page of 4096 bytes");
	config = good();
	config.ram_count = 2;
	config.ram[1] = (struct quire_ram){{(1 << 20) + 4096}, 8192, (void *)0x10000};
	expect(&config, "ram[0] and ram[1] overlap: 0x100000 and 0x101000");
	config.ram[0].linear = (void *)0x400000;
	config.ram[1] = (struct quire_ram){{4 << 20}, 8192, (void *)0x410000};
	expect(&config, "the linear addresses of ram[0] and ram[1] overlap: 0x400000 and 0x410000");
	config = good();
	config.ram[0].linear = (void *)(UINTPTR_MAX - 0xfff);
	expect(&config, "ram[0]: linear address 0xfffffffffffff000 + 0x100000 wraps");
	assert_int_equal(quire_config_check(NULL, NULL, 0), QUIRE_EINVAL);
}

/* Address 0 can be given to programs. */
static void test_address_zero(void **state)
{
	struct quire_config config = good();
	struct quire_mapping how = {.length = 4096,
				    .prot = QUIRE_PROT_READ,
				    .flags = QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS | QUIRE_MAP_FIXED};

	(void)state;
	for (unsigned zero = 0; zero < 2; zero++) {
		struct quire_system *system;
		struct quire_mm *mm;
		quire_va va = 1;

		config.mmap_min_addr = zero ? QUIRE_MMAP_MIN_ZERO : 0;
		assert_int_equal(quire_system_create(&config, &system), QUIRE_OK);
		assert_int_equal(quire_mm_create(system, NULL, &mm), QUIRE_OK);
		assert_int_equal(quire_mmap(mm, &how, &va), zero ? QUIRE_OK : QUIRE_EPERM);
		assert_int_equal(va, zero ? 0 : 1);
		quire_mm_put(mm);
		quire_system_destroy(system);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_host), cmocka_unit_test(test_without),      cmocka_unit_test(test_numbers),
	    cmocka_unit_test(test_ram),  cmocka_unit_test(test_address_zero),
	};
	int failed;

	memory = aligned_alloc(4096, RAM_BYTES);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(memory);
	return failed;
}
