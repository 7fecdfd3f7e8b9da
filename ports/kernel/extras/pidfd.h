/* SPDX-License-Identifier: MIT */
/* Descriptors of processes, for the calls of other files. */
#ifndef KERNEL_PIDFD_H
#define KERNEL_PIDFD_H

#include "fs/vfs.h"
#include "kern/process.h"

/* A new descriptor of the process. `flags`: 0 or O_NONBLOCK. Returns it, or -EMFILE, -ENOMEM. */
int pidfd_make(struct process *process, unsigned flags);

/* The process of a descriptor, with a reference: process_put() it. `out_flags`: the file's, or NULL.
 * Returns 0 or -EBADF. */
int pidfd_process(int fd, struct process **out_process, unsigned *out_flags);

#endif
