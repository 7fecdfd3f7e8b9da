/* SPDX-License-Identifier: MIT */
/* The terminal as programs use it: reading, writing, job control, its ioctls. */
#include "fs/tty.h"

struct tty tty = {
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

/* 0 for the foreground. A background process is stopped by `signal`; an errno when it cannot be. */
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
		uint32_t at = tty.tail++ % TTY_BUFFER;

		if (tty.ends[at / 8] >> at % 8 & 1)
			break;
		to[done++] = (char)tty.buffer[at];
		if (to[done - 1] == '\n' || tty_is_key(VEOL, tty.buffer[at]))
			break;
	}
	return done;
}

static size_t take_raw(char *to, size_t n)
{
	size_t done = 0;

	while (done < n && tty.tail != tty.head)
		to[done++] = (char)tty.buffer[tty.tail++ % TTY_BUFFER];
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
		tty_flush_echo();
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
	tty_flush_echo();
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
	tty_flush_echo();
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
