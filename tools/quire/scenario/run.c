/* SPDX-License-Identifier: MIT */
/* The interpreter: lowers each operation to system calls and accesses, and records the results. */
#include "names.h"
#include "view.h"

#include <string.h>

uint8_t scn_code_byte(uint8_t n, uint64_t page)
{
	/* Each byte is a whole x86 instruction that touches no memory, so exec may run any of them. */
	static const uint8_t harmless[16] = {0x90, 0xf8, 0x91, 0xf9, 0x92, 0xf5, 0x93, 0x95,
					     0x96, 0x97, 0x98, 0x99, 0x9f, 0xc3, 0x40, 0x48};

	return harmless[(n + page) % 16];
}

uint8_t scn_fill_byte(const struct scn_file *file, uint64_t page)
{
	return file->filled == SCN_FILL_CODE ? scn_code_byte(file->fill, page) : (uint8_t)(file->fill + page);
}

/* Four lanes, because most hashed data is whole pages. */
static uint64_t hash_blocks(uint64_t hash, const uint8_t *at, size_t blocks)
{
	uint64_t lane[4] = {hash, hash ^ 0x100000001b3u, hash + 0x9e3779b97f4a7c15u, ~hash};

	for (; blocks; blocks--, at += 32) {
		uint64_t word[4];

		memcpy(word, at, 32);
		for (unsigned i = 0; i < 4; i++) {
			lane[i] = (lane[i] ^ word[i]) * 0xff51afd7ed558ccdu;
			lane[i] ^= lane[i] >> 32;
		}
	}
	for (unsigned i = 1; i < 4; i++)
		lane[0] = (lane[0] ^ lane[i]) * 0x9e3779b97f4a7c15u ^ lane[0] >> 29;
	return lane[0];
}

uint64_t scn_hash(uint64_t seed, const void *bytes, size_t count)
{
	const uint8_t *at = bytes;
	uint64_t hash = seed ^ 0x9e3779b97f4a7c15u;

	if (count >= 128) {
		hash = hash_blocks(hash, at, count / 32);
		at += count / 32 * 32;
		count %= 32;
	}
	for (; count >= 8; count -= 8, at += 8) {
		uint64_t word;

		memcpy(&word, at, 8);
		hash = (hash ^ word) * 0xff51afd7ed558ccdu;
		hash ^= hash >> 32;
	}
	for (; count; count--, at++)
		hash = (hash ^ *at) * 0x100000001b3u;
	return hash;
}

uint64_t scn_bytes(const struct scn_run *run, struct scn_size size)
{
	return (uint64_t)(int64_t)size.pages * run->backend->page_size + (uint64_t)size.bytes;
}

/* No program of a 64-bit machine has memory from here on, though the kernel's own may start higher. */
#define UPPER_HALF 0xffff800000000000u

static uint64_t kernel_start(const struct scn_backend *backend)
{
	return backend->kernel ? backend->kernel : UPPER_HALF;
}

uint64_t scn_resolve(const struct scn_run *run, struct scn_addr addr)
{
	uint64_t base = 0;

	switch (addr.base) {
	case SCN_BASE_ARENA:
		base = run->backend->arena;
		break;
	case SCN_BASE_HEAP:
		base = run->backend->heap;
		break;
	case SCN_BASE_KERNEL:
		base = kernel_start(run->backend);
		break;
	case SCN_BASE_NAME:
		base = run->bound[addr.name].start;
		break;
	case SCN_BASE_END:
		base = run->bound[addr.name].start + run->bound[addr.name].bytes;
		break;
	default:
		break;
	}
	return base + scn_bytes(run, addr.off);
}

scn_place scn_place_of(const struct scn_backend *backend, uint64_t va)
{
	if (va >= backend->arena &&
	    va - backend->arena <= backend->arena_bytes + SCN_ROOM_PAGES * backend->page_size)
		return va - backend->arena;
	if (va >= backend->heap && va - backend->heap <= SCN_HEAP_BYTES)
		return 1ull << 60 | (va - backend->heap);
	if (va < 1u << 20)
		return 3ull << 60 | va;
	return 2ull << 60;
}

unsigned scn_result_count(const struct scn_program *program)
{
	return program->op_count + program->proc_count * SCN_END_VIEWS + program->file_count;
}

enum scn_verb scn_result_verb(const struct scn_program *program, unsigned index)
{
	static const uint8_t end_view[SCN_END_VIEWS] = {SCN_LAYOUT, SCN_RESIDENT, SCN_MEMORY};

	if (index < program->op_count)
		return (enum scn_verb)program->op[index].verb;
	index -= program->op_count;
	if (index < (unsigned)program->proc_count * SCN_END_VIEWS)
		return (enum scn_verb)end_view[index % SCN_END_VIEWS];
	return SCN_FREAD;
}

void scn_run_init(struct scn_run *run, const struct scn_program *program, const struct scn_backend *backend,
		  void *context)
{
	memset(run, 0, offsetof(struct scn_run, result));
	memset(run->result, 0, scn_result_count(program) * sizeof(run->result[0]));
	run->backend = backend;
	run->context = context;
	run->program = program;
	run->alive[0] = 1;
	for (unsigned i = 0; i < SCN_MAX_NAMES; i++)
		run->bound[i].start = backend->arena;
}

/* --- Addresses that a program may use --- */

/* Whether a range lies in the arena, in the heap, or at low addresses, where nothing is mapped. Elsewhere
 * a program could unmap the interpreter's own memory, so such operations are skipped on every backend. `room`:
 * bytes above the arena that the operation may reach too. */
static bool inside(const struct scn_run *run, uint64_t start, uint64_t length, uint64_t room)
{
	const struct scn_backend *b = run->backend;
	uint64_t arena_bytes = b->arena_bytes + room;

	if (start >= b->arena && start - b->arena <= arena_bytes)
		return length <= arena_bytes - (start - b->arena);
	if (start >= b->heap && start - b->heap <= SCN_HEAP_BYTES)
		return length <= SCN_HEAP_BYTES - (start - b->heap);
	return start < 1u << 19 && length < 1u << 19;
}

static uint64_t room_bytes(const struct scn_run *run)
{
	return SCN_ROOM_PAGES * run->backend->page_size;
}

/* Whether the operation accesses bytes one by one. */
static bool is_access(const struct scn_op *op)
{
	switch (op->verb) {
	case SCN_WRITE:
	case SCN_KWRITE:
	case SCN_POKE:
	case SCN_READ:
	case SCN_KREAD:
	case SCN_PEEK:
	case SCN_EXEC:
		return true;
	default:
		return false;
	}
}

static bool is_safe(const struct scn_run *run, const struct scn_op *op)
{
	uint64_t addr = scn_resolve(run, op->addr);
	uint64_t length = scn_bytes(run, op->len);
	uint64_t length2 = scn_bytes(run, op->len2);
	uint64_t to = scn_resolve(run, op->to);

	if (is_access(op))
		return inside(run, addr, 1, room_bytes(run)) || addr >= kernel_start(run->backend) ||
		       addr >= UPPER_HALF;
	switch (op->verb) {
	case SCN_MAP:
		return !(op->flags & SCN_MAP_FIXED) || length > (uint64_t)1 << 48 ||
		       inside(run, addr, length, 0);
	case SCN_REMAP:
		return inside(run, addr, length, 0) && (length2 <= run->backend->arena_bytes) &&
		       (!(op->flags & SCN_REMAP_FIXED) || inside(run, to, length2, 0));
	case SCN_UNMAP:
	case SCN_PROTECT:
	case SCN_ADVISE:
	case SCN_LOCK:
	case SCN_UNLOCK:
	case SCN_SYNC:
	case SCN_MINCORE:
	case SCN_KZERO:
	case SCN_RESIDENT:
	case SCN_EVICT:
		return inside(run, addr, length, room_bytes(run));
	case SCN_BRK:
		return addr < run->backend->heap ? addr < 4096 : inside(run, addr, 0, 0);
	case SCN_LAYOUT:
		return !length || inside(run, addr, length, room_bytes(run));
	default:
		return true;
	}
}

/* Whether a safe operation reaches pages above the arena. */
static bool reaches_room(const struct scn_run *run, const struct scn_op *op)
{
	const struct scn_backend *b = run->backend;
	uint64_t addr = scn_resolve(run, op->addr), end = b->arena + b->arena_bytes;
	uint64_t length = scn_bytes(run, op->len);

	if (op->verb == SCN_MAP || op->verb == SCN_REMAP || addr < b->arena || addr > end + room_bytes(run))
		return false;
	if (op->verb == SCN_READ || op->verb == SCN_WRITE)
		length = (uint64_t)(op->times - 1) * b->page_size + 1;
	else if (is_access(op))
		length = 1;
	return length > end - addr || addr > end;
}

static bool is_unknown(const struct scn_run *run, struct scn_addr addr)
{
	return (addr.base == SCN_BASE_NAME || addr.base == SCN_BASE_END) && !run->bound[addr.name].known;
}

/* Why the operation is not done; NULL: it is. */
static const char *obstacle(const struct scn_run *run, const struct scn_op *op)
{
	if (run->cut)
		return SCN_CUT;
	if (is_unknown(run, op->addr) || is_unknown(run, op->to))
		return "the map of a name in it has failed";
	if (!is_safe(run, op))
		return "its range leaves the arena, the heap and the lowest 512 KiB";
	return run->backend->cannot(run->context, op);
}

/* --- System calls --- */

/* The arguments of a system call; omitted ones are 0. */
#define ARGS(...) ((const uint64_t[6]){__VA_ARGS__})

static int64_t call(struct scn_run *run, const struct scn_op *op, struct scn_result *result,
		    enum scn_call which, const uint64_t arg[6])
{
	int64_t value = run->backend->call(run->context, op->proc, which, arg, &result->counts);

	if (value < 0 && value > -4096) {
		result->error = (int32_t)-value;
		return -1;
	}
	return value;
}

static void bind_result(struct scn_run *run, const struct scn_op *op, struct scn_result *result,
			int64_t value, struct scn_size length)
{
	uint64_t page = run->backend->page_size;

	if (result->error)
		return;
	result->at = scn_place_of(run->backend, (uint64_t)value);
	if (op->name != SCN_NONE) {
		run->bound[op->name].start = (uint64_t)value;
		run->bound[op->name].known = 1;
		run->bound[op->name].bytes = (scn_bytes(run, length) + page - 1) & ~(page - 1);
	}
}

static void do_call(struct scn_run *run, const struct scn_op *op, struct scn_result *r)
{
	uint64_t addr = scn_resolve(run, op->addr);
	uint64_t to = scn_resolve(run, op->to);
	uint64_t length = scn_bytes(run, op->len);
	uint64_t length2 = scn_bytes(run, op->len2);
	uint64_t offset = scn_bytes(run, op->off);
	uint64_t file = op->file == SCN_NONE ? ~0ull : op->file;
	int64_t value;

	switch (op->verb) {
	case SCN_MAP:
		value =
		    call(run, op, r, SCN_CALL_MMAP, ARGS(addr, length, op->prot, op->flags, file, offset));
		bind_result(run, op, r, value, op->len);
		break;
	case SCN_REMAP:
		value = call(run, op, r, SCN_CALL_MREMAP, ARGS(addr, length, length2, op->flags, to));
		bind_result(run, op, r, value, op->len2);
		break;
	case SCN_BRK:
		value = call(run, op, r, SCN_CALL_BRK, ARGS(addr));
		r->at = scn_place_of(run->backend, (uint64_t)value);
		/* The system call returns no errno; ENOMEM is what the C library's brk() reports. */
		r->error = (uint64_t)value == addr ? 0 : SCN_ENOMEM;
		break;
	case SCN_UNMAP:
		call(run, op, r, SCN_CALL_MUNMAP, ARGS(addr, length));
		break;
	case SCN_PROTECT:
		call(run, op, r, SCN_CALL_MPROTECT, ARGS(addr, length, op->prot));
		break;
	case SCN_ADVISE:
		call(run, op, r, SCN_CALL_MADVISE, ARGS(addr, length, op->flags));
		break;
	case SCN_LOCK:
		call(run, op, r, SCN_CALL_MLOCK2, ARGS(addr, length, op->flags));
		break;
	case SCN_UNLOCK:
		call(run, op, r, SCN_CALL_MUNLOCK, ARGS(addr, length));
		break;
	case SCN_SYNC:
		call(run, op, r, SCN_CALL_MSYNC, ARGS(addr, length, op->flags));
		break;
	case SCN_LIMIT:
		call(run, op, r, SCN_CALL_LIMIT, ARGS(op->other, length));
		break;
	case SCN_TRUNCATE:
		call(run, op, r, SCN_CALL_FTRUNCATE, ARGS(file, length));
		break;
	case SCN_PUNCH:
		call(run, op, r, SCN_CALL_FPUNCH, ARGS(file, offset, length));
		break;
	case SCN_EVICT:
		value = call(run, op, r, SCN_CALL_EVICT, ARGS(addr, length));
		r->count = value < 0 ? 0 : (uint32_t)value;
		break;
	case SCN_PRESSURE:
		length = (length + run->backend->page_size - 1) / run->backend->page_size;
		value = call(run, op, r, SCN_CALL_PRESSURE, ARGS(length));
		r->count = value < 0 ? 0 : (uint32_t)value;
		break;
	case SCN_SWAPOFF:
		call(run, op, r, SCN_CALL_SWAPOFF, ARGS(0));
		break;
	case SCN_STORE:
		call(run, op, r, SCN_CALL_STORE, ARGS(op->flags));
		break;
	default: /* SCN_SP */
		call(run, op, r, SCN_CALL_SP, ARGS(addr));
	}
}

/* Accesses by the kernel on behalf of a process. The call returns a byte or a count. */
static void do_kernel_access(struct scn_run *run, const struct scn_op *op, struct scn_result *r)
{
	uint64_t addr = scn_resolve(run, op->addr);
	uint64_t length = scn_bytes(run, op->len);
	uint64_t offset = scn_bytes(run, op->off);
	int64_t value = 0;

	if ((op->verb == SCN_PEEK || op->verb == SCN_POKE) && !run->alive[op->other]) {
		r->error = SCN_ESRCH;
		return;
	}
	switch (op->verb) {
	case SCN_KREAD:
		value = call(run, op, r, SCN_CALL_KREAD, ARGS(addr));
		break;
	case SCN_KWRITE:
		call(run, op, r, SCN_CALL_KWRITE, ARGS(addr, op->value));
		break;
	case SCN_KZERO:
		value = call(run, op, r, SCN_CALL_KZERO, ARGS(addr, length));
		break;
	case SCN_PEEK:
		value = call(run, op, r, SCN_CALL_PEEK, ARGS(addr, op->other));
		break;
	case SCN_POKE:
		call(run, op, r, SCN_CALL_POKE, ARGS(addr, op->other, op->value));
		break;
	case SCN_FREAD:
		value = call(run, op, r, SCN_CALL_FREAD, ARGS(op->file, offset));
		break;
	default: /* SCN_FWRITE */
		value = call(run, op, r, SCN_CALL_FWRITE, ARGS(op->file, offset, length, op->value));
	}
	if (r->error)
		return;
	if (op->verb == SCN_KZERO || op->verb == SCN_FWRITE)
		r->count = (uint32_t)value;
	else
		r->value = (uint64_t)value;
}

static void do_access(struct scn_run *run, const struct scn_op *op, struct scn_result *r)
{
	enum scn_access kind = op->verb == SCN_READ    ? SCN_ACCESS_READ
			       : op->verb == SCN_WRITE ? SCN_ACCESS_WRITE
						       : SCN_ACCESS_EXEC;
	unsigned times = op->verb == SCN_EXEC ? 1 : op->times;
	uint64_t addr = scn_resolve(run, op->addr);

	for (unsigned i = 0; i < times; i++, addr += run->backend->page_size) {
		struct scn_access_result access = {0};

		run->backend->access(run->context, op->proc, kind, addr, op->value, &access);
		r->counts.minor += access.counts.minor;
		r->counts.major += access.counts.major;
		if (access.signal) {
			r->signal = access.signal;
			r->code = access.code;
			r->at = scn_place_of(run->backend, access.addr);
			return;
		}
		r->count++;
		if (kind == SCN_ACCESS_READ) {
			r->value = access.value;
			r->mix = scn_hash(r->mix, &access.value, 1);
		}
	}
}

/* --- Processes --- */

static bool do_fork(struct scn_run *run, const struct scn_op *op, struct scn_result *r)
{
	bool child = false;
	int error;

	if (run->alive[op->other]) {
		r->error = SCN_EINVAL;
		return true;
	}
	error = run->backend->fork(run->context, op->proc, op->other, &child);
	if (child)
		return false;
	r->error = -error;
	run->alive[op->other] = !error;
	return true;
}

/* Does an operation that its machine can do. Returns as scn_step(). */
static bool do_op(struct scn_run *run, const struct scn_op *op, struct scn_result *r)
{
	switch (op->verb) {
	case SCN_FORK:
		return do_fork(run, op, r);
	case SCN_EXIT:
		run->backend->exit(run->context, op->proc);
		run->alive[op->proc] = 0;
		break;
	case SCN_READ:
	case SCN_WRITE:
	case SCN_EXEC:
		do_access(run, op, r);
		break;
	case SCN_KREAD:
	case SCN_KWRITE:
	case SCN_KZERO:
	case SCN_PEEK:
	case SCN_POKE:
	case SCN_FREAD:
	case SCN_FWRITE:
		do_kernel_access(run, op, r);
		break;
	case SCN_LAYOUT:
		scn_view_layout(run, op, r);
		break;
	case SCN_RESIDENT:
		scn_view_resident(run, op, r);
		break;
	case SCN_MINCORE:
		scn_view_mincore(run, op, r);
		break;
	case SCN_MEMORY:
		scn_view_memory(run, op->proc, r);
		break;
	default:
		do_call(run, op, r);
	}
	return true;
}

/* Whether operations after one of this verb depend on what it did to memory and to the store. */
static bool decides_what_is_swapped(uint8_t verb)
{
	return verb == SCN_EVICT || verb == SCN_PRESSURE || verb == SCN_SWAPOFF || verb == SCN_STORE;
}

bool scn_step(struct scn_run *run, unsigned index)
{
	const struct scn_op *op = &run->program->op[index];
	struct scn_result *r = &run->result[index];
	bool room, more;

	memset(r, 0, sizeof(*r));
	if (!run->cut && !run->alive[op->proc]) {
		r->state = SCN_DEAD;
		return true;
	}
	r->why = obstacle(run, op);
	if (r->why) {
		r->state = SCN_SKIPPED;
		run->cut |= decides_what_is_swapped(op->verb);
		return true;
	}
	r->state = SCN_RAN;
	room = reaches_room(run, op) && run->backend->room(run->context, op->proc, true);
	more = do_op(run, op, r);
	if (room)
		run->backend->room(run->context, op->proc, false);
	return more;
}

uint64_t scn_run_digest(const struct scn_run *run)
{
	uint64_t hash = 0;

	for (unsigned i = 0; i < scn_result_count(run->program); i++) {
		const struct scn_result *r = &run->result[i];
		const uint64_t word[8] = {(uint64_t)r->state << 16 | (uint64_t)r->signal << 8 | r->code,
					  (uint64_t)(int64_t)r->error,
					  r->at,
					  r->value,
					  r->mix,
					  r->count,
					  (uint64_t)r->counts.major << 32 | r->counts.minor,
					  r->view_bytes};

		if (r->state == SCN_RAN)
			hash = scn_hash(hash, word, sizeof(word));
		hash = scn_hash(hash, run->view + r->view, r->view_bytes);
	}
	return hash;
}
