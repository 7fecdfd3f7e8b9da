/* SPDX-License-Identifier: MIT */
/* What a bad address suggests: the patterns that kernels leave on purpose, and common mistakes. */
#include "explain.h"

#include <inttypes.h>
#include <string.h>

#define MAX_ERRNO 4095

static bool is_64(const struct ex_finding *finding)
{
	return finding->arch.long_bytes == 8;
}

#define hint(finding, premise, ...) ex_say(finding, EX_PART_ADDRESS, EX_DEDUCED, premise, __VA_ARGS__)

/* Whether no translation is there: only then may the memory be "freed". */
static bool absent(const struct ex_finding *finding)
{
	return finding->fault.cause == QUIRE_CAUSE_NOT_PRESENT;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* list_del() leaves these in the entry that it took out. Kernels of 64 bits add a part that no page table can
 * map; the low part was 0x100100 and 0x200200 until 4.2, is 0x100 and 0x200 since, and 0x122 in newer ones. */
static bool list_poison(struct ex_finding *finding, uint64_t va)
{
	static const struct {
		uint64_t value;
		uint16_t slack;
		bool wide;
		const char *name;
	} poisons[] = {
	    {UINT64_C(0xdead000000100100), 0x100, true, "LIST_POISON1 (next of a deleted list entry)"},
	    {UINT64_C(0xdead000000200200), 0x100, true, "LIST_POISON2 (prev of a deleted list entry)"},
	    {UINT64_C(0xdead000000000100), 0x22, true, "LIST_POISON1 (next of a deleted list entry)"},
	    {UINT64_C(0xdead000000000122), 0xde, true, "LIST_POISON2 (prev of a deleted list entry)"},
	    {UINT64_C(0xdead000000000200), 0x100, true, "LIST_POISON2 (prev of a deleted list entry)"},
	    {UINT64_C(0xdead000000000300), 0x100, true, "TIMER_ENTRY_STATIC"},
	    {UINT64_C(0x00100100), 0x100, false, "LIST_POISON1 (next of a deleted list entry)"},
	    {UINT64_C(0x00200200), 0x100, false, "LIST_POISON2 (prev of a deleted list entry)"},
	};

	for (size_t i = 0; i < sizeof(poisons) / sizeof(poisons[0]); i++) {
		uint64_t value = poisons[i].value;
		bool above = va >= value;

		if (va + 16 < value || (above && va - value >= poisons[i].slack))
			continue;
		if (poisons[i].wide != is_64(finding) && (is_64(finding) || poisons[i].wide))
			continue;
		hint(finding, "the value that the kernel writes there on purpose",
		     "list poison: %s %s 0x%" PRIx64 ": the entry was used after list_del()", poisons[i].name,
		     above ? "plus" : "minus", above ? va - value : value - va);
		return true;
	}
	return false;
}

/* Since 4.3 kernels of 32 bits have these small values, which a member of a structure may have as well. */
static const char *small_poison(const struct ex_finding *finding, uint64_t va)
{
	if (is_64(finding) || !finding->report->version.text[0] || !ex_since(finding, 4, 3))
		return NULL;
	if (va == 0x100 || va == 0x104)
		return ", or LIST_POISON1";
	if (va == 0x122 || va == 0x126 || va == 0x200 || va == 0x204)
		return ", or LIST_POISON2";
	return NULL;
}

/* Patterns that fill memory: the same byte all over, but for a small offset at the end. */
static bool fill_poison(struct ex_finding *finding, uint64_t va)
{
	static const struct {
		uint8_t byte;
		const char *kind, *text;
	} fills[] = {
	    {0x6b, "freed poison", "POISON_FREE (0x6b) of the slab allocator: read from freed memory"},
	    {0x5a, "uninitialized poison", "POISON_INUSE (0x5a) of the slab allocator: never initialized"},
	    {0xbb, "red zone", "slab red zone (0xbb) of a free object: beyond its end"},
	    {0xcc, "freed poison", "POISON_FREE_INITMEM (0xcc): init memory after it was freed"},
	    {0xaa, "freed or stack poison", "PAGE_POISON or pattern-initialized stack (0xaa)"},
	    {0xfe, "stack poison", "pattern-initialized stack (0xfe): a local was never set"},
	};
	unsigned bytes = is_64(finding) ? 8 : 4;

	for (size_t i = 0; i < sizeof(fills) / sizeof(fills[0]); i++) {
		uint64_t pattern = 0;

		for (unsigned b = 0; b < bytes; b++)
			pattern = pattern << 8 | fills[i].byte;
		if (distance(va, pattern) >= 4096)
			continue;
		hint(finding, "the pattern that fills such memory", "%s: %s", fills[i].kind, fills[i].text);
		return true;
	}
	if (is_64(finding) && va >> 32 == 0xdeadbeef) {
		hint(finding, "a value that programs write on purpose",
		     "poison: 0xdeadbeef in the upper half");
		return true;
	}
	if (va == UINT64_C(0xdeadbaad)) {
		hint(finding, "a value that programs write on purpose",
		     "poison: 0xdeadbaad: Android's C library writes there to abort");
		return true;
	}
	if (distance(va, UINT64_C(0xdeadbeef)) < 256) {
		hint(finding, "a value that programs write on purpose", "poison: 0xdeadbeef");
		return true;
	}
	if (va == UINT64_C(0x57ac6e9d)) {
		hint(finding, "the value at the end of each kernel stack",
		     "stack poison: STACK_END_MAGIC: the end of a kernel stack was read as a pointer");
		return true;
	}
	return false;
}

static const char *errno_name(unsigned number)
{
	static const char *const names[] = {
	    "?",       "EPERM",        "ENOENT", "ESRCH",  "EINTR",     "EIO",     "ENXIO",
	    "E2BIG",   "ENOEXEC",      "EBADF",  "ECHILD", "EAGAIN",    "ENOMEM",  "EACCES",
	    "EFAULT",  "ENOTBLK",      "EBUSY",  "EEXIST", "EXDEV",     "ENODEV",  "ENOTDIR",
	    "EISDIR",  "EINVAL",       "ENFILE", "EMFILE", "ENOTTY",    "ETXTBSY", "EFBIG",
	    "ENOSPC",  "ESPIPE",       "EROFS",  "EMLINK", "EPIPE",     "EDOM",    "ERANGE",
	    "EDEADLK", "ENAMETOOLONG", "ENOLCK", "ENOSYS", "ENOTEMPTY", "ELOOP"};

	if (number < sizeof(names) / sizeof(names[0]))
		return names[number];
	switch (number) {
	case 61:
		return "ENODATA";
	case 71:
		return "EPROTO";
	case 75:
		return "EOVERFLOW";
	case 95:
		return "EOPNOTSUPP";
	case 110:
		return "ETIMEDOUT";
	case 115:
		return "EINPROGRESS";
	case 512:
		return "ERESTARTSYS";
	case 517:
		return "EPROBE_DEFER";
	case 524:
		return "ENOTSUPP";
	default:
		return NULL;
	}
}

/* ERR_PTR(-n), and what may lie a little beyond it: a member of what it was taken for. */
static bool error_pointer(struct ex_finding *finding, uint64_t va)
{
	uint64_t top = is_64(finding) ? UINT64_MAX : UINT32_MAX;
	uint64_t number = top - va + 1;
	const char *name;

	if (va > top || number == 0 || number > MAX_ERRNO)
		return false;
	name = errno_name((unsigned)number);
	if (name)
		hint(finding, "the last page holds the error numbers",
		     "error pointer: ERR_PTR(-%s) (-%" PRIu64 "), or a null pointer minus 0x%" PRIx64
		     ": IS_ERR() was not asked",
		     name, number, number);
	else
		hint(finding, "the last page holds the error numbers",
		     "error pointer: between ERR_PTR(-%" PRIu64 ") and a member behind another, or a null "
		     "pointer minus 0x%" PRIx64,
		     number, number);
	return true;
}

static bool null_offset(struct ex_finding *finding, uint64_t va)
{
	bool exec = finding->fault.access == QUIRE_ACCESS_EXEC;
	const char *poison = small_poison(finding, va);

	if (va >= 0x1000)
		return false;
	if (va == 0)
		hint(finding, "the address is 0",
		     exec ? "null pointer: a call through a null function pointer"
			  : "null pointer: a null pointer was dereferenced");
	else if (exec)
		hint(finding, "the address is in the first page", "null plus offset: a jump to 0x%" PRIx64,
		     va);
	else
		hint(finding, "the address is in the first page",
		     "null plus offset: null pointer plus 0x%" PRIx64 ": a member %" PRIu64
		     " bytes into a structure, or an element of an array%s",
		     va, va, poison ? poison : "");
	return true;
}

/* Printable bytes: a string was taken for a pointer. */
static void text_as_pointer(struct ex_finding *finding, uint64_t va)
{
	unsigned bytes = is_64(finding) ? 8 : 4;
	char text[9];

	for (unsigned i = 0; i < bytes; i++) {
		char c = (char)(va >> 8 * i);

		if (c < 0x20 || c > 0x7e)
			return;
		text[i] = c;
	}
	text[bytes] = '\0';
	hint(finding, "every byte is a printable character", "text: the string \"%s\", taken for a pointer",
	     text);
}

/* Bits 63:47 are alike with four levels, 63:56 with five (SDM 1, 3.3.7.1). A page fault proves that the
 * address was canonical: any other raises #GP. */
static bool non_canonical(const struct ex_finding *finding, uint64_t va, unsigned top_bit)
{
	uint64_t upper = va >> top_bit;

	return finding->id == EX_X86_64 && upper != 0 && upper != UINT64_MAX >> top_bit;
}

static void canonical_hints(struct ex_finding *finding, uint64_t va)
{
	if (!non_canonical(finding, va, 47))
		return;
	if (non_canonical(finding, va, 56)) {
		hint(finding, "bits 63:56 are not alike",
		     "non-canonical: no page table maps it, whatever its depth");
	} else if (finding->report->kind == EX_KIND_FAULT && finding->report->has_code) {
		finding->level5 = true;
		hint(finding, "a page fault, not #GP, at an address whose bits 63:47 are not alike",
		     "five levels: the kernel runs with 57-bit addresses");
	} else {
		hint(finding, "bits 63:47 are not alike",
		     "non-canonical: no page table of four levels maps it");
	}
}

static void stack_hints(struct ex_finding *finding, uint64_t va)
{
	const struct ex_report *report = finding->report;
	uint64_t page = ~UINT64_C(4095);

	if (!report->has_sp || !report->sp || !absent(finding))
		return;
	if (va < report->sp && report->sp - va <= 65536)
		hint(finding, "the distance to the stack pointer",
		     "end of stack: 0x%" PRIx64 " below the stack pointer, where no page is: the stack "
		     "overflowed, or reached its guard",
		     report->sp - va);
	else if (va >= report->sp && (va & page) == (report->sp & page))
		hint(finding, "the distance to the stack pointer",
		     "end of stack: the stack pointer itself is on that page, which is not there: the stack "
		     "overflowed, or the pointer is wrong");
	else if (va > report->sp && va - report->sp < 65536 && (va & 4095) < 16)
		hint(finding, "the distance to the stack pointer, and the page boundary",
		     "end of stack: 0x%" PRIx64 " above the stack pointer, at a page boundary: read past "
		     "the start of the stack",
		     va - report->sp);
}

/* KASAN's shadow of x86-64: a byte for eight, at a place that is fixed when the kernel is built (CONFIG_KASAN_SHADOW_OFFSET). */
#define SHADOW_START UINT64_C(0xdffffc0000000000)
#define SHADOW_END   UINT64_C(0xe000000000000000)

static bool shadow(struct ex_finding *finding, uint64_t va)
{
	const struct ex_report *report = finding->report;
	uint64_t real = (va - SHADOW_START) << 3;

	if (report->has_range) {
		hint(finding, "KASAN's own line",
		     "KASAN shadow: the pointer that is checked is 0x%" PRIx64 " to 0x%" PRIx64 "%s",
		     report->low, report->high, report->high < 4096 ? ", a null pointer plus a little" : "");
		return true;
	}

	if (finding->id != EX_X86_64 || va < SHADOW_START || va >= SHADOW_END)
		return false;
	hint(finding, "KASAN's usual shadow of x86-64",
	     "KASAN shadow: the pointer that is checked is 0x%" PRIx64 " to 0x%" PRIx64 "%s", real, real + 7,
	     real < 4096 ? ", a null pointer plus a little" : "");
	return true;
}

/* Where x86-64 keeps what, where nothing is randomized (Documentation/arch/x86/x86_64/mm.rst, 4 levels). Since
 * 4.8 the direct map, vmalloc and vmemmap may lie elsewhere; the kernel's own 2 GiB are where they were. */
static void x86_64_area(struct ex_finding *finding, uint64_t va)
{
	static const struct {
		uint64_t start, end;
		const char *name;
		bool moves;
	} areas[] = {
	    {UINT64_C(0xffff880000000000), UINT64_C(0xffffc7ffffffffff), "the direct map of all RAM", true},
	    {UINT64_C(0xffffc90000000000), UINT64_C(0xffffe8ffffffffff), "the vmalloc area", true},
	    {UINT64_C(0xffffea0000000000), UINT64_C(0xffffeaffffffffff),
	     "the array of page descriptors (vmemmap)", true},
	    {UINT64_C(0xffffffff80000000), UINT64_C(0xffffffff9fffffff), "the kernel's own image", false},
	    {UINT64_C(0xffffffffa0000000), UINT64_C(0xffffffffbfffffff),
	     "the kernel's own image, or modules where its base is not randomized", false},
	    {UINT64_C(0xffffffffc0000000), UINT64_C(0xfffffffffeffffff), "the area of modules", false},
	};
	bool fixed = finding->report->version.text[0] && !ex_since(finding, 4, 8);

	for (size_t i = 0; i < sizeof(areas) / sizeof(areas[0]); i++) {
		if (va < areas[i].start || va > areas[i].end || (areas[i].moves && !fixed))
			continue;
		hint(finding, areas[i].moves ? "the layout of a kernel before 4.8" : "the top 2 GiB",
		     "kernel area: %s", areas[i].name);
	}
	if (va >> 12 == UINT64_C(0xffffffffff600))
		hint(finding, "its fixed address",
		     "vsyscall: the old system call page, which newer kernels do not map");
}

static void split_hints(struct ex_finding *finding, uint64_t va)
{
	bool sure = is_64(finding) || finding->split_known || va < UINT64_C(0x40000000);
	bool user = va < finding->arch.user_end && sure;
	bool mapped = finding->fault.cause == QUIRE_CAUSE_PERMISSION || finding->report->outside_uaccess;

	if (finding->fault.mode == QUIRE_MODE_KERNEL && user && mapped &&
	    finding->fault.access != QUIRE_ACCESS_EXEC)
		hint(finding, "a user's page is there, and the kernel may not touch it so",
		     "user pointer in kernel mode: a user's address, dereferenced without copy_from_user() "
		     "or its "
		     "kind");
	else if (finding->fault.mode == QUIRE_MODE_KERNEL && user)
		hint(finding, "it is below the end of user addresses",
		     "user half: an address where no object of the kernel lies");
	if (finding->fault.mode == QUIRE_MODE_USER && va >= finding->arch.user_end &&
	    !non_canonical(finding, va, 47))
		hint(finding, "it is above the end of user addresses",
		     "kernel address in user mode: an address of the kernel's half, which no program may "
		     "touch");
}

static void jump_hints(struct ex_finding *finding, uint64_t va)
{
	const struct ex_report *report = finding->report;

	if (!report->has_pc || report->pc != va || !va || report->place[0] ||
	    finding->fault.access == QUIRE_ACCESS_READ || finding->fault.access == QUIRE_ACCESS_WRITE)
		return;
	hint(finding, "the address is the pc itself",
	     "jump: a jump or a call went to an address where nothing can be executed");
}

/* What a value suggests; the first kind that fits. */
static void classify(struct ex_finding *finding, uint64_t va)
{
	if (list_poison(finding, va) || fill_poison(finding, va) || null_offset(finding, va) ||
	    error_pointer(finding, va) || shadow(finding, va))
		return;
	text_as_pointer(finding, va);
	split_hints(finding, va);
	if (finding->id == EX_X86_64)
		x86_64_area(finding, va);
}

void ex_value_hints(struct ex_finding *finding, uint64_t value)
{
	shadow(finding, value);
}

const char *ex_hint(const struct ex_finding *finding, const char *kind)
{
	for (unsigned i = 0; i < finding->said_count; i++) {
		if (finding->said[i].part == EX_PART_ADDRESS && strstr(finding->said[i].text, kind))
			return finding->said[i].text;
	}
	return NULL;
}

void ex_find_hints(struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;
	uint64_t va = report->address;

	if (finding->fault.cause == QUIRE_CAUSE_ASYNC_EXTERNAL_ABORT ||
	    finding->fault.cause == QUIRE_CAUSE_ASYNC_PARITY) {
		hint(finding, "the cause is asynchronous",
		     "asynchronous: the address and the pc are not those of the access that failed");
		return;
	}
	if (!report->has_address)
		return;
	classify(finding, va);
	canonical_hints(finding, va);
	jump_hints(finding, va);
	stack_hints(finding, va);
}

/* --- registers ------------------------------------------------------------------------------------------ */

/* Whether one flipped bit makes a kernel address out of it that is near another register's. Returns the bit,
 * or -1. */
static int flipped_bit(const struct ex_finding *finding, uint64_t value)
{
	const struct ex_report *report = finding->report;

	if (!is_64(finding) || value >= finding->arch.kernel_start)
		return -1;
	for (int bit = 20; bit < 64; bit++) {
		uint64_t good = value ^ UINT64_C(1) << bit;

		if (good < finding->arch.kernel_start)
			continue;
		for (unsigned i = 0; i < report->registers_count; i++) {
			uint64_t other = report->registers[i].value;

			if (other != value && other >= finding->arch.kernel_start &&
			    other >> 24 == good >> 24)
				return bit;
		}
	}
	return -1;
}

bool ex_value_words(const struct ex_finding *finding, uint64_t value, char *out, size_t size)
{
	struct ex_finding scratch = {.report = finding->report,
				     .id = finding->id,
				     .arch = finding->arch,
				     .profile = finding->profile,
				     .fault = finding->fault};
	int bit = flipped_bit(finding, value);
	const char *colon;

	if (value == 0) {
		snprintf(out, size, "null");
		return true;
	}
	if (bit >= 0) {
		snprintf(out, size,
			 "one bit (%d) away from 0x%" PRIx64 ", which would be near its neighbours", bit,
			 value ^ UINT64_C(1) << bit);
		return true;
	}
	if (!list_poison(&scratch, value) && !fill_poison(&scratch, value) && !error_pointer(&scratch, value))
		text_as_pointer(&scratch, value);
	if (!scratch.said_count && non_canonical(finding, value, finding->level5 ? 56 : 47)) {
		snprintf(out, size, "not canonical");
		return true;
	}
	if (!scratch.said_count)
		return false;
	colon = strchr(scratch.said[0].text, ':');
	snprintf(out, size, "%.100s", colon ? colon + 2 : scratch.said[0].text);
	return true;
}
