/* SPDX-License-Identifier: MIT */
/* Reads the ring of records in the guest's RAM (ports/kernel/port/trace.h). The RAM is a file in memory that QEMU and
 * this process share; the kernel's log says where in it the ring is. What is read is kept as it is, and made into words
 * when the guest is not waited for. */
#include "run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	LARGEST = 64 << 20
};

int ring_memory(struct run_ring *ring, const struct run_ram *ram)
{
	ring->ram = *ram;
	ring->fd = memfd_create("quire-run-ram", MFD_CLOEXEC);
	if (ring->fd < 0 || ftruncate(ring->fd, (off_t)ram->bytes) != 0) {
		run_error("the guest's memory: %s", strerror(errno));
		return -1;
	}
	ring->records = tmpfile();
	if (!ring->records)
		run_error("the trace: %s", strerror(errno));
	return ring->records ? 0 : -1;
}

/* Where a physical address is in the file. RAM that does not fit below the hole at 4 GiB goes on behind it. */
static uint64_t place_of(const struct run_ram *ram, uint64_t address)
{
	const uint64_t high = UINT64_C(1) << 32;

	if (address >= high && ram->below && ram->bytes > ram->below)
		return address - high + ram->below;
	return address - ram->base;
}

bool ring_found(struct run_ring *ring, const char *text)
{
	uint64_t address, bytes, place;
	char *end;
	void *map;

	address = strtoull(text, &end, 16);
	bytes = strtoull(end, &end, 16);
	place = place_of(&ring->ram, address);
	if (ring->map || *end || bytes <= sizeof(struct trace_ring) || bytes > LARGEST || place % 4096 ||
	    place > ring->ram.bytes || bytes > ring->ram.bytes - place)
		return false;
	map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, (off_t)place);
	if (map == MAP_FAILED)
		return false;
	ring->map = map;
	ring->bytes = bytes;
	return ring->map->magic == TRACE_MAGIC && ring->map->size == bytes - sizeof(struct trace_ring) &&
	       ring->map->size % 8 == 0;
}

bool ring_drain(struct run_ring *ring)
{
	struct trace_ring *map = ring->map;
	uint32_t size, head, tail;

	if (!map)
		return true;
	size = (uint32_t)(ring->bytes - sizeof(*map));
	head = __atomic_load_n(&map->head, __ATOMIC_ACQUIRE);
	tail = ring->tail;
	if (head > size || head % 8)
		return false;
	if (ring->reading && fseek(ring->records, 0, SEEK_END) != 0)
		return false;
	ring->reading = false;
	while (tail != head) {
		const struct trace_head *record = (const void *)(map->data + tail);
		uint32_t bytes = record->bytes;

		if (record->kind == TRACE_FILL) {
			if (head >= tail)
				return false;
			tail = 0;
			continue;
		}
		if (bytes < sizeof(*record) || bytes > sizeof(union run_record) || bytes % 8 ||
		    bytes > size - tail || fwrite(record, 1, bytes, ring->records) != bytes)
			return false;
		ring->faults += record->kind == TRACE_FAULT;
		tail = tail + bytes == size ? 0 : tail + bytes;
	}
	ring->tail = tail;
	__atomic_store_n(&map->tail, tail, __ATOMIC_RELEASE);
	return true;
}

bool ring_next(struct run_ring *ring, union run_record *out)
{
	struct trace_head *head = &out->head;

	if (!ring->records || (!ring->reading && fseek(ring->records, ring->read, SEEK_SET) != 0))
		return false;
	ring->reading = true;
	if (fread(head, sizeof(*head), 1, ring->records) == 1 && head->bytes <= sizeof(*out) &&
	    fread(out->bytes + sizeof(*head), 1, head->bytes - sizeof(*head), ring->records) ==
		head->bytes - sizeof(*head)) {
		memset(out->bytes + head->bytes, 0, sizeof(*out) - head->bytes);
		ring->read += head->bytes;
		return true;
	}
	return false;
}

void ring_free(struct run_ring *ring)
{
	if (ring->map)
		munmap(ring->map, ring->bytes);
	if (ring->records)
		fclose(ring->records);
	if (ring->fd >= 0)
		close(ring->fd);
}
