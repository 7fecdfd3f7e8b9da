/* SPDX-License-Identifier: MIT */
/* /proc: directories and files that are made when their names are looked up.
 *
 * Every node is an inode with a struct node: which entry of a table it is, of which process. A text file
 * is written when it is read from its start, whole or in pieces, and kept until it is closed. */
#include "fs/proc.h"

static int proc_lookup(struct inode *dir, const char *name, size_t length, struct inode **out_inode);
static long proc_target(struct inode *inode, char *to, size_t size);
static int proc_follow(struct inode *inode, struct inode **out_inode);

static void proc_release(struct inode *inode)
{
	kfree(inode->private);
}

static const struct inode_ops directory_inode_ops = {.lookup = proc_lookup, .release = proc_release};
static const struct inode_ops link_inode_ops = {.target = proc_target, .release = proc_release};
static const struct inode_ops thing_inode_ops = {
    .target = proc_target, .follow = proc_follow, .release = proc_release};
static const struct file_ops list_file_ops;

/* --- the tables ------------------------------------------------------------------------------------ */

static long raw_pagemap(struct process *process, char *data, size_t n, uint64_t pos, bool write)
{
	return write ? -EPERM : proc_pagemap(process, data, n, pos);
}

static long raw_mem(struct process *process, char *data, size_t n, uint64_t pos, bool write)
{
	return proc_mem(process, data, n, pos, write);
}

/* A thread has all of it but the first. */
static const struct entry process_entries[] = {
    {.name = "task", .kind = THREADS, .mode = 0555},
    {.name = "maps", .mode = 0444, .make = proc_maps},
    {.name = "smaps", .mode = 0444, .make = proc_smaps},
    {.name = "smaps_rollup", .mode = 0444, .make = proc_smaps_rollup},
    {.name = "status", .mode = 0444, .make = proc_status},
    {.name = "statm", .mode = 0444, .make = proc_statm},
    {.name = "stat", .mode = 0444, .make = proc_stat},
    {.name = "limits", .mode = 0444, .make = proc_limits},
    {.name = "cmdline", .mode = 0444, .make = proc_make_cmdline},
    {.name = "environ", .mode = 0400, .make = proc_make_environ},
    {.name = "comm", .mode = 0444, .make = proc_make_comm},
    {.name = "auxv", .mode = 0400, .make = proc_make_auxv},
    {.name = "mounts", .mode = 0444, .make = proc_make_mounts_of},
    {.name = "mountinfo", .mode = 0444, .make = proc_make_mountinfo},
    {.name = "wchan", .mode = 0444, .make = proc_make_wchan},
    {.name = "oom_score", .mode = 0444, .make = proc_make_oom_score},
    {.name = "oom_score_adj", .mode = 0644, .make = proc_make_oom_score_adj, .take = proc_take_oom_score_adj},
    {.name = "coredump_filter", .mode = 0444, .make = proc_make_core_filter},
    {.name = "pagemap", .kind = RAW, .mode = 0400, .raw = raw_pagemap},
    {.name = "mem", .kind = RAW, .mode = 0600, .raw = raw_mem},
    {.name = "exe", .kind = LINK, .mode = 0777, .target = proc_exe_target},
    {.name = "cwd", .kind = LINK, .mode = 0777, .target = proc_cwd_target},
    {.name = "root", .kind = LINK, .mode = 0777, .target = proc_root_target},
    {.name = "fd", .kind = DESCRIPTORS, .mode = 0500},
    {0},
};
static const struct entry process_entry = {
    .name = "", .kind = DIRECTORY, .mode = 0555, .children = process_entries};
static const struct entry thread_entry = {
    .name = "", .kind = DIRECTORY, .mode = 0555, .children = process_entries + 1};
static const struct entry descriptor_entry = {.name = "", .kind = LINK, .mode = 0700};

static const struct entry kernel_entries[] = {
    {.name = "osrelease", .mode = 0444, .make = proc_make_osrelease},
    {.name = "ostype", .mode = 0444, .make = proc_make_ostype},
    {.name = "hostname", .mode = 0444, .make = proc_make_hostname},
    {.name = "shmmax", .mode = 0644, .setting = &set_shmmax},
    {.name = "shmall", .mode = 0644, .setting = &set_shmall},
    {.name = "shmmni", .mode = 0644, .setting = &set_shmmni},
    {.name = "shm_next_id", .mode = 0644, .make = proc_make_shm_next_id, .take = proc_take_shm_next_id},
    {.name = "pid_max", .mode = 0444, .make = proc_make_pid_max},
    {.name = "randomize_va_space", .mode = 0444, .make = proc_make_two},
    {.name = "core_pattern", .mode = 0644, .make = proc_make_core_pattern, .take = proc_take_core_pattern},
    {.name = "tainted", .mode = 0444, .make = proc_make_tainted},
    {0},
};
static const struct entry fs_entries[] = {
    {.name = "pipe-max-size", .mode = 0644, .setting = &set_pipe_max_size},
    {0},
};
static const struct entry vm_entries[] = {
    {.name = "overcommit_memory", .mode = 0644, .setting = &set_overcommit_memory},
    {.name = "overcommit_ratio", .mode = 0644, .setting = &set_overcommit_ratio},
    {.name = "max_map_count", .mode = 0644, .setting = &set_max_map_count},
    {.name = "mmap_min_addr", .mode = 0644, .setting = &set_mmap_min_addr},
    {.name = "swappiness", .mode = 0644, .setting = &set_swappiness},
    {.name = "drop_caches", .mode = 0200, .setting = &set_drop_caches},
    {.name = "nr_hugepages", .mode = 0644, .make = proc_make_zero, .take = proc_take_no_pages},
    {0},
};
static const struct entry sysvipc_entries[] = {
    {.name = "shm", .mode = 0444, .make = proc_make_shm},
    {0},
};
static const struct entry sys_entries[] = {
    {.name = "kernel", .kind = DIRECTORY, .mode = 0555, .children = kernel_entries},
    {.name = "vm", .kind = DIRECTORY, .mode = 0555, .children = vm_entries},
    {.name = "fs", .kind = DIRECTORY, .mode = 0555, .children = fs_entries},
    {0},
};
static const struct entry root_entries[] = {
    {.name = "self", .kind = LINK, .mode = 0777, .target = proc_self_target},
    {.name = "thread-self", .kind = LINK, .mode = 0777, .target = proc_thread_self_target},
    {.name = "meminfo", .mode = 0444, .make = proc_make_meminfo},
    {.name = "swaps", .mode = 0444, .make = proc_make_swaps},
    {.name = "vmstat", .mode = 0444, .make = proc_make_vmstat},
    {.name = "cpuinfo", .mode = 0444, .make = proc_make_cpuinfo},
    {.name = "stat", .mode = 0444, .make = proc_make_stat_system},
    {.name = "mounts", .mode = 0444, .make = proc_make_mounts},
    {.name = "uptime", .mode = 0444, .make = proc_make_uptime},
    {.name = "loadavg", .mode = 0444, .make = proc_make_loadavg},
    {.name = "version", .mode = 0444, .make = proc_make_version},
    {.name = "filesystems", .mode = 0444, .make = proc_make_filesystems},
    {.name = "cmdline", .mode = 0444, .make = proc_make_cmdline_system},
    {.name = "config.gz", .mode = 0444, .make = proc_make_config},
    {.name = "provoke-crash", .mode = 0600, .make = proc_make_provoke, .take = proc_take_provoke},
    {.name = "sysrq-trigger", .mode = 0200, .take = proc_take_sysrq},
    {.name = "sys", .kind = DIRECTORY, .mode = 0555, .children = sys_entries},
    {.name = "sysvipc", .kind = DIRECTORY, .mode = 0555, .children = sysvipc_entries},
    {0},
};
static const struct entry root_entry = {
    .name = "proc", .kind = PROCESSES, .mode = 0555, .children = root_entries};

/* --- nodes ----------------------------------------------------------------------------------------- */

static void dress(struct inode *inode, const struct entry *entry, struct node *node)
{
	inode->private = node;
	inode->dev = DEV_PROC;
	inode->nlink = 1;
	switch (entry->kind) {
	case TEXT:
		inode->fops = &proc_text_ops;
		inode->ops = &link_inode_ops;
		break;
	case RAW:
		inode->fops = &proc_raw_ops;
		inode->ops = &link_inode_ops;
		break;
	case LINK:
		inode->fops = NULL;
		inode->ops =
		    node->fd >= 0 || entry->target == proc_cwd_target || entry->target == proc_root_target
			? &thing_inode_ops
			: &link_inode_ops;
		break;
	default:
		inode->fops = &list_file_ops;
		inode->ops = &directory_inode_ops;
		inode->nlink = 2;
	}
}

/* The path of an entry of `dir`, kmalloc'ed; NULL: no memory. Most are short. */
static char *node_path(struct inode *dir, const char *name, size_t length)
{
	for (size_t size = 512;; size = PATH_SIZE) {
		char *path = kmalloc(size);
		size_t above = path ? tree_path(dir, path, size) : 0;

		/* A name that had no room was left out. */
		if (path && size < PATH_SIZE && above + NAME_LENGTH + length + 2 > size) {
			kfree(path);
			continue;
		}
		if (path)
			ksnprintf(path + above, size - above, "/%.*s", (int)length, name);
		return path;
	}
}

/* A new inode for a node; its path is kept as its ghost, for getcwd and fd links. */
static int make_node(struct inode *dir, const char *name, size_t length, const struct node *as,
		     struct inode **out_inode)
{
	static const uint32_t types[] = {S_IFREG, S_IFDIR, S_IFDIR, S_IFDIR, S_IFDIR, S_IFLNK, S_IFREG};
	const struct entry *entry = as->entry;
	struct node *node = kmalloc(sizeof(*node));
	/* Not S_IFREG: a regular inode would get pages. The type is set afterwards. */
	struct inode *inode = inode_create(NULL, entry->mode, 0);
	char *path = node_path(dir, name, length);

	if (!node || !inode || !path) {
		kfree(node);
		kfree(path);
		inode_put(inode);
		return -ENOMEM;
	}
	*node = *as;
	inode->mode = types[entry->kind] | entry->mode;
	dress(inode, entry, node);
	inode->ghost = path;
	if (IS_TYPE(inode, S_IFDIR))
		inode->parent = inode_get(dir);
	*out_inode = inode;
	return 0;
}

pid_t proc_directory_pid(const struct inode *inode)
{
	const struct node *node = inode->private;

	return inode->ops == &directory_inode_ops && node->entry == &process_entry ? node->pid : 0;
}

static bool parse_number(const char *name, size_t length, uint32_t *out)
{
	uint32_t value = 0;

	if (!length || length > 9 || (name[0] == '0' && length > 1))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (name[i] < '0' || name[i] > '9')
			return false;
		value = value * 10 + (uint32_t)(name[i] - '0');
	}
	*out = value;
	return true;
}

static int proc_lookup(struct inode *dir, const char *name, size_t length, struct inode **out_inode)
{
	const struct node *node = dir->private;
	const struct entry *entry = node->entry;
	struct node found = {.entry = entry->children, .pid = node->pid, .tid = node->tid, .fd = -1};
	struct process *process;
	uint32_t number;

	for (; found.entry && found.entry->name; found.entry++)
		if (!strncmp(found.entry->name, name, length) && !found.entry->name[length])
			return make_node(dir, name, length, &found, out_inode);
	if (!parse_number(name, length, &number))
		return -ENOENT;
	switch (entry->kind) {
	case PROCESSES:
		process = process_find((pid_t)number);
		if (!process)
			return -ENOENT;
		process_put(process);
		found.entry = &process_entry;
		found.pid = (pid_t)number;
		break;
	case DESCRIPTORS:
		if (!proc_has_descriptor(node->pid, (int)number))
			return -ENOENT;
		found.entry = &descriptor_entry;
		found.fd = (int)number;
		break;
	case THREADS:
		if (!proc_has_thread(node->pid, (pid_t)number))
			return -ENOENT;
		found.entry = &thread_entry;
		found.tid = (pid_t)number;
		break;
	default:
		return -ENOENT;
	}
	return make_node(dir, name, length, &found, out_inode);
}

static long proc_target(struct inode *inode, char *to, size_t size)
{
	const struct node *node = inode->private;
	struct process *process;
	long length;

	if (node->fd >= 0) {
		struct file *file = proc_node_file(node);

		length = file ? (long)file_path(file, to, size) : -ENOENT;
		file_put(file);
		return length;
	}
	if (!node->entry->target)
		return -EINVAL;
	process = proc_node_process(node);
	if (node->pid && !process)
		return -ESRCH;
	length = node->entry->target(process, to, size);
	if (process)
		process_put(process);
	return length;
}

static int proc_follow(struct inode *inode, struct inode **out_inode)
{
	const struct node *node = inode->private;
	struct process *process;

	if (node->fd >= 0) {
		struct file *file = proc_node_file(node);

		*out_inode = file ? inode_get(file->inode) : NULL;
		file_put(file);
		return *out_inode ? 0 : -ENOENT;
	}
	process = proc_node_process(node);
	*out_inode = process ? proc_place(process, node->entry->target == proc_root_target) : NULL;
	if (process)
		process_put(process);
	return *out_inode ? 0 : -ENOENT;
}

/* --- listing --------------------------------------------------------------------------------------- */

enum {
	DYNAMIC = 1000
}; /* positions of numbered names start here */

static bool emit_number(struct file *file, struct dir_sink *sink, unsigned number, unsigned type)
{
	char name[16];
	int length = ksnprintf(name, sizeof(name), "%u", number);

	if (!dir_emit(sink, 100000 + number, DYNAMIC + number + 1, type, name, (size_t)length))
		return false;
	file->pos = DYNAMIC + number + 1;
	return true;
}

static void list_processes(struct file *file, struct dir_sink *sink)
{
	struct process *process;

	while ((process = process_next((pid_t)(file->pos - DYNAMIC) - 1))) {
		unsigned pid = (unsigned)process->pid;

		process_put(process);
		if (!emit_number(file, sink, pid, S_IFDIR))
			return;
	}
}

static void list_descriptors(struct file *file, struct dir_sink *sink, struct process *process)
{
	struct files *files = proc_files(process);
	int fd;

	while (files && (fd = files_next(files, (int)(file->pos - DYNAMIC))) >= 0)
		if (!emit_number(file, sink, (unsigned)fd, S_IFLNK))
			break;
	files_put(files);
}

static void list_threads(struct file *file, struct dir_sink *sink, struct process *process)
{
	pid_t tid = (pid_t)(file->pos - DYNAMIC);

	for (; (tid = proc_next_thread(process, tid)) != 0; tid++)
		if (!emit_number(file, sink, (unsigned)tid, S_IFDIR))
			return;
}

static bool list_table(struct file *file, struct dir_sink *sink, const struct node *node)
{
	static const uint32_t types[] = {S_IFREG, S_IFDIR, S_IFDIR, S_IFDIR, S_IFDIR, S_IFLNK, S_IFREG};
	const struct entry *child = node->entry->children;

	while (file->pos < DYNAMIC) {
		uint64_t at = file->pos;
		const char *name = at == 0 ? "." : at == 1 ? ".." : child ? child[at - 2].name : NULL;
		uint32_t type = at < 2 ? S_IFDIR : name ? types[child[at - 2].kind] : 0;

		if (!name) {
			file->pos = DYNAMIC;
			break;
		}
		if (!dir_emit(sink, 5000 + at, at + 1, type, name, strlen(name)))
			return false;
		file->pos = at + 1;
	}
	return true;
}

static long proc_list(struct file *file, struct dir_sink *sink)
{
	const struct node *node = file->inode->private;
	struct process *process;

	if (!list_table(file, sink, node))
		return 0;
	if (node->entry->kind == PROCESSES) {
		list_processes(file, sink);
		return 0;
	}
	if (node->entry->kind != DESCRIPTORS && node->entry->kind != THREADS)
		return 0;
	process = proc_node_process(node);
	if (!process)
		return -ESRCH;
	if (node->entry->kind == DESCRIPTORS)
		list_descriptors(file, sink, process);
	else
		list_threads(file, sink, process);
	process_put(process);
	return 0;
}

static const struct file_ops list_file_ops = {.list = proc_list};

/* A directory of the tree gets its operations here. */
int proc_attach(const char *path, const struct entry *root)
{
	struct node *node = kmalloc(sizeof(*node));
	struct inode *inode;
	int result;

	if (!node)
		return -ENOMEM;
	result = make_path(path, S_IFDIR | 0555, 0, &inode);
	if (result || !IS_TYPE(inode, S_IFDIR)) {
		kfree(node);
		return result ? result : -ENOTDIR;
	}
	*node = (struct node){.entry = root, .fd = -1};
	dress(inode, root, node);
	inode_put(inode);
	return 0;
}

int proc_init(void)
{
	return proc_attach("/proc", &root_entry);
}
