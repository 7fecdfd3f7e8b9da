/* SPDX-License-Identifier: MIT */
/* The signal frame of RISC-V Linux: what a handler finds on its stack, and the way back. */
#include "cpu.h"
#include "kern/signal.h"
#include "kern/task.h"
#include "kern/uaccess.h"

/* asm/sigcontext.h: registers as struct regs has them, then room for quad floating point, whose last words are the
 * end of a list of extensions: none. */
struct mcontext {
	uint64_t x[32];
	struct fp_user {
		uint64_t f[32];
		uint32_t fcsr, unused[64], reserved, magic, bytes;
	} fp;
};

struct ucontext {
	uint64_t flags, link;
	struct abi_sigaltstack stack;
	uint64_t mask;
	uint8_t more_signals[120], pad[8];
	struct mcontext m;
};
_Static_assert(offsetof(struct ucontext, m) == 176 && sizeof(struct mcontext) == 784, "the ABI's");
_Static_assert(sizeof(((struct regs *)0)->x) == sizeof(((struct mcontext *)0)->x), "registers");

struct frame {
	struct siginfo info;
	struct ucontext uc;
};

extern const char signal_trampoline[];

uint64_t arch_signal_frame_bytes(void)
{
	return sizeof(struct frame) + 16;
}

static void fill_context(struct ucontext *uc, uint64_t mask)
{
	const struct arch_task *arch = &current->arch;

	uc->stack = altstack_for_frame();
	uc->mask = mask;
	memcpy(uc->m.x, current->regs->x, sizeof(uc->m.x));
	fp_keep();
	memcpy(uc->m.fp.f, arch->fp.f, sizeof(uc->m.fp.f));
	uc->m.fp.fcsr = arch->fp.fcsr;
}

int arch_signal_frame(int signal, const struct sigaction *action, const struct siginfo *info, uint64_t mask)
{
	struct regs *regs = current->regs;
	uint64_t top = signal_frame_top(action, regs->x[X_SP], 0);
	uint64_t at = ALIGN_DOWN(top - sizeof(struct frame), 16);
	struct frame *frame;
	int result;

	if (!signal_frame_fits(action, regs->x[X_SP], at))
		return -EFAULT;
	frame = kzalloc(sizeof(*frame));
	if (!frame)
		return -EFAULT;
	frame->info = *info;
	fill_context(&frame->uc, mask);
	result = copy_to_user(at, frame, sizeof(*frame)) ? -EFAULT : 0;
	kfree(frame);
	if (result)
		return result;
	regs->x[X_A0] = (uint64_t)signal;
	regs->x[X_A0 + 1] = at + offsetof(struct frame, info);
	regs->x[X_A0 + 2] = at + offsetof(struct frame, uc);
	regs->x[X_RA] = (uint64_t)signal_trampoline;
	regs->x[X_SP] = at;
	regs->x[X_PC] = action->handler;
	regs->syscall = NO_SYSCALL;
	return 0;
}

/* A program may have made the frame, so nothing in it is believed: sstatus is not in it. */
int arch_signal_return(uint64_t *out_mask)
{
	struct regs *regs = current->regs;
	struct arch_task *arch = &current->arch;
	struct mcontext m;
	struct abi_sigaltstack stack;
	uint64_t uc = regs->x[X_SP] + offsetof(struct frame, uc);

	if (copy_from_user(&m, uc + offsetof(struct ucontext, m), sizeof(m)) ||
	    copy_from_user(&stack, uc + offsetof(struct ucontext, stack), sizeof(stack)) ||
	    copy_from_user(out_mask, uc + offsetof(struct ucontext, mask), sizeof(*out_mask)) ||
	    m.fp.reserved || m.fp.magic || m.fp.bytes)
		return -EFAULT;
	memcpy(regs->x, m.x, sizeof(m.x));
	memcpy(arch->fp.f, m.fp.f, sizeof(arch->fp.f));
	arch->fp.fcsr = m.fp.fcsr;
	fp_restore(current);
	regs->syscall = NO_SYSCALL;
	altstack_from_frame(&stack);
	return 0;
}
