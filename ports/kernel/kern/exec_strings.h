/* SPDX-License-Identifier: MIT */
/* The strings of argv and envp on their way from the old program to the new one. */
#ifndef KERNEL_EXEC_STRINGS_H
#define KERNEL_EXEC_STRINGS_H

#include "kern/kernel.h"

/* One behind the other, each with its NUL. */
struct strings {
	char *bytes;
	size_t length, capacity, limit;
	unsigned argc, envc;
	/* Where each ends, with its NUL: argc of them, then envc. */
	uint32_t *ends;
	unsigned count, ends_room;
	/* Behind `length`: so many bytes from a program's address `next`, where its next string may be. */
	size_t ahead;
	uint64_t next;
};

/* Empty, with the room that RLIMIT_STACK of the process leaves. */
void strings_init(struct strings *s);
void strings_free(struct strings *s);
/* A string of the kernel's behind the others. 0, -E2BIG, -ENOMEM. */
long strings_add(struct strings *s, const char *text);
/* All strings of a program's array of pointers, which a NULL ends; address 0: none. 0, -EFAULT, -E2BIG,
 * -ENOMEM. */
long strings_add_user_array(struct strings *s, uint64_t array, unsigned *out_count);
/* A script: argv[0] gives way to the interpreter, its argument (or NULL), and the script's path. */
long strings_replace_first(struct strings *s, const char *interpreter, const char *argument,
			   const char *path);
/* "" as argv[0]. */
long strings_insert_empty(struct strings *s);
/* Behind all strings, not counted in `length`: the program's path, and a word of zeroes. The bytes in all, or -ENOMEM. */
long strings_finish(struct strings *s, const char *path);

#endif
