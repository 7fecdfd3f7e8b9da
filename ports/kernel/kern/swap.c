/* SPDX-License-Identifier: MIT */
/* Swap on a disk: the area that mkswap(8) makes, swapon(2), swapoff(2), and kswapd.
 *
 *   disk:   page 0, the header | page 1 ... last_page
 *   store:                       slot 0 ...
 *
 * The header, as mkswap writes it: the version, 1, at byte 1024; then the number of the last page, and of the bad
 * ones; the last ten bytes of the page are "SWAPSPACE2". */
#include "kern/swap.h"

#include "abi/fcntl.h"
#include "abi/functions.h"
#include "abi/stat.h"
#include "arch.h"
#include "fs/fs.h"
#include "kern/boot.h"
#include "kern/lock.h"
#include "kern/process.h"

#define DISK_PATH "/dev/vda"
#define DISK_RDEV 0xfe00 /* 254:0 */

#define HEADER_AT    1024
#define HEADER_PAGES 1
#define MAGIC        "SWAPSPACE2"
#define MAGIC_BYTES  10

/* swapon(2). */
#define SWAP_FLAG_PREFER  0x8000
#define SWAP_FLAG_PRIO    0x7fff
#define SWAP_FLAG_DISCARD 0x70000 /* this disk is told nothing of what is free */

struct swap_header {
	uint32_t version, last_page, bad_pages;
};

/* Nothing could be evicted: kswapd looks again so much later. */
#define KSWAPD_REST_NS (NSEC_PER_SEC / 20)

static void transfer(enum disk_way way, struct quire_store_page *pages, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		pages[i].slot += HEADER_PAGES;
	arch_disk_transfer(way, pages, count);
	for (unsigned i = 0; i < count; i++)
		pages[i].slot -= HEADER_PAGES;
}

static void disk_put(void *context, struct quire_store_page *pages, unsigned count)
{
	transfer(DISK_WRITE, pages, count);
}

static void disk_get(void *context, struct quire_store_page *pages, unsigned count)
{
	transfer(DISK_READ, pages, count);
}

static const struct quire_store_ops disk_store_ops = {.put_batch = disk_put, .get_batch = disk_get};

/* swap_lock: `disk` changes while it is not attached only. */
static struct mutex swap_lock = MUTEX_INIT(swap_lock);
static struct quire_store disk = {
    .ops = &disk_store_ops, .name = DISK_PATH, .read_cost = 100, .flags = QUIRE_STORE_SEEKS};

/* The slots of the area that is on the disk. 0 or -errno. */
static long read_header(uint64_t *out_slots)
{
	struct quire_store_page page = {.slot = 0};
	struct swap_header header;
	const char *at;
	long result = quire_frame_alloc(the_system, 0, QUIRE_FRAME_LINEAR, &page.pfn);

	if (result)
		return result;
	arch_disk_transfer(DISK_READ, &page, 1);
	at = quire_frame_address(the_system, page.pfn);
	memcpy(&header, at + HEADER_AT, sizeof(header));
	if (page.status)
		result = page.status;
	else if (memcmp(at + PAGE_SIZE - MAGIC_BYTES, MAGIC, MAGIC_BYTES) || header.version != 1 ||
		 header.bad_pages || header.last_page == 0 || header.last_page >= arch_disk_pages())
		result = -EINVAL;
	*out_slots = header.last_page;
	quire_frame_free(the_system, page.pfn, 0);
	return result;
}

/* --- memory for the kernel itself -------------------------------------------------------------- */

#define OWN_TRIES 16
#define OWN_PAGES 32

bool pages_left(unsigned tries)
{
	/* Under a spinlock interrupts are off. */
	if (tries >= OWN_TRIES || !current || !current->process || !arch_irqs_are_on())
		return false;
	return quire_reclaim(the_system, OWN_PAGES) > 0;
}

/* --- kswapd ----------------------------------------------------------------------------------- */

static void kswapd_main(void)
{
	static struct wait_queue rest = WAIT_QUEUE_INIT(rest);

	for (;;) {
		if (!quire_reclaim_background(the_system))
			(void)wait_event_mode(&rest, false, WAIT_NO_SIGNAL,
					      time_monotonic() + KSWAPD_REST_NS);
	}
}

/* A task of a process that no list has: no signal reaches it, and nobody counts it. */
static long kswapd_start(void)
{
	static struct process *process;
	struct task *task;

	if (process)
		return 0;
	process = process_alloc();
	task = process ? task_alloc(false) : NULL;
	if (!task) {
		if (process)
			process_put(process);
		process = NULL;
		return -ENOMEM;
	}
	strlcpy(process->comm, "kswapd0", sizeof(process->comm));
	strlcpy(task->comm, "kswapd0", sizeof(task->comm));
	process->leader = task;
	process->thread_count = 1;
	list_append(&process->threads, &task->thread);
	task->process = process;
	arch_task_entry(task, kswapd_main);
	sched_start(task);
	return 0;
}

/* --- on and off ------------------------------------------------------------------------------- */

static long disk_on(int priority)
{
	struct quire_area area;
	uint64_t slots = 0;
	long result;

	if (!quire_swap_area(the_system, 0, &area))
		return -EBUSY;
	result = read_header(&slots);
	if (!result)
		result = kswapd_start();
	if (result)
		return result;
	disk.slots = slots;
	result = quire_swapon(the_system, &disk, priority);
	if (!result)
		printk("quire-kernel: swap on " DISK_PATH ": %" PRIu64 " KiB, priority %d\n",
		       slots * (PAGE_SIZE / 1024), priority);
	return result;
}

/* 0: the path is the disk's. */
static long find_disk(uint64_t user_path)
{
	struct inode *inode;
	long result;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	result = path_inode(AT_FDCWD, user_path, WALK_FOLLOW, &inode);
	if (result)
		return result;
	if (!IS_TYPE(inode, S_IFBLK))
		result = -EINVAL;
	else if (inode->rdev != DISK_RDEV || !arch_disk_pages())
		result = -ENXIO;
	inode_put(inode);
	return result;
}

long sys_swapon(const abi_ulong *a)
{
	int flags = (int)a[1], priority = flags & SWAP_FLAG_PREFER ? flags & SWAP_FLAG_PRIO : -1;
	long result;

	if (flags & ~(SWAP_FLAG_PREFER | SWAP_FLAG_PRIO | SWAP_FLAG_DISCARD))
		return -EINVAL;
	result = find_disk(a[0]);
	if (result)
		return result;
	mutex_lock(&swap_lock);
	result = disk_on(priority);
	mutex_unlock(&swap_lock);
	return result;
}

long sys_swapoff(const abi_ulong *a)
{
	long result = find_disk(a[0]);

	if (result)
		return result;
	mutex_lock(&swap_lock);
	result = quire_swapoff(the_system, &disk);
	mutex_unlock(&swap_lock);
	return result;
}

void swap_init(void)
{
	char value[8];
	long result;

	if (!arch_disk_pages())
		return;
	result = make_path(DISK_PATH, S_IFBLK | 0660, DISK_RDEV, NULL);
	if (!result && boot_option("swapon", value, sizeof(value))) {
		mutex_lock(&swap_lock);
		result = disk_on(-1);
		mutex_unlock(&swap_lock);
	}
	if (result)
		panic("boot: swap on " DISK_PATH ": error %ld", -result);
}
