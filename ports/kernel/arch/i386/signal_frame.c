/* SPDX-License-Identifier: MIT */
/* The two signal frames of i386 Linux: what a handler finds on its stack, and the ways back.
 *
 *   SA_SIGINFO   struct rt_frame: sigreturn is rt_sigreturn()
 *   without      struct old_frame, as 2.0 had it: sigreturn()
 *
 * Both end in code that makes that call, for a program that named no place to return to: stacks can be executed.
 * The FPU's part lies above: the registers as FSAVE writes them, then as FXSAVE and XSAVE do. */
#include "cpu.h"
#include "kern/task.h"
#include "kern/uaccess.h"
#include "abi/functions.h"
#include "port/system.h"

#define UC_FP_XSTATE     1
#define FP_XSTATE_MAGIC1 0x46505853
#define FP_XSTATE_MAGIC2 0x46505845
#define SW_RESERVED      464 /* in the FXSAVE area: bytes for software */
#define FXSAVE_BYTES     512
#define FXSAVE_ST        32 /* the eight registers, 16 bytes apart */
#define FXSAVE_MXCSR     24

struct ucontext {
	uint32_t flags, link;
	struct abi_sigaltstack stack;
	struct abi_mcontext m;
	uint64_t mask;
};

struct rt_frame {
	uint32_t return_address, signal, info_at, uc_at;
	struct siginfo info;
	struct ucontext uc;
	uint8_t code[8];
};

/* asm/sigframe.h: the FPU's place before FXSAVE is there and unused. */
#define OLD_FPU_BYTES 624
struct old_frame {
	uint32_t return_address, signal;
	struct abi_mcontext m;
	uint8_t unused[OLD_FPU_BYTES];
	uint32_t more_mask;
	uint8_t code[8];
};

/* asm/sigcontext.h, struct _fpstate_32 without what FXSAVE writes: FSAVE's registers. */
struct legacy_fpu {
	uint32_t control, status, tags, ip, ip_selector, data, data_selector;
	uint8_t st[8][10];
	uint16_t status_again, magic; /* 0: FXSAVE's follow */
};
_Static_assert(sizeof(struct legacy_fpu) == 112, "the ABI's size");

/* What follows FXSAVE's part, for software: struct _fpx_sw_bytes. */
struct sw_bytes {
	uint32_t magic1, extended_size;
	uint64_t features;
	uint32_t xstate_size, padding[7];
};

/* --- the FPU ---------------------------------------------------------------------------------- */

static uint32_t fpstate_bytes(void)
{
	return sizeof(struct legacy_fpu) + cpu_features.xsave_bytes + (cpu_features.xsave ? 4 : 0);
}

static uint16_t word_at(const uint8_t *area, unsigned offset)
{
	return *(const uint16_t *)(const void *)(area + offset);
}

static uint32_t long_at(const uint8_t *area, unsigned offset)
{
	return *(const uint32_t *)(const void *)(area + offset);
}

/* SDM volume 1, 8.1.7: two bits a register; FXSAVE keeps one, 1: it is not empty. */
static uint32_t full_tags(const uint8_t *area)
{
	unsigned top = word_at(area, 2) >> 11 & 7;
	uint32_t tags = 0xffff0000;

	for (unsigned i = 0; i < 8; i++) {
		const uint8_t *st = area + FXSAVE_ST + ((i - top) & 7) * 16;
		unsigned exponent = word_at(st, 8) & 0x7fff, tag = 2; /* special */

		if (!(area[4] >> i & 1))
			tag = 3; /* empty */
		else if (exponent && exponent != 0x7fff && st[7] & 0x80)
			tag = 0; /* valid */
		else if (!exponent && !long_at(st, 0) && !long_at(st, 4))
			tag = 1; /* zero */
		tags |= tag << (2 * i);
	}
	return tags;
}

static struct legacy_fpu legacy_of(const uint8_t *area)
{
	struct legacy_fpu fpu = {
	    .control = word_at(area, 0) | 0xffff0000,
	    .status = word_at(area, 2) | 0xffff0000,
	    .tags = full_tags(area),
	    .ip = long_at(area, 8),
	    .ip_selector = word_at(area, 12) | (uint32_t)word_at(area, 6) << 16,
	    .data = long_at(area, 16),
	    .data_selector = word_at(area, 20),
	    .status_again = word_at(area, 2),
	};

	for (unsigned i = 0; i < 8; i++)
		memcpy(fpu.st[i], area + FXSAVE_ST + i * 16, sizeof(fpu.st[i]));
	return fpu;
}

/* A program changes these first: they win over FXSAVE's. */
static void take_legacy(uint8_t *area, const struct legacy_fpu *fpu)
{
	uint8_t kept = 0;

	for (unsigned i = 0; i < 8; i++) {
		kept |= (uint8_t)(((fpu->tags >> (2 * i) & 3) != 3) << i);
		memcpy(area + FXSAVE_ST + i * 16, fpu->st[i], sizeof(fpu->st[i]));
	}
	memcpy(area, &fpu->control, 2);
	memcpy(area + 2, &fpu->status, 2);
	area[4] = kept;
	memcpy(area + 8, &fpu->ip, 4);
	memcpy(area + 16, &fpu->data, 4);
}

/* `at`: of the legacy part. */
static int push_fpu(uint32_t at)
{
	uint8_t *area = current->arch.fpu;
	uint32_t magic2 = FP_XSTATE_MAGIC2;
	uint32_t extended = at + (uint32_t)sizeof(struct legacy_fpu);
	struct legacy_fpu legacy;
	struct sw_bytes sw = {
	    .magic1 = FP_XSTATE_MAGIC1,
	    .extended_size = fpstate_bytes(),
	    .features = cpu_features.xsave_mask,
	    .xstate_size = cpu_features.xsave_bytes,
	};

	fpu_save(area);
	legacy = legacy_of(area);
	if (cpu_features.xsave) {
		memcpy(area + SW_RESERVED, &sw, sizeof(sw));
		/* The header says 0 for parts in their first state; a handler may fill them: say they are there. */
		*(uint64_t *)(void *)(area + FXSAVE_BYTES) |= 3;
		if (copy_to_user(extended + cpu_features.xsave_bytes, &magic2, sizeof(magic2)))
			return -EFAULT;
	}
	return copy_to_user(at, &legacy, sizeof(legacy)) ||
		       copy_to_user(extended, area, cpu_features.xsave_bytes)
		   ? -EFAULT
		   : 0;
}

/* What a program wrote there must not make the load fault: unknown bits go. It is gathered beside the task's own
 * area, which a switch during the copy would overwrite. */
static int pop_fpu(uint32_t at)
{
	uint8_t *area = current->arch.fpu;
	uint64_t *header = (uint64_t *)(void *)(area + FXSAVE_BYTES);
	uint8_t copy[XSAVE_MOST];
	struct legacy_fpu legacy;
	struct sw_bytes sw;
	size_t bytes = FXSAVE_BYTES;
	uint32_t extended = at + (uint32_t)sizeof(legacy);

	if (!at) {
		fpu_reset(area);
		fpu_restore(area);
		return 0;
	}
	if (copy_from_user(&legacy, at, sizeof(legacy)) ||
	    copy_from_user(&sw, extended + SW_RESERVED, sizeof(sw)))
		return -EFAULT;
	if (cpu_features.xsave && sw.magic1 == FP_XSTATE_MAGIC1 && sw.xstate_size == cpu_features.xsave_bytes)
		bytes = cpu_features.xsave_bytes;
	if (copy_from_user(copy, extended, bytes))
		return -EFAULT;
	take_legacy(copy, &legacy);
	memset(area, 0, cpu_features.xsave_bytes);
	memcpy(area, copy, bytes);
	*(uint32_t *)(void *)(area + FXSAVE_MXCSR) &= 0xffff;
	if (cpu_features.xsave) {
		header[0] = bytes > FXSAVE_BYTES ? (header[0] & cpu_features.xsave_mask) | 1 : 3;
		memset(header + 1, 0, 56);
	}
	fpu_restore(area);
	return 0;
}

/* --- the frame -------------------------------------------------------------------------------- */

uint64_t arch_signal_frame_bytes(void)
{
	return sizeof(struct old_frame) + fpstate_bytes() + 64 + 16;
}

/* Where a frame of `bytes` goes; 0: there is no room. The handler finds its stack as after a call. */
static uint32_t frame_place(const struct sigaction *action, size_t bytes, uint32_t *out_fpstate)
{
	uint32_t sp = current->regs->sp, at = (uint32_t)signal_frame_top(action, sp, 0);

	at = ALIGN_DOWN(at - fpstate_bytes() + (uint32_t)sizeof(struct legacy_fpu), 64);
	at -= (uint32_t)sizeof(struct legacy_fpu);
	*out_fpstate = at;
	at = ALIGN_DOWN(at - (uint32_t)bytes + 4, 16) - 4;
	return signal_frame_fits(action, sp, at) ? at : 0;
}

static struct abi_mcontext context(uint64_t mask, uint32_t fpstate)
{
	const struct regs *r = current->regs;
	const struct arch_task *arch = &current->arch;

	return (struct abi_mcontext){
	    .gs = read_gs(),
	    .fs = r->fs & 0xffff,
	    .es = r->es & 0xffff,
	    .ds = r->ds & 0xffff,
	    .edi = r->di,
	    .esi = r->si,
	    .ebp = r->bp,
	    .esp = r->sp,
	    .ebx = r->bx,
	    .edx = r->dx,
	    .ecx = r->cx,
	    .eax = r->ax,
	    .trap_number = arch->trap_number,
	    .error = arch->error_code,
	    .eip = r->ip,
	    .cs = r->cs & 0xffff,
	    .eflags = r->flags,
	    .esp_at_signal = r->sp,
	    .ss = r->ss & 0xffff,
	    .fpstate = fpstate,
	    .old_mask = (uint32_t)mask,
	    .cr2 = arch->cr2,
	};
}

/* mov $number, %eax; int $0x80; of an old frame first pop %eax. */
static void write_code(uint8_t code[8], bool rt)
{
	const uint8_t old[8] = {0x58, 0xb8, NR_sigreturn, 0, 0, 0, 0xcd, 0x80};
	const uint8_t now[8] = {0xb8, NR_rt_sigreturn, 0, 0, 0, 0xcd, 0x80, 0};

	memcpy(code, rt ? now : old, 8);
}

static void enter_handler(int signal, const struct sigaction *action, uint32_t at)
{
	struct regs *regs = current->regs;

	regs->ax = (uint32_t)signal;
	regs->dx = regs->cx = 0;
	regs->ip = (uint32_t)action->handler;
	regs->sp = at;
	regs->cs = USER_CS;
	regs->ds = regs->es = regs->ss = USER_DS;
	regs->flags &= ~(uint32_t)(FLAGS_DF | FLAGS_RF | FLAGS_TF);
	regs->vector = 0;
}

static uint32_t return_address(const struct sigaction *action, uint32_t code)
{
	return action->flags & SA_RESTORER ? (uint32_t)action->restorer : code;
}

static int old_frame(int signal, const struct sigaction *action, uint64_t mask)
{
	struct old_frame frame;
	uint32_t fpstate, at = frame_place(action, sizeof(frame), &fpstate);

	if (!at)
		return -EFAULT;
	memset(&frame, 0, sizeof(frame));
	frame.return_address = return_address(action, at + offsetof(struct old_frame, code));
	frame.signal = (uint32_t)signal;
	frame.m = context(mask, fpstate);
	frame.more_mask = (uint32_t)(mask >> 32);
	write_code(frame.code, false);
	if (push_fpu(fpstate) || copy_to_user(at, &frame, sizeof(frame)))
		return -EFAULT;
	enter_handler(signal, action, at);
	return 0;
}

int arch_signal_frame(int signal, const struct sigaction *action, const struct siginfo *info, uint64_t mask)
{
	struct rt_frame frame;
	uint32_t fpstate, at;

	if (!(action->flags & SA_SIGINFO))
		return old_frame(signal, action, mask);
	at = frame_place(action, sizeof(frame), &fpstate);
	if (!at)
		return -EFAULT;
	memset(&frame, 0, sizeof(frame));
	frame.return_address = return_address(action, at + offsetof(struct rt_frame, code));
	frame.signal = (uint32_t)signal;
	frame.info_at = at + offsetof(struct rt_frame, info);
	frame.uc_at = at + offsetof(struct rt_frame, uc);
	frame.info = *info;
	frame.uc.flags = cpu_features.xsave ? UC_FP_XSTATE : 0;
	frame.uc.stack = altstack_for_frame();
	frame.uc.m = context(mask, fpstate);
	frame.uc.mask = mask;
	write_code(frame.code, true);
	if (push_fpu(fpstate) || copy_to_user(at, &frame, sizeof(frame)))
		return -EFAULT;
	enter_handler(signal, action, at);
	current->regs->dx = frame.info_at;
	current->regs->cx = frame.uc_at;
	return 0;
}

/* --- the way back ----------------------------------------------------------------------------- */

#define FLAGS_PROGRAM 0x50dd5 /* CF PF AF ZF SF TF DF OF RF AC: what sigreturn may set */

/* A program's selector, or none. */
static uint32_t selector_of(uint32_t selector)
{
	return selector & 0xfffc ? (selector & 0xffff) | 3 : 0;
}

static int load_context(const struct abi_mcontext *m)
{
	struct regs *r = current->regs;

	if (pop_fpu(m->fpstate))
		return -EFAULT;
	load_gs(selector_of(m->gs));
	r->fs = selector_of(m->fs);
	r->es = selector_of(m->es);
	r->ds = selector_of(m->ds);
	r->di = m->edi;
	r->si = m->esi;
	r->bp = m->ebp;
	r->sp = m->esp;
	r->bx = m->ebx;
	r->dx = m->edx;
	r->cx = m->ecx;
	r->ax = m->eax;
	r->ip = m->eip;
	r->flags = (r->flags & ~(uint32_t)FLAGS_PROGRAM) | (m->eflags & FLAGS_PROGRAM);
	r->cs = USER_CS; /* a program has these two only */
	r->ss = USER_DS;
	r->vector = 0; /* no system call to restart */
	return 0;
}

/* The program has popped the return address, and before sigreturn() the signal too. */
static int old_return(uint64_t *out_mask)
{
	uint32_t at = current->regs->sp - 8, more_mask;
	struct abi_mcontext m;

	if (copy_from_user(&m, at + offsetof(struct old_frame, m), sizeof(m)) ||
	    get_user(more_mask, at + offsetof(struct old_frame, more_mask)) || load_context(&m))
		return -EFAULT;
	*out_mask = m.old_mask | (uint64_t)more_mask << 32;
	return 0;
}

int arch_signal_return(uint64_t *out_mask)
{
	struct ucontext uc;

	if (arch_regs_syscall(current->regs) == NR_sigreturn)
		return old_return(out_mask);
	if (copy_from_user(&uc, current->regs->sp - 4 + offsetof(struct rt_frame, uc), sizeof(uc)) ||
	    load_context(&uc.m))
		return -EFAULT;
	altstack_from_frame(&uc.stack);
	*out_mask = uc.mask;
	return 0;
}
