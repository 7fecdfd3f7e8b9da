/* SPDX-License-Identifier: MIT */
/* The signal frame of x86-64 Linux: what a handler finds on its stack, and the way back. */
#include "cpu.h"
#include "kern/task.h"
#include "kern/uaccess.h"
#include "port/system.h"

#define UC_FP_XSTATE         1
#define UC_SIGCONTEXT_SS     2
#define UC_STRICT_RESTORE_SS 4
#define FP_XSTATE_MAGIC1     0x46505853
#define FP_XSTATE_MAGIC2     0x46505845
#define SW_RESERVED          464 /* in the FXSAVE area: bytes for software */
#define XSAVE_HEADER         512
#define RED_ZONE             128

struct ucontext {
	uint64_t flags, link;
	struct abi_sigaltstack stack;
	struct abi_mcontext m;
	uint64_t mask;
};

struct frame {
	uint64_t return_address;
	struct ucontext uc;
	struct siginfo info;
};

/* What follows the legacy part, for software: asm/sigcontext.h's struct _fpx_sw_bytes. */
struct sw_bytes {
	uint32_t magic1, extended_size;
	uint64_t features;
	uint32_t xstate_size, padding[7];
};

static uint32_t fpstate_bytes(void)
{
	return cpu_features.xsave_bytes + (cpu_features.xsave ? 4 : 0);
}

uint64_t arch_signal_frame_bytes(void)
{
	return sizeof(struct frame) + fpstate_bytes() + 64 + 16 + RED_ZONE;
}

static int push_fpu(uint64_t at)
{
	uint8_t *area = current->arch.fpu;
	uint32_t magic2 = FP_XSTATE_MAGIC2;
	struct sw_bytes sw = {
	    .magic1 = FP_XSTATE_MAGIC1,
	    .extended_size = fpstate_bytes(),
	    .features = cpu_features.xsave_mask,
	    .xstate_size = cpu_features.xsave_bytes,
	};

	fpu_save(area);
	if (!cpu_features.xsave)
		return copy_to_user(at, area, cpu_features.xsave_bytes);
	memcpy(area + SW_RESERVED, &sw, sizeof(sw));
	/* The header says 0 for parts in their first state; a handler may fill them: say they are there. */
	*(uint64_t *)(void *)(area + XSAVE_HEADER) |= 3;
	if (copy_to_user(at, area, cpu_features.xsave_bytes))
		return -EFAULT;
	return copy_to_user(at + cpu_features.xsave_bytes, &magic2, sizeof(magic2));
}

/* What a program wrote there must not make XRSTOR fault: unknown bits go. It is gathered beside the task's
 * own area, which a switch during the copy would overwrite. */
static int pop_fpu(uint64_t at)
{
	uint8_t *area = current->arch.fpu;
	uint64_t *header = (uint64_t *)(void *)(area + XSAVE_HEADER);
	uint8_t copy[XSAVE_MOST];
	struct sw_bytes sw;
	size_t bytes = 512;

	if (!at) {
		fpu_reset(area);
		fpu_restore(area);
		return 0;
	}
	if (copy_from_user(&sw, at + SW_RESERVED, sizeof(sw)))
		return -EFAULT;
	if (cpu_features.xsave && sw.magic1 == FP_XSTATE_MAGIC1 && sw.xstate_size == cpu_features.xsave_bytes)
		bytes = cpu_features.xsave_bytes;
	if (copy_from_user(copy, at, bytes))
		return -EFAULT;
	memset(area, 0, cpu_features.xsave_bytes);
	memcpy(area, copy, bytes);
	*(uint32_t *)(void *)(area + 24) &= 0xffff; /* MXCSR */
	if (cpu_features.xsave) {
		header[0] = bytes > 512 ? header[0] & cpu_features.xsave_mask : 3;
		memset(header + 1, 0, 56);
	}
	fpu_restore(area);
	return 0;
}

/* Where the frame goes; 0: there is no room. */
static uint64_t frame_place(const struct sigaction *action, uint64_t *out_fpstate)
{
	uint64_t sp = current->regs->sp, at = signal_frame_top(action, sp, RED_ZONE);

	at = ALIGN_DOWN(at - fpstate_bytes(), 64);
	*out_fpstate = at;
	at = ALIGN_DOWN(at - sizeof(struct frame), 16) - 8;
	return signal_frame_fits(action, sp, at) ? at : 0;
}

static void fill_context(struct ucontext *uc, uint64_t mask, uint64_t fpstate)
{
	const struct regs *r = current->regs;
	const struct arch_task *arch = &current->arch;

	uc->flags = (cpu_features.xsave ? UC_FP_XSTATE : 0) | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
	uc->stack = altstack_for_frame();
	uc->mask = mask;
	uc->m = (struct abi_mcontext){
	    .r8 = r->r8,
	    .r9 = r->r9,
	    .r10 = r->r10,
	    .r11 = r->r11,
	    .r12 = r->r12,
	    .r13 = r->r13,
	    .r14 = r->r14,
	    .r15 = r->r15,
	    .rdi = r->rdi,
	    .rsi = r->rsi,
	    .rbp = r->rbp,
	    .rbx = r->rbx,
	    .rdx = r->rdx,
	    .rax = r->rax,
	    .rcx = r->rcx,
	    .rsp = r->sp,
	    .rip = r->ip,
	    .rflags = r->flags,
	    .cs = (uint16_t)r->cs,
	    .ss = (uint16_t)r->ss,
	    .error = arch->error_code,
	    .trap_number = arch->trap_number,
	    .old_mask = mask,
	    .cr2 = arch->cr2,
	    .fpstate = fpstate,
	};
}

int arch_signal_frame(int signal, const struct sigaction *action, const struct siginfo *info, uint64_t mask)
{
	struct regs *regs = current->regs;
	struct frame frame;
	uint64_t fpstate, at = frame_place(action, &fpstate);

	if (!at || !(action->flags & SA_RESTORER))
		return -EFAULT;
	memset(&frame, 0, sizeof(frame));
	frame.return_address = action->restorer;
	frame.info = *info;
	if (arch_regs_in_syscall(regs)) {
		/* The program finds what SYSCALL left there. */
		regs->rcx = regs->ip;
		regs->r11 = regs->flags;
	}
	fill_context(&frame.uc, mask, fpstate);
	if (push_fpu(fpstate) || copy_to_user(at, &frame, sizeof(frame)))
		return -EFAULT;
	regs->rdi = (uint64_t)signal;
	regs->rsi = at + offsetof(struct frame, info);
	regs->rdx = at + offsetof(struct frame, uc);
	regs->rax = 0;
	regs->ip = action->handler;
	regs->sp = at;
	regs->cs = USER_CS;
	regs->ss = USER_DS;
	regs->flags &= ~(uint64_t)(FLAGS_DF | FLAGS_RF | FLAGS_TF);
	regs->vector = 0;
	return 0;
}

#define FLAGS_PROGRAM 0x50dd5 /* CF PF AF ZF SF TF DF OF RF AC: what sigreturn may set */

int arch_signal_return(uint64_t *out_mask)
{
	struct regs *r = current->regs;
	struct ucontext uc;
	const struct abi_mcontext *m = &uc.m;

	if (copy_from_user(&uc, r->sp - 8 + offsetof(struct frame, uc), sizeof(uc)) || pop_fpu(uc.m.fpstate))
		return -EFAULT;
	r->r8 = m->r8;
	r->r9 = m->r9;
	r->r10 = m->r10;
	r->r11 = m->r11;
	r->r12 = m->r12;
	r->r13 = m->r13;
	r->r14 = m->r14;
	r->r15 = m->r15;
	r->rdi = m->rdi;
	r->rsi = m->rsi;
	r->rbp = m->rbp;
	r->rbx = m->rbx;
	r->rdx = m->rdx;
	r->rax = m->rax;
	r->rcx = m->rcx;
	r->sp = m->rsp;
	r->ip = m->rip;
	r->flags = (r->flags & ~(uint64_t)FLAGS_PROGRAM) | (m->rflags & FLAGS_PROGRAM);
	r->cs = USER_CS; /* a program has these two only */
	r->ss = USER_DS;
	r->vector = 0; /* no system call to restart, and every register counts: IRET */
	altstack_from_frame(&uc.stack);
	*out_mask = uc.mask;
	return 0;
}
