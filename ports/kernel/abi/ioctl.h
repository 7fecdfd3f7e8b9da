/* SPDX-License-Identifier: MIT */
/* ioctl(): files, and the terminal. */
#ifndef ABI_IOCTL_H
#define ABI_IOCTL_H

#include "abi/abi.h"

/* clang-format off */
enum {
	TCGETS = 0x5401, TCSETS, TCSETSW, TCSETSF,
	TCSBRK = 0x5409, TCXONC, TCFLSH,
	TIOCSCTTY = 0x540e, TIOCGPGRP, TIOCSPGRP, TIOCOUTQ,
	TIOCGWINSZ = 0x5413, TIOCSWINSZ,
	FIONREAD = 0x541b, FIONBIO = 0x5421, TIOCNOTTY = 0x5422, TCSBRKP = 0x5425, TIOCGSID = 0x5429,
	FIONCLEX = 0x5450, FIOCLEX = 0x5451,
	BLKROGET = 0x125e, BLKGETSIZE = 0x1260, BLKFLSBUF = 0x1261, BLKSSZGET = 0x1268
};
/* clang-format on */
/* Their numbers hold the size of the word. */
#define BLKBSZGET    (0x80001270u | ABI_LONG_BYTES << 16)
#define BLKGETSIZE64 (0x80001272u | ABI_LONG_BYTES << 16)
#define TCGETS2      0x802c542au
#define TCSETS2      0x402c542bu
#define TCSETSW2     0x402c542cu
#define TCSETSF2     0x402c542du

/* clang-format off */
enum {
	/* input, output, control, local */
	ISTRIP = 040, INLCR = 0100, IGNCR = 0200, ICRNL = 0400, IXON = 02000, IUTF8 = 040000,
	OPOST = 1, ONLCR = 4, OCRNL = 010,
	B38400 = 017, CS8 = 060, CREAD = 0200,
	ISIG = 1, ICANON = 2, ECHO = 010, ECHOE = 020, ECHOK = 040, ECHONL = 0100,
	NOFLSH = 0200, TOSTOP = 0400,
	ECHOCTL = 01000, ECHOKE = 04000, IEXTEN = 0100000,
	/* keys */
	VINTR = 0, VQUIT, VERASE, VKILL, VEOF, VTIME, VMIN, VSWTC, VSTART, VSTOP, VSUSP, VEOL, VREPRINT,
	VDISCARD, VWERASE, VLNEXT, VEOL2,
	TCIFLUSH = 0, TCOFLUSH, TCIOFLUSH
};
/* clang-format on */

/* struct termios2; TCGETS and its relatives have all but the speeds. */
struct abi_termios {
	uint32_t input, output, control, local;
	uint8_t line;
	uint8_t key[19];
	uint32_t input_speed, output_speed;
};
#define ABI_TERMIOS_BYTES 36
_Static_assert(sizeof(struct abi_termios) == ABI_TERMIOS_BYTES + 8, "the ABI's size");

struct abi_winsize {
	uint16_t rows, columns, x, y;
};

#endif
