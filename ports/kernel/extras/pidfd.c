/* SPDX-License-Identifier: MIT */
/* Descriptors of processes: pidfd_open(2), pidfd_send_signal(2). A descriptor holds the process's last memory, so
 * that its number names nobody else; it becomes readable when the process ends. */
#include "extras/pidfd.h"

#include "abi/functions.h"
#include "fs/proc.h"
#include "kern/uaccess.h"

static unsigned pidfd_poll(struct file *file, struct poll_set *set)
{
	struct process *process = file->private;

	poll_wait(set, &process->vfork_queue);
	switch (__atomic_load_n(&process->state, __ATOMIC_ACQUIRE)) {
	case PROCESS_ALIVE:
		return 0;
	case PROCESS_ZOMBIE:
		return POLLIN | POLLRDNORM;
	default:
		return POLLIN | POLLRDNORM | POLLHUP;
	}
}

static void pidfd_release(struct file *file)
{
	process_put(file->private);
}

static const struct file_ops pidfd_ops = {.poll = pidfd_poll, .release = pidfd_release, .stream = true};

int pidfd_make(struct process *process, unsigned flags)
{
	struct file *file =
	    file_create_anonymous(0600, "anon_inode:[pidfd]", O_RDWR | flags, &pidfd_ops, process);
	int fd;

	if (!file)
		return -ENOMEM;
	spin_lock(&proc_lock);
	process_get_locked(process);
	spin_unlock(&proc_lock);
	fd = fd_install(file, O_CLOEXEC);
	if (fd < 0)
		file_put(file);
	return fd;
}

int pidfd_process(int fd, struct process **out_process, unsigned *out_flags)
{
	struct file *file = file_of(fd);
	bool is_one = file && file->ops == &pidfd_ops;

	if (is_one) {
		*out_process = file->private;
		if (out_flags)
			*out_flags = file->flags;
		spin_lock(&proc_lock);
		process_get_locked(*out_process);
		spin_unlock(&proc_lock);
	}
	file_put(file);
	return is_one ? 0 : -EBADF;
}

long sys_pidfd_open(const abi_ulong *a)
{
	struct process *process = NULL;
	pid_t pid = (pid_t)a[0];
	long result = -ESRCH;

	if ((uint32_t)a[1] & ~(uint32_t)O_NONBLOCK || pid <= 0)
		return -EINVAL;
	spin_lock(&proc_lock);
	process = process_find_locked(pid);
	if (process)
		process_get_locked(process);
	else if (task_find_locked(pid))
		result = -ENOENT; /* a thread that is no process */
	spin_unlock(&proc_lock);
	if (!process)
		return result;
	result = pidfd_make(process, (unsigned)a[1]);
	process_put(process);
	return result;
}

/* /proc/PID, opened: for this call as good as a descriptor of the process. */
static long directory_process(int fd, struct process **out_process)
{
	struct file *file = file_of(fd);
	pid_t pid = file ? proc_directory_pid(file->inode) : 0;

	file_put(file);
	if (!pid)
		return -EBADF;
	*out_process = process_find(pid);
	return *out_process ? 0 : -ESRCH;
}

long sys_pidfd_send_signal(const abi_ulong *a)
{
	struct process *process;
	struct siginfo info;
	int signal = (int)a[1];
	long result;

	if (a[3])
		return -EINVAL;
	result = pidfd_process((int)a[0], &process, NULL);
	if (result)
		result = directory_process((int)a[0], &process);
	if (result)
		return result;
	result = a[2] ? siginfo_from_user(&info, a[2], process->pid) : 0;
	if (!result && a[2] && info.signo != signal)
		result = -EINVAL;
	if (!a[2])
		siginfo_from_self(&info, signal, SI_USER);
	if (!result)
		result = signal_process(process, &info, signal);
	process_put(process);
	return result;
}
