/* SPDX-License-Identifier: MIT */
/* The terminal: line editing, echo, signals from keys, job control, its ioctls.
 *
 *   buffer:  tail ──► read by programs ──► canon ──► the line that is being typed ──► head
 *
 * Bytes are worked on in the interrupt that brings them, so that ^C works whatever runs. Echo is kept
 * until a task reads, writes or polls the terminal: the line may be written from tasks only. */
#include "abi/ioctl.h"
#include "fs/fs.h"

enum {
	BUFFER = 4096,
	ECHO_RING = 4096
};

static struct {
	struct spinlock lock;
	struct wait_queue queue;
	struct abi_termios termios;
	struct abi_winsize window;
	unsigned line;
	pid_t session, pgrp;
	uint8_t buffer[BUFFER], ends[BUFFER / 8]; /* ends: the byte there is an end of file, not data */
	volatile uint32_t head, canon, tail;      /* grow for ever */
	char echo[ECHO_RING];
	uint32_t echo_head, echo_tail;
	bool literal;          /* after ^V */
	volatile bool stopped; /* ^S */
	volatile bool hung_up, deaf;
} tty = {
    .lock = SPINLOCK_INIT,
    .queue = WAIT_QUEUE_INIT(tty.queue),
    .termios =
	{
	    .input = ICRNL | IXON | IUTF8,
	    .output = OPOST | ONLCR,
	    .control = B38400 | CS8 | CREAD,
	    .local = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	    .key = {3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0},
	    .input_speed = 38400,
	    .output_speed = 38400,
	},
    .window = {24, 80, 0, 0},
};

static bool is_key(unsigned index, uint8_t byte)
{
	return byte && tty.termios.key[index] == byte;
}

/* --- echo ------------------------------------------------------------------------------------------ */

static void echo_byte(char byte)
{
	if (tty.echo_head - tty.echo_tail < ECHO_RING)
		tty.echo[tty.echo_head++ % ECHO_RING] = byte;
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

static void flush_echo(void)
{
	char bytes[64];
	size_t n;

	do {
		n = 0;
		spin_lock(&tty.lock);
		while (n < sizeof(bytes) && tty.echo_tail != tty.echo_head)
			bytes[n++] = tty.echo[tty.echo_tail++ % ECHO_RING];
		spin_unlock(&tty.lock);
		if (n)
			arch_console_write(tty.line, bytes, n);
	} while (n);
}

/* --- input: tty.lock is held ----------------------------------------------------------------------- */

static void put(uint8_t byte, bool end)
{
	uint32_t at = tty.head++ % BUFFER;

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
		byte = tty.buffer[--tty.head % BUFFER];
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
	while (tty.head != tty.canon && tty.buffer[(tty.head - 1) % BUFFER] == ' ')
		erase_one();
	while (tty.head != tty.canon && tty.buffer[(tty.head - 1) % BUFFER] != ' ')
		erase_one();
}

static void reprint(void)
{
	echo(tty.termios.key[VREPRINT]);
	echo('\n');
	for (uint32_t at = tty.canon; at != tty.head; at++)
		echo(tty.buffer[at % BUFFER]);
}

/* Keys of line editing. False: an ordinary byte. */
static bool edit(uint8_t byte)
{
	if (is_key(VERASE, byte)) {
		if (tty.head != tty.canon)
			erase_one();
	} else if (is_key(VKILL, byte)) {
		while (tty.head != tty.canon)
			erase_one();
	} else if (is_key(VWERASE, byte) && (tty.termios.local & IEXTEN)) {
		erase_word();
	} else if (is_key(VREPRINT, byte) && (tty.termios.local & IEXTEN)) {
		reprint();
	} else if (is_key(VLNEXT, byte) && (tty.termios.local & IEXTEN)) {
		tty.literal = true;
	} else if (is_key(VEOF, byte)) {
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
	return is_key(VINTR, byte)   ? SIGINT
	       : is_key(VQUIT, byte) ? SIGQUIT
	       : is_key(VSUSP, byte) ? SIGTSTP
				     : 0;
}

static void store(uint8_t byte)
{
	echo(byte);
	put(byte, false);
	if (!(tty.termios.local & ICANON) || byte == '\n' || is_key(VEOL, byte) || is_key(VEOL2, byte))
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
		bool stop = is_key(VSTOP, byte), start = is_key(VSTART, byte);

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
	/* A line that is too long loses its end, but signals and erasing must go on to work. */
	room = tty.head - tty.tail < BUFFER - 8;
	if (room || tty.canon == tty.tail || signal_of(byte)) {
		if (room || signal_of(byte) || (tty.head != tty.canon && is_key(VERASE, byte)) ||
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

void tty_hangup(void)
{
	tty.hung_up = true;
	if (tty.pgrp)
		send_signal_group(tty.pgrp, SIGHUP);
	wake_up(&tty.queue);
}

void tty_window(unsigned rows, unsigned columns)
{
	pid_t pgrp = 0;

	spin_lock(&tty.lock);
	if (rows != tty.window.rows || columns != tty.window.columns) {
		tty.window = (struct abi_winsize){.rows = (uint16_t)rows, .columns = (uint16_t)columns};
		pgrp = tty.pgrp;
	}
	spin_unlock(&tty.lock);
	if (pgrp)
		send_signal_group(pgrp, SIGWINCH);
}

void tty_set_line(unsigned line)
{
	tty.line = line;
}

void tty_take(struct process *process)
{
	spin_lock(&tty.lock);
	tty.session = process->sid;
	tty.pgrp = process->pgid;
	spin_unlock(&tty.lock);
	process->controlling_tty = 1;
}

/* --- job control ----------------------------------------------------------------------------------- */

static bool is_ours(void)
{
	return current->process->controlling_tty && current->process->sid == tty.session;
}

/* 0: go on. A process in the background is stopped by `signal`, or told why it cannot be. */
static long check_foreground(int signal)
{
	struct process *process = current->process;

	if (!is_ours() || process->pgid == tty.pgrp)
		return 0;
	if (signal_ignored(current, signal))
		return signal == SIGTTIN ? -EIO : 0;
	if (process_group_orphaned(process->pgid))
		return -EIO;
	send_signal_group(process->pgid, signal);
	return -ERESTARTSYS;
}

/* --- read and write -------------------------------------------------------------------------------- */

static bool has_line(void)
{
	return tty.tail != tty.canon || tty.hung_up;
}

/* Bytes up to the end of a line. tty.lock is held. */
static size_t take_line(char *to, size_t n)
{
	size_t done = 0;

	while (done < n && tty.tail != tty.canon) {
		uint32_t at = tty.tail++ % BUFFER;

		if (tty.ends[at / 8] >> at % 8 & 1)
			break;
		to[done++] = (char)tty.buffer[at];
		if (to[done - 1] == '\n' || is_key(VEOL, tty.buffer[at]))
			break;
	}
	return done;
}

static size_t take_raw(char *to, size_t n)
{
	size_t done = 0;

	while (done < n && tty.tail != tty.head)
		to[done++] = (char)tty.buffer[tty.tail++ % BUFFER];
	return done;
}

/* Waits as the mode says. 0, -ERESTARTSYS, -EAGAIN; -ETIMEDOUT: VTIME has passed. */
static long wait_input(size_t n, bool wait)
{
	uint32_t want = 1, seen;
	uint64_t deadline = NO_DEADLINE;
	bool line = tty.termios.local & ICANON;
	long result;

	if (!line) {
		uint64_t time = tty.termios.key[VTIME] * (NSEC_PER_SEC / 10);

		want = (uint32_t)MIN((size_t)tty.termios.key[VMIN], n);
		if (!want && !time)
			return 0;
		if (time && (!want || tty.tail != tty.head))
			deadline = time_monotonic() + time;
		want = MAX(want, 1u);
	}
	for (;;) {
		flush_echo();
		if (line ? has_line() : tty.head - tty.tail >= want || tty.hung_up)
			return 0;
		if (!wait)
			return -EAGAIN;
		seen = tty.head + tty.echo_head + tty.canon;
		result = wait_event_timeout(
		    &tty.queue, tty.head + tty.echo_head + tty.canon != seen || tty.hung_up, deadline);
		if (result)
			return result;
		if (line != !!(tty.termios.local & ICANON))
			return 0;
	}
}

static long tty_read(struct file *file, char *to, size_t n, uint64_t *pos, bool wait)
{
	bool was_deaf;
	size_t done;
	long result = check_foreground(SIGTTIN);

	if (result || !n)
		return result;
	result = wait_input(n, wait);
	if (result && result != -ETIMEDOUT)
		return result;
	spin_lock(&tty.lock);
	done = tty.termios.local & ICANON ? take_line(to, n) : take_raw(to, n);
	was_deaf = tty.deaf;
	tty.deaf = false;
	spin_unlock(&tty.lock);
	if (was_deaf)
		arch_console_listen();
	return (long)done;
}

static long tty_write(struct file *file, const char *from, size_t n, uint64_t *pos, bool wait)
{
	uint32_t output = tty.termios.output;
	char bytes[256];
	size_t fill = 0;
	long result = tty.termios.local & TOSTOP ? check_foreground(SIGTTOU) : 0;

	if (!result && tty.stopped)
		result = wait ? wait_event(&tty.queue, !tty.stopped) : -EAGAIN;
	if (result)
		return result;
	flush_echo();
	for (size_t i = 0; i < n; i++) {
		if ((output & OPOST) && (output & ONLCR) && from[i] == '\n')
			bytes[fill++] = '\r';
		bytes[fill++] = (output & OPOST) && (output & OCRNL) && from[i] == '\r' ? '\n' : from[i];
		if (fill + 2 > sizeof(bytes)) {
			arch_console_write(tty.line, bytes, fill);
			fill = 0;
		}
	}
	if (fill)
		arch_console_write(tty.line, bytes, fill);
	return (long)n;
}

static unsigned tty_poll(struct file *file, struct poll_set *set)
{
	bool ready = tty.termios.local & ICANON ? has_line() : tty.head != tty.tail || tty.hung_up;

	poll_wait(set, &tty.queue);
	return (ready ? POLLIN | POLLRDNORM : 0) | (tty.hung_up ? POLLHUP : 0) | POLLOUT | POLLWRNORM;
}

/* --- ioctl ----------------------------------------------------------------------------------------- */

static long set_termios(uint64_t from, size_t bytes, bool flush)
{
	struct abi_termios new = tty.termios;
	long result = check_foreground(SIGTTOU);

	if (result)
		return result;
	if (copy_from_user(&new, from, bytes))
		return -EFAULT;
	flush_echo();
	spin_lock(&tty.lock);
	/* What was typed stays typed when lines are no longer waited for. */
	if (!(new.local &ICANON) && (tty.termios.local & ICANON))
		tty.canon = tty.head;
	tty.termios = new;
	if (flush)
		tty.tail = tty.canon = tty.head;
	spin_unlock(&tty.lock);
	wake_up(&tty.queue);
	return 0;
}

static long set_group(uint64_t from)
{
	struct process *process = current->process;
	int32_t pgrp;
	long result;

	if (!is_ours())
		return -ENOTTY;
	result = check_foreground(SIGTTOU);
	if (result)
		return result;
	if (get_user(pgrp, from))
		return -EFAULT;
	if (pgrp < 0)
		return -EINVAL;
	if (!process_group_in_session(pgrp, process->sid))
		return -EPERM;
	tty.pgrp = pgrp;
	return 0;
}

static long take_control(bool steal)
{
	struct process *process = current->process;

	if (is_ours())
		return 0;
	if (process->pid != process->sid || process->controlling_tty)
		return -EPERM;
	if (tty.session && tty.session != process->sid && !(steal && capable(CAP_SYS_ADMIN)))
		return -EPERM;
	tty_take(process);
	return 0;
}

static long give_up_control(void)
{
	if (!is_ours())
		return -ENOTTY;
	current->process->controlling_tty = 0;
	if (current->process->pid == tty.session) {
		send_signal_group(tty.pgrp, SIGHUP);
		send_signal_group(tty.pgrp, SIGCONT);
		tty.session = tty.pgrp = 0;
	}
	return 0;
}

static long set_window(uint64_t from)
{
	struct abi_winsize window;

	if (copy_from_user(&window, from, sizeof(window)))
		return -EFAULT;
	tty_window(window.rows, window.columns);
	return 0;
}

static long flush_input(uint64_t which)
{
	if (which > TCIOFLUSH)
		return -EINVAL;
	if (which != TCOFLUSH) {
		spin_lock(&tty.lock);
		tty.tail = tty.canon = tty.head;
		spin_unlock(&tty.lock);
	}
	return 0;
}

static long tty_ioctl(struct file *file, unsigned command, uint64_t argument)
{
	switch (command) {
	case TCGETS:
		return copy_to_user(argument, &tty.termios, ABI_TERMIOS_BYTES);
	case TCGETS2:
		return copy_to_user(argument, &tty.termios, sizeof(tty.termios));
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		return set_termios(argument, ABI_TERMIOS_BYTES, command == TCSETSF);
	case TCSETS2:
	case TCSETSW2:
	case TCSETSF2:
		return set_termios(argument, sizeof(tty.termios), command == TCSETSF2);
	case TCSBRK:
	case TCSBRKP: /* output is always drained */
	case TCXONC:
		return 0;
	case TCFLSH:
		return flush_input(argument);
	case TIOCSCTTY:
		return take_control(argument == 1);
	case TIOCGPGRP:
		return is_ours() ? put_user((int32_t)tty.pgrp, argument) : -ENOTTY;
	case TIOCSPGRP:
		return set_group(argument);
	case TIOCOUTQ:
		return put_user((int32_t)0, argument);
	case TIOCGWINSZ:
		return copy_to_user(argument, &tty.window, sizeof(tty.window));
	case TIOCSWINSZ:
		return set_window(argument);
	case FIONREAD:
		return put_user((int32_t)(tty.canon - tty.tail), argument);
	case TIOCNOTTY:
		return give_up_control();
	case TIOCGSID:
		return is_ours() ? put_user((int32_t)tty.session, argument) : -ENOTTY;
	}
	return -ENOTTY;
}

/* /dev/tty is the controlling terminal; the others become it for a session leader that has none. */
static int tty_open(struct file *file)
{
	struct process *process = current->process;

	if (file->inode->rdev == 0x500)
		return is_ours() ? 0 : -ENXIO;
	if (!(file->flags & O_NOCTTY) && process->pid == process->sid && !process->controlling_tty &&
	    !tty.session)
		tty_take(process);
	return 0;
}

const struct file_ops tty_ops = {
    .read = tty_read,
    .write = tty_write,
    .poll = tty_poll,
    .ioctl = tty_ioctl,
    .open = tty_open,
    .stream = true,
};
