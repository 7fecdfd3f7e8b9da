/* SPDX-License-Identifier: MIT */
/* ARM64 exception classes: what each of the 64 values of ESR_EL1.EC means, and which function handles it.
 *
 * DDI 0487, D17.2.37, "EC, bits [31:26]". Only the four aborts concern the memory system. Two more (PC and
 * SP alignment) share its signal path. The others have names so that tools can print them.
 */
#include "arm64/decode.h"

#define CLASSES 64

#define CLASS(fn, sig, si, why, text)                             \
	{                                                         \
		QUIRE_STEP_##fn, sig, si, QUIRE_CAUSE_##why, text \
	}
#define ABORT(text)           CLASS(DO_MEM_ABORT, 0, 0, UNKNOWN, text)
#define MISALIGNED(why, text) CLASS(DO_SP_PC_ABORT, QUIRE_SIGBUS, QUIRE_BUS_ADRALN, why, text)
#define DEBUG(si, text)       CLASS(DO_DEBUG, QUIRE_SIGTRAP, si, DEBUG, text)
#define OTHER(text)           CLASS(TRAP, 0, 0, NOT_A_FAULT, text)
#define ILLEGAL(text)         CLASS(TRAP, QUIRE_SIGILL, QUIRE_ILL_ILLOPC, NOT_A_FAULT, text)
#define RESERVED              CLASS(TRAP, QUIRE_SIGILL, QUIRE_ILL_ILLOPC, RESERVED, "reserved exception class")

static const struct qr_arm64_class classes[CLASSES] = {
    ILLEGAL("unknown reason"), /* 0x00 */
    OTHER("trapped WFI, WFE, WFIT or WFET"),
    RESERVED,
    ILLEGAL("trapped MCR or MRC access, coprocessor 15"),
    ILLEGAL("trapped MCRR or MRRC access, coprocessor 15"),
    ILLEGAL("trapped MCR or MRC access, coprocessor 14"),
    ILLEGAL("trapped LDC or STC access"),
    OTHER("access to SVE, Advanced SIMD or floating-point"),
    ILLEGAL("trapped VMRS access"), /* 0x08 */
    OTHER("trapped use of a pointer authentication instruction"),
    ILLEGAL("trapped LD64B, ST64B, ST64BV or ST64BV0"),
    RESERVED,
    ILLEGAL("trapped MRRC access, coprocessor 14"),
    CLASS(TRAP, QUIRE_SIGILL, QUIRE_ILL_ILLOPC, NOT_A_FAULT, "branch target exception"),
    ILLEGAL("illegal execution state"),
    RESERVED,
    RESERVED, /* 0x10 */
    OTHER("SVC instruction, AArch32"),
    OTHER("HVC instruction, AArch32"),
    OTHER("SMC instruction, AArch32"),
    ILLEGAL("trapped MSRR, MRRS or 128-bit system instruction"),
    OTHER("SVC instruction, AArch64"),
    OTHER("HVC instruction, AArch64"),
    OTHER("SMC instruction, AArch64"),
    ILLEGAL("trapped MSR, MRS or system instruction"), /* 0x18 */
    OTHER("access to SVE"),
    OTHER("trapped ERET, ERETAA or ERETAB"),
    ILLEGAL("trapped TSTART access"),
    CLASS(TRAP, QUIRE_SIGILL, QUIRE_ILL_ILLOPN, NOT_A_FAULT, "pointer authentication failure"),
    OTHER("access to SME"),
    RESERVED,
    OTHER("implementation defined, taken to EL3"),
    ABORT("instruction abort from a lower exception level"), /* 0x20 */
    ABORT("instruction abort, same exception level"),
    MISALIGNED(ALIGNMENT, "PC alignment fault"),
    RESERVED,
    ABORT("data abort from a lower exception level"),
    ABORT("data abort, same exception level"),
    MISALIGNED(ALIGNMENT, "SP alignment fault"),
    OTHER("memory operation exception"),
    CLASS(TRAP, QUIRE_SIGFPE, 0, NOT_A_FAULT, "trapped floating-point exception, AArch32"), /* 0x28 */
    RESERVED,
    RESERVED,
    RESERVED,
    CLASS(TRAP, QUIRE_SIGFPE, 0, NOT_A_FAULT, "trapped floating-point exception, AArch64"),
    CLASS(TRAP, QUIRE_SIGSEGV, QUIRE_SEGV_CPERR, NOT_A_FAULT, "guarded control stack exception"),
    RESERVED,
    CLASS(TRAP, 0, 0, ASYNC_EXTERNAL_ABORT, "SError interrupt"),
    DEBUG(QUIRE_TRAP_HWBKPT, "breakpoint from a lower exception level"), /* 0x30 */
    DEBUG(QUIRE_TRAP_HWBKPT, "breakpoint, same exception level"),
    DEBUG(2, "software step from a lower exception level"), /* TRAP_TRACE */
    DEBUG(2, "software step, same exception level"),
    DEBUG(QUIRE_TRAP_HWBKPT, "watchpoint from a lower exception level"),
    DEBUG(QUIRE_TRAP_HWBKPT, "watchpoint, same exception level"),
    RESERVED,
    RESERVED,
    DEBUG(QUIRE_TRAP_BRKPT, "BKPT instruction, AArch32"), /* 0x38 */
    RESERVED,
    OTHER("vector catch, AArch32"),
    RESERVED,
    DEBUG(QUIRE_TRAP_BRKPT, "BRK instruction, AArch64"),
    OTHER("profiling exception"),
    RESERVED,
    RESERVED,
};

const struct qr_arm64_class *qr_arm64_class(unsigned ec)
{
	return &classes[ec & (CLASSES - 1)];
}
