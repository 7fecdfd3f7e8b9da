/* SPDX-License-Identifier: MIT */
/* Places in the page of kuser.S. */
#ifndef KERNEL_KUSER_H
#define KERNEL_KUSER_H

/* Ways back from a handler: sigreturn() in ARM code, in Thumb code, then rt_sigreturn(). */
#define KUSER_SIGRETURN 0x500
#define KUSER_THUMB     8  /* behind the same in ARM code */
#define KUSER_RT        16 /* behind the same of sigreturn() */

#endif
