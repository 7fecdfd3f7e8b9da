/* SPDX-License-Identifier: MIT */
/* /proc: directories and files that are made when their names are looked up.
 *
 * Every node is an inode with a struct node: which entry of a table it is, of which process. A text file
 * is written when it is read from its start, whole or in pieces, and kept until it is closed. */
#include "fs/fs.h"

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
	long (*raw)(struct process *process, char *data, size_t n, uint64_t pos, bool write); /* RAW */
};

struct node {
	const struct entry *entry;
	pid_t pid; /* 0: of the system */
	int fd;    /* a link in fd/; -1 otherwise */
};

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
static const struct file_ops text_file_ops, list_file_ops, raw_file_ops;

/* --- text ------------------------------------------------------------------------------------------ */

static bool text_room(struct text *text, size_t n)
{
	size_t room = MAX(text->room * 2, text->length + n + 1);
	char *more;

	if (text->failed || text->length + n + 1 <= text->room)
		return !text->failed;
	room = MAX(room, (size_t)1024);
	more = krealloc(text->data, text->room, room);
	if (!more) {
		text->failed = true;
		return false;
	}
	text->data = more;
	text->room = room;
	return true;
}

void text_add(struct text *text, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = kvsnprintf(NULL, 0, format, args);
	va_end(args);
	if (length < 0 || !text_room(text, (size_t)length))
		return;
	va_start(args, format);
	kvsnprintf(text->data + text->length, (size_t)length + 1, format, args);
	va_end(args);
	text->length += (size_t)length;
}

void text_bytes(struct text *text, const void *bytes, size_t n)
{
	if (!text_room(text, n))
		return;
	memcpy(text->data + text->length, bytes, n);
	text->length += n;
}

/* --- links of a process ---------------------------------------------------------------------------- */

static void visit_fs(struct task *task, void *context)
{
	if (task->fs)
		*(struct fs **)context = fs_get(task->fs);
}

static void visit_files(struct task *task, void *context)
{
	if (task->files)
		*(struct files **)context = files_get(task->files);
}

static struct files *process_files(struct process *process)
{
	struct files *files = NULL;

	process_visit_thread(process, visit_files, &files);
	return files;
}

static struct inode *process_place(struct process *process, bool root)
{
	struct inode *inode = NULL;
	struct fs *fs = NULL;

	process_visit_thread(process, visit_fs, &fs);
	if (!fs)
		return NULL;
	mutex_lock(&fs->lock);
	inode = inode_get(root ? fs->root : fs->cwd);
	mutex_unlock(&fs->lock);
	fs_put(fs);
	return inode;
}

static long path_of(struct inode *inode, char *to, size_t size)
{
	size_t length;

	if (!inode)
		return -ENOENT;
	mutex_lock(&tree_lock);
	length = tree_path(inode, to, size);
	mutex_unlock(&tree_lock);
	inode_put(inode);
	return (long)length;
}

static long cwd_target(struct process *process, char *to, size_t size)
{
	return path_of(process_place(process, false), to, size);
}

static long root_target(struct process *process, char *to, size_t size)
{
	return path_of(process_place(process, true), to, size);
}

static long exe_target(struct process *process, char *to, size_t size)
{
	size_t length = 0;

	spin_lock(&proc_lock);
	if (process->exe_path)
		length = strlcpy(to, process->exe_path, size);
	spin_unlock(&proc_lock);
	return length ? (long)length : -ENOENT;
}

static long self_target(struct process *process, char *to, size_t size)
{
	return ksnprintf(to, size, "%d", current->process->pid);
}

static long thread_self_target(struct process *process, char *to, size_t size)
{
	return ksnprintf(to, size, "%d/task/%d", current->process->pid, current->tid);
}

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
    {.name = "pagemap", .kind = RAW, .mode = 0400, .raw = raw_pagemap},
    {.name = "mem", .kind = RAW, .mode = 0600, .raw = raw_mem},
    {.name = "exe", .kind = LINK, .mode = 0777, .target = exe_target},
    {.name = "cwd", .kind = LINK, .mode = 0777, .target = cwd_target},
    {.name = "root", .kind = LINK, .mode = 0777, .target = root_target},
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
    {.name = "pid_max", .mode = 0444, .make = proc_make_pid_max},
    {.name = "randomize_va_space", .mode = 0444, .make = proc_make_two},
    {0},
};
static const struct entry vm_entries[] = {
    {.name = "overcommit_memory", .mode = 0444, .make = proc_make_zero},
    {.name = "max_map_count", .mode = 0444, .make = proc_make_map_count},
    {.name = "mmap_min_addr", .mode = 0444, .make = proc_make_min_addr},
    {.name = "nr_hugepages", .mode = 0444, .make = proc_make_zero},
    {0},
};
static const struct entry sys_entries[] = {
    {.name = "kernel", .kind = DIRECTORY, .mode = 0555, .children = kernel_entries},
    {.name = "vm", .kind = DIRECTORY, .mode = 0555, .children = vm_entries},
    {0},
};
static const struct entry root_entries[] = {
    {.name = "self", .kind = LINK, .mode = 0777, .target = self_target},
    {.name = "thread-self", .kind = LINK, .mode = 0777, .target = thread_self_target},
    {.name = "meminfo", .mode = 0444, .make = proc_make_meminfo},
    {.name = "vmstat", .mode = 0444, .make = proc_make_vmstat},
    {.name = "cpuinfo", .mode = 0444, .make = proc_make_cpuinfo},
    {.name = "stat", .mode = 0444, .make = proc_make_stat_system},
    {.name = "mounts", .mode = 0444, .make = proc_make_mounts},
    {.name = "uptime", .mode = 0444, .make = proc_make_uptime},
    {.name = "loadavg", .mode = 0444, .make = proc_make_loadavg},
    {.name = "version", .mode = 0444, .make = proc_make_version},
    {.name = "filesystems", .mode = 0444, .make = proc_make_filesystems},
    {.name = "cmdline", .mode = 0444, .make = proc_make_cmdline_system},
    {.name = "provoke-crash", .mode = 0600, .make = proc_make_provoke, .take = proc_take_provoke},
    {.name = "sysrq-trigger", .mode = 0200, .take = proc_take_sysrq},
    {.name = "sys", .kind = DIRECTORY, .mode = 0555, .children = sys_entries},
    {0},
};
static const struct entry root_entry = {
    .name = "proc", .kind = PROCESSES, .mode = 0555, .children = root_entries};

/* --- nodes ----------------------------------------------------------------------------------------- */

static struct process *node_process(const struct node *node)
{
	return node->pid ? process_find(node->pid) : NULL;
}

static void dress(struct inode *inode, const struct entry *entry, struct node *node)
{
	inode->private = node;
	inode->dev = DEV_PROC;
	inode->nlink = 1;
	switch (entry->kind) {
	case TEXT:
		inode->fops = &text_file_ops;
		inode->ops = &link_inode_ops;
		break;
	case RAW:
		inode->fops = &raw_file_ops;
		inode->ops = &link_inode_ops;
		break;
	case LINK:
		inode->fops = NULL;
		inode->ops = node->fd >= 0 || entry->target == cwd_target || entry->target == root_target
				 ? &thing_inode_ops
				 : &link_inode_ops;
		break;
	default:
		inode->fops = &list_file_ops;
		inode->ops = &directory_inode_ops;
		inode->nlink = 2;
	}
}

/* A new inode for an entry; its path is kept as its ghost, for getcwd and fd links. */
static int make_node(struct inode *dir, const char *name, size_t length, const struct entry *entry, pid_t pid,
		     int fd, struct inode **out_inode)
{
	static const uint32_t types[] = {S_IFREG, S_IFDIR, S_IFDIR, S_IFDIR, S_IFDIR, S_IFLNK, S_IFREG};
	struct node *node = kmalloc(sizeof(*node));
	/* Not S_IFREG: a regular inode would get pages. The type is set afterwards. */
	struct inode *inode = inode_create(NULL, entry->mode, 0);
	char *path = kmalloc(PATH_SIZE);
	size_t above;

	if (!node || !inode || !path) {
		kfree(node);
		kfree(path);
		inode_put(inode);
		return -ENOMEM;
	}
	*node = (struct node){.entry = entry, .pid = pid, .fd = fd};
	inode->mode = types[entry->kind] | entry->mode;
	dress(inode, entry, node);
	above = tree_path(dir, path, PATH_SIZE);
	ksnprintf(path + above, PATH_SIZE - above, "/%.*s", (int)length, name);
	inode->ghost = kstrdup(path);
	kfree(path);
	if (IS_TYPE(inode, S_IFDIR))
		inode->parent = inode_get(dir);
	*out_inode = inode;
	return 0;
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

static bool has_descriptor(pid_t pid, int fd)
{
	struct process *process = process_find(pid);
	struct files *files = process ? process_files(process) : NULL;
	struct file *file = files ? files_slot(files, fd) : NULL;
	bool has = file != NULL;

	file_put(file);
	files_put(files);
	if (process)
		process_put(process);
	return has;
}

struct thread_search {
	pid_t want, found; /* the least tid that is at least `want` */
};

static bool next_thread(struct process *process, struct thread_search *search)
{
	struct task *task;

	search->found = 0;
	spin_lock(&proc_lock);
	list_for_each (task, &process->threads, thread)
		if (task->tid >= search->want && (!search->found || task->tid < search->found))
			search->found = task->tid;
	spin_unlock(&proc_lock);
	return search->found != 0;
}

static bool has_thread(pid_t pid, pid_t tid)
{
	struct process *process = process_find(pid);
	struct thread_search search = {.want = tid};
	bool has = process && next_thread(process, &search) && search.found == tid;

	if (process)
		process_put(process);
	return has;
}

static int proc_lookup(struct inode *dir, const char *name, size_t length, struct inode **out_inode)
{
	const struct node *node = dir->private;
	const struct entry *entry = node->entry;
	struct process *process;
	uint32_t number;

	for (const struct entry *child = entry->children; child && child->name; child++)
		if (strlen(child->name) == length && !memcmp(child->name, name, length))
			return make_node(dir, name, length, child, node->pid, -1, out_inode);
	if (!parse_number(name, length, &number))
		return -ENOENT;
	switch (entry->kind) {
	case PROCESSES:
		process = process_find((pid_t)number);
		if (!process)
			return -ENOENT;
		process_put(process);
		return make_node(dir, name, length, &process_entry, (pid_t)number, -1, out_inode);
	case DESCRIPTORS:
		if (!has_descriptor(node->pid, (int)number))
			return -ENOENT;
		return make_node(dir, name, length, &descriptor_entry, node->pid, (int)number, out_inode);
	case THREADS:
		if (!has_thread(node->pid, (pid_t)number))
			return -ENOENT;
		return make_node(dir, name, length, &thread_entry, node->pid, -1, out_inode);
	default:
		return -ENOENT;
	}
}

/* The open file that a link in fd/ stands for. */
static struct file *node_file(const struct node *node)
{
	struct process *process = node_process(node);
	struct files *files = process ? process_files(process) : NULL;
	struct file *file = files ? files_slot(files, node->fd) : NULL;

	files_put(files);
	if (process)
		process_put(process);
	return file;
}

static long proc_target(struct inode *inode, char *to, size_t size)
{
	const struct node *node = inode->private;
	struct process *process;
	long length;

	if (node->fd >= 0) {
		struct file *file = node_file(node);

		length = file ? (long)file_path(file, to, size) : -ENOENT;
		file_put(file);
		return length;
	}
	if (!node->entry->target)
		return -EINVAL;
	process = node_process(node);
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
		struct file *file = node_file(node);

		*out_inode = file ? inode_get(file->inode) : NULL;
		file_put(file);
		return *out_inode ? 0 : -ENOENT;
	}
	process = node_process(node);
	*out_inode = process ? process_place(process, node->entry->target == root_target) : NULL;
	if (process)
		process_put(process);
	return *out_inode ? 0 : -ENOENT;
}

/* --- reading --------------------------------------------------------------------------------------- */

/* Forgets what lies before `pos`: of a file in pieces, a page or two are kept. */
static void text_drop(struct text *text, uint64_t pos)
{
	size_t n = MIN(text->length, pos - text->start);

	memmove(text->data, text->data + n, text->length - n);
	text->start += n;
	text->length -= n;
}

static long text_piece(const struct node *node, struct text *text)
{
	struct process *process = node_process(node);

	if (node->pid && !process)
		return -ESRCH;
	text->more = false;
	node->entry->make(process, text);
	if (process)
		process_put(process);
	return text->failed ? -ENOMEM : 0;
}

/* Read from its start, a file is written anew; a position that was dropped is come to by writing it again. */
static long text_read(struct file *file, char *to, size_t n, uint64_t *pos, bool wait)
{
	struct text *text = file->private;
	long result;

	if (!text) {
		text = file->private = kzalloc(sizeof(*text));
		if (!text)
			return -ENOMEM;
		text->more = true;
	}
	if (*pos == 0 || *pos < text->start)
		*text = (struct text){.data = text->data, .room = text->room, .more = true};
	while (text->more && text->start + text->length < *pos + n) {
		text_drop(text, *pos);
		result = text_piece(file->inode->private, text);
		if (result)
			return result;
	}
	if (*pos >= text->start + text->length)
		return 0;
	n = MIN(n, text->start + text->length - *pos);
	memcpy(to, text->data + (*pos - text->start), n);
	*pos += n;
	return (long)n;
}

/* One value in one write, as a shell's echo gives it. */
static long text_write(struct file *file, const char *from, size_t n, uint64_t *pos, bool wait)
{
	const struct node *node = file->inode->private;
	struct process *process;
	size_t length = n;
	char value[32];
	int result;

	if (!node->entry->take)
		return -EIO;
	if (n >= sizeof(value))
		return -EINVAL;
	memcpy(value, from, n);
	while (length && (value[length - 1] == '\n' || value[length - 1] == ' '))
		length--;
	value[length] = '\0';
	process = node_process(node);
	if (node->pid && !process)
		return -ESRCH;
	result = node->entry->take(process, value);
	if (process)
		process_put(process);
	return result ? result : (long)n;
}

static void text_release(struct file *file)
{
	struct text *text = file->private;

	if (text)
		kfree(text->data);
	kfree(text);
}

static long raw_transfer(struct file *file, char *data, size_t n, uint64_t *pos, bool write)
{
	const struct node *node = file->inode->private;
	struct process *process = node_process(node);
	long result;

	if (!process)
		return -ESRCH;
	result = node->entry->raw(process, data, n, *pos, write);
	process_put(process);
	if (result > 0)
		*pos += (uint64_t)result;
	return result;
}

static long raw_read(struct file *file, char *to, size_t n, uint64_t *pos, bool wait)
{
	return raw_transfer(file, to, n, pos, false);
}

static long raw_write(struct file *file, const char *from, size_t n, uint64_t *pos, bool wait)
{
	union {
		const char *in;
		char *out;
	} data = {.in = from};

	return raw_transfer(file, data.out, n, pos, true);
}

static const struct file_ops text_file_ops = {
    .read = text_read, .write = text_write, .release = text_release};
static const struct file_ops raw_file_ops = {.read = raw_read, .write = raw_write};

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
	struct files *files = process_files(process);
	int fd;

	while (files && (fd = files_next(files, (int)(file->pos - DYNAMIC))) >= 0)
		if (!emit_number(file, sink, (unsigned)fd, S_IFLNK))
			break;
	files_put(files);
}

static void list_threads(struct file *file, struct dir_sink *sink, struct process *process)
{
	struct thread_search search = {.want = (pid_t)(file->pos - DYNAMIC)};

	while (next_thread(process, &search)) {
		if (!emit_number(file, sink, (unsigned)search.found, S_IFDIR))
			return;
		search.want = search.found + 1;
	}
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
	process = node_process(node);
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

/* /proc is a directory of the tree that gets its operations here. */
int proc_init(void)
{
	struct node *node = kmalloc(sizeof(*node));
	struct inode *inode;
	int result;

	if (!node)
		return -ENOMEM;
	result = make_path("/proc", S_IFDIR | 0555, 0, &inode);
	if (result || !IS_TYPE(inode, S_IFDIR)) {
		kfree(node);
		return result ? result : -ENOTDIR;
	}
	*node = (struct node){.entry = &root_entry, .fd = -1};
	dress(inode, &root_entry, node);
	inode_put(inode);
	return 0;
}
