/* SPDX-License-Identifier: MIT */
/* The signal frame of ARM64 Linux: what a handler finds on its stack, and the way back. */
#include "cpu.h"
#include "kern/task.h"
#include "kern/uaccess.h"
#include "port/system.h"

#define FPSIMD_MAGIC 0x46508001
#define ESR_MAGIC    0x45535201
#define FLAGS_NZCV   0xf0000000

/* asm/sigcontext.h: records with a magic and a size follow the registers; one of magic 0 ends them. */
struct record {
	uint32_t magic, bytes;
};

struct records {
	struct record fpsimd_head;
	struct fpsimd_user {
		uint32_t fpsr, fpcr;
		uint64_t v[64];
	} fpsimd;
	struct record esr_head; /* or the end */
	uint64_t esr;
	struct record end;
};
#define RECORDS_BYTES 4096

struct mcontext {
	uint64_t fault_address, x[31], sp, pc, pstate, pad;
	struct records records;
	uint8_t rest[RECORDS_BYTES - sizeof(struct records)];
};

struct ucontext {
	uint64_t flags, link;
	struct abi_sigaltstack stack;
	uint64_t mask;
	uint8_t more_signals[120], pad[8];
	struct mcontext m;
};
_Static_assert(offsetof(struct ucontext, m) == 176 && offsetof(struct mcontext, records) == 288, "the ABI's");

struct frame {
	struct siginfo info;
	struct ucontext uc;
};
#define FILLED offsetof(struct frame, uc.m.rest)

extern const char signal_trampoline[];

uint64_t arch_signal_frame_bytes(void)
{
	return sizeof(struct frame) + 16 + 16;
}

static void fill_context(struct ucontext *uc, uint64_t mask)
{
	const struct regs *regs = current->regs;
	const struct arch_task *arch = &current->arch;
	struct records *records = &uc->m.records;

	uc->stack = altstack_for_frame();
	uc->mask = mask;
	uc->m.fault_address = arch->far;
	memcpy(uc->m.x, regs->x, sizeof(uc->m.x));
	uc->m.sp = regs->sp;
	uc->m.pc = regs->pc;
	uc->m.pstate = regs->pstate;
	fpsimd_save(&current->arch.fpsimd);
	records->fpsimd_head =
	    (struct record){FPSIMD_MAGIC, sizeof(records->fpsimd_head) + sizeof(records->fpsimd)};
	records->fpsimd.fpsr = arch->fpsimd.fpsr;
	records->fpsimd.fpcr = arch->fpsimd.fpcr;
	memcpy(records->fpsimd.v, arch->fpsimd.v, sizeof(records->fpsimd.v));
	if (arch->esr) {
		records->esr_head =
		    (struct record){ESR_MAGIC, sizeof(records->esr_head) + sizeof(records->esr)};
		records->esr = arch->esr;
	}
}

/* The frame lies below a frame record, so that a debugger walks on from the handler. */
int arch_signal_frame(int signal, const struct sigaction *action, const struct siginfo *info, uint64_t mask)
{
	struct regs *regs = current->regs;
	uint64_t top = ALIGN_DOWN(signal_frame_top(action, regs->sp, 0) - 16, 16);
	uint64_t at = ALIGN_DOWN(top - sizeof(struct frame), 16), link[2] = {regs->x[29], regs->x[30]};
	struct frame *frame;
	int result;

	if (!signal_frame_fits(action, regs->sp, at))
		return -EFAULT;
	frame = kzalloc(sizeof(*frame));
	if (!frame)
		return -EFAULT;
	frame->info = *info;
	fill_context(&frame->uc, mask);
	result = copy_to_user(at, frame, FILLED) || copy_to_user(top, link, sizeof(link)) ? -EFAULT : 0;
	kfree(frame);
	if (result)
		return result;
	regs->x[0] = (uint64_t)signal;
	if (action->flags & SA_SIGINFO) {
		regs->x[1] = at + offsetof(struct frame, info);
		regs->x[2] = at + offsetof(struct frame, uc);
	}
	regs->x[29] = top;
	regs->x[30] = action->flags & SA_RESTORER ? action->restorer : (uint64_t)signal_trampoline;
	regs->sp = at;
	regs->pc = action->handler;
	regs->pstate &= FLAGS_NZCV;
	regs->syscall = NO_SYSCALL;
	return 0;
}

/* The records of the frame; a program may have made the frame, so nothing in it is believed. */
static int load_fpsimd(uint64_t at)
{
	struct arch_task *arch = &current->arch;
	struct record head;
	struct fpsimd_user user;

	if (copy_from_user(&head, at, sizeof(head)) || head.magic != FPSIMD_MAGIC ||
	    head.bytes != sizeof(head) + sizeof(user) ||
	    copy_from_user(&user, at + sizeof(head), sizeof(user)))
		return -EFAULT;
	arch->fpsimd.fpsr = user.fpsr;
	arch->fpsimd.fpcr = user.fpcr;
	memcpy(arch->fpsimd.v, user.v, sizeof(user.v));
	fpsimd_load(&arch->fpsimd);
	return 0;
}

int arch_signal_return(uint64_t *out_mask)
{
	struct regs *regs = current->regs;
	struct {
		uint64_t fault_address, x[31], sp, pc, pstate;
	} m;
	struct abi_sigaltstack stack;
	uint64_t uc = regs->sp + offsetof(struct frame, uc);
	uint64_t at = uc + offsetof(struct ucontext, m);

	if (regs->sp & 15 || copy_from_user(&m, at, sizeof(m)) ||
	    copy_from_user(&stack, uc + offsetof(struct ucontext, stack), sizeof(stack)) ||
	    copy_from_user(out_mask, uc + offsetof(struct ucontext, mask), sizeof(*out_mask)) ||
	    load_fpsimd(at + offsetof(struct mcontext, records)))
		return -EFAULT;
	memcpy(regs->x, m.x, sizeof(m.x));
	regs->sp = m.sp;
	regs->pc = m.pc;
	regs->pstate = m.pstate & FLAGS_NZCV; /* EL0, with all interrupts */
	regs->syscall = NO_SYSCALL;
	altstack_from_frame(&stack);
	return 0;
}
