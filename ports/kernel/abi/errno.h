/* SPDX-License-Identifier: MIT */
/* Linux's error numbers, and the four that only the kernel itself sees. */
#ifndef KERNEL_ERRNO_H
#define KERNEL_ERRNO_H

/* clang-format off */
enum {
	EPERM = 1, ENOENT, ESRCH, EINTR, EIO, ENXIO, E2BIG, ENOEXEC, EBADF, ECHILD,
	EAGAIN = 11, ENOMEM, EACCES, EFAULT, ENOTBLK, EBUSY, EEXIST, EXDEV, ENODEV, ENOTDIR,
	EISDIR = 21, EINVAL, ENFILE, EMFILE, ENOTTY, ETXTBSY, EFBIG, ENOSPC, ESPIPE, EROFS,
	EMLINK = 31, EPIPE, EDOM, ERANGE, EDEADLK, ENAMETOOLONG, ENOLCK, ENOSYS, ENOTEMPTY, ELOOP,
	ENOMSG = 42, ENODATA = 61, ETIME = 62, EPROTO = 71, EBADMSG = 74, EOVERFLOW = 75, ELIBBAD = 80,
	EILSEQ = 84, EUSERS = 87, ENOTSOCK = 88,
	EOPNOTSUPP = 95, EAFNOSUPPORT = 97, ENOTCONN = 107, ETIMEDOUT = 110, EALREADY = 114,
	EINPROGRESS = 115, ESTALE = 116, ECANCELED = 125, EOWNERDEAD = 130,
	EWOULDBLOCK = EAGAIN, ENOTSUP = EOPNOTSUPP,

	/* Never seen by a program: what to do with a system call that a signal interrupted. */
	ERESTARTSYS = 512,           /* restart if the handler has SA_RESTART, or none runs; else EINTR */
	ERESTARTNOHAND = 514,        /* restart only when no handler runs; else EINTR */
	ERESTART_RESTARTBLOCK = 516, /* as NOHAND, by way of restart_syscall (a relative timeout continues) */
};
/* clang-format on */

#endif
