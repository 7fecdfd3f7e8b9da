/* SPDX-License-Identifier: MIT */
/* Writes the records of trace.h. A record costs about as much as a small fault: the host reads memory, and no device is
 * touched. Where the host does not follow, a writer waits. */
#include "port/trace.h"

#include "port/fault.h"
#include "kern/process.h"
#include "kern/report.h"
#include "fs/vfs.h"
#include "abi/functions.h"

#define LARGEST     10
#define SMALLEST    4
#define MARKS       1024 /* a page of them: ten bits of a number */
#define GUARD       UINT64_C(0x2164726175477251)
#define GUARD_BYTES 16
#define PART_OF_RAM 16 /* the ring takes at most one part in so many of what is free */

bool fault_trace_on;
uint32_t fault_trace_calls = 1; /* atomic */

static struct trace_ring *ring;
static volatile uint64_t *guard; /* behind the ring, where no record may end */
static struct spinlock ring_lock;
static uint64_t next_memory; /* when the next record of memory is due; ring_lock */

_Static_assert(sizeof(struct trace_ring) == 64, "the host has the same layout");
_Static_assert(sizeof(struct trace_fill) == 8, "there is room for less");
_Static_assert(sizeof(struct trace_fault) == 176, "the host has the same layout");
_Static_assert(sizeof(struct trace_memory) == 192, "the host has the same layout");
_Static_assert(sizeof(struct trace_name) == 128, "the host has the same layout");
_Static_assert(QUIRE_CONFIG_TRACE_STEPS == TRACE_STEPS, "a step has no place");
_Static_assert(QUIRE_PAGE_STATES <= ARRAY_SIZE(((struct trace_memory *)0)->frames), "a state has no place");

#ifdef ARCH_MARK
static uint32_t (*marks)[MARKS];

static void marks_start(void)
{
	quire_pfn pfn;

	if (quire_frame_alloc(the_system, 1, QUIRE_FRAME_LINEAR, &pfn))
		panic("boot: no memory for the trace");
	marks = quire_frame_address(the_system, pfn);
}

/* The number is told by two places in a pair of pages: its upper ten bits by one in the second page, then the lower ten by
 * one in the first. What is stored there does not matter. */
void fault_trace_runs(pid_t pid)
{
	arch_mark(&marks[1][(uint32_t)pid / MARKS % MARKS]);
	arch_mark(&marks[0][(uint32_t)pid % MARKS]);
}
#else
static void marks_start(void)
{
}

void fault_trace_runs(pid_t pid)
{
	(void)pid;
}
#endif

void fault_trace_start(void)
{
	quire_pfn pfn;
	unsigned order = LARGEST;

	marks_start();

	while (order >= SMALLEST &&
	       ((free_frames_now() / PART_OF_RAM) >> order == 0 ||
		quire_frame_alloc(the_system, order, QUIRE_FRAME_LINEAR | QUIRE_FRAME_ZERO, &pfn)))
		order--;
	if (order < SMALLEST)
		panic("boot: no memory for the trace");
	ring = quire_frame_address(the_system, pfn);
	ring->magic = TRACE_MAGIC;
	ring->size = (uint32_t)((PAGE_SIZE << order) - GUARD_BYTES - sizeof(*ring));
	guard = (void *)(ring->data + ring->size);
	guard[0] = guard[1] = GUARD;
	printk("@trace %" PRIx64 " %" PRIx64 "\n", (uint64_t)pfn.n * PAGE_SIZE,
	       ((uint64_t)PAGE_SIZE << order) - GUARD_BYTES);
	fault_trace_on = true;
}

/* Where `bytes` fit. NULL: the host has to read first. => ring_lock is held. */
static void *room_for(uint32_t bytes)
{
	uint32_t head = ring->head, tail = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE), size = ring->size;

	if (head < tail)
		return tail - head > bytes ? ring->data + head : NULL;
	if (size - head > bytes || (size - head == bytes && tail))
		return ring->data + head;
	if (tail <= bytes)
		return NULL;
	if (head < size)
		*(struct trace_fill *)(void *)(ring->data + head) = (struct trace_fill){.kind = TRACE_FILL};
	__atomic_store_n(&ring->head, 0, __ATOMIC_RELEASE);
	return ring->data;
}

/* Room for a record. => ring_lock is held until put_end(). */
static void *put_begin(uint32_t bytes)
{
	void *room;

	spin_lock(&ring_lock);
	while ((room = room_for(bytes)) == NULL) {
		spin_unlock(&ring_lock);
		arch_relax();
		spin_lock(&ring_lock);
	}
	return room;
}

static void put_end(const struct trace_head *record)
{
	uint32_t end = (uint32_t)((const uint8_t *)record - ring->data) + record->bytes;

	__atomic_store_n(&ring->head, end == ring->size ? 0 : end, __ATOMIC_RELEASE);
	spin_unlock(&ring_lock);
}

static void put_memory(uint64_t now)
{
	struct trace_memory *record = put_begin(sizeof(*record));

	*record = (struct trace_memory){
	    .head = {sizeof(*record), TRACE_MEMORY, 0, current->process->pid, now},
	    .zeroed = quire_event_count(the_system, QUIRE_EVENT_PAGE_CLEARED),
	    .read = quire_event_count(the_system, QUIRE_EVENT_PAGE_READ),
	    .copied = quire_event_count(the_system, QUIRE_EVENT_PAGE_COPIED),
	    .forked = quire_event_count(the_system, QUIRE_EVENT_FORK_PTE),
	    .swapped_in = quire_event_count(the_system, QUIRE_EVENT_PSWPIN),
	    .swapped_out = quire_event_count(the_system, QUIRE_EVENT_PSWPOUT),
	};
	for (unsigned state = 0; state < QUIRE_PAGE_STATES; state++)
		record->frames[state] = quire_frames_in(the_system, (enum quire_page_state)state);
	put_end(&record->head);
}

/* => may sleep, as a look at a file's path does. */
static uint32_t number_of(const struct quire_file *file)
{
	bool first;
	uint32_t number = quire_file_number(file, &first);
	struct trace_name name = {.head = {sizeof(name), TRACE_NAME, 0, 0, 0}, .file = number}, *record;

	if (!first)
		return number;
	quire_file_path(file, name.name, sizeof(name.name));
	record = put_begin(sizeof(name));
	*record = name;
	put_end(&record->head);
	return number;
}

/* The mapping that holds `va`, which *out may be already. => may sleep. */
static void describe(quire_va va, struct trace_mapping *out)
{
	struct quire_region region;

	if (va >= out->start && va < out->end)
		return;
	*out = (struct trace_mapping){0};
	if (quire_mm_region_get(current->mm, va, &region) != QUIRE_OK)
		return;
	if (region.start <= va)
		*out = (struct trace_mapping){.start = region.start,
					      .end = region.end,
					      .offset = region.offset,
					      .file = region.file ? number_of(region.file) : 0,
					      .flags = (uint16_t)region.flags,
					      .prot = (uint8_t)region.prot};
	if (region.file)
		quire_file_put(region.file);
}

/* Where the running task's fault is. What it found the last time holds until a system call ends. */
static const struct trace_places *places_of(const struct quire_fault *fault)
{
	static const struct trace_places untold;
	struct trace_places *places = &current->places;
	uint32_t calls = __atomic_load_n(&fault_trace_calls, __ATOMIC_ACQUIRE);

	if (fault->mode != QUIRE_MODE_USER) /* the kernel's own may not sleep */
		return &untold;
	if (places->calls != calls)
		*places = (struct trace_places){.calls = calls};
	describe(fault->pc, &places->of_pc);
	describe(fault->va, &places->of_address);
	return places;
}

void fault_trace_put(const struct quire_trace *trace)
{
	const struct quire_fault *fault = &trace->fault;
	const struct quire_outcome *outcome = &trace->outcome;
	bool signal = outcome->kind == QUIRE_SIGNAL, memory;
	const struct trace_places *places = places_of(fault);
	uint64_t now = time_monotonic();
	struct trace_fault *record;

	record = put_begin(sizeof(*record));
	record->head =
	    (struct trace_head){sizeof(*record), TRACE_FAULT, (uint8_t)MIN(trace->steps_total, TRACE_STEPS),
				current->process->pid, now};
	record->tid = current->tid;
	record->mode = fault->mode;
	record->access = fault->access;
	record->cause = fault->cause;
	record->outcome = outcome->kind;
	record->rule = outcome->rule;
	record->major = outcome->major;
	record->signal = signal ? outcome->signal : 0;
	record->code = signal ? outcome->code : 0;
	record->spare = 0;
	record->address = fault->va;
	record->pc = fault->pc;
	record->syndrome = fault->raw;
	record->before = trace->pte_before;
	record->after = trace->pte_after;
	record->frame = trace->pfn.n;
	record->of_pc = places->of_pc;
	record->of_address = places->of_address;
	__builtin_memcpy(record->steps, trace->steps, TRACE_STEPS);
	memory = now >= next_memory;
	if (memory)
		next_memory = now + TRACE_MEMORY_NS;
	put_end(&record->head);
	if (memory)
		put_memory(now);
}

void fault_trace_task(enum trace_task_kind what, pid_t pid, pid_t parent, const char *name)
{
	struct trace_task *record;

	if (__builtin_expect(!fault_trace_on, true))
		return;
	BUG_ON(guard[0] != GUARD || guard[1] != GUARD);
	record = put_begin(sizeof(*record));
	*record = (struct trace_task){
	    .head = {sizeof(*record), TRACE_TASK, 0, pid, time_monotonic()}, .what = what, .parent = parent};
	if (name)
		strlcpy(record->name, name, sizeof(record->name));
	put_end(&record->head);
}
