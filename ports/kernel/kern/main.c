/* SPDX-License-Identifier: MIT */
/* From the architecture's start to the first program, and to the end. */
#include "abi/fcntl.h"
#include "kern/boot.h"
#include "kern/entry.h"
#include "kern/group.h"
#include "kern/process.h"
#include "kern/report.h"
#include "kern/selftest.h"
#include "kern/swap.h"
#include "port/host.h"
#include "port/system.h"
#include "fs/vfs.h"

static struct boot_spec boot_spec;

bool boot_option(const char *name, char *value, size_t size)
{
	size_t n = strlen(name);
	const char *at = boot_info.cmdline;

	while (at && *at) {
		size_t word = 0;

		while (at[word] && at[word] != ' ')
			word++;
		if (word >= n && !strncmp(at, name, n) && (word == n || at[n] == '=')) {
			size_t length = word == n ? 0 : word - n - 1;

			length = MIN(length, size - 1);
			memcpy(value, at + word - (word == n ? 0 : word - n - 1), length);
			value[length] = '\0';
			return true;
		}
		at += word;
		while (*at == ' ')
			at++;
	}
	return false;
}

uint64_t boot_size(const char *name)
{
	char value[24];
	const char *end;
	uint64_t n;

	if (!boot_option(name, value, sizeof(value)))
		return 0;
	n = strtoul64(value, &end);
	if (*end == 'K' || *end == 'k')
		n <<= 10;
	else if (*end == 'M' || *end == 'm')
		n <<= 20;
	else if (*end == 'G' || *end == 'g')
		n <<= 30;
	return n;
}

/* --- the first program, and its end ----------------------------------------------------------- */

static void program_main(void)
{
	struct task *task = current;
	long result;

	task->files = boot_spec.files;
	task->fs = boot_spec.fs;
	boot_spec_start(task->process);
	run_figures.free_before = run_figures.free_least = free_frames_now();
	result = exec_program(AT_FDCWD, boot_spec.path, 0, boot_spec.argv, boot_spec.envp);
	run_figures.first_instruction = time_monotonic();
	if (result) {
		printk("quire-kernel: cannot run %s: error %ld\n", boot_spec.path, -result);
		process_exit((result == -ENOENT ? 127 : 126) << 8);
	}
	arch_return_to_user();
}

/* Kills what the program left running, within two seconds, so that the figures are final. */
static void end_the_rest(void)
{
	struct siginfo info = {.signo = SIGKILL, .code = SI_KERNEL};
	uint64_t deadline = time_monotonic() + 2 * NSEC_PER_SEC;
	struct process *process;
	int status;
	pid_t pid = 0;

	while ((process = process_next(pid)) != NULL) {
		pid = process->pid;
		if (process != init_process)
			(void)send_signal(process, &info);
		process_put(process);
	}
	while (wait_child(deadline, &status) > 0)
		;
	if (process_count() > 1)
		printk("quire-kernel: %u processes do not end\n", process_count() - 1);
	else
		system_check();
	reap_dead_tasks();
}

static void selftest_if_asked(void)
{
	char value[24];

	if (!boot_option("selftest", value, sizeof(value)))
		return;
	if (!selftest_run())
		panic("self-test failed");
	if (value[0] == 'o') /* selftest=only */
		report_and_end(0);
}

static void init_main(void)
{
	struct process *program;
	int status = 0, result;
	pid_t pid;

	init_process = current->process;
	current->files = files_create();
	current->fs = fs_create();
	if (!current->files || !current->fs)
		panic("boot: no memory for init");
	selftest_if_asked();
	swap_init();
	group_init();
	result = boot_info.initrd ? vfs_unpack(boot_info.initrd, boot_info.initrd_size) : -ENOENT;
	if (result)
		panic("boot: the initramfs: error %d", -result);
	result = boot_spec_read(&boot_spec);
	if (result)
		panic("boot: nothing to run: error %d", -result);
	program = kernel_process("program", init_process, program_main);
	pid = program->pid;
	while ((result = wait_child(NO_DEADLINE, &status)) != pid)
		BUG_ON(result < 0);
	end_the_rest();
	report_and_end(status);
}

void kernel_main(void)
{
	int result;

	sched_init();
	host_init();
	system_create();
	kstacks_init();
	sched_start_cpus();
	result = vfs_init();
	if (result)
		panic("boot: vfs_init: error %d", -result);
	arch_devices_init();
	printk("quire-kernel: %u cpus, %" PRIu64 " KiB of memory, profile %s\n", cpu_count(),
	       boot_info.ram_bytes / 1024, quire_system_profile(the_system)->name);
	kernel_process("init", NULL, init_main);
	idle_loop();
}
