/* SPDX-License-Identifier: MIT */
/* A host to copy: one CPU, RAM in the linear map, no swap. Every function that the contract of
 * <quire/port/host.h> requires for that is here, and nothing else.
 *
 * What to add for more:
 *   several CPUs, or preemption   cpu, wait, wake; in tlb_flush: tell the CPUs of flush->cpus and wait
 *   RAM without a linear address  frame_map, frame_unmap; give the range linear = NULL
 *   placing mappings at random    random
 * Files and swap are not the host's: see quire_file_ops in <quire/file.h>. */
#include "port.h"

#include "machine.h"
#include "selftest.h"

/* --- the host contract ----------------------------------------------------------------------------- */

/* Tier 0, and the only one that is required. The library cannot continue. */
static void host_panic(void *host, const char *text)
{
	(void)host;
	machine_print("quire panic:");
	machine_print(text);
	machine_stop();
}

static void host_log(void *host, const char *text)
{
	(void)host;
	machine_print(text);
}

/* Without it a fault of the kernel on a user's bad address is an oops, where it should be EFAULT. */
static quire_va host_fixup(void *host, quire_va pc)
{
	(void)host;
	return machine_fixup(pc);
}

/* Needed as soon as the CPU has a TLB. It may always forget more than it was asked; it may not forget
 * less, nor later: the frames are freed when it returns. */
static void host_tlb_flush(void *host, const struct quire_flush *flush)
{
	struct port *port = host;
	uint64_t page = (uint64_t)1 << quire_system_arch(port->system)->page_shift;

	/* Nothing named is everything; and a table went, which a page's flush may not reach everywhere. */
	if (flush->count == 0 || flush->tables) {
		machine_forget_all();
		return;
	}
	for (unsigned i = 0; i < flush->count; i++) {
		if ((flush->range[i].end - flush->range[i].start) / page > 32) {
			machine_forget_all();
			return;
		}
		for (quire_va va = flush->range[i].start; va < flush->range[i].end; va += (quire_va)page)
			machine_forget_page(va);
	}
}

static const struct quire_host host = {
    .panic = host_panic,
    .log = host_log,
    .fixup = host_fixup,
    .tlb_flush = host_tlb_flush,
};

/* --- start ------------------------------------------------------------------------------------------ */

enum quire_status port_start(struct port *port, const struct quire_arch *arch, const char *profile,
			     const struct port_ram *ram, unsigned ram_count)
{
	struct quire_config config = {
	    .arch = arch,
	    .profile = quire_profile_find(profile),
	    .host = &host,
	    .host_context = port,
	};

	port->mm = NULL;
	if (!config.profile || ram_count == 0 || ram_count > QUIRE_CONFIG_RAM_RANGES)
		return QUIRE_EINVAL;
	for (unsigned i = 0; i < ram_count; i++) {
		config.ram[i].base = ram[i].base;
		config.ram[i].bytes = ram[i].bytes;
		config.ram[i].linear = ram[i].linear;
	}
	config.ram_count = ram_count;
	return quire_system_create(&config, &port->system);
}

void port_switch(struct port *port, struct quire_mm *mm)
{
	if (mm == port->mm)
		return;
	/* In the set of flushes before the first use, out of it after the last. */
	if (mm)
		machine_load_root(quire_mm_enter(mm, 0));
	else
		machine_load_root(quire_kernel_root(port->system));
	if (port->mm)
		quire_mm_leave(port->mm, 0);
	port->mm = mm;
}

/* --- exceptions --------------------------------------------------------------------------------------- */

static enum port_action act(const struct quire_outcome *outcome, struct port_exception *trap,
			    struct port_signal *out_signal)
{
	switch (outcome->kind) {
	case QUIRE_RESUME:
		return PORT_RETURN;
	case QUIRE_SIGNAL:
		*out_signal = (struct port_signal){outcome->signal, outcome->code, outcome->va};
		return PORT_SIGNAL;
	case QUIRE_FIXUP:
		trap->pc = outcome->pc;
		return PORT_RETURN;
	case QUIRE_OOM_KILL:
		/* The simplest policy: the process that finds no frame ends. A better one ends the largest process, waits
		 * until its memory is back, and returns PORT_RETURN: the access is repeated. */
		*out_signal = (struct port_signal){QUIRE_SIGKILL, 0, 0};
		return PORT_KILL;
	case QUIRE_OOPS:
	case QUIRE_PANIC:
		return PORT_KERNEL_BUG;
	case QUIRE_NOT_OURS:
		break;
	}
	return PORT_NOT_OURS;
}

enum port_action port_trap(struct port *port, struct port_exception *trap, struct port_signal *out_signal)
{
	struct quire_trap raw = {
	    .vector = trap->vector,
	    .mode = trap->user ? QUIRE_MODE_USER : QUIRE_MODE_KERNEL,
	    .syndrome = trap->syndrome,
	    .address = (quire_va)trap->address,
	    .pc = (quire_va)trap->pc,
	    .sp = (quire_va)trap->sp,
	    .context = trap->atomic ? QUIRE_CTX_ATOMIC : 0,
	};
	struct quire_outcome outcome = quire_handle_trap(port->system, port->mm, &raw, NULL);

	return act(&outcome, trap, out_signal);
}

/* --- proof -------------------------------------------------------------------------------------------- */

static void say(void *context, const char *line)
{
	(void)context;
	machine_print(line);
}

unsigned port_selftest(struct port *port)
{
	struct quire_selftest test = {
	    .system = port->system, .host = &host, .host_context = port, .seed = 1, .rounds = 1, .say = say};

	return quire_port_selftest(&test);
}
