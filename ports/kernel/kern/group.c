/* SPDX-License-Identifier: MIT */
/* memlimit=SIZE: how much memory the program and its children may have together. fork() keeps the group of an address
 * space by itself; exec() makes a new one. */
#include "kern/group.h"

#include "kern/boot.h"
#include "kern/task.h"

static struct quire_group *program_group; /* NULL: without a limit */

void group_init(void)
{
	struct quire_group_limits limits = {.high = QUIRE_UNLIMITED, .swap_max = QUIRE_UNLIMITED};
	uint64_t bytes = boot_size("memlimit");
	enum quire_status status;

	if (!bytes)
		return;
	status = quire_group_create(the_system, NULL, &program_group);
	if (status)
		panic("boot: memlimit: %s", quire_status_name(status));
	limits.max = bytes / PAGE_SIZE;
	quire_group_limits_set(program_group, &limits);
	printk("quire-kernel: the program may have %" PRIu64 " KiB\n", bytes / 1024);
}

void group_join(struct quire_mm *mm)
{
	struct quire_group *group = current->mm ? quire_mm_group(current->mm) : program_group;

	if (group)
		quire_mm_set_group(mm, group);
}
