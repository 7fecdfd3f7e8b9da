/* SPDX-License-Identifier: MIT */
/* argv and envp for execve(2): copied into the kernel before the old program goes. */
#include "kern/exec_strings.h"

#include "kern/task.h"
#include "kern/uaccess.h"

#define ARG_STRING_MAX  (128u << 10)
#define ARG_LEAST_TOTAL (128u << 10)
#define ARG_MOST_TOTAL  (3u << 20)
#define MOST_STRINGS    1000000u /* kmalloc() has room for so many pointers of 32 bits */
#define PIECE           512      /* of a program's strings that are read at once */

/* Room for so many bytes in all. */
static long grow(struct strings *s, size_t bytes)
{
	size_t block = 4096; /* with kmalloc()'s head, a power of two */
	char *room;

	if (bytes <= s->capacity)
		return 0;
	while (block - 64 < bytes)
		block *= 2;
	room = krealloc(s->bytes, s->length + s->ahead, block - 64);
	if (!room)
		return -ENOMEM;
	s->bytes = room;
	s->capacity = block - 64;
	return 0;
}

/* And a byte, for a NUL behind what was read ahead. */
static long strings_room(struct strings *s, size_t more)
{
	return s->length + more > s->limit ? -E2BIG : grow(s, s->length + more + 1);
}

/* The strings' bytes end another one at `length`. */
static long note_end(struct strings *s)
{
	if (s->count == s->ends_room) {
		unsigned room = MIN(MAX(2 * s->ends_room, 128), MOST_STRINGS);
		uint32_t *ends;

		if (s->count == MOST_STRINGS)
			return -E2BIG;
		ends = krealloc(s->ends, s->count * sizeof(*ends), room * sizeof(*ends));
		if (!ends)
			return -ENOMEM;
		s->ends = ends;
		s->ends_room = room;
	}
	s->ends[s->count++] = (uint32_t)s->length;
	return 0;
}

/* After strings came in front. */
static long note_ends(struct strings *s)
{
	size_t length = s->length;
	long result = 0;

	s->count = 0;
	for (s->length = 0; s->length < length && !result; result = note_end(s))
		s->length += strlen(s->bytes + s->length) + 1;
	s->length = length;
	return result;
}

long strings_add(struct strings *s, const char *text)
{
	size_t n = strlen(text) + 1;
	long result = n > ARG_STRING_MAX ? -E2BIG : strings_room(s, n);

	if (result)
		return result;
	memcpy(s->bytes + s->length, text, n);
	s->length += n;
	return note_end(s);
}

/* Reads a piece of the string at `from` behind the `ahead` bytes of it that are there. Page by page: what lies behind
 * the string's page may not be there. */
static long read_ahead(struct strings *s, uint64_t from)
{
	size_t most = MIN(ARG_STRING_MAX, s->limit - s->length), piece, left;
	long result;

	from += s->ahead;
	if (s->ahead >= most)
		return -E2BIG;
	piece = MIN(MIN(PAGE_SIZE - (from & PAGE_MASK), PIECE), most - s->ahead);
	result = strings_room(s, s->ahead + piece);
	if (result)
		return result;
	left = copy_from_user_partial(s->bytes + s->length + s->ahead, from, piece);
	s->ahead += piece - left;
	s->bytes[s->length + s->ahead] = '\0';
	return left == piece ? -EFAULT : 0;
}

/* The strings of a program lie one behind the other, most of them: what was read behind one is the next. */
static long strings_add_user(struct strings *s, uint64_t from)
{
	size_t searched = 0;

	if (from != s->next)
		s->ahead = 0;
	s->next = 0;
	for (;;) {
		const char *start = s->bytes + s->length;
		long result;

		if (s->ahead > searched)
			searched += strlen(start + searched);
		if (s->ahead > searched) {
			s->length += searched + 1;
			s->ahead -= searched + 1;
			s->next = from + searched + 1;
			return note_end(s);
		}
		result = read_ahead(s, from);
		if (result)
			return result;
	}
}

/* The pointers at `from` that lie in one page, at most `most`; at least one. Their number; 0: a fault. */
static unsigned pointers_from_user(abi_ulong *to, uint64_t from, unsigned most)
{
	size_t here = (PAGE_SIZE - (from & PAGE_MASK)) / sizeof(*to), n = MAX(MIN(here, most), 1);

	return copy_from_user(to, from, n * sizeof(*to)) ? 0 : (unsigned)n;
}

long strings_add_user_array(struct strings *s, uint64_t array, unsigned *out_count)
{
	abi_ulong pointer[32];
	unsigned have = 0, at = 0;

	*out_count = 0;
	if (!array)
		return 0;
	for (;;) {
		long result;

		if (at == have) {
			have = pointers_from_user(pointer, array, ARRAY_SIZE(pointer));
			array += have * sizeof(*pointer);
			at = 0;
		}
		if (!have)
			return -EFAULT;
		if (!pointer[at])
			return 0;
		result = strings_add_user(s, pointer[at++]);
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
	return note_ends(s);
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
	return note_ends(s);
}

void strings_free(struct strings *s)
{
	kfree(s->bytes);
	kfree(s->ends);
}

long strings_finish(struct strings *s, const char *path)
{
	size_t n = strlen(path) + 1, bytes = s->length + n + sizeof(abi_ulong);
	long result = grow(s, bytes);

	if (result)
		return result;
	memcpy(s->bytes + s->length, path, n);
	memset(s->bytes + s->length + n, 0, sizeof(abi_ulong));
	return (long)bytes;
}
