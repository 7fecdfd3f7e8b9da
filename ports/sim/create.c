/* SPDX-License-Identifier: MIT */
/* A machine's RAM and its life. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "machine.h"

#define MIB        (UINT64_C(1) << 20)
#define FIRST_RAM  MIB
#define HOLE       MIB
#define BOOT_BASE  0x10000 /* below RAM: the empty root table */
#define BOOT_BYTES 0x10000
#define HOST_ALIGN 0x10000 /* the widest page of any architecture */

/* --- memory --- */

static const struct sim_ram *ram_of(const struct sim *sim, uint64_t pa, uint64_t bytes)
{
	for (unsigned i = 0; i < sim->ram_count; i++) {
		const struct sim_ram *ram = &sim->ram[i];

		if (pa - ram->base < ram->bytes && bytes <= ram->bytes - (pa - ram->base))
			return ram;
	}
	return NULL;
}

void *sim_bus_at(void *context, uint64_t pa, uint64_t bytes)
{
	const struct sim_ram *ram = ram_of(context, pa, bytes);

	return ram ? ram->host + (pa - ram->base) : NULL;
}

void *sim_physical(struct sim *sim, quire_pa pa, uint64_t bytes)
{
	const struct sim_ram *ram = ram_of(sim, pa.v, bytes);

	return ram && !ram->boot ? ram->host + (pa.v - ram->base) : NULL;
}

bool sim_physical_of(const struct sim *sim, const void *address, uint64_t *out_pa)
{
	uintptr_t at = (uintptr_t)address;

	for (unsigned i = 0; i < sim->ram_count; i++) {
		if (at - (uintptr_t)sim->ram[i].host < sim->ram[i].bytes) {
			*out_pa = sim->ram[i].base + (at - (uintptr_t)sim->ram[i].host);
			return true;
		}
	}
	for (unsigned c = 0; c < sim->config.cpus; c++) {
		for (unsigned i = 0; i < SIM_WINDOWS; i++) {
			uintptr_t window = (uintptr_t)sim->cpu[c].window[i].at;

			if (sim->cpu[c].window[i].used && at - window < sim->page_bytes) {
				*out_pa = sim->cpu[c].window[i].pfn * sim->page_bytes + (at - window);
				return true;
			}
		}
	}
	return false;
}

static bool add_ram(struct sim *sim, uint64_t base, uint64_t bytes, bool high, bool boot)
{
	struct sim_ram *ram = &sim->ram[sim->ram_count];
	int flags = high ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

	*ram = (struct sim_ram){.base = base, .bytes = bytes, .high = high, .boot = boot};
	ram->map_bytes = (size_t)(high ? bytes : bytes + HOST_ALIGN);
	ram->map = mmap(NULL, ram->map_bytes, PROT_READ | PROT_WRITE, flags, high ? sim->memory_file : -1, 0);
	if (ram->map == MAP_FAILED)
		return false;
	ram->host = ram->map;
	if (!high)
		ram->host += (HOST_ALIGN - (uintptr_t)ram->map % HOST_ALIGN) % HOST_ALIGN;
	sim->ram_count++;
	return true;
}

static const char *make_ram(struct sim *sim)
{
	uint64_t page = sim->page_bytes;
	uint64_t lower = sim->config.ram_bytes * 3 / 4 / page * page;
	uint64_t upper = (sim->config.ram_bytes - lower) / page * page;
	uint64_t upper_base = FIRST_RAM + lower + HOLE;
	uint64_t high_base = (upper_base + upper + 64 * MIB) & ~(4 * MIB - 1);
	uint64_t high = sim->config.high_bytes / page * page;
	uint64_t limit = UINT64_C(1) << (sim->arch->pa_bits < 40 ? sim->arch->pa_bits : 40);

	if (lower < 16 * page || upper < page)
		return "less than 22 pages of RAM";
	if (sim->config.ram_bytes > limit || sim->config.high_bytes > limit || high_base + high > limit)
		return "more RAM than the architecture can address";
	if (!add_ram(sim, FIRST_RAM, lower, false, false) || !add_ram(sim, upper_base, upper, false, false))
		return "out of memory";
	if (high) {
		sim->memory_file = memfd_create("quire-sim-high", MFD_CLOEXEC);
		if (sim->memory_file < 0 || ftruncate(sim->memory_file, (off_t)high) != 0 ||
		    !add_ram(sim, high_base, high, true, false))
			return "no memory file for high RAM";
	}
	if (!add_ram(sim, BOOT_BASE, BOOT_BYTES, false, true))
		return "out of memory";
	sim->no_root = BOOT_BASE;
	return NULL;
}

/* --- CPUs --- */

static bool make_cpu(struct sim *sim, unsigned number)
{
	struct sim_cpu *cpu = &sim->cpu[number];

	cpu->sim = sim;
	cpu->number = number;
	cpu->asid = SIM_KERNEL_ASID;
	cpu->op_id = ++sim->next_op;
	cpu->tlb = calloc(sim->config.tlb_entries, sizeof(*cpu->tlb));
	if (!cpu->tlb || sem_init(&cpu->go, 0, 0) != 0 || pthread_mutex_init(&cpu->tlb_lock, NULL) != 0)
		return false;
	if (sim->config.high_bytes == 0)
		return true;
	for (unsigned i = 0; i < SIM_WINDOWS; i++) {
		void *at = mmap(NULL, sim->page_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
				-1, 0);

		if (at == MAP_FAILED)
			return false;
		cpu->window[i].at = at;
	}
	return true;
}

static const char *fill_config(struct sim *sim)
{
	struct sim_config *config = &sim->config;

	if (!config->arch)
		config->arch = "x86_64";
	sim->arch = quire_arch_find(config->arch);
	sim->mmu = sim_mmu_find(config->arch);
	if (!sim->arch || !sim->mmu)
		return "no such architecture";
	if (!config->profile)
		config->profile = "linux-6";
	if (!config->rules)
		config->rules = quire_profile_find(config->profile);
	if (!config->rules)
		return "no such profile";
	sim->page_bytes = UINT64_C(1) << sim->arch->page_shift;
	if (!config->ram_bytes)
		config->ram_bytes = sim->page_bytes > 4096 ? 1024 * sim->page_bytes : 16 * MIB;
	if (!config->cpus)
		config->cpus = 1;
	if (!config->tlb_entries)
		config->tlb_entries = 256;
	if (!config->point_limit)
		config->point_limit = 2000000;
	if (config->cpus > SIM_MAX_CPUS)
		return "more than 64 CPUs";
	if (config->tlb_entries < 4 || config->tlb_entries > 1u << 20 ||
	    config->tlb_entries & (config->tlb_entries - 1))
		return "the TLB's size is no power of two from 4 to 1048576";
	return NULL;
}

static enum quire_status make_system(struct sim *sim)
{
	const struct quire_arch *arch = sim->arch;
	struct quire_config config = {
	    .arch = arch,
	    .profile = sim->config.rules,
	    .host = &sim->host,
	    .host_context = sim,
	    .cpus = sim->config.cpus,
	    .overcommit = sim->config.overcommit,
	    .overcommit_ratio = sim->config.overcommit_ratio,
	    .policy = sim->config.policy,
	    .low_frames = sim->config.low_frames,
	    .dirty_frames = sim->config.dirty_frames,
	    .high_frames = sim->config.high_frames,
	    .max_map_count = sim->config.max_map_count,
	    .mmap_min_addr = sim->config.mmap_min_addr,
	    .reserve_frames = sim->config.reserve_frames,
	    .stack_guard_pages = sim->config.stack_guard_pages,
	};

	for (unsigned i = 0; i < sim->ram_count; i++) {
		const struct sim_ram *ram = &sim->ram[i];

		if (!ram->boot)
			config.ram[config.ram_count++] =
			    (struct quire_ram){{ram->base}, ram->bytes, ram->high ? NULL : ram->host};
	}
	if (sim->config.kmap_bytes) {
		/* Where a top-level entry begins: the first pages of the area share it. */
		uint64_t span = UINT64_C(1) << arch->level[arch->levels - 1].shift;
		uint64_t quarter = (arch->kernel_end - arch->kernel_start) / 4 & ~(span - 1);

		config.kmap_start = arch->kernel_start + quarter;
		config.kmap_end = config.kmap_start + (sim->config.kmap_bytes & ~(sim->page_bytes - 1));
	}
	return quire_system_create(&config, &sim->system);
}

static void free_all(struct sim *sim)
{
	for (struct sim_process *next, *process = sim->processes; process; process = next) {
		next = process->next;
		free(process);
	}
	for (unsigned i = 0; sim->cpu && i < sim->config.cpus; i++) {
		struct sim_cpu *cpu = &sim->cpu[i];

		if (!cpu->sim)
			continue;
		for (unsigned w = 0; w < SIM_WINDOWS; w++)
			if (cpu->window[w].at)
				munmap(cpu->window[w].at, sim->page_bytes);
		sem_destroy(&cpu->go);
		pthread_mutex_destroy(&cpu->tlb_lock);
		free(cpu->tlb);
	}
	for (unsigned i = 0; i < sim->ram_count; i++)
		munmap(sim->ram[i].map, sim->ram[i].map_bytes);
	if (sim->memory_file >= 0)
		close(sim->memory_file);
	pthread_mutex_destroy(&sim->shared);
	sim_stores_free(sim);
	free(sim->choice);
	free(sim->cpu);
	free(sim);
}

static const char *create(struct sim *sim)
{
	const char *why = fill_config(sim);

	if (why)
		return why;
	sim->cpu = aligned_alloc(64, sim->config.cpus * sizeof(*sim->cpu));
	if (!sim->cpu)
		return "out of memory";
	memset(sim->cpu, 0, sim->config.cpus * sizeof(*sim->cpu));
	sim->current = sim->cpu;
	why = make_ram(sim);
	if (why)
		return why;
	for (unsigned i = 0; i < sim->config.cpus; i++)
		if (!make_cpu(sim, i))
			return "out of memory";
	sim_host_init(sim);
	if (make_system(sim) != QUIRE_OK)
		return "the library refuses this machine: RAM too small for its descriptors, or a wrong "
		       "limit";
	for (unsigned i = 0; i < sim->config.cpus; i++)
		sim_switch(&sim->cpu[i], NULL);
	sim->free_at_start = sim_free_frames(sim);
	return NULL;
}

struct sim *sim_create(const struct sim_config *config, const char **out_why)
{
	struct sim *sim = calloc(1, sizeof(*sim));
	const char *why = "out of memory";

	if (sim) {
		sim->config = *config;
		sim->random = config->seed;
		sim->memory_file = -1;
		sim->bus = (struct sim_bus){sim_bus_at, sim};
		pthread_mutex_init(&sim->shared, NULL);
		why = create(sim);
	}
	if (out_why)
		*out_why = why;
	if (sim && why) {
		free_all(sim);
		return NULL;
	}
	return sim;
}

/* --- the end --- */

static void check_system(struct sim *sim)
{
	char why[300] = "";
	struct quire_memory_counts memory;
	uint64_t programs;

	if (!(sim->config.options & SIM_NO_CHECK) && quire_check(sim->system, why, sizeof(why)) != QUIRE_OK)
		sim_find(sim, SIM_CHECK, "quire_check: %s", why);
	for (struct sim_process *process = sim->processes; process; process = process->next)
		sim_process_exit(process);
	if (!(sim->config.options & SIM_NO_CHECK) && quire_check(sim->system, why, sizeof(why)) != QUIRE_OK)
		sim_find(sim, SIM_CHECK, "quire_check, after every process ended: %s", why);
	quire_memory(sim->system, &memory);
	programs = memory.by_state[QUIRE_PAGE_ANON] + memory.by_state[QUIRE_PAGE_FILE] +
		   memory.by_state[QUIRE_PAGE_SHMEM] + memory.by_state[QUIRE_PAGE_PORT];
	if (programs)
		sim_find(sim, SIM_LEAK,
			 "frames without an owner: %llu anonymous, %llu of files, %llu of shared memory, "
			 "%llu of the port",
			 (unsigned long long)memory.by_state[QUIRE_PAGE_ANON],
			 (unsigned long long)memory.by_state[QUIRE_PAGE_FILE],
			 (unsigned long long)memory.by_state[QUIRE_PAGE_SHMEM],
			 (unsigned long long)memory.by_state[QUIRE_PAGE_PORT]);
}

static void end_system(struct sim *sim)
{
	jmp_buf out;

	sim_use_cpu(&sim->cpu[0]);
	sim_fail(sim, 0, 0, 0);
	sim->mutant = NULL;
	sim->panic_out = &out;
	if (setjmp(out)) {
		sim_find(sim, SIM_LIBRARY_PANIC, "while the machine was taken down: %s", sim->panic_text);
	} else {
		check_system(sim);
		quire_system_destroy(sim->system);
	}
	sim->panic_out = NULL;
}

unsigned sim_destroy(struct sim *sim)
{
	unsigned findings;

	if (!sim)
		return 0;
	if (!sim->given_up)
		end_system(sim);
	findings = sim->findings;
	for (unsigned i = 0; i < findings && i < SIM_KEPT; i++)
		fprintf(stderr, "sim: %s: %s\n", sim_finding_name(sim->finding[i].kind),
			sim->finding[i].text);
	free_all(sim);
	return findings;
}

/* --- what everyone asks --- */

struct quire_system *sim_system(struct sim *sim)
{
	return sim->system;
}

const struct quire_arch *sim_arch(const struct sim *sim)
{
	return sim->arch;
}

uint64_t sim_page_bytes(const struct sim *sim)
{
	return sim->page_bytes;
}

unsigned sim_cpus(const struct sim *sim)
{
	return sim->config.cpus;
}

struct sim_cpu *sim_cpu(struct sim *sim, unsigned number)
{
	return number < sim->config.cpus ? &sim->cpu[number] : NULL;
}

struct sim *sim_of(const struct sim_cpu *cpu)
{
	return cpu->sim;
}

unsigned sim_cpu_number(const struct sim_cpu *cpu)
{
	return cpu->number;
}

void *sim_context(const struct sim *sim)
{
	return sim->config.context;
}

uint64_t sim_free_frames(struct sim *sim)
{
	struct quire_memory_counts memory;

	quire_memory(sim->system, &memory);
	return memory.by_state[QUIRE_PAGE_FREE] + memory.by_state[QUIRE_PAGE_CPU];
}

void sim_counts(const struct sim *sim, struct sim_counts *out_counts)
{
	/* The counts are words and nothing else: sum them as such. */
	uint64_t sum[sizeof(struct sim_counts) / sizeof(uint64_t)] = {0};
	uint64_t one[sizeof(struct sim_counts) / sizeof(uint64_t)];

	for (unsigned c = 0; c < sim->config.cpus; c++) {
		memcpy(one, &sim->cpu[c].counts, sizeof(one));
		for (size_t i = 0; i < sizeof(one) / sizeof(one[0]); i++)
			sum[i] += one[i];
	}
	memcpy(out_counts, sum, sizeof(sum));
}
