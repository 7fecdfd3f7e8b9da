/* SPDX-License-Identifier: MIT */
/* The signal frames of ARM Linux: what a handler finds on its stack, and the ways back.
 *
 *   SA_SIGINFO   siginfo, then struct frame: rt_sigreturn()
 *   without      struct frame alone: sigreturn() */
#include "cpu.h"
#include "kern/task.h"
#include "kern/uaccess.h"
#include "kuser.h"
#include "abi/functions.h"
#include "port/system.h"

#define OLD_FRAME_FLAGS 0x5ac3c35a
#define VFP_MAGIC       0x56465001
#define FPEXC_ON        0x40000000

/* What a handler's code starts with, and what sigreturn may set: flags, and the state of instructions (B1.3.3). */
#define CPSR_IT     0x0600fc00
#define CPSR_BIG    0x200
#define CPSR_RETURN 0xfe0fff20

/* asm/ucontext.h: records with a magic and a size follow; one of magic 0 ends them. */
struct vfp_record {
	uint32_t magic, bytes;
	uint64_t d[32];
	uint32_t fpscr, pad;
	uint32_t fpexc, fpinst, fpinst2, pad2;
};
_Static_assert(sizeof(struct vfp_record) == 288, "the ABI's size");

#define RECORDS_BYTES 512
struct frame {
	uint32_t flags, link;
	struct abi_sigaltstack stack;
	struct abi_mcontext m;
	uint64_t mask;
	uint8_t more_signals[120];
	struct vfp_record vfp;
	uint32_t end_magic;
	uint8_t rest[RECORDS_BYTES - sizeof(struct vfp_record) - 4];
	uint32_t code[4]; /* once the way back; unused, as stacks need not be code */
};
_Static_assert(offsetof(struct frame, vfp) == 232 && sizeof(struct frame) == 760, "the ABI's");

struct rt_frame {
	struct siginfo info;
	struct frame frame;
};

uint64_t arch_signal_frame_bytes(void)
{
	return sizeof(struct rt_frame) + 8;
}

static void fill_frame(struct frame *frame, uint64_t mask)
{
	const struct regs *regs = current->regs;
	struct arch_task *arch = &current->arch;
	struct abi_mcontext *m = &frame->m;

	m->trap_number = arch->trap_number;
	m->error = arch->error_code;
	m->old_mask = (uint32_t)mask;
	memcpy(m->r, regs->r, sizeof(m->r));
	m->sp = regs->sp;
	m->lr = regs->lr;
	m->pc = regs->pc;
	m->cpsr = regs->cpsr;
	m->fault_address = arch->address;
	frame->mask = mask;
	vfp_save(&arch->vfp);
	frame->vfp.magic = VFP_MAGIC;
	frame->vfp.bytes = sizeof(frame->vfp);
	memcpy(frame->vfp.d, arch->vfp.d, sizeof(frame->vfp.d));
	frame->vfp.fpscr = arch->vfp.fpscr;
	frame->vfp.fpexc = FPEXC_ON;
}

static uint32_t way_back(const struct sigaction *action, bool thumb)
{
	if (action->flags & SA_RESTORER)
		return (uint32_t)action->restorer;
	return KUSER_PAGE + KUSER_SIGRETURN + (action->flags & SA_SIGINFO ? KUSER_RT : 0) +
	       (thumb ? KUSER_THUMB | 1 : 0);
}

static void enter_handler(int signal, const struct sigaction *action, uint32_t at)
{
	struct regs *regs = current->regs;
	bool thumb = action->handler & 1;

	regs->r[0] = (uint32_t)signal;
	regs->sp = at;
	regs->lr = way_back(action, thumb);
	regs->pc = (uint32_t)action->handler & (thumb ? ~1u : ~3u);
	regs->cpsr = (regs->cpsr & ~(uint32_t)(CPSR_IT | CPSR_BIG | CPSR_THUMB)) | (thumb ? CPSR_THUMB : 0);
	regs->syscall = NO_SYSCALL;
}

int arch_signal_frame(int signal, const struct sigaction *action, const struct siginfo *info, uint64_t mask)
{
	struct regs *regs = current->regs;
	bool rt = action->flags & SA_SIGINFO;
	size_t bytes = rt ? sizeof(struct rt_frame) : sizeof(struct frame);
	uint32_t top = (uint32_t)signal_frame_top(action, regs->sp, 0);
	uint32_t at = ALIGN_DOWN(top - (uint32_t)bytes, 8);
	struct rt_frame frame;

	if (!signal_frame_fits(action, regs->sp, at))
		return -EFAULT;
	memset(&frame, 0, sizeof(frame));
	frame.info = *info;
	fill_frame(&frame.frame, mask);
	if (rt)
		frame.frame.stack = altstack_for_frame();
	else
		frame.frame.flags = OLD_FRAME_FLAGS;
	if (copy_to_user(at, rt ? (void *)&frame : (void *)&frame.frame, bytes))
		return -EFAULT;
	enter_handler(signal, action, at);
	if (rt) {
		regs->r[1] = at + offsetof(struct rt_frame, info);
		regs->r[2] = at + offsetof(struct rt_frame, frame);
	}
	return 0;
}

/* A program may have made the frame, so nothing in it is believed. */
int arch_signal_return(uint64_t *out_mask)
{
	struct regs *regs = current->regs;
	struct arch_task *arch = &current->arch;
	bool rt = arch_regs_syscall(regs) == NR_rt_sigreturn;
	uint32_t at = regs->sp + (rt ? (uint32_t)offsetof(struct rt_frame, frame) : 0);
	struct frame frame;

	if (regs->sp & 7 || copy_from_user(&frame, at, offsetof(struct frame, end_magic)) ||
	    frame.vfp.magic != VFP_MAGIC || frame.vfp.bytes != sizeof(frame.vfp))
		return -EFAULT;
	memcpy(arch->vfp.d, frame.vfp.d, sizeof(arch->vfp.d));
	arch->vfp.fpscr = frame.vfp.fpscr;
	vfp_load(&arch->vfp);
	memcpy(regs->r, frame.m.r, sizeof(regs->r));
	regs->sp = frame.m.sp;
	regs->lr = frame.m.lr;
	regs->pc = frame.m.pc;
	regs->cpsr = (frame.m.cpsr & CPSR_RETURN) | CPSR_USER;
	regs->syscall = NO_SYSCALL;
	if (rt)
		altstack_from_frame(&frame.stack);
	*out_mask = frame.mask;
	return 0;
}
