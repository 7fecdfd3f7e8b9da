/* SPDX-License-Identifier: MIT */
/* The cost of quire explain: CPU seconds for 10 MB of log, best of five, text and JSON.
 *
 *   bench-explain list        a line for each: name, unit, 1
 *   bench-explain run NAME    prints the seconds
 *
 *   machine     a machine's own log, with a report in every five hundred lines
 *   reports     nothing but reports, of five architectures
 *   segfaults   nothing but lines of crashing programs */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../tools/quire/explain/explain.h"

#define LOG_BYTES (10u << 20)
#define LINE_ROOM 4096u
#define ROUNDS    5

static const char *const reports[] = {
    "BUG: kernel NULL pointer dereference, address: 0000000000000008\n"
    "#PF: supervisor write access in kernel mode\n"
    "#PF: error_code(0x0002) - not-present page\n"
    "PGD 0 P4D 0\n"
    "Oops: 0002 [#1] PREEMPT SMP PTI\n"
    "CPU: 1 PID: 1234 Comm: insmod Tainted: G           OE     5.15.0 #1\n"
    "RIP: 0010:demo_init+0x12/0x40 [demo]\n"
    "Code: 0f 1f 44 00 00 55 48 89 e5 <48> c7 40 08 01 00 00 00 31 c0 5d c3\n"
    "RSP: 0018:ffffc90000123e10 EFLAGS: 00010246\n"
    "CR2: 0000000000000008\n"
    "---[ end trace 0000000000000000 ]---\n",
    "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000008\n"
    "Mem abort info:\n"
    "  ESR = 0x0000000096000044\n"
    "  EC = 0x25: DABT (current EL), IL = 32 bits\n"
    "  SET = 0, FnV = 0\n"
    "  EA = 0, S1PTW = 0\n"
    "  FSC = 0x04: level 0 translation fault\n"
    "Internal error: Oops: 0000000096000044 [#1] PREEMPT SMP\n"
    "CPU: 1 PID: 210 Comm: insmod Tainted: G           O       6.1.0 #1\n"
    "pc : demo_init+0x1c/0x1000 [demo]\n"
    "Code: aa1e03e9 d503201f 52800020 d2800001 (f9000420)\n",
    "Unable to handle kernel paging request at virtual address d0850000\n"
    "pgd = c0004000\n"
    "[d0850000] *pgd=0f808811, *pte=00000000, *ppte=00000000\n"
    "Internal error: Oops: 807 [#1] PREEMPT\n"
    "PC is at memset_demo+0x44/0x80\n"
    "pc : [<c01d5a88>]    lr : [<d0850000>]    psr: 80000013\n"
    "Code: e1a02003 e1a03001 e2522040 (a8ac500a) a8ac500a\n",
    "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000000\n"
    "Oops [#1]\n"
    "epc : ffffffe0000d1a2c ra : ffffffe0000d1a10 sp : ffffffe07f67fe50\n"
    "status: 0000000200000120 badaddr: 0000000000000000 cause: 000000000000000f\n",
    ("crash[2291]: segfault at 10 ip 000055d0c0de1139 sp 00007ffd5a5a1230 error 4 in "
     "crash[55d0c0de1000+1000]\n"),
};
#define REPORTS (sizeof(reports) / sizeof(reports[0]))

enum log_kind {
	LOG_MACHINE,
	LOG_REPORTS,
	LOG_SEGFAULTS,
	LOG_KINDS
};
static const char *const log_names[LOG_KINDS] = {"machine", "reports", "segfaults"};

static void die(const char *what)
{
	fprintf(stderr, "bench-explain: %s\n", what);
	exit(1);
}

static int next_entry(char *at, enum log_kind kind, unsigned number)
{
	if (kind == LOG_REPORTS || (kind == LOG_MACHINE && number % 500 == 0))
		return snprintf(at, LINE_ROOM, "%s",
				reports[number / (kind == LOG_MACHINE ? 500 : 1) % REPORTS]);
	if (kind == LOG_SEGFAULTS)
		return snprintf(at, LINE_ROOM, "[%5u.%06u] %s", number / 100, number, reports[REPORTS - 1]);
	return snprintf(at, LINE_ROOM,
			"[%5u.%06u] usb 1-1: new high-speed USB device number %u using xhci_hcd\n",
			number / 100, number, number);
}

static char *make_log(enum log_kind kind, size_t *out_size)
{
	char *log = malloc(LOG_BYTES + LINE_ROOM);
	size_t size = 0;

	if (!log)
		die("out of memory");
	for (unsigned number = 1; size < LOG_BYTES; number++)
		size += (size_t)next_entry(log + size, kind, number);
	*out_size = size;
	return log;
}

struct session {
	struct ex_options options;
	FILE *out;
	bool json;
	unsigned found;
};

static void explain(void *context, const struct ex_report *report)
{
	struct session *session = context;
	struct ex_finding finding;

	if (ex_find_out(&session->options, report, EX_ARCH_NONE, &finding) != EX_EXPLAINED)
		die("a report was not explained");
	finding.number = ++session->found;
	if (!session->json)
		ex_render(session->out, &finding, &(struct ex_style){.form = EX_FORM_SHORT});
	else if (!ex_render_json(session->out, &finding, session->found == 1))
		die("out of memory");
}

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double measure(enum log_kind kind, bool json)
{
	struct session session = {.options.short_form = !json, .out = fopen("/dev/null", "w"), .json = json};
	const struct ex_sink sink = {explain, NULL, &session};
	double best = 0;
	size_t size;
	char *log = make_log(kind, &size);

	session.options.disassembler = ex_disassembler_open();
	if (!session.out || !session.options.disassembler)
		die("cannot begin");
	for (int round = 0; round < ROUNDS; round++) {
		double begin = cpu_seconds(), took;

		session.found = 0;
		ex_scan_log(log, size, &sink);
		took = cpu_seconds() - begin;
		if (!round || took < best)
			best = took;
		if (!session.found)
			die("nothing was found");
	}
	ex_disassembler_close(session.options.disassembler);
	fclose(session.out);
	free(log);
	return best;
}

int main(int argc, char **argv)
{
	char name[64];

	for (int kind = 0; kind < LOG_KINDS; kind++) {
		for (int json = 0; json < 2; json++) {
			snprintf(name, sizeof(name), "explain.10MB.%s.%s", log_names[kind],
				 json ? "json" : "text");
			if (argc == 2 && strcmp(argv[1], "list") == 0) {
				printf("%s seconds 1\n", name);
			} else if (argc == 3 && strcmp(argv[1], "run") == 0 && strcmp(argv[2], name) == 0) {
				printf("%.3f\n", measure((enum log_kind)kind, json));
				return 0;
			}
		}
	}
	return argc == 2 && strcmp(argv[1], "list") == 0 ? 0 : 2;
}
