/* SPDX-License-Identifier: MIT */
/* What a bad address suggests: the patterns that kernels leave on purpose, and common mistakes. */
#include "explain.h"

#include <inttypes.h>
#include <stdarg.h>

#define MAX_ERRNO 4095

static bool is_64(const struct ex_finding *finding)
{
	return finding->arch.long_bytes == 8;
}

__attribute__((format(printf, 2, 3))) static void hint(struct ex_finding *finding, const char *format, ...)
{
	va_list args;

	if (finding->hints_count == EX_HINTS)
		return;
	va_start(args, format);
	vsnprintf(finding->hints[finding->hints_count].text, sizeof(finding->hints[0].text), format, args);
	va_end(args);
	finding->hints_count++;
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* Whether `va` is `base` plus a small offset, as of a member in a structure; *out_offset says which. */
static bool near(uint64_t va, uint64_t base, uint64_t *out_offset)
{
	if (va < base || va - base >= 4096)
		return false;
	*out_offset = va - base;
	return true;
}

/* list_del() leaves these in the entry that it took out (include/linux/poison.h has the values; 32-bit
 * kernels have no offset, and before 2.6.31 the values were others). */
static bool list_poison(struct ex_finding *finding, uint64_t va)
{
	static const struct {
		uint64_t value;
		uint16_t slack;
		bool wide;
		const char *name;
	} poisons[] = {
	    {UINT64_C(0xdead000000000100), 0x22, true, "LIST_POISON1 (next of a deleted list entry)"},
	    {UINT64_C(0xdead000000000122), 0xde, true, "LIST_POISON2 (prev of a deleted list entry)"},
	    {UINT64_C(0xdead000000000200), 0x100, true, "LIST_POISON2 (prev of a deleted list entry)"},
	    {UINT64_C(0xdead000000000300), 0x100, true, "TIMER_ENTRY_STATIC"},
	    {UINT64_C(0x00100100), 0x100, false, "LIST_POISON1 (next of a deleted list entry)"},
	    {UINT64_C(0x00200200), 0x100, false, "LIST_POISON2 (prev of a deleted list entry)"},
	    {UINT64_C(0x00000100), 0x22, false, "LIST_POISON1 (next of a deleted list entry)"},
	    {UINT64_C(0x00000122), 0x10, false, "LIST_POISON2 (prev of a deleted list entry)"},
	};

	for (size_t i = 0; i < sizeof(poisons) / sizeof(poisons[0]); i++) {
		uint64_t value = poisons[i].value;

		/* The short values of 32-bit kernels are as good as null offsets: exact ones only. */
		if (poisons[i].wide != is_64(finding) && value < 0x1000)
			continue;
		if (value < 0x1000 ? va != value && va != value + 4
				   : va + 16 < value || (va > value && va - value >= poisons[i].slack))
			continue;
		if (va >= value)
			hint(finding,
			     "list poison: %s plus 0x%" PRIx64 ": the entry was used after list_del()",
			     poisons[i].name, va - value);
		else
			hint(finding,
			     "list poison: %s minus 0x%" PRIx64 ": the entry was used after list_del()",
			     poisons[i].name, value - va);
		return true;
	}
	return false;
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
		hint(finding, "%s: %s", fills[i].kind, fills[i].text);
		return true;
	}
	if (is_64(finding) && va >> 32 == 0xdeadbeef) {
		hint(finding, "poison: 0xdeadbeef in the upper half");
		return true;
	}
	if (va - UINT64_C(0xdeadbeef) < 4096 || (va | 0xfff) == UINT64_C(0xdeadbfff)) {
		hint(finding, "poison: 0xdeadbeef");
		return true;
	}
	if (va == UINT64_C(0x57ac6e9d)) {
		hint(finding,
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
		hint(finding,
		     "error pointer: ERR_PTR(-%s) (-%" PRIu64 "), or a null pointer minus 0x%" PRIx64
		     ": IS_ERR() was not asked",
		     name, number, number);
	else
		hint(finding,
		     "error pointer: between ERR_PTR(-%" PRIu64 ") and a member behind another, or a null "
		     "pointer minus 0x%" PRIx64,
		     number, number);
	return true;
}

static bool null_offset(struct ex_finding *finding, uint64_t va)
{
	bool exec = finding->fault.access == QUIRE_ACCESS_EXEC;

	if (va >= 0x10000)
		return false;
	if (va == 0)
		hint(finding, exec ? "null pointer: a call through a null function pointer"
				   : "null pointer: dereferenced as it is");
	else if (va < 4096)
		hint(finding,
		     "null plus offset: null pointer plus 0x%" PRIx64 ": a member %" PRIu64
		     " bytes into a structure, or an element of an array",
		     va, va);
	else
		hint(finding,
		     "null plus offset: null pointer plus 0x%" PRIx64 ": a large structure, or an index", va);
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
	hint(finding, "text: the bytes spell \"%s\": a string was taken for a pointer", text);
}

static bool non_canonical(const struct ex_finding *finding, uint64_t va)
{
	uint64_t upper;

	if (finding->id != EX_X86_64)
		return false;
	upper = va >> 47; /* bits 63:47 are alike (SDM vol. 1, 3.3.7.1); 56 and up with 57-bit addresses */
	return upper != 0 && upper != 0x1ffff;
}

static void stack_hints(struct ex_finding *finding, uint64_t va)
{
	const struct ex_report *report = finding->report;

	if (!report->has_sp || !report->sp)
		return;
	if (va < report->sp && report->sp - va <= 65536 + 256)
		hint(finding,
		     "end of stack: 0x%" PRIx64
		     " below the stack pointer: the stack overflowed, or its guard "
		     "was hit",
		     report->sp - va);
	else if (va >= report->sp && va - report->sp < 65536 && (va & 4095) < 16)
		hint(finding,
		     "end of stack: 0x%" PRIx64 " above the stack pointer, at a page boundary: read past "
		     "the start of the stack",
		     va - report->sp);
}

/* Where x86-64 keeps what (Documentation/arch/x86/x86_64/mm.rst, 4-level paging). */
static void x86_64_area(struct ex_finding *finding, uint64_t va)
{
	static const struct {
		uint64_t start, end;
		const char *name;
	} areas[] = {
	    {UINT64_C(0xdffffc0000000000), UINT64_C(0xdffffc1fffffffff),
	     "KASAN shadow of a null or user pointer: the real address is (this - 0xdffffc0000000000) * 8"},
	    {UINT64_C(0xffff888000000000), UINT64_C(0xffffc87fffffffff), "the direct map of all RAM"},
	    {UINT64_C(0xffffc90000000000), UINT64_C(0xffffe8ffffffffff),
	     "the vmalloc area: freed, unmapped, or the guard page behind a buffer or a stack"},
	    {UINT64_C(0xffffea0000000000), UINT64_C(0xffffeaffffffffff),
	     "the array of page descriptors (vmemmap)"},
	    {UINT64_C(0xffffffff80000000), UINT64_C(0xffffffff9fffffff), "the kernel's own image"},
	    {UINT64_C(0xffffffffa0000000), UINT64_C(0xfffffffffeffffff), "the area of modules"},
	};

	for (size_t i = 0; i < sizeof(areas) / sizeof(areas[0]); i++) {
		if (va >= areas[i].start && va <= areas[i].end)
			hint(finding, "kernel area: %s", areas[i].name);
	}
	if (va >> 12 == UINT64_C(0xffffffffff600))
		hint(finding, "vsyscall: the old system call page, which newer kernels do not map");
}

static void split_hints(struct ex_finding *finding, uint64_t va)
{
	bool user = va < finding->arch.user_end;

	if (finding->fault.mode == QUIRE_MODE_KERNEL && user && va >= 0x10000)
		hint(finding,
		     "user pointer in kernel mode: dereferenced without copy_from_user() or its kind");
	if (finding->fault.mode == QUIRE_MODE_USER && !user && !non_canonical(finding, va))
		hint(finding, "kernel address in user mode: not the program's to touch");
}

void ex_find_hints(struct ex_finding *finding)
{
	const struct ex_report *report = finding->report;
	uint64_t va = report->address;
	uint64_t offset;

	if (!report->has_address)
		return;
	if (finding->fault.cause == QUIRE_CAUSE_ASYNC_EXTERNAL_ABORT ||
	    finding->fault.cause == QUIRE_CAUSE_ASYNC_PARITY) {
		hint(finding, "asynchronous: the address and the pc are not those of the access that failed");
		return;
	}
	if (!list_poison(finding, va) && !fill_poison(finding, va) && !null_offset(finding, va) &&
	    !error_pointer(finding, va)) {
		text_as_pointer(finding, va);
		split_hints(finding, va);
		if (finding->id == EX_X86_64)
			x86_64_area(finding, va);
	}
	if (non_canonical(finding, va))
		hint(finding, "non-canonical: bits 63:47 are not alike, so no page table can map it");
	if (report->has_pc && report->pc == va && va && finding->fault.access != QUIRE_ACCESS_READ &&
	    finding->fault.access != QUIRE_ACCESS_WRITE)
		hint(finding, "jump: the address is the pc itself: a bad function pointer or return address");
	else if (near(va, report->pc & ~UINT64_C(4095), &offset) && report->has_pc && report->pc &&
		 finding->fault.access == QUIRE_ACCESS_WRITE)
		hint(finding, "own code: the write goes to the page that is being executed");
	stack_hints(finding, va);
}
