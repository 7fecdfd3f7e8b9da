/* SPDX-License-Identifier: MIT */
/* Starts QEMU with the kernel, the archive, and a socket for each serial line and the log. */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef QUIRE_LIBEXEC
#define QUIRE_LIBEXEC "/usr/local/libexec/quire"
#endif

/* How QEMU makes the machine of each architecture. `boots`: what follows the name of the kernel that it takes. */
static const struct emulator {
	const char *arch, *program, *package, *boots;
	const char *machine, *cpu;
	const char *error
	    [2]; /* a device for standard error, that takes chardev `err`; NULL: the second serial line */
	const char *log[2]; /* the log, from chardev `log` */
	const char *end[2]; /* what ends the machine with an exit status */
	bool firmware;      /* that speaks on the first serial line, and then starts the kernel */
	bool disk;          /* the kernel has a driver for one */
	uint64_t base;      /* physical address of its RAM */
	/* x86: with at least so many MiB, those from `below` MiB on lie at 4 GiB. 0: RAM is in one piece. */
	uint64_t splits, below;
} emulators[] = {
    {.arch = "x86_64",
     .program = "qemu-system-x86_64",
     .package = "qemu-system-x86",
     .boots = "elf",
     .machine = "q35",
     .cpu = "max",
     .disk = true,
     .splits = 2816,
     .below = 2048,
     .log = {"-device", "isa-debugcon,iobase=0xe9,chardev=log"},
     .end = {"-device", "isa-debug-exit,iobase=0xf4,iosize=4"}},
    {.arch = "i386",
     .program = "qemu-system-i386",
     .package = "qemu-system-x86",
     .boots = "elf",
     .machine = "pc",
     .cpu = "max",
     .disk = true,
     .splits = 3584,
     .below = 3072,
     .log = {"-device", "isa-debugcon,iobase=0xe9,chardev=log"},
     .end = {"-device", "isa-debug-exit,iobase=0xf4,iosize=4"}},
    {.arch = "arm64",
     .program = "qemu-system-aarch64",
     .package = "qemu-system-arm",
     .boots = "image",
     .machine = "virt",
     .cpu = "cortex-a53",
     .base = 0x40000000,
     .error = {"-device", "pci-serial,chardev=err"},
     .log = {"-semihosting-config", "enable=on,target=native,chardev=log"}},
    {.arch = "arm",
     .program = "qemu-system-arm",
     .package = "qemu-system-arm",
     .boots = "image",
     .machine = "virt,highmem=off",
     .cpu = "cortex-a15",
     .base = 0x40000000,
     .error = {"-device", "pci-serial,chardev=err"},
     .log = {"-semihosting-config", "enable=on,target=native,chardev=log"}},
    {.arch = "riscv64",
     .program = "qemu-system-riscv64",
     .package = "qemu-system-misc",
     .boots = "image",
     .machine = "virt",
     .cpu = "rv64",
     .base = 0x80000000,
     .error = {"-device", "pci-serial,chardev=err"},
     .log = {"-semihosting-config", "enable=on,target=native,chardev=log"},
     .firmware = true},
};

static const struct emulator *find_emulator(const char *arch)
{
	for (size_t i = 0; i < sizeof(emulators) / sizeof(emulators[0]); i++)
		if (!strcmp(emulators[i].arch, arch))
			return &emulators[i];
	return NULL;
}

static bool try_kernel(char out[PATH_MAX], const char *directory, const char *below,
		       const struct emulator *emulator)
{
	return snprintf(out, PATH_MAX, "%s%s/quire-kernel-%s.%s", directory, below, emulator->arch,
			emulator->boots) < PATH_MAX &&
	       !access(out, R_OK);
}

/* Named, or beside the command in a build directory, or where it is installed. */
static bool find_kernel(const struct run_options *options, const struct emulator *emulator,
			char out[PATH_MAX])
{
	static const char *const below[] = {"", "/ports/kernel", "/../libexec/quire"};
	const char *named = options->kernel ? options->kernel : getenv("QUIRE_KERNEL");
	char self[PATH_MAX];
	ssize_t length;

	if (named) {
		if (strlen(named) < PATH_MAX && !access(named, R_OK)) {
			strcpy(out, named);
			return true;
		}
		run_error("the kernel %s: %s", named, strerror(errno));
		return false;
	}
	length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (length > 0) {
		self[length] = 0;
		dirname(self);
		for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++)
			if (try_kernel(out, self, below[i], emulator))
				return true;
	}
	if (try_kernel(out, QUIRE_LIBEXEC, "", emulator))
		return true;
	run_error("no kernel for %s: quire-kernel-%s.%s is neither beside this command nor in %s",
		  emulator->arch, emulator->arch, emulator->boots, QUIRE_LIBEXEC);
	return false;
}

struct command {
	const char *arg[64];
	size_t count;
	char text[2048]; /* the words that are made */
	size_t used;
	bool failed;
};

static void add(struct command *command, const char *word)
{
	if (command->count + 1 < sizeof(command->arg) / sizeof(command->arg[0]))
		command->arg[command->count++] = word;
	else
		command->failed = true;
}

static void add_made(struct command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add_made(struct command *command, const char *format, ...)
{
	size_t room = sizeof(command->text) - command->used;
	char *word = command->text + command->used;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(word, room, format, args);
	va_end(args);
	if (length < 0 || (size_t)length >= room) {
		command->failed = true;
		return;
	}
	command->used += (size_t)length + 1;
	add(command, word);
}

/* A line to the guest: by the device, or if that is none by the next serial port. */
static void add_line(struct command *command, const char *name, int fd, const char *const device[2])
{
	add(command, "-chardev");
	add_made(command, "socket,id=%s,fd=%d", name, fd);
	if (device[0]) {
		add(command, device[0]);
		add(command, device[1]);
	} else {
		add(command, "-serial");
		add_made(command, "chardev:%s", name);
	}
}

/* The disk that the guest swaps to. */
static void add_swap(struct command *command, const struct run_options *options)
{
	if (!options->swap)
		return;
	add(command, "-drive");
	add_made(command, "file=/dev/fd/%d,if=none,id=swap,format=raw,cache=unsafe,file.locking=off",
		 options->swap_fd);
	add(command, "-device");
	add(command, "virtio-blk-pci,drive=swap,disable-legacy=off,disable-modern=on");
}

/* Megabytes of RAM: room for the archive beside what the guest is to have. On RISC-V, QEMU puts the archive 2 MiB behind
 * the middle of RAM, or 128 MiB behind its start if that is less, and the device tree in the last whole 2 MiB. An archive
 * almost as large as the memory that was asked for gets more, so that they do not overlap. */
static uint64_t ram_mib(const struct emulator *emulator, uint64_t mem_mib, uint64_t archive_bytes)
{
	uint64_t archive = (archive_bytes >> 20) + 1, ram = mem_mib + archive;

	while (emulator->firmware && 3 + (ram / 2 < 128 ? ram / 2 : 128) + archive > ((ram - 1) & ~1ull))
		ram++;
	return ram;
}

static const char *setting(const char *variable, const char *otherwise)
{
	const char *value = getenv(variable);

	return value && *value ? value : otherwise;
}

/* What the machine is started with. */
struct load {
	const char *kernel;
	int archive_fd;
	uint64_t archive_length;
	const int *ends; /* of the lines out, err and log */
	uint64_t ram_mib;
	int ram_fd; /* the file that is the RAM; -1: QEMU's own */
	const struct run_references *references;
};

enum {
	PASSED = 5 /* files that QEMU gets, beside its lines; -1: none */
};

/* RAM that is a file, in which the ring of the trace can be read. */
static void add_ram(struct command *command, const struct load *load)
{
	if (load->ram_fd < 0)
		return;
	add(command, "-object");
	add_made(command, "memory-backend-file,id=ram,size=%" PRIu64 "M,mem-path=/dev/fd/%d,share=on",
		 load->ram_mib, load->ram_fd);
	add(command, "-machine");
	add(command, "memory-backend=ram");
}

/* The plugin that sees accesses, and the file for what it sees. */
static void add_plugin(struct command *command, const struct run_references *references)
{
	if (references->fd < 0)
		return;
	add(command, "-plugin");
	add_made(command, "/dev/fd/%d,out=%d", references->plugin, references->fd);
}

static void build(struct command *command, const struct run_options *options, const struct emulator *emulator,
		  const struct load *load)
{
	static const char *const serial[2];
	char limit[40];

	snprintf(limit, sizeof(limit), " memlimit=%" PRIu64 "M", options->limit_mib);
	add(command, setting("QUIRE_QEMU", emulator->program));
	add(command, "-nodefaults");
	add(command, "-no-user-config");
	add(command, "-no-reboot");
	add(command, "-display");
	add(command, "none");
	add(command, "-machine");
	add(command, setting("QUIRE_QEMU_MACHINE", emulator->machine));
	add(command, "-accel");
	add(command, options->icount ? "tcg" : "tcg,thread=multi");
	add(command, "-cpu");
	add(command, setting("QUIRE_QEMU_CPU", emulator->cpu));
	add(command, "-m");
	add_made(command, "%" PRIu64 "M", load->ram_mib);
	add_ram(command, load);
	add(command, "-smp");
	add_made(command, "%u", options->cpus);
	if (options->icount) {
		add(command, "-icount");
		add(command, "shift=0,sleep=off");
	}
	add(command, "-kernel");
	add(command, load->kernel);
	add(command, "-initrd");
	add_made(command, "/dev/fd/%d", load->archive_fd);
	add(command, "-append");
	add_made(command, "quire%s%s%s%s%s%s%s%s%s", options->profile ? " profile=" : "",
		 options->profile ? options->profile : "", options->policy ? " policy=" : "",
		 options->policy ? options->policy : "", run_is_traced(options) ? " trace=1" : "",
		 options->oops == OOPS_PANICS ? " oops=panic" : "", options->swap ? " swapon" : "",
		 options->limit_mib ? limit : "", options->selftest ? " selftest=only" : "");
	add_swap(command, options);
	add_plugin(command, load->references);
	add_line(command, "out", load->ends[0], serial);
	add_line(command, "err", load->ends[1], emulator->error);
	add_line(command, "log", load->ends[2], emulator->log);
	if (emulator->end[0]) {
		add(command, emulator->end[0]);
		add(command, emulator->end[1]);
	}
	command->arg[command->count] = NULL;
}

static void keep_open(int fd)
{
	fcntl(fd, F_SETFD, fcntl(fd, F_GETFD) & ~FD_CLOEXEC);
}

/* In the child: never returns. `told` carries the errno of a failed exec to the parent. */
static void become(struct command *command, const int passed[PASSED], const int ends[3], int told,
		   pid_t parent)
{
	sigset_t none;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), error;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* Its own group, so that ^C on the terminal is ours; it must not outlive us. */
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || null < 0)
		_exit(RUN_FAILED);
	dup2(null, 0);
	dup2(null, 1);
	for (int i = 0; i < PASSED; i++)
		if (passed[i] >= 0)
			keep_open(passed[i]);
	for (int i = 0; i < 3; i++)
		keep_open(ends[i]);
	execvp(command->arg[0], (char *const *)(uintptr_t)command->arg);
	error = errno;
	if (write(told, &error, sizeof(error)) != sizeof(error))
		_exit(RUN_FAILED);
	_exit(RUN_FAILED);
}

static int spawn(struct command *command, const struct emulator *emulator, const int passed[PASSED],
		 const int ends[3])
{
	int told[2], error;
	pid_t pid, self = getpid();

	if (pipe2(told, O_CLOEXEC)) {
		run_error("a pipe: %s", strerror(errno));
		return -1;
	}
	pid = fork();
	if (pid < 0)
		run_error("fork: %s", strerror(errno));
	if (!pid)
		become(command, passed, ends, told[1], self);
	close(told[1]);
	if (pid > 0 && read(told[0], &error, sizeof(error)) == sizeof(error)) {
		if (error == ENOENT)
			run_error("%s is not installed (on Debian: apt install %s)", command->arg[0],
				  emulator->package);
		else
			run_error("%s: %s", command->arg[0], strerror(error));
		pid = -1;
	}
	close(told[0]);
	return pid;
}

static int trace_ram(const struct emulator *emulator, uint64_t mib, struct run_ring *ring)
{
	struct run_ram ram = {.bytes = mib << 20, .base = emulator->base};

	if (emulator->splits && mib >= emulator->splits)
		ram.below = emulator->below << 20;
	return ring_memory(ring, &ram);
}

int qemu_start(const struct run_options *options, int archive_fd, uint64_t archive_length,
	       struct run_lines *out_lines, struct run_report *report)
{
	int passed[PASSED] = {archive_fd, options->swap_fd, -1, -1, -1};
	int ours[3] = {-1, -1, -1}, theirs[3] = {-1, -1, -1}, pid = -1;
	const struct emulator *emulator = find_emulator(options->arch);
	struct command *command = calloc(1, sizeof(*command));
	char kernel[PATH_MAX];
	uint64_t mib;

	if (!command) {
		run_error("out of memory");
		return -1;
	}
	if (options->swap && emulator && !emulator->disk) {
		run_error("--swap: the kernel for %s has no driver for the disk", options->arch);
		goto out;
	}
	if (options->references && strcmp(options->arch, "x86_64") != 0) {
		run_error("--references: the kernel for %s does not say whose accesses they are",
			  options->arch);
		goto out;
	}
	if (!emulator) {
		run_error("there is no kernel for %s", options->arch);
		goto out;
	}
	mib = ram_mib(emulator, options->mem_mib, archive_length);
	if (!find_kernel(options, emulator, kernel) ||
	    (run_is_traced(options) && trace_ram(emulator, mib, &report->ring)) ||
	    (options->references && references_open(&report->references)))
		goto out;
	passed[2] = report->ring.fd;
	passed[3] = report->references.plugin;
	passed[4] = report->references.fd;
	for (int i = 0; i < 3; i++) {
		int pair[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
			run_error("a socket pair: %s", strerror(errno));
			goto out;
		}
		ours[i] = pair[0];
		theirs[i] = pair[1];
	}
	build(command, options, emulator,
	      &(struct load){.kernel = kernel,
			     .archive_fd = archive_fd,
			     .archive_length = archive_length,
			     .ends = theirs,
			     .ram_mib = mib,
			     .ram_fd = report->ring.fd,
			     .references = &report->references});
	if (command->failed)
		run_error("the command line of QEMU is too long");
	else
		pid = spawn(command, emulator, passed, theirs);
out:
	for (int i = 0; i < 3; i++) {
		if (theirs[i] >= 0)
			close(theirs[i]);
		if (pid < 0 && ours[i] >= 0)
			close(ours[i]);
	}
	free(command);
	if (pid > 0)
		*out_lines = (struct run_lines){
		    .out = ours[0], .err = ours[1], .log = ours[2], .firmware = emulator->firmware};
	return pid;
}

void qemu_close(struct run_lines *lines)
{
	int *const line[] = {&lines->out, &lines->err, &lines->log};

	for (size_t i = 0; i < 3; i++) {
		if (*line[i] >= 0)
			close(*line[i]);
		*line[i] = -1;
	}
}
