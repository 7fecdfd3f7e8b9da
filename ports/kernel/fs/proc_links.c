/* SPDX-License-Identifier: MIT */
/* /proc: what its links point to, and which descriptors and threads a process has. */
#include "fs/proc.h"

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

struct files *proc_files(struct process *process)
{
	struct files *files = NULL;

	process_visit_thread(process, visit_files, &files);
	return files;
}

struct inode *proc_place(struct process *process, bool root)
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

long proc_cwd_target(struct process *process, char *to, size_t size)
{
	return path_of(proc_place(process, false), to, size);
}

long proc_root_target(struct process *process, char *to, size_t size)
{
	return path_of(proc_place(process, true), to, size);
}

long proc_exe_target(struct process *process, char *to, size_t size)
{
	size_t length = 0;

	spin_lock(&proc_lock);
	if (process->exe_path)
		length = strlcpy(to, process->exe_path, size);
	spin_unlock(&proc_lock);
	return length ? (long)length : -ENOENT;
}

long proc_self_target(struct process *process, char *to, size_t size)
{
	return ksnprintf(to, size, "%d", current->process->pid);
}

long proc_thread_self_target(struct process *process, char *to, size_t size)
{
	return ksnprintf(to, size, "%d/task/%d", current->process->pid, current->tid);
}

/* --- nodes ----------------------------------------------------------------------------------------- */

struct process *proc_node_process(const struct node *node)
{
	return node->pid ? process_find(node->pid) : NULL;
}

/* The open file that a link in fd/ stands for. */
struct file *proc_node_file(const struct node *node)
{
	struct process *process = proc_node_process(node);
	struct files *files = process ? proc_files(process) : NULL;
	struct file *file = files ? files_slot(files, node->fd) : NULL;

	files_put(files);
	if (process)
		process_put(process);
	return file;
}

bool proc_has_descriptor(pid_t pid, int fd)
{
	struct process *process = process_find(pid);
	struct files *files = process ? proc_files(process) : NULL;
	struct file *file = files ? files_slot(files, fd) : NULL;
	bool has = file != NULL;

	file_put(file);
	files_put(files);
	if (process)
		process_put(process);
	return has;
}

pid_t proc_next_thread(struct process *process, pid_t want)
{
	struct task *task;
	pid_t found = 0;

	spin_lock(&proc_lock);
	list_for_each (task, &process->threads, thread)
		if (task->tid >= want && (!found || task->tid < found))
			found = task->tid;
	spin_unlock(&proc_lock);
	return found;
}

bool proc_has_thread(pid_t pid, pid_t tid)
{
	struct process *process = process_find(pid);
	bool has = process && proc_next_thread(process, tid) == tid;

	if (process)
		process_put(process);
	return has;
}
