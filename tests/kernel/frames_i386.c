/* SPDX-License-Identifier: MIT */
/* What only i386 has of signals: two frames, the code in them that makes sigreturn, segments, the x87's registers in
 * two forms, and INT. What a genuine kernel printed stands in frames_i386.txt. */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

static sigjmp_buf back;
static volatile int seen_code, seen_error, seen_trap;
static volatile uintptr_t seen_address, seen_pc;

static void jump_out(int signal, siginfo_t *info, void *context)
{
	const greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;

	seen_code = info->si_code;
	seen_error = r[REG_ERR];
	seen_trap = r[REG_TRAPNO];
	seen_address = (uintptr_t)info->si_addr;
	seen_pc = (uintptr_t)r[REG_EIP];
	siglongjmp(back, signal);
}

static void on(int signal, void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};

	sigaction(signal, &action, NULL);
}

static void expect(const char *what, void (*action)(void))
{
	int signal = sigsetjmp(back, 1);

	if (!signal) {
		action();
		printf("%-24s no signal\n", what);
		return;
	}
	printf("%-24s signal %d code %d addr %s err %x trap %d\n", what, signal, seen_code,
	       !seen_address             ? "0"
	       : seen_address == seen_pc ? "pc"
					 : "other",
	       seen_error, seen_trap);
}

/* --- exceptions -------------------------------------------------------------------------------- */

static void int_0x40(void)
{
	__asm__ volatile("int $0x40");
}

static void int_14(void)
{
	__asm__ volatile("int $14");
}

static void overflow(void)
{
	__asm__ volatile("movb $0x7f, %%al; addb $1, %%al; into" : : : "eax", "cc");
}

static void bounds(void)
{
	const int range[2] = {1, 2};

	__asm__ volatile("bound %0, %1" : : "r"(7), "m"(range[0]));
}

static void bad_selector(void)
{
	__asm__ volatile("mov %0, %%es" : : "r"(0x1237));
}

static void bad_stack(void)
{
	__asm__ volatile("mov %0, %%ss" : : "r"(0));
}

static void port(void)
{
	__asm__ volatile("inb $0x80, %%al" : : : "eax");
}

static void read_null_segment(void)
{
	__asm__ volatile("push %%es; mov %0, %%es; mov %%es:0, %%eax; pop %%es" : : "r"(0) : "eax");
}

static void far_call(void)
{
	__asm__ volatile("lcall $0x7, $0");
}

/* --- frames ------------------------------------------------------------------------------------ */

/* As the C library never asks: without a restorer. */
struct kernel_sigaction {
	void *handler;
	unsigned long flags;
	void *restorer;
	unsigned long mask[2];
};

static void raw_action(int signal, void *handler, unsigned long flags)
{
	struct kernel_sigaction action = {handler, flags, NULL, {0, 0}};

	syscall(SYS_rt_sigaction, signal, &action, NULL, 8);
}

/* An old frame: the return address, the signal, the registers. */
struct old_frame {
	uint32_t return_address, signal;
	uint32_t gs, fs, es, ds, di, si, bp, sp, bx, dx, cx, ax, trap, error, ip, cs, flags, sp_at_signal, ss,
	    fpstate, mask, cr2;
	uint8_t unused[624];
	uint32_t more_mask;
	uint8_t code[8];
};

static uint32_t old_sp;

static void show_code(const char *what, const uint8_t *code)
{
	printf("%s:", what);
	for (int i = 0; i < 8; i++)
		printf(" %02x", code[i]);
	printf("\n");
}

static void old_handler(int signal)
{
	const struct old_frame *frame = (void *)((char *)__builtin_frame_address(0) + 4);

	printf("old frame: signal %d and %d, cs %x ss %x ds %x es %x fs %x gs %x, mask %x %x, aligned %d\n",
	       signal, frame->signal, frame->cs & 0xffff, frame->ss & 0xffff, frame->ds, frame->es, frame->fs,
	       frame->gs, frame->mask, frame->more_mask, (int)((uintptr_t)&frame->signal & 15));
	printf("stack pointer twice: %d, returns to such code: %d, fpu above: %d\n",
	       frame->sp == frame->sp_at_signal,
	       !memcmp((void *)(uintptr_t)frame->return_address, frame->code, 8),
	       frame->fpstate > (uintptr_t)frame);
	show_code("code", frame->code);
	old_sp = frame->sp;
}

static void rt_handler(int signal, siginfo_t *info, void *context)
{
	const uint32_t *frame = (void *)((char *)__builtin_frame_address(0) + 4);
	const ucontext_t *uc = context;
	const uint8_t *code = (const uint8_t *)frame + 16 + 128 + 20 + 88 + 8;

	printf("frame: info at %d, context at %d, aligned %d, flags %lx, stack flags %d\n",
	       (int)((char *)info - (char *)frame), (int)((char *)context - (char *)frame),
	       (int)((uintptr_t)&frame[1] & 15), uc->uc_flags & ~1ul, uc->uc_stack.ss_flags);
	show_code("code", code);
}

static void frames(void)
{
	raw_action(SIGUSR1, old_handler, 0);
	raise(SIGUSR1);
	raw_action(SIGUSR1, rt_handler, SA_SIGINFO);
	raise(SIGUSR1);
}

/* --- the FPU ----------------------------------------------------------------------------------- */

static void show_fpu(int signal, siginfo_t *info, void *context)
{
	const struct _libc_fpstate *fpu = ((ucontext_t *)context)->uc_mcontext.fpregs;
	const uint8_t *fx = (const uint8_t *)fpu + 112;

	printf("x87: cw %lx sw %lx tags %lx ds %lx magic %lx\n", fpu->cw, fpu->sw, fpu->tag, fpu->datasel,
	       fpu->status >> 16);
	for (int i = 0; i < 3; i++)
		printf("st%d: %04x %04x%04x%04x%04x\n", i, fpu->_st[i].exponent, fpu->_st[i].significand[3],
		       fpu->_st[i].significand[2], fpu->_st[i].significand[1], fpu->_st[i].significand[0]);
	printf("again: cw %x tags %x, aligned %d\n", fx[0] | fx[1] << 8, fx[4], (int)((uintptr_t)fx & 63));
}

static void change_fpu(int signal, siginfo_t *info, void *context)
{
	struct _libc_fpstate *fpu = ((ucontext_t *)context)->uc_mcontext.fpregs;

	fpu->_st[0].exponent ^= 0x8000;
}

static void fpu(void)
{
	double result;

	on(SIGUSR1, show_fpu);
	__asm__ volatile("fninit; fld1; fldz; fldpi" : : : "st", "st(1)", "st(2)");
	syscall(SYS_kill, getpid(), SIGUSR1);
	__asm__ volatile("fstp %%st(0); fstp %%st(0); fstpl %0" : "=m"(result) : : "st", "st(1)", "st(2)");
	printf("what is left: %g\n", result);
	on(SIGUSR1, change_fpu);
	__asm__ volatile("fninit; fld1" : : : "st");
	syscall(SYS_kill, getpid(), SIGUSR1);
	__asm__ volatile("fstpl %0" : "=m"(result) : : "st");
	printf("after a handler that changes its sign: %g\n", result);
}

/* --- thread data ------------------------------------------------------------------------------- */

static void areas(void)
{
	static uint32_t word = 0x12345678;
	struct user_desc area = {
	    .entry_number = -1, .base_addr = (uintptr_t)&word, .limit = 3, .seg_32bit = 1, .useable = 1};
	struct user_desc now = {.entry_number = 6};
	uint32_t value;

	printf("get_thread_area: %ld,", syscall(SYS_get_thread_area, &now));
	printf(" in pages %d, useable %d, limit %x\n", now.limit_in_pages, now.useable, now.limit);
	printf("set_thread_area: %ld, entry %d\n", syscall(SYS_set_thread_area, &area), area.entry_number);
	__asm__ volatile("mov %1, %%fs; mov %%fs:0, %0" : "=r"(value) : "r"(area.entry_number * 8 + 3));
	printf("through fs: %x\n", value);
	area.limit = 5;
	area.read_exec_only = 1;
	printf("again: %ld\n", syscall(SYS_set_thread_area, &area));
	now.entry_number = area.entry_number;
	syscall(SYS_get_thread_area, &now);
	printf("is: limit %d, read only %d, present %d\n", now.limit, now.read_exec_only,
	       !now.seg_not_present);
	area =
	    (struct user_desc){.entry_number = area.entry_number, .read_exec_only = 1, .seg_not_present = 1};
	printf("cleared: %ld\n", syscall(SYS_set_thread_area, &area));
	raise(0);
	__asm__ volatile("mov %%fs, %0" : "=r"(value));
	printf("fs: %x\n", value & 0xffff);
	area.entry_number = 5;
	printf("entry 5: %ld\n", syscall(SYS_set_thread_area, &area));
	area = (struct user_desc){.entry_number = 7, .limit = 1, .contents = 2, .seg_32bit = 1};
	printf("code: %ld\n", syscall(SYS_set_thread_area, &area));
	area = (struct user_desc){.entry_number = 7, .limit = 1};
	printf("16 bits: %ld\n", syscall(SYS_set_thread_area, &area));
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	on(SIGSEGV, jump_out);
	on(SIGBUS, jump_out);
	on(SIGTRAP, jump_out);
	on(SIGILL, jump_out);
	on(SIGFPE, jump_out);
	expect("int 0x40", int_0x40);
	expect("int 14", int_14);
	expect("into", overflow);
	expect("bound", bounds);
	expect("a selector of nothing", bad_selector);
	expect("no stack segment", bad_stack);
	expect("a port", port);
	expect("through no segment", read_null_segment);
	expect("a far call", far_call);
	frames();
	fpu();
	areas();
	return 0;
}
