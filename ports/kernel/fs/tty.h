/* SPDX-License-Identifier: MIT */
/* The terminal between its two halves: tty_input.c, where bytes come in, and tty.c, what programs do with it.
 *
 *   buffer:  tail ──► read by programs ──► canon ──► the line that is being typed ──► head
 *
 * Bytes are worked on in the interrupt that brings them, so that ^C works whatever runs. Echo is kept
 * until a task reads, writes or polls the terminal: the line may be written from tasks only. */
#ifndef KERNEL_TTY_H
#define KERNEL_TTY_H

#include "abi/ioctl.h"
#include "fs/fs.h"

enum {
	TTY_BUFFER = 4096,
	TTY_ECHO = 4096
};

struct tty {
	struct spinlock lock;
	struct wait_queue queue;
	struct abi_termios termios;
	struct abi_winsize window;
	unsigned line;
	pid_t session, pgrp;
	uint8_t buffer[TTY_BUFFER],
	    ends[TTY_BUFFER / 8];            /* ends: the byte there is an end of file, not data */
	volatile uint32_t head, canon, tail; /* grow for ever */
	char echo[TTY_ECHO];
	uint32_t echo_head, echo_tail;
	bool literal;          /* after ^V */
	volatile bool stopped; /* ^S */
	volatile bool hung_up, deaf;
};
extern struct tty tty;

static inline bool tty_is_key(unsigned index, uint8_t byte)
{
	return byte && tty.termios.key[index] == byte;
}

/* Writes the echo that has gathered. May sleep. */
void tty_flush_echo(void);

#endif
