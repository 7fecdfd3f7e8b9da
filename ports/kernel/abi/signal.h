/* SPDX-License-Identifier: MIT */
/* Signals. */
#ifndef ABI_SIGNAL_H
#define ABI_SIGNAL_H

#include "abi/abi.h"

/* clang-format off */
enum {
	SIGHUP = 1, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGUSR1,
	SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGSTKFLT, SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP,
	SIGTTIN, SIGTTOU, SIGURG, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGWINCH, SIGIO, SIGPWR, SIGSYS,
	SIGRTMIN = 32, SIGNAL_MAX = 64
};

enum {
	SA_NOCLDSTOP = 1, SA_NOCLDWAIT = 2, SA_SIGINFO = 4, SA_RESTORER = 0x04000000,
	SA_ONSTACK = 0x08000000, SA_RESTART = 0x10000000, SA_NODEFER = 0x40000000,
	SA_RESETHAND = (int)0x80000000,
	SIG_BLOCK = 0, SIG_UNBLOCK = 1, SIG_SETMASK = 2,
	SS_ONSTACK = 1, SS_DISABLE = 2,
	CLD_EXITED = 1, CLD_KILLED, CLD_DUMPED, CLD_TRAPPED, CLD_STOPPED, CLD_CONTINUED,
	ILL_ILLOPN = 2, FPE_INTDIV = 1, FPE_FLTDIV = 3, FPE_FLTOVF, FPE_FLTUND, FPE_FLTRES, FPE_FLTINV,
	TRAP_TRACE = 2, BUS_ADRALN = 1
};
/* clang-format on */
#define SS_AUTODISARM 0x80000000u
#define SI_USER       0
#define SI_KERNEL     0x80
#define SI_QUEUE      (-1)
#define SI_TIMER      (-2)
#define SI_TKILL      (-6)
#define SIG_DFL       0ul
#define SIG_IGN       1ul

/* Of a signal mask: 64 bits, in words. */
#define ABI_SIGSET_BYTES 8

struct abi_sigaction {
	abi_ulong handler, flags;
#if ABI_SA_RESTORER
	abi_ulong restorer;
#endif
	abi_ulong mask[ABI_SIGSET_BYTES / ABI_LONG_BYTES];
};

struct abi_sigaltstack {
	abi_ulong sp;
	uint32_t flags;
	abi_ulong size;
};

/* siginfo_t: the kernel keeps it as programs see it. */
struct siginfo {
	int32_t signo, error, code;
#if ABI_LONG_BYTES == 8
	int32_t pad;
#endif
	union {
		uint8_t bytes[128 - (ABI_LONG_BYTES == 8 ? 16 : 12)];
		struct {
			int32_t pid;
			uint32_t uid;
			abi_ulong value;
		} from; /* kill, sigqueue */
		struct {
			int32_t pid;
			uint32_t uid;
			int32_t status;
			abi_long utime, stime;
		} child;
		struct {
			abi_ulong address;
		} fault;
	};
};
_Static_assert(sizeof(struct siginfo) == 128, "the ABI's size");

#endif
