/* SPDX-License-Identifier: MIT */
/* What the template gives your kernel: start, address spaces on the CPU, and the exception handler. */
#ifndef TEMPLATE_PORT_H
#define TEMPLATE_PORT_H

#include <quire/quire.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PORT_CPUS QUIRE_CONFIG_CPUS

/* One for the kernel. Not a global of the template: put it where you like. */
struct port {
	struct quire_system *system;
	unsigned cpus;
	struct quire_mm *mm[PORT_CPUS]; /* that each CPU is in; NULL: the kernel's table */
};

/* A range of RAM that your kernel does not use, with its address in the kernel's linear map. */
struct port_ram {
	quire_pa base;
	uint64_t bytes;
	void *linear;
};

/* Makes the system on `ram`, for CPUs 0 to cpus - 1. `arch`: NULL in a build for one architecture. `profile`: "linux-6",
 * ... Returns QUIRE_OK; QUIRE_EINVAL: no such profile, too many CPUs, or RAM that overlaps; QUIRE_ENOMEM: too little. */
enum quire_status port_start(struct port *port, const struct quire_arch *arch, const char *profile,
			     unsigned cpus, const struct port_ram *ram, unsigned ram_count) QUIRE_MUST_USE;

/* The thread of this CPU changes: from now on the CPU uses `mm`, NULL: the kernel's table. Call it in your scheduler,
 * where the thread cannot be moved to another CPU. */
void port_switch(struct port *port, struct quire_mm *mm);

/* What your exception entry has saved. */
struct port_exception {
	enum quire_vector vector; /* which exception: see <quire/fault.h> */
	uint64_t syndrome;        /* error code, DFSR or IFSR, ESR_EL1, scause */
	uint64_t address;         /* CR2, DFAR or IFAR, FAR_EL1, stval */
	uint64_t pc, sp;          /* where it happened; the stack pointer of that context */
	bool user;                /* the saved status says user mode */
	bool atomic;              /* in an interrupt, or preemption is off */
};

enum port_action {
	PORT_RETURN,     /* return from the exception: to trap->pc, which a fixup has changed */
	PORT_SIGNAL,     /* send *out_signal to the thread, then return as signals do */
	PORT_KILL,       /* end the process, then run another */
	PORT_KERNEL_BUG, /* print registers; end the thread, or stop where it cannot be ended */
	PORT_NOT_OURS    /* no memory fault: your other handlers */
};

struct port_signal {
	unsigned signal, code;
	quire_va address;
};

/* The exception handler. `mm`: the address space of the thread that was interrupted; NULL: a kernel thread. Call it with
 * interrupts as they were when the exception was taken (on, unless `atomic`), because it may sleep; the thread may go
 * on on another CPU. */
enum port_action port_trap(struct port *port, struct quire_mm *mm, struct port_exception *trap,
			   struct port_signal *out_signal);

/* Whether this port keeps its contract: call it once at boot, before the first process, when all CPUs answer
 * machine_on_cpus(). Returns failures. */
unsigned port_selftest(struct port *port);

#ifdef __cplusplus
}
#endif
#endif
