/* SPDX-License-Identifier: MIT */
/* A disk: virtio block device on PCI, by the legacy interface (Virtual I/O Device 1.2, 4.1.4.10 "Legacy Interfaces: A
 * Note on PCI Device Layout", 2.7.2 "Legacy Interfaces: A Note on Virtqueue Layout", 5.2.6 "Device Operation").
 *
 *   queue:  descriptors | available ring | ... page boundary | used ring      one block of frames
 *   page i: descriptor 3i: request header -> 3i + 1: the frame -> 3i + 2: status
 *
 * One batch is under way at a time. Its end is looked for, not told: a batch takes less than a time slice. */
#include "cpu.h"
#include "kern/lock.h"
#include "kern/swap.h"

/* PCI Local Bus 3.0, 3.2.2.3.2: configuration mechanism. 6.1, 6.2: the header. */
#define PCI_ADDRESS  0xcf8
#define PCI_DATA     0xcfc
#define PCI_ENABLE   0x80000000u
#define PCI_ID       0x00
#define PCI_COMMAND  0x04
#define PCI_BAR0     0x10
#define COMMAND_BITS 5u          /* ports, bus master */
#define VIRTIO_BLOCK 0x10011af4u /* 4.1.2.1: transitional block device */

/* Ports from BAR 0. */
#define GUEST_FEATURES 4
#define QUEUE_ADDRESS  8
#define QUEUE_SIZE     12
#define QUEUE_SELECT   14
#define QUEUE_NOTIFY   16
#define DEVICE_STATUS  18
#define CAPACITY       20

/* 2.1: device status. */
#define ACKNOWLEDGE 1
#define DRIVER      2
#define DRIVER_OK   4

/* 2.7.5: descriptors. */
#define DESC_NEXT  1
#define DESC_WRITE 2 /* by the device */

/* 5.2.6: requests. */
#define BLK_IN          0
#define BLK_OUT         1
#define BLK_OK          0
#define SECTORS_OF_PAGE (PAGE_SIZE / 512)

#define QUEUE_MOST  256
#define QUEUE_ORDER 2 /* frames of a queue of QUEUE_MOST: 3 */
#define CHAIN       3

struct descriptor {
	uint64_t address;
	uint32_t length;
	uint16_t flags, next;
};

struct available {
	uint16_t flags, index, ring[];
};

struct used {
	uint16_t flags, index;
};

struct request {
	uint32_t type, reserved;
	uint64_t sector;
};

static struct mutex lock = MUTEX_INIT(lock);
static struct {
	uint16_t port, size;
	uint64_t pages; /* 0: there is no disk */
	struct descriptor *descriptor;
	struct available *available;
	volatile struct used *used;
	struct request *request; /* [QUIRE_STORE_BATCH] */
	volatile uint8_t *status;
} disk;

static uint32_t pci_read(unsigned slot, unsigned at)
{
	outl(PCI_ADDRESS, PCI_ENABLE | slot << 11 | at);
	return inl(PCI_DATA);
}

static void pci_write(unsigned slot, unsigned at, uint32_t value)
{
	outl(PCI_ADDRESS, PCI_ENABLE | slot << 11 | at);
	outl(PCI_DATA, value);
}

/* The port of BAR 0 of the first such device on bus 0; 0: there is none. */
static uint16_t find_device(void)
{
	for (unsigned slot = 0; slot < 32; slot++) {
		uint32_t bar;

		if (pci_read(slot, PCI_ID) != VIRTIO_BLOCK)
			continue;
		bar = pci_read(slot, PCI_BAR0);
		pci_write(slot, PCI_COMMAND, pci_read(slot, PCI_COMMAND) | COMMAND_BITS);
		return bar & 1 ? (uint16_t)(bar & ~3u) : 0;
	}
	return 0;
}

/* Memory for the queue and the requests. False: there is none. */
static bool make_queue(quire_pfn *out_pfn)
{
	quire_pfn more;
	char *at;

	if (quire_frame_alloc(the_system, QUEUE_ORDER, QUIRE_FRAME_LINEAR | QUIRE_FRAME_ZERO, out_pfn))
		return false;
	if (quire_frame_alloc(the_system, 0, QUIRE_FRAME_LINEAR | QUIRE_FRAME_ZERO, &more)) {
		quire_frame_free(the_system, *out_pfn, QUEUE_ORDER);
		return false;
	}
	at = quire_frame_address(the_system, *out_pfn);
	disk.descriptor = (struct descriptor *)(void *)at;
	at += disk.size * sizeof(struct descriptor);
	disk.available = (struct available *)(void *)at;
	at += sizeof(struct available) + (disk.size + 1u) * sizeof(uint16_t);
	disk.used = (struct used *)ALIGN_UP((uintptr_t)at, PAGE_SIZE);
	disk.request = quire_frame_address(the_system, more);
	disk.status = (uint8_t *)(disk.request + QUIRE_STORE_BATCH);
	/* No interrupts: 2.7.7. */
	disk.available->flags = 1;
	return true;
}

void virtio_blk_init(void)
{
	quire_pfn queue;

	disk.port = find_device();
	if (!disk.port)
		return;
	outb(disk.port + DEVICE_STATUS, 0);
	outb(disk.port + DEVICE_STATUS, ACKNOWLEDGE | DRIVER);
	outl(disk.port + GUEST_FEATURES, 0);
	outw(disk.port + QUEUE_SELECT, 0);
	disk.size = inw(disk.port + QUEUE_SIZE);
	if (disk.size < CHAIN * QUIRE_STORE_BATCH || disk.size > QUEUE_MOST) {
		printk("quire-kernel: the disk's queue has %u entries: not used\n", disk.size);
		return;
	}
	if (!make_queue(&queue)) {
		printk("quire-kernel: no memory for the disk's queue: not used\n");
		return;
	}
	outl(disk.port + QUEUE_ADDRESS, (uint32_t)queue.n);
	outb(disk.port + DEVICE_STATUS, ACKNOWLEDGE | DRIVER | DRIVER_OK);
	disk.pages =
	    ((uint64_t)inl(disk.port + CAPACITY + 4) << 32 | inl(disk.port + CAPACITY)) / SECTORS_OF_PAGE;
}

uint64_t arch_disk_pages(void)
{
	return disk.pages;
}

static uint64_t pa_of(const volatile void *address)
{
	return (uintptr_t)address - (uintptr_t)pa_to_linear(0);
}

static void describe(unsigned i, enum disk_way way, const struct quire_store_page *page)
{
	struct descriptor *chain = &disk.descriptor[CHAIN * i];
	uint16_t next = (uint16_t)(CHAIN * i + 1);

	disk.request[i] = (struct request){.type = way == DISK_WRITE ? BLK_OUT : BLK_IN,
					   .sector = page->slot * SECTORS_OF_PAGE};
	disk.status[i] = 0xff;
	chain[0] = (struct descriptor){pa_of(&disk.request[i]), sizeof(struct request), DESC_NEXT, next};
	chain[1] = (struct descriptor){page->pfn.n * PAGE_SIZE, PAGE_SIZE,
				       (uint16_t)(DESC_NEXT | (way == DISK_READ ? DESC_WRITE : 0)),
				       (uint16_t)(next + 1)};
	chain[2] = (struct descriptor){pa_of(&disk.status[i]), 1, DESC_WRITE, 0};
}

void arch_disk_transfer(enum disk_way way, struct quire_store_page *pages, unsigned count)
{
	uint16_t first;

	mutex_lock(&lock);
	first = disk.available->index;
	for (unsigned i = 0; i < count; i++) {
		describe(i, way, &pages[i]);
		disk.available->ring[(uint16_t)(first + i) % disk.size] = (uint16_t)(CHAIN * i);
	}
	__atomic_store_n(&disk.available->index, (uint16_t)(first + count), __ATOMIC_SEQ_CST);
	outw(disk.port + QUEUE_NOTIFY, 0);
	while (__atomic_load_n(&disk.used->index, __ATOMIC_ACQUIRE) != (uint16_t)(first + count)) {
		arch_relax();
		cond_resched();
	}
	for (unsigned i = 0; i < count; i++)
		pages[i].status = disk.status[i] == BLK_OK ? QUIRE_OK : QUIRE_EIO;
	mutex_unlock(&lock);
}
