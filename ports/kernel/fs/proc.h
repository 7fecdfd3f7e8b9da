/* SPDX-License-Identifier: MIT */
/* /proc between its own files: the tables' entries, and the text that a file is made of.
 *
 *   proc.c          the tables, and the inodes that are made of their entries
 *   proc_file.c     reading and writing them
 *   proc_sysctl.c   the numbers of /proc/sys that can be written
 *   sysfs.c         the tables of /sys
 *   proc_links.c    symbolic links, and a process's descriptors and threads
 *   proc_*.c        what the files say */
#ifndef KERNEL_PROC_FILES_H
#define KERNEL_PROC_FILES_H

#include "fs/fs.h"

struct text;

enum kind {
	TEXT,
	DIRECTORY,
	PROCESSES,
	DESCRIPTORS,
	THREADS,
	LINK,
	RAW
};

struct entry {
	const char *name;
	enum kind kind;
	uint32_t mode;
	void (*make)(struct process *process, struct text *text);       /* TEXT */
	int (*take)(struct process *process, const char *value);        /* TEXT: a value written; or NULL */
	const struct entry *children;                                   /* DIRECTORY, PROCESSES, THREADS */
	long (*target)(struct process *process, char *to, size_t size); /* LINK */
	const struct setting *setting;                                  /* TEXT: a number in /proc/sys */
	long (*raw)(struct process *process, char *data, size_t n, uint64_t pos, bool write); /* RAW */
};

/* What an administrator may set. */
struct setting {
	uint64_t (*get)(void);
	int (*set)(uint64_t value); /* 0, or an errno */
	uint64_t least, most;       /* beyond them -EINVAL */
};
extern const struct setting set_overcommit_memory, set_overcommit_ratio, set_max_map_count, set_mmap_min_addr,
    set_swappiness, set_drop_caches, set_pipe_max_size, set_shmmax, set_shmall, set_shmmni;
void proc_make_setting(const struct setting *setting, struct text *text);
int proc_take_setting(const struct setting *setting, const char *value);

/* Puts a table of entries into the tree: /proc, /sys. */
int proc_attach(const char *path, const struct entry *root);

/* Whose /proc/PID the inode is; 0: it is none. */
pid_t proc_directory_pid(const struct inode *inode);

struct node {
	const struct entry *entry;
	pid_t pid; /* 0: of the system */
	pid_t tid; /* of one thread; 0: of the process */
	int fd;    /* a link in fd/; -1 otherwise */
};

/* NULL: a file of the system, or the process is gone. With a reference. */
struct process *proc_node_process(const struct node *node);
extern const struct file_ops proc_text_ops, proc_raw_ops;

/* --- proc_links.c ---------------------------------------------------------------------------------- */

/* Targets of symbolic links: the length, or an errno. */
long proc_cwd_target(struct process *process, char *to, size_t size);
long proc_root_target(struct process *process, char *to, size_t size);
long proc_exe_target(struct process *process, char *to, size_t size);
long proc_self_target(struct process *process, char *to, size_t size);
long proc_thread_self_target(struct process *process, char *to, size_t size);
/* With references; NULL: there is none. */
struct inode *proc_place(struct process *process, bool root);
struct files *proc_files(struct process *process);
struct file *proc_node_file(const struct node *node); /* that a link in fd/ stands for */
bool proc_has_descriptor(pid_t pid, int fd);
/* The least tid of the process that is at least `want`; 0: none. */
pid_t proc_next_thread(struct process *process, pid_t want);
bool proc_has_thread(pid_t pid, pid_t tid);

/* --- text ------------------------------------------------------------------------------------------ */

/* What a reader gets. A long file is written in pieces: its maker appends one, and says in `more` that there
 * are others, of which the next begins at `cursor`, a number of the maker's (0 at first). */
struct text {
	pid_t tid; /* whose it is, of the process's threads; 0: the process's */
	char *data;
	size_t length, room;
	bool failed; /* memory ran out */
	bool more;
	uint64_t cursor;
	uint64_t start; /* position in the file of data[0]: what was read is dropped */
};
void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_bytes(struct text *text, const void *bytes, size_t n);

void proc_make_auxv(struct process *process, struct text *text);
void proc_make_cmdline(struct process *process, struct text *text);
void proc_make_cmdline_system(struct process *process, struct text *text);
void proc_make_comm(struct process *process, struct text *text);
void proc_make_config(struct process *process, struct text *text);
void proc_make_cpuinfo(struct process *process, struct text *text);
void proc_make_environ(struct process *process, struct text *text);
void proc_make_filesystems(struct process *process, struct text *text);
void proc_make_hostname(struct process *process, struct text *text);
void proc_make_loadavg(struct process *process, struct text *text);
void proc_make_meminfo(struct process *process, struct text *text);
void proc_make_mounts(struct process *process, struct text *text);
void proc_make_mountinfo(struct process *process, struct text *text);
void proc_make_mounts_of(struct process *process, struct text *text);
void proc_make_oom_score(struct process *process, struct text *text);
void proc_make_oom_score_adj(struct process *process, struct text *text);
void proc_make_osrelease(struct process *process, struct text *text);
void proc_make_ostype(struct process *process, struct text *text);
void proc_make_core_pattern(struct process *process, struct text *text);
int proc_take_core_pattern(struct process *process, const char *value);
void proc_make_core_filter(struct process *process, struct text *text);
void proc_make_tainted(struct process *process, struct text *text);
void proc_make_shm_next_id(struct process *process, struct text *text);
int proc_take_shm_next_id(struct process *process, const char *value);
void proc_make_shm(struct process *process, struct text *text);
void proc_make_pid_max(struct process *process, struct text *text);
void proc_make_stat_system(struct process *process, struct text *text);
void proc_make_two(struct process *process, struct text *text);
void proc_make_uptime(struct process *process, struct text *text);
void proc_make_version(struct process *process, struct text *text);
void proc_make_swaps(struct process *process, struct text *text);
void proc_make_vmstat(struct process *process, struct text *text);
void proc_make_wchan(struct process *process, struct text *text);
void proc_make_zero(struct process *process, struct text *text);
int proc_take_no_pages(struct process *process, const char *value);
int proc_take_oom_score_adj(struct process *process, const char *value);
void proc_make_provoke(struct process *process, struct text *text);
int proc_take_provoke(struct process *process, const char *value);
int proc_take_sysrq(struct process *process, const char *value);
void proc_meminfo(struct text *text);
void proc_vmstat(struct text *text);
void proc_cpuinfo(struct text *text);
void proc_stat_system(struct text *text);
void proc_mounts(struct text *text);
void proc_swaps(struct text *text);
void proc_maps(struct process *process, struct text *text);
void proc_smaps(struct process *process, struct text *text);
void proc_smaps_rollup(struct process *process, struct text *text);
void proc_status(struct process *process, struct text *text);
void proc_statm(struct process *process, struct text *text);
void proc_stat(struct process *process, struct text *text);
void proc_limits(struct process *process, struct text *text);
long proc_pagemap(struct process *process, char *to, size_t n, uint64_t pos);
long proc_mem(struct process *process, void *buffer, size_t n, uint64_t pos, bool write);

#endif
