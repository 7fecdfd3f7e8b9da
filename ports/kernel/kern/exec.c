/* SPDX-License-Identifier: MIT */
/* execve(2): a new program in a new address space, complete before the old one goes. */
#include "abi/elf.h"
#include "abi/fcntl.h"
#include "kern/elf.h"
#include "kern/exec_strings.h"
#include "kern/group.h"
#include "kern/process.h"
#include "port/fault.h"
#include "port/system.h"
#include "abi/functions.h"
#include "kern/uaccess.h"
#include "fs/vfs.h"

#define SCRIPT_DEPTH      5
#define SCRIPT_LINE       256
#define STACK_FIRST_BYTES (132ul << 10)

struct loader {
	struct strings strings;
	struct elf_image *program, *interpreter;
	char *path; /* AT_EXECFN: what was asked for; a script's own path */
	struct quire_mm *mm;
	struct handlers *handlers;
	uint64_t stack_top, sp, entry;
	/* where things went on the new stack */
	uint64_t execfn, arg_start, arg_end, env_start, env_end, random;
	abi_ulong auxv[48];
	unsigned auxv_count;
};

/* --- scripts ---------------------------------------------------------------------------------- */

static char *skip_blanks(char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

/* Splits "#!interpreter [argument]". 0, or -ENOEXEC. */
static long parse_script(char *line, char **out_interpreter, char **out_argument)
{
	char *end = strchr(line, '\n'), *p;

	if (end)
		*end = '\0';
	end = line + strlen(line);
	while (end > line + 2 && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	p = skip_blanks(line + 2);
	if (!*p)
		return -ENOEXEC;
	*out_interpreter = p;
	while (*p && *p != ' ' && *p != '\t')
		p++;
	if (*p)
		*p++ = '\0';
	p = skip_blanks(p);
	*out_argument = *p ? p : NULL;
	return 0;
}

/* Opens the program; while it is a script, its interpreter instead. */
static long open_program(struct loader *l, int dirfd, const char *path, int at_flags)
{
	char *line = kmalloc(SCRIPT_LINE + 1);
	char *script = kstrdup(path);
	long result = line && script ? 0 : -ENOMEM;

	for (unsigned depth = 0; !result; depth++) {
		char *interpreter, *argument;
		long n;

		result = vfs_open_exec(dirfd, script, at_flags, &l->program->file);
		if (result)
			break;
		memset(line, 0, SCRIPT_LINE + 1);
		n = file_pread(l->program->file, line, SCRIPT_LINE, 0);
		if (n < 2 || line[0] != '#' || line[1] != '!') {
			result = n < 0 ? n : elf_read(l->program);
			break;
		}
		file_put(l->program->file);
		l->program->file = NULL;
		result = depth >= SCRIPT_DEPTH ? -ELOOP : parse_script(line, &interpreter, &argument);
		if (!result)
			result = strings_replace_first(&l->strings, interpreter, argument, script);
		if (result)
			break;
		kfree(script);
		script = kstrdup(interpreter);
		result = script ? 0 : -ENOMEM;
		dirfd = AT_FDCWD;
		at_flags = 0;
	}
	kfree(script);
	kfree(line);
	return result;
}

static long open_interpreter(struct loader *l)
{
	char path[256];
	long result = elf_interpreter(l->program, path, sizeof(path));

	if (result <= 0)
		return result;
	l->interpreter = kzalloc(sizeof(*l->interpreter));
	if (!l->interpreter)
		return -ENOMEM;
	result = vfs_open_exec(AT_FDCWD, path, 0, &l->interpreter->file);
	if (!result)
		result = elf_read(l->interpreter);
	return result == -ENOEXEC ? -ELIBBAD : result;
}

/* --- the new address space -------------------------------------------------------------------- */

static uint64_t random_pages(unsigned bits)
{
	uint64_t word;

	if (current->process->personality & ADDR_NO_RANDOMIZE)
		return 0;
	random_bytes(&word, sizeof(word));
	return (word & ((1ull << bits) - 1)) * PAGE_SIZE;
}

/* Where a dynamic program lies, as on Linux: two thirds up, or low where addresses are few. */
static uint64_t dyn_base(void)
{
	return ABI_LONG_BYTES == 8 ? ALIGN_DOWN(user_end / 3 * 2, PAGE_SIZE) : 0x400000;
}

/* Below the stack with all it may grow to: where Linux's mmap_base is. */
static uint64_t mmap_base(void)
{
	uint64_t gap = current->process->rlimit[RLIMIT_STACK].soft;
	/* The guard gap, and how far the stack is randomized. */
	uint64_t pad = (256 + (1ull << ABI_STACK_RANDOM_BITS)) * PAGE_SIZE;

	gap = gap > UINT64_MAX - pad ? gap : gap + pad;
	gap = MIN(MAX(gap, 128ul << 20), user_end / 6 * 5);
	return user_end - gap - random_pages(ABI_MMAP_RANDOM_BITS);
}

static long make_mm(struct loader *l)
{
	struct quire_mm_layout layout = {.mmap_base = (quire_va)ALIGN_DOWN(mmap_base(), PAGE_SIZE)};
	struct quire_mapping stack = {
	    .length = STACK_FIRST_BYTES + ALIGN_UP(l->strings.length + PAGE_SIZE, PAGE_SIZE),
	    .prot = QUIRE_PROT_READ | QUIRE_PROT_WRITE | (l->program->stack_exec ? QUIRE_PROT_EXEC : 0),
	    .flags = QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS | QUIRE_MAP_FIXED | QUIRE_MAP_GROWSDOWN,
	};
	quire_va at;
	long result;

	if (current->process->rlimit[RLIMIT_STACK].soft == UINT64_MAX)
		layout = (struct quire_mm_layout){.mmap_base = (quire_va)ALIGN_DOWN(user_end / 3, PAGE_SIZE),
						  .bottom_up = 1};
	result = quire_mm_create(the_system, &layout, &l->mm);
	if (result)
		return result;
	mm_apply_limits(current->process, l->mm);
	group_join(l->mm);
	l->stack_top = user_end - random_pages(ABI_STACK_RANDOM_BITS);
	stack.addr = l->stack_top - stack.length;
	result = quire_mmap(l->mm, &stack, &at);
	if (!result)
		quire_mm_set_stack(l->mm, l->stack_top - PAGE_SIZE);
	return result;
}

static long map_images(struct loader *l)
{
	struct elf_image *program = l->program;
	bool dynamic = program->header.type == ELF_DYN;
	uint64_t hint = dynamic && l->interpreter ? dyn_base() + random_pages(ABI_MMAP_RANDOM_BITS) : 0;
	uint64_t brk;
	long result = elf_map(program, l->mm, hint);

	if (result)
		return result;
	l->entry = program->bias + program->header.entry;
	if (l->interpreter) {
		result = elf_map(l->interpreter, l->mm, 0);
		if (result)
			return result;
		l->entry = l->interpreter->bias + l->interpreter->header.entry;
	}
	/* A dynamic program without interpreter lies among the mappings: its heap needs room elsewhere. */
	brk = dynamic && !l->interpreter ? dyn_base() : ALIGN_UP(program->end_data, PAGE_SIZE);
	quire_mm_set_brk(l->mm, brk + random_pages(ABI_BRK_RANDOM_BITS));
	return 0;
}

/* --- the new stack ---------------------------------------------------------------------------- */

static long stack_write(struct loader *l, uint64_t at, const void *bytes, size_t n)
{
	size_t done = 0;

	while (n) {
		enum quire_status status =
		    quire_mm_access(l->mm, at, (void *)(uintptr_t)bytes, n, QUIRE_REMOTE_WRITE, &done);

		if (status)
			return status;
		at += done;
		bytes = (const char *)bytes + done;
		n -= done;
	}
	return 0;
}

static void aux(struct loader *l, uint64_t type, uint64_t value)
{
	l->auxv[l->auxv_count++] = (abi_ulong)type;
	l->auxv[l->auxv_count++] = (abi_ulong)value;
}

static void fill_auxv(struct loader *l, uint64_t platform)
{
	const struct elf_image *p = l->program;
	const struct cred *cred = &current->process->cred;

	aux(l, AT_HWCAP, arch_hwcap());
	aux(l, AT_PAGESZ, PAGE_SIZE);
	aux(l, AT_CLKTCK, ABI_TICKS_PER_SECOND);
	aux(l, AT_PHDR, p->phdr);
	aux(l, AT_PHENT, sizeof(struct elf_segment));
	aux(l, AT_PHNUM, p->header.phnum);
	aux(l, AT_BASE, l->interpreter ? l->interpreter->bias : 0);
	aux(l, AT_FLAGS, 0);
	aux(l, AT_ENTRY, p->bias + p->header.entry);
	aux(l, AT_UID, cred->uid);
	aux(l, AT_EUID, cred->euid);
	aux(l, AT_GID, cred->gid);
	aux(l, AT_EGID, cred->egid);
	aux(l, AT_SECURE, 0);
	aux(l, AT_RANDOM, l->random);
	aux(l, AT_HWCAP2, arch_hwcap2());
	aux(l, AT_EXECFN, l->execfn);
	if (platform)
		aux(l, AT_PLATFORM, platform);
	aux(l, AT_MINSIGSTKSZ, arch_signal_frame_bytes());
	aux(l, 0, 0);
}

/* The strings, high: what /proc shows as the command line and the environment. */
static long push_strings(struct loader *l)
{
	long bytes = strings_finish(&l->strings, l->path);

	if (bytes < 0)
		return bytes;
	l->arg_start = l->stack_top - (size_t)bytes;
	l->env_end = l->execfn = l->arg_start + l->strings.length;
	return stack_write(l, l->arg_start, l->strings.bytes, (size_t)bytes);
}

/* Pointers to `count` strings, of which the first is at `start`, and a NULL. `ends` are from arg_start on. */
static abi_ulong *put_pointers(const struct loader *l, abi_ulong *at, const uint32_t *ends, unsigned count,
			       uint64_t start)
{
	for (unsigned i = 0; i < count; i++) {
		*at++ = (abi_ulong)start;
		start = l->arg_start + ends[i];
	}
	*at++ = 0;
	return at;
}

/* What the program finds at its stack pointer: argc, argv[], NULL, envp[], NULL, auxv; behind these bytes that auxv
 * points to, at random numbers and the platform's name. */
static long push_vectors(struct loader *l)
{
	const struct strings *s = &l->strings;
	const char *name = ABI_PLATFORM;
	size_t name_bytes = name ? strlen(name) + 1 : 0, words;
	uint64_t platform = l->arg_start - name_bytes;
	abi_ulong *vector, *at;
	long result;

	l->random = ALIGN_DOWN(platform, 16) - 16;
	fill_auxv(l, name ? platform : 0);
	words = 1 + s->argc + 1 + s->envc + 1 + l->auxv_count;
	l->sp = ALIGN_DOWN(l->random - words * sizeof(*vector), 16);
	vector = at = kzalloc(l->arg_start - l->sp);
	if (!vector)
		return -ENOMEM;
	*at++ = s->argc;
	at = put_pointers(l, at, s->ends, s->argc, l->arg_start);
	l->arg_end = l->env_start = l->arg_start + (s->argc ? s->ends[s->argc - 1] : 0);
	at = put_pointers(l, at, s->ends + s->argc, s->envc, l->env_start);
	memcpy(at, l->auxv, l->auxv_count * sizeof(*at));
	random_bytes((char *)vector + (l->random - l->sp), 16);
	if (name)
		memcpy((char *)vector + (platform - l->sp), name, name_bytes);
	result = stack_write(l, l->sp, vector, l->arg_start - l->sp);
	kfree(vector);
	return result;
}

/* --- the point of no return ------------------------------------------------------------------- */

/* Only the calling thread stays, and it is the leader from here on. */
static long end_other_threads(void)
{
	struct task *task = current;
	struct process *process = task->process;

	spin_lock(&proc_lock);
	if (process->group_exit || process->exec_task) {
		spin_unlock(&proc_lock);
		return -EAGAIN;
	}
	process->exec_task = task;
	kill_other_threads_locked(process);
	spin_unlock(&proc_lock);
	wait_event_mode(&process->child_exit, process->thread_count == 1, WAIT_NO_SIGNAL, NO_DEADLINE);
	spin_lock(&proc_lock);
	process->exec_task = NULL;
	task->tid = process->pid;
	task_hash_locked(task);
	process->leader = task;
	spin_unlock(&proc_lock);
	return 0;
}

static void switch_mm(struct loader *l)
{
	struct task *task = current;
	struct process *process = task->process;
	struct quire_mm *old = process->mm;

	spin_lock(&proc_lock);
	process->mm = l->mm;
	spin_unlock(&proc_lock);
	arch_irq_off();
	task->mm = l->mm;
	mm_switch(l->mm);
	arch_irq_on();
	l->mm = NULL;
	if (old) {
		struct quire_usage memory;

		quire_mm_usage(old, &memory);
		process->usage.rss_peak = MAX(process->usage.rss_peak, memory.rss_peak);
		quire_mm_put(old);
	}
	vfork_release(process);
}

static void reset_handlers(struct loader *l)
{
	struct process *process = current->process;
	struct handlers *old = process->handlers;

	handlers_clear(l->handlers);
	spin_lock(&proc_lock);
	process->handlers = l->handlers;
	spin_unlock(&proc_lock);
	l->handlers = NULL;
	handlers_put(old);
	memset(&current->altstack, 0, sizeof(current->altstack));
}

static void note_program(struct loader *l, char *exe_path)
{
	struct process *process = current->process;
	const char *slash = strrchr(l->path, '/');
	char *old = process->exe_path;

	strlcpy(process->comm, slash ? slash + 1 : l->path, sizeof(process->comm));
	memcpy(current->comm, process->comm, sizeof(current->comm));
	process->exe_path = exe_path;
	kfree(old);
	fault_trace_task(TRACE_EXEC, process->pid, 0, process->comm);
	process->arg_start = l->arg_start;
	process->arg_end = l->arg_end;
	process->env_start = l->env_start;
	process->env_end = l->env_end;
	process->start_code = l->program->code_start;
	process->end_code = l->program->code_end;
	process->start_stack = l->sp;
	process->auxv_bytes = (unsigned)MIN(l->auxv_count * sizeof(l->auxv[0]), sizeof(process->auxv));
	memcpy(process->auxv, l->auxv, process->auxv_bytes);
	process->did_exec = true;
	process->personality &= ~(unsigned)READ_IMPLIES_EXEC;
	process->membarriers = 0;
}

static long commit(struct loader *l)
{
	char *exe_path = kmalloc(PAGE_SIZE / 4);
	struct task *task = current;
	long result;

	l->handlers = handlers_copy(task->process->handlers);
	if (!l->handlers || !exe_path) {
		kfree(exe_path);
		return -ENOMEM;
	}
	file_path(l->program->file, exe_path, PAGE_SIZE / 4);
	result = files_exec(task);
	if (!result)
		result = end_other_threads();
	if (result) {
		kfree(exe_path);
		return result;
	}
	futex_task_exit(task); /* robust futexes and the thread id are the old program's */
	switch_mm(l);
	caps_exec(&task->process->cred, task->process->no_new_privs);
	mm_apply_limits(task->process, task->process->mm);
	reset_handlers(l);
	note_program(l, exe_path);
	task->set_child_tid = task->robust_list = 0;
	arch_task_exec(task, l->entry, l->sp);
	return 0;
}

/* --- putting it together ---------------------------------------------------------------------- */

static void release_image(struct elf_image *image)
{
	if (image && image->file)
		file_put(image->file);
	kfree(image);
}

static void release(struct loader *l)
{
	release_image(l->program);
	release_image(l->interpreter);
	if (l->mm)
		quire_mm_put(l->mm);
	if (l->handlers)
		handlers_put(l->handlers);
	strings_free(&l->strings);
	kfree(l->path);
	kfree(l);
}

static struct loader *loader_create(void)
{
	struct loader *l = kzalloc(sizeof(*l));

	if (!l)
		return NULL;
	l->program = kzalloc(sizeof(*l->program));
	if (!l->program) {
		kfree(l);
		return NULL;
	}
	strings_init(&l->strings);
	return l;
}

/* => the strings are there. Takes the loader. */
static long load(struct loader *l, int dirfd, const char *path, int at_flags)
{
	long result = 0;

	l->path = kstrdup(path);
	if (!l->path)
		result = -ENOMEM;
	if (!result && !l->strings.argc) {
		/* Since Linux 5.18 a program has an argv[0], if an empty one. */
		result = strings_insert_empty(&l->strings);
	}
	if (!result)
		result = open_program(l, dirfd, path, at_flags);
	if (!result)
		result = open_interpreter(l);
	if (!result)
		result = make_mm(l);
	if (!result)
		result = map_images(l);
	if (!result)
		result = push_strings(l);
	if (!result)
		result = push_vectors(l);
	if (!result)
		result = commit(l);
	release(l);
	return result;
}

long exec_program(int dirfd, const char *path, int at_flags, char *const *argv, char *const *envp)
{
	struct loader *l = loader_create();
	long result = l ? 0 : -ENOMEM;

	if (!l)
		return result;
	for (; !result && argv[l->strings.argc]; l->strings.argc++)
		result = strings_add(&l->strings, argv[l->strings.argc]);
	for (; !result && envp[l->strings.envc]; l->strings.envc++)
		result = strings_add(&l->strings, envp[l->strings.envc]);
	if (result) {
		release(l);
		return result;
	}
	return load(l, dirfd, path, at_flags);
}

static long execve_user(int dirfd, uint64_t user_path, uint64_t argv, uint64_t envp, int at_flags)
{
	struct loader *l;
	char *path;
	long result = path_from_user(user_path, at_flags & AT_EMPTY_PATH, &path);

	if (result)
		return result;
	l = loader_create();
	if (!l) {
		kfree(path);
		return -ENOMEM;
	}
	result = strings_add_user_array(&l->strings, argv, &l->strings.argc);
	if (!result)
		result = strings_add_user_array(&l->strings, envp, &l->strings.envc);
	if (result)
		release(l);
	else
		result = load(l, dirfd, path, at_flags);
	kfree(path);
	return result;
}

long sys_execve(const abi_ulong *a)
{
	return execve_user(AT_FDCWD, a[0], a[1], a[2], 0);
}

long sys_execveat(const abi_ulong *a)
{
	if (a[4] & ~(uint64_t)(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	return execve_user((int)a[0], a[1], a[2], a[3], (int)a[4]);
}
