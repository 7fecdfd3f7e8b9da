/* SPDX-License-Identifier: MIT */
/* The terminal's input, byte by byte, in the interrupt that brings it: line editing, echo, signals from
 * keys. */
#include "fs/tty.h"

/* --- echo ------------------------------------------------------------------------------------------ */

static void echo_byte(char byte)
{
	if (tty.echo_head - tty.echo_tail < TTY_ECHO)
		tty.echo[tty.echo_head++ % TTY_ECHO] = byte;
}

static void echo(uint8_t byte)
{
	uint32_t local = tty.termios.local;

	if (!(local & ECHO) && !(byte == '\n' && (local & ECHONL) && (local & ICANON)))
		return;
	if (byte < 32 && byte != '\n' && byte != '\t' && (local & ECHOCTL)) {
		echo_byte('^');
		echo_byte((char)(byte + 64));
	} else {
		if (byte == '\n' && (tty.termios.output & (OPOST | ONLCR)) == (OPOST | ONLCR))
			echo_byte('\r');
		echo_byte((char)byte);
	}
}

void tty_flush_echo(void)
{
	char bytes[64];
	size_t n;

	do {
		n = 0;
		spin_lock(&tty.lock);
		while (n < sizeof(bytes) && tty.echo_tail != tty.echo_head)
			bytes[n++] = tty.echo[tty.echo_tail++ % TTY_ECHO];
		spin_unlock(&tty.lock);
		if (n)
			arch_console_write(tty.line, bytes, n);
	} while (n);
}

/* --- input: tty.lock is held ----------------------------------------------------------------------- */

static void put(uint8_t byte, bool end)
{
	uint32_t at = tty.head++ % TTY_BUFFER;

	tty.buffer[at] = byte;
	if (end)
		tty.ends[at / 8] |= (uint8_t)(1u << at % 8);
	else
		tty.ends[at / 8] &= (uint8_t) ~(1u << at % 8);
}

/* Takes the last character of the line back: in UTF-8 its continuation bytes too. */
static void erase_one(void)
{
	uint8_t byte;

	do {
		byte = tty.buffer[--tty.head % TTY_BUFFER];
	} while ((tty.termios.input & IUTF8) && (byte & 0xc0) == 0x80 && tty.head != tty.canon);
	if ((tty.termios.local & (ECHO | ECHOE)) != (ECHO | ECHOE))
		return;
	for (int i = byte < 32 && (tty.termios.local & ECHOCTL) ? 2 : 1; i > 0; i--) {
		echo_byte('\b');
		echo_byte(' ');
		echo_byte('\b');
	}
}

static void erase_word(void)
{
	while (tty.head != tty.canon && tty.buffer[(tty.head - 1) % TTY_BUFFER] == ' ')
		erase_one();
	while (tty.head != tty.canon && tty.buffer[(tty.head - 1) % TTY_BUFFER] != ' ')
		erase_one();
}

static void reprint(void)
{
	echo(tty.termios.key[VREPRINT]);
	echo('\n');
	for (uint32_t at = tty.canon; at != tty.head; at++)
		echo(tty.buffer[at % TTY_BUFFER]);
}

/* Keys of line editing. False: an ordinary byte. */
static bool edit(uint8_t byte)
{
	if (tty_is_key(VERASE, byte)) {
		if (tty.head != tty.canon)
			erase_one();
	} else if (tty_is_key(VKILL, byte)) {
		while (tty.head != tty.canon)
			erase_one();
	} else if (tty_is_key(VWERASE, byte) && (tty.termios.local & IEXTEN)) {
		erase_word();
	} else if (tty_is_key(VREPRINT, byte) && (tty.termios.local & IEXTEN)) {
		reprint();
	} else if (tty_is_key(VLNEXT, byte) && (tty.termios.local & IEXTEN)) {
		tty.literal = true;
	} else if (tty_is_key(VEOF, byte)) {
		put(0, true);
		tty.canon = tty.head;
	} else {
		return false;
	}
	return true;
}

/* The signal that a key stands for; 0: none. */
static int signal_of(uint8_t byte)
{
	if (!(tty.termios.local & ISIG))
		return 0;
	return tty_is_key(VINTR, byte)   ? SIGINT
	       : tty_is_key(VQUIT, byte) ? SIGQUIT
	       : tty_is_key(VSUSP, byte) ? SIGTSTP
					 : 0;
}

static void store(uint8_t byte)
{
	echo(byte);
	put(byte, false);
	if (!(tty.termios.local & ICANON) || byte == '\n' || tty_is_key(VEOL, byte) ||
	    tty_is_key(VEOL2, byte))
		tty.canon = tty.head;
}

/* Returns the signal to send, or 0. */
static int work_on(uint8_t byte)
{
	uint32_t input = tty.termios.input;
	int signal;

	if (tty.literal) {
		tty.literal = false;
		echo(byte);
		put(byte, false);
		return 0;
	}
	if (input & ISTRIP)
		byte &= 0x7f;
	if (byte == '\r' && (input & IGNCR))
		return 0;
	if (byte == '\r' && (input & ICRNL))
		byte = '\n';
	else if (byte == '\n' && (input & INLCR))
		byte = '\r';
	signal = signal_of(byte);
	if (signal) {
		if (!(tty.termios.local & NOFLSH))
			tty.tail = tty.canon = tty.head;
		tty.stopped = false;
		echo(byte);
		return signal;
	}
	if (input & IXON) {
		bool stop = tty_is_key(VSTOP, byte), start = tty_is_key(VSTART, byte);

		if (stop || start || tty.stopped)
			tty.stopped = stop;
		if (stop || start)
			return 0;
	}
	if ((tty.termios.local & ICANON) && edit(byte))
		return 0;
	store(byte);
	return 0;
}

bool tty_input(unsigned char byte)
{
	int signal = 0;
	bool room;
	pid_t pgrp;

	spin_lock(&tty.lock);
	/* A line that is too long loses its end, but signals and erasing must still work. */
	room = tty.head - tty.tail < TTY_BUFFER - 8;
	if (room || tty.canon == tty.tail || signal_of(byte)) {
		if (room || signal_of(byte) || (tty.head != tty.canon && tty_is_key(VERASE, byte)) ||
		    byte == '\r' || byte == '\n')
			signal = work_on(byte);
		room = true;
	} else {
		tty.deaf = true;
	}
	pgrp = tty.pgrp;
	spin_unlock(&tty.lock);
	if (signal && pgrp)
		send_signal_group(pgrp, signal);
	wake_up(&tty.queue);
	return room;
}
