/* SPDX-License-Identifier: MIT */
/* The kernels that were measured, and what of each boot the values depend on. */
#include "facts.h"

static const uint64_t i386_kernel[] = {0xbfffffff, 0xc0000000, 0xc0100000, 0xc8000000, 0xf8000000,
				       0xfe000000, 0xffffe000, 0xfffff000, 0xffffffff};
static const uint64_t x86_64_kernel[] = {
    0x7fffffffe000,     0x7ffffffff000,     0x800000000000,     0x10000100000,      0xffff810000100000,
    0xffff880000100000, 0xffffc20000000000, 0xffffffff80100000, 0xffffffff80200000, 0xffffffffff600000,
    0xffffffffff700000, 0x8000000000000000, 0xfffffffffffff000};
static const uint64_t arm_kernel[] = {0xbefffff0, 0xbf000000, 0xbf800000, 0xc0000000, 0xc0008000, 0xc0100000,
				      0xc8000000, 0xd0000000, 0xd8000000, 0xe0000000, 0xf1000000, 0xf1010000,
				      0xffe00000, 0xffff0000, 0xffff0ffc, 0xfffff000};
static const uint64_t arm64_kernel[] = {
    0x7ffffff000,       0x8000000000,       0x1000000000000,    0x1200000050000000, 0xffff000000000000,
    0xffffff7fffffffff, 0xffffff8000000000, 0xffffff8008080000, 0xffffff8008081000, 0xffffffbf00000000,
    0xffffffc000000000, 0xffffffc000080000, 0xffffffc001000000, 0xfffffffffffff000};

#define KERNEL(list) .kernel_address = list, .kernel_addresses = sizeof(list) / sizeof((list)[0])

/* The main stack ended at the top of user addresses in 2.4, at a random place below it later. Files of
 * ramfs have page_mkwrite since 3.6. */
const struct facts_column facts_columns[] = {
    {.profile = "linux-2.4",
     .arch = "i386",
     .kernel = "2.4.27/i386",
     .task_top = 0xc0000000,
     .stack_end = 0xc0000000,
     KERNEL(i386_kernel)},
    {.profile = "linux-2.6",
     .arch = "i386",
     .kernel = "2.6.29/i386",
     .task_top = 0xc0000000,
     .stack_end = 0xbfa00000,
     KERNEL(i386_kernel)},
    {.profile = "linux-2.6",
     .arch = "x86_64",
     .kernel = "2.6.29/x86_64",
     .task_top = 0x800000000000,
     .stack_end = 0x7ffff0000000,
     KERNEL(x86_64_kernel)},
    {.profile = "linux-2.6",
     .arch = "arm",
     .kernel = "2.6.32/arm",
     .task_top = 0xc0000000,
     .task_end = 0xbf000000,
     .stack_end = 0xbea00000,
     .read_implies_exec = true,
     KERNEL(arm_kernel)},
    {.profile = "linux-4.14",
     .arch = "arm",
     .kernel = "4.14/arm",
     .task_top = 0xc0000000,
     .task_end = 0xbf000000,
     .stack_end = 0xbea00000,
     .around = 9,
     .ramfs = FACTS_RAM,
     KERNEL(arm_kernel)},
    {.profile = "linux-4.14",
     .arch = "arm64_39",
     .kernel = "4.14/arm64",
     .task_top = 0x8000000000,
     .stack_end = 0x7ff0000000,
     .around = 1,
     .ramfs = FACTS_RAM,
     KERNEL(arm64_kernel)},
    {.profile = "linux-4.14",
     .arch = "x86_64",
     .kernel = "4.14/x86_64",
     .task_top = 0x800000000000,
     .stack_end = 0x7ffff0000000,
     .around = 9,
     .ramfs = FACTS_RAM,
     KERNEL(x86_64_kernel)},
    {.profile = "linux-4.14",
     .arch = "i386",
     .kernel = "4.14/ia32",
     .task_top = 0xc0000000,
     .stack_end = 0xbfa00000,
     .around = 9,
     .ramfs = FACTS_RAM,
     KERNEL(i386_kernel)},
    /* What facts-running measures of today's Linux is compared with. */
    {.profile = "linux-6",
     .arch = "x86_64",
     .kernel = "-",
     .task_top = 0x800000000000,
     .stack_end = 0x7ffff0000000,
     .ramfs = FACTS_RAM,
     KERNEL(x86_64_kernel)},
};

const unsigned facts_column_count = sizeof(facts_columns) / sizeof(facts_columns[0]);
