/* SPDX-License-Identifier: MIT */
/* Moves bytes between the guest's lines and this process until QEMU ends, and says how it ended. */
#include "run.h"

#include <errno.h>
#include <inttypes.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum {
	LEAVE_KEY = 0x1d, /* ^] three times in a row ends a guest that does not listen */
	RING_MS = 20,     /* how often the ring is emptied */
	QEMU_DONE = 33,   /* (MACHINE_DONE << 1) | 1: ports/kernel/kern/report.h */
	QEMU_PANIC = 35
};

struct session {
	const struct run_options *options;
	struct run_lines *lines;
	struct run_report *report;
	int signals; /* signalfd */
	bool input_open;
	bool guest_up; /* it has said something: its serial line listens */
	bool terminal; /* our standard input is one, and raw */
	struct termios saved;
	unsigned char pending[2 * 16384 + 16]; /* framed, to be written to the guest */
	size_t pending_at, pending_end;
	unsigned leave; /* leave keys in a row */
	int ended_by;   /* the signal that made us end it */
	bool hung, left;
	uint64_t last_output; /* ns */
	struct run_progress progress;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void write_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t n = write(fd, bytes, length);

		if (n < 0 && errno == EAGAIN) {
			struct pollfd wait = {.fd = fd, .events = POLLOUT};

			poll(&wait, 1, -1);
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* a reader that left: SIGPIPE has told us, or the descriptor is closed */
		bytes += n;
		length -= (size_t)n;
	}
}

/* --- to the guest ---------------------------------------------------------------------------------- */

static void frame(struct session *session, const unsigned char *bytes, size_t length)
{
	if (session->pending_end + length <= sizeof(session->pending)) {
		memcpy(session->pending + session->pending_end, bytes, length);
		session->pending_end += length;
	}
}

static void send_window(struct session *session)
{
	struct winsize size;

	if (!ioctl(0, TIOCGWINSZ, &size) && size.ws_row && size.ws_col) {
		unsigned char bytes[6] = {
		    0xff, 0x01, size.ws_row & 0xff, size.ws_row >> 8, size.ws_col & 0xff, size.ws_col >> 8};

		frame(session, bytes, sizeof(bytes));
	}
}

static void read_input(struct session *session)
{
	static const unsigned char end[2] = {0xff, 0x00};
	unsigned char bytes[16384];
	ssize_t n = read(0, bytes, sizeof(bytes));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		session->input_open = false;
		frame(session, end, sizeof(end));
		return;
	}
	for (ssize_t i = 0; i < n; i++) {
		if (session->terminal) {
			session->leave = bytes[i] == LEAVE_KEY ? session->leave + 1 : 0;
			session->left |= session->leave == 3;
		}
		session->pending[session->pending_end++] = bytes[i];
		if (bytes[i] == 0xff)
			session->pending[session->pending_end++] = 0xff;
	}
}

static void write_pending(struct session *session)
{
	ssize_t n = send(session->lines->out, session->pending + session->pending_at,
			 session->pending_end - session->pending_at, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n > 0) {
		session->pending_at += (size_t)n;
		session->last_output = now_ns(); /* it reads: that is progress too */
	}
	if (session->pending_at == session->pending_end)
		session->pending_at = session->pending_end = 0;
}

/* --- from the guest -------------------------------------------------------------------------------- */

/* Takes away what the firmware says. Returns where the kernel's bytes begin. */
static size_t skip_firmware(struct session *session, const char *bytes, size_t length)
{
	const char *end = memchr(bytes, 0, length);

	if (!session->lines->firmware)
		return 0;
	session->lines->firmware = !end;
	return end ? (size_t)(end - bytes) + 1 : length;
}

/* Reads what there is. Closes the line at its end. */
static void drain(struct session *session, int *line)
{
	char bytes[65536];
	ssize_t n = recv(*line, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close(*line);
		*line = -1;
		return;
	}
	session->last_output = now_ns();
	if (line == &session->lines->err)
		progress_clear(&session->progress);
	if (line == &session->lines->out) {
		size_t skipped = skip_firmware(session, bytes, (size_t)n);

		write_all(1, bytes + skipped, (size_t)n - skipped);
	} else if (line == &session->lines->err) {
		write_all(2, bytes, (size_t)n);
	} else {
		report_feed(session->report, bytes, (size_t)n);
	}
	session->guest_up = !session->lines->firmware;
}

static void take_signal(struct session *session)
{
	struct signalfd_siginfo info;

	if (read(session->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH)
		send_window(session);
	else
		session->ended_by = (int)info.ssi_signo;
}

/* --- the loop -------------------------------------------------------------------------------------- */

static int time_left_ms(const struct session *session)
{
	uint64_t limit = (uint64_t)session->options->timeout * 1000000000u, silent;

	if (!session->options->timeout)
		return -1;
	silent = now_ns() - session->last_output;
	return silent >= limit
		   ? 0
		   : (int)((limit - silent) / 1000000 + 1 > 60000 ? 60000 : (limit - silent) / 1000000 + 1);
}

static bool is_over(const struct session *session)
{
	const struct run_lines *lines = session->lines;

	return (lines->out < 0 && lines->err < 0 && lines->log < 0) || session->ended_by || session->hung ||
	       session->left;
}

/* Empties the ring, so that the guest goes on; on a terminal, what it had is shown at once. */
static void take_records(struct session *session)
{
	struct run_report *report = session->report;

	if (report->ring.map && !ring_drain(&report->ring))
		report->failed = true;
	if (report->shown)
		trace_write(report, session->options);
}

static int wait_ms(const struct session *session)
{
	int wait = progress_wait_ms(&session->progress, time_left_ms(session));

	return session->report->ring.map && (wait < 0 || wait > RING_MS) ? RING_MS : wait;
}

static void step(struct session *session)
{
	struct run_lines *lines = session->lines;
	bool waiting = session->pending_at < session->pending_end;
	struct pollfd fds[5] = {
	    {.fd = lines->out, .events = (short)(POLLIN | (waiting ? POLLOUT : 0))},
	    {.fd = lines->err, .events = POLLIN},
	    {.fd = lines->log, .events = POLLIN},
	    {.fd = session->signals, .events = POLLIN},
	    {.fd = session->input_open && session->guest_up && !waiting ? 0 : -1, .events = POLLIN},
	};

	if (poll(fds, 5, wait_ms(session)) < 0)
		return;
	take_records(session);
	progress_draw(&session->progress, now_ns(), session->report->ring.faults);
	if (fds[3].revents)
		take_signal(session);
	if (fds[4].revents)
		read_input(session);
	if (fds[0].revents & POLLOUT)
		write_pending(session);
	if (fds[0].revents & (POLLIN | POLLHUP | POLLERR))
		drain(session, &lines->out);
	if (fds[1].revents)
		drain(session, &lines->err);
	if (fds[2].revents)
		drain(session, &lines->log);
	if (session->options->timeout && !time_left_ms(session))
		session->hung = true;
}

static void make_raw(struct session *session)
{
	struct termios raw;

	if (!isatty(0) || tcgetattr(0, &session->saved))
		return;
	raw = session->saved;
	cfmakeraw(&raw);
	if (session->report->shown) /* our own lines end with a newline alone */
		raw.c_oflag |= OPOST | ONLCR;
	session->terminal = !tcsetattr(0, TCSADRAIN, &raw);
}

static void print_log(const struct session *session)
{
	const struct run_report *report = session->report;

	if (report->log_length && !report->show_log)
		fprintf(stderr, "--- the end of the kernel's log ---\n%.*s", (int)report->log_length,
			report->log);
}

/* How it ended, as an exit status and a message. */
static int verdict(const struct session *session, int wait_status)
{
	const struct run_report *report = session->report;

	if (session->ended_by)
		return 128 + session->ended_by;
	if (session->left) {
		run_error("ended from the keyboard");
		return RUN_FAILED;
	}
	if (session->hung) {
		run_error("hang: no output for %u seconds", session->options->timeout);
		print_log(session);
		return RUN_FAILED;
	}
	if (report->panic || (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == QEMU_PANIC)) {
		run_error("kernel panic: %s", report->panic ? report->panic : "no message");
		print_log(session);
		return RUN_FAILED;
	}
	if (session->options->references && !references_began(&report->references)) {
		run_error("--references: this QEMU does not take a plugin for version 1 of its interface, as "
			  "QEMU 7.2 does");
		return RUN_FAILED;
	}
	if (!WIFEXITED(wait_status) || WEXITSTATUS(wait_status) != QEMU_DONE) {
		if (WIFSIGNALED(wait_status))
			run_error("QEMU was killed by signal %d", WTERMSIG(wait_status));
		else if (WEXITSTATUS(wait_status))
			run_error("QEMU ended with status %d", WEXITSTATUS(wait_status));
		else
			run_error("the guest was reset: a triple fault, or it switched itself off");
		print_log(session);
		return RUN_FAILED;
	}
	if (!report->ended || report->failed) {
		run_error("the kernel's report is %s", report->started ? "damaged" : "missing");
		print_log(session);
		return RUN_FAILED;
	}
	if (report->oopses && session->options->oops != OOPS_ALLOWED) {
		run_error("kernel oops: %" PRIu64 " in this run", report->oopses);
		print_log(session);
		return RUN_FAILED;
	}
	return report->signal ? 128 + report->signal : report->exit_status;
}

int session_run(const struct run_options *options, int pid, struct run_lines *lines,
		struct run_report *report)
{
	struct session *session = calloc(1, sizeof(*session));
	int wait_status = 0, status = RUN_FAILED;
	sigset_t set, before;

	if (!session) {
		run_error("out of memory");
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return RUN_FAILED;
	}
	*session = (struct session){
	    .options = options,
	    .lines = lines,
	    .report = report,
	    .input_open = !run_input_is_packed(options),
	    .last_output = now_ns(),
	    .progress = {.on = progress_wanted(options), .begin_ns = now_ns(), .last_ns = now_ns()}};
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, &before);
	session->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	make_raw(session);
	while (!is_over(session))
		step(session);
	if (session->ended_by || session->hung || session->left)
		kill(pid, SIGKILL);
	while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR)
		;
	take_records(session);
	if (session->terminal)
		tcsetattr(0, TCSADRAIN, &session->saved);
	progress_clear(&session->progress);
	close(session->signals);
	sigprocmask(SIG_SETMASK, &before, NULL);
	status = verdict(session, wait_status);
	free(session);
	return status;
}
