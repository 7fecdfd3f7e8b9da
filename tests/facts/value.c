/* SPDX-License-Identifier: MIT */
/* What every fact is made of: processes, calls, accesses; and how values are written. */
#include "facts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

bool facts_begin(struct facts *f)
{
	if (!f->machine->begin(f->machine->context)) {
		fprintf(stderr, "facts: a process could not be made\n");
		exit(2);
	}
	f->file = -1;
	return f->machine->region(f->machine->context, 0, &f->stack_start, &f->stack_end);
}

void facts_end(struct facts *f)
{
	f->machine->end(f->machine->context);
}

int64_t facts_call_with(struct facts *f, enum facts_call call, const uint64_t arg[6])
{
	struct facts_counts counts = {0};

	return f->machine->call(f->machine->context, 0, call, arg, &counts);
}

int64_t facts_call(struct facts *f, enum facts_call call, uint64_t a, uint64_t b, uint64_t c)
{
	return facts_call_with(f, call, (const uint64_t[6]){a, b, c});
}

int64_t facts_map(struct facts *f, uint64_t at, uint64_t bytes, uint32_t prot, uint32_t flags, int file)
{
	return facts_call_with(f, FACTS_MMAP,
			       (const uint64_t[6]){at, bytes, prot, flags, (uint64_t)(int64_t)file});
}

struct facts_access facts_access(struct facts *f, enum facts_kind kind, uint64_t addr, uint64_t sp)
{
	struct facts_access access = {0};

	f->machine->access(f->machine->context, 0, kind, addr, sp, &access);
	return access;
}

void facts_write(struct facts *f, uint64_t addr, uint8_t value)
{
	struct facts_access access = {.value = value};

	f->machine->access(f->machine->context, 0, FACTS_WRITE, addr, 0, &access);
}

void facts_name(struct facts *f, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(f->to, format, args);
	va_end(args);
	fputc('\t', f->to);
}

void facts_value(struct facts *f, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(f->to, format, args);
	va_end(args);
	fputc('\n', f->to);
}

const char *facts_errno(int64_t result, char room[32])
{
	static const struct {
		int number;
		const char *name;
	} errors[] = {{1, "EPERM"},   {5, "EIO"},     {7, "E2BIG"},   {9, "EBADF"},      {11, "EAGAIN"},
		      {12, "ENOMEM"}, {13, "EACCES"}, {14, "EFAULT"}, {16, "EBUSY"},     {17, "EEXIST"},
		      {19, "ENODEV"}, {22, "EINVAL"}, {38, "ENOSYS"}, {75, "EOVERFLOW"}, {95, "EOPNOTSUPP"}};

	if (result >= 0 || result < -4095)
		return "ok";
	for (unsigned i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].number == -result)
			return errors[i].name;
	snprintf(room, 32, "errno %d", (int)-result);
	return room;
}

static const char *code_name(const struct facts_access *access)
{
	static const char *const segv[] = {"MAPERR", "ACCERR"}, *const bus[] = {"ADRALN", "ADRERR"};

	if (access->code == 128)
		return "SI_KERNEL";
	if (access->code == 0 || access->code > 2)
		return "?";
	return access->signal == 11 ? segv[access->code - 1] : bus[access->code - 1];
}

const char *facts_signal(const struct facts *f, const struct facts_access *access, uint64_t addr,
			 char room[96])
{
	int64_t distance = (int64_t)(access->addr - addr);
	const char *name = access->signal == 11 ? "SEGV" : access->signal == 7 ? "BUS" : "SIG";
	int n;

	if (!access->signal)
		return "ok";
	if (access->signal == 9) {
		snprintf(room, 96, "killed-by-9");
		return room;
	}
	if (f->column->task_top <= UINT32_MAX)
		distance = (int32_t)distance;
	n = snprintf(room, 96, "%s/%s@", name, code_name(access));
	if (access->addr == addr)
		snprintf(room + n, 96 - (size_t)n, "exact");
	else if (addr)
		snprintf(room + n, 96 - (size_t)n, "0x%" PRIx64 " (access+%" PRId64 ")", access->addr,
			 distance);
	else
		snprintf(room + n, 96 - (size_t)n, "0x%" PRIx64, access->addr);
	return room;
}

void facts_error(struct facts *f, const char *name, int64_t result)
{
	char room[32];

	facts_name(f, "%s", name);
	facts_value(f, "%s", facts_errno(result, room));
}

void facts_counts(struct facts *f, const char *prefix, const char *name, struct facts_counts counts)
{
	facts_name(f, "%s%s", prefix, name);
	facts_value(f, "m%uM%u", counts.minor, counts.major);
}

void facts_probe(struct facts *f, const char *prefix, const char *name, enum facts_kind kind, uint64_t addr)
{
	struct facts_access access = facts_access(f, kind, addr, 0);
	char room[96];

	facts_name(f, "%s%s", prefix, name);
	facts_value(f, "%s", facts_signal(f, &access, addr, room));
}

void facts_measure(struct facts *f)
{
	facts_of_counts(f);
	facts_of_files(f);
	facts_of_signals(f);
	facts_of_stack(f);
	facts_of_calls(f);
	facts_of_limits(f);
	facts_of_kernel(f);
}
