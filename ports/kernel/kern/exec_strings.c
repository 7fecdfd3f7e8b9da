/* SPDX-License-Identifier: MIT */
/* argv and envp for execve(2): copied into the kernel before the old program goes. */
#include "kern/exec_strings.h"

#include "kern/task.h"
#include "kern/uaccess.h"

#define ARG_STRING_MAX  (128u << 10)
#define ARG_LEAST_TOTAL (128u << 10)
#define ARG_MOST_TOTAL  (3u << 20)

static long strings_room(struct strings *s, size_t more)
{
	size_t block = 4096; /* with kmalloc()'s head, a power of two */
	char *bytes;

	if (s->length + more > s->limit)
		return -E2BIG;
	if (s->length + more <= s->capacity)
		return 0;
	while (block - 64 < s->length + more)
		block *= 2;
	bytes = krealloc(s->bytes, s->length, block - 64);
	if (!bytes)
		return -ENOMEM;
	s->bytes = bytes;
	s->capacity = block - 64;
	return 0;
}

long strings_add(struct strings *s, const char *text)
{
	size_t n = strlen(text) + 1;
	long result = n > ARG_STRING_MAX ? -E2BIG : strings_room(s, n);

	if (result)
		return result;
	memcpy(s->bytes + s->length, text, n);
	s->length += n;
	return 0;
}

static long strings_add_user(struct strings *s, uint64_t from)
{
	size_t room = 256;

	/* Most strings are short: the room grows with the string. */
	for (;;) {
		long result = strings_room(s, room), n;

		if (result == -E2BIG && s->limit > s->length && room > 1) {
			room = s->limit - s->length;
			result = strings_room(s, room);
		}
		if (result)
			return result;
		n = strncpy_from_user(s->bytes + s->length, from, room);
		if (n >= 0) {
			s->length += (size_t)n + 1;
			return 0;
		}
		if (n != -ENAMETOOLONG)
			return n;
		if (room >= ARG_STRING_MAX || s->length + room >= s->limit)
			return -E2BIG;
		room *= 2;
	}
}

long strings_add_user_array(struct strings *s, uint64_t array, unsigned *out_count)
{
	*out_count = 0;
	if (!array)
		return 0;
	for (;; array += sizeof(abi_ulong)) {
		abi_ulong pointer;
		long result;

		if (get_user(pointer, array))
			return -EFAULT;
		if (!pointer)
			return 0;
		result = strings_add_user(s, pointer);
		if (result)
			return result;
		if (++*out_count > s->limit / sizeof(abi_ulong))
			return -E2BIG;
	}
}

void strings_init(struct strings *s)
{
	uint64_t quarter = current->process->rlimit[RLIMIT_STACK].soft / 4;

	memset(s, 0, sizeof(*s));
	s->limit = MIN(MAX(quarter, ARG_LEAST_TOTAL), ARG_MOST_TOTAL);
}

long strings_replace_first(struct strings *s, const char *interpreter, const char *argument, const char *path)
{
	size_t first = s->argc ? strlen(s->bytes) + 1 : 0;
	size_t more = strlen(interpreter) + 1 + (argument ? strlen(argument) + 1 : 0) + strlen(path) + 1;
	long result = strings_room(s, more);
	char *at;

	if (result)
		return result;
	memmove(s->bytes + more, s->bytes + first, s->length - first);
	s->length = s->length - first + more;
	at = s->bytes;
	at += strlcpy(at, interpreter, more) + 1;
	if (argument)
		at += strlcpy(at, argument, more) + 1;
	strlcpy(at, path, strlen(path) + 1);
	s->argc = (s->argc ? s->argc - 1 : 0) + (argument ? 3 : 2);
	return 0;
}

long strings_insert_empty(struct strings *s)
{
	long result = strings_room(s, 1);

	if (result)
		return result;
	memmove(s->bytes + 1, s->bytes, s->length);
	s->bytes[0] = '\0';
	s->length++;
	s->argc++;
	return 0;
}
