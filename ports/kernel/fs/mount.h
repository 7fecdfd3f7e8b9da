/* SPDX-License-Identifier: MIT */
/* File systems that mount(2) made: what the rest of fs/ knows of them. */
#ifndef KERNEL_MOUNT_H
#define KERNEL_MOUNT_H

#include "fs/proc.h"

/* An inode of the file system comes, or goes. NULL: of the tree itself, which is not counted. */
void mount_count(struct mount *mount, int by);
/* Whether the name of this directory stands for a mounted file system: it can neither be removed nor renamed. */
bool mount_is_root(const struct inode *inode);
/* The most pages that the files of one may have, 0: no such limit; *out_free: how many more. What programs bring in
 * through mappings counts with the next call that changes the file. */
uint64_t mount_pages(const struct mount *mount, uint64_t *out_free);
/* How many of n > 0 bytes at `pos` there is room for; 0: none. */
size_t mount_room(struct inode *inode, uint64_t pos, size_t n);
/* The pages of the inode have changed. locked: inode->lock */
void mount_recount(struct inode *inode);
void mount_uncount(struct inode *inode); /* it ends */
/* Their lines of /proc/mounts. */
void mount_lines(struct text *text);

#endif
