/* SPDX-License-Identifier: MIT */
/* File systems that mount(2) made: what the rest of fs/ knows of them. */
#ifndef KERNEL_MOUNT_H
#define KERNEL_MOUNT_H

#include "fs/proc.h"

/* An inode of the file system comes, or goes. NULL: of the tree itself, which is not counted. */
void mount_count(struct mount *mount, int by);
/* Whether the name of this directory stands for a mounted file system: it can neither be removed nor renamed. */
bool mount_is_root(const struct inode *inode);
/* Their lines of /proc/mounts. */
void mount_lines(struct text *text);

#endif
