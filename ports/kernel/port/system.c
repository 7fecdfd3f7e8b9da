/* SPDX-License-Identifier: MIT */
/* The library's system: its creation, the switch between address spaces, and the check at the end. */
#include "port/system.h"
#include "kern/boot.h"
#include "kern/cpu.h"
#include "port/fault.h"
#include "port/host.h"

struct quire_system *the_system;
uint64_t user_end;
static quire_pa kernel_root;

static const struct quire_profile *chosen_profile(void)
{
	const struct quire_profile *profile;
	char name[24];

	if (!boot_option("profile", name, sizeof(name)))
		return NULL;
	profile = quire_profile_find(name);
	if (!profile)
		panic("boot: profile=%s is not known", name);
	return profile;
}

static const struct quire_policy *chosen_policy(void)
{
	char name[8];

	if (!boot_option("policy", name, sizeof(name)) || !strcmp(name, "lru"))
		return &quire_policy_lru;
	if (strcmp(name, "gen") != 0)
		panic("boot: policy=%s is not known", name);
	return &quire_policy_gen;
}

void system_create(void)
{
	static struct quire_config config;
	enum quire_status status;
	char value[8];

	config.host = &kernel_host;
	config.cpus = arch_cpus_found();
	config.profile = chosen_profile();
	config.policy = chosen_policy();
	arch_configure(&config);
	ram_give(&config);
	status = quire_system_create(&config, &the_system);
	if (status)
		panic("boot: quire_system_create: %s", quire_status_name(status));
	user_end = quire_system_arch(the_system)->user_end;
	BUG_ON(1ul << quire_system_arch(the_system)->page_shift != PAGE_SIZE);
	kernel_root = quire_kernel_root(the_system);
	arch_system_ready();
	if (boot_option("trace", value, sizeof(value)) && value[0] == '1')
		fault_trace_start();
}

void system_check(void)
{
	char why[200];
	enum quire_status status = quire_check(the_system, why, sizeof(why));

	if (status == QUIRE_EINVAL)
		panic("quire_check: %s", why);
}

void mm_switch(struct quire_mm *mm)
{
	struct cpu *cpu = this_cpu();
	struct quire_mm *old = cpu->mm;

	if (mm == old)
		return;
	/* In between, the CPU uses neither: the tables of `old` may be freed once it has left. */
	if (old) {
		arch_load_root(kernel_root);
		cpu->mm = NULL;
		quire_mm_leave(old, cpu->number);
	}
	if (mm) {
		quire_pa root = quire_mm_enter(mm, cpu->number);

		cpu->mm = mm;
		arch_load_root(root);
	}
}
