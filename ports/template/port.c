/* SPDX-License-Identifier: MIT */
/* A host to copy: several CPUs or one, preemption or none, RAM in the linear map, no swap. Every function that the
 * contract of <quire/port/host.h> requires for that is here, and nothing else.
 *
 * What to add for more:
 *   ARM, ARM64, RISC-V            pte_sync, icache_sync: host.h says where
 *   RAM without a linear address  frame_map, frame_unmap; give the range linear = NULL
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

static unsigned host_cpu(void *host)
{
	(void)host;
	return machine_cpu();
}

static uint32_t *host_thread(void *host)
{
	(void)host;
	return machine_thread_word();
}

/* Both may return early: the library looks again. */
static void host_wait(void *host, const uint32_t *word, uint32_t expected, enum quire_wait_kind kind)
{
	(void)host;
	if (kind == QUIRE_WAIT_SPIN)
		machine_pause();
	else
		machine_sleep(word, expected);
}

static void host_wake(void *host, const uint32_t *word)
{
	(void)host;
	machine_wake(word);
}

struct forgetting {
	const struct quire_flush *flush;
	uint64_t page;
};

/* On each CPU of the set. It may always forget more than it was asked; it may not forget less. */
static void forget(void *argument)
{
	const struct forgetting *what = argument;
	const struct quire_flush *flush = what->flush;

	/* Nothing named is everything; and a table went, which a page's flush may not reach everywhere. */
	if (flush->count == 0 || flush->tables) {
		machine_forget_all();
		return;
	}
	for (unsigned i = 0; i < flush->count; i++) {
		if ((flush->range[i].end - flush->range[i].start) / what->page > 32) {
			machine_forget_all();
			return;
		}
		for (quire_va va = flush->range[i].start; va < flush->range[i].end;
		     va += (quire_va)what->page)
			machine_forget_page(va);
	}
}

/* Needed as soon as the CPU has a TLB. All of the set have forgotten when it returns: the frames are freed then. A CPU
 * that has left the address space forgot it when it loaded another root, so none but the set needs to be told. */
static void host_tlb_flush(void *host, const struct quire_flush *flush)
{
	struct port *port = host;
	struct forgetting what = {flush, (uint64_t)1 << quire_system_arch(port->system)->page_shift};

	if (flush->cpus)
		machine_on_cpus(flush->cpus, forget, &what);
}

static const struct quire_host host = {
    .panic = host_panic,
    .log = host_log,
    .fixup = host_fixup,
    .cpu = host_cpu,
    .thread = host_thread,
    .wait = host_wait,
    .wake = host_wake,
    .tlb_flush = host_tlb_flush,
};

/* --- start ------------------------------------------------------------------------------------------ */

enum quire_status port_start(struct port *port, const struct quire_arch *arch, const char *profile,
			     unsigned cpus, const struct port_ram *ram, unsigned ram_count)
{
	struct quire_config config = {
	    .arch = arch,
	    .profile = quire_profile_find(profile),
	    .host = &host,
	    .host_context = port,
	    .cpus = cpus,
	};

	*port = (struct port){.cpus = cpus};
	if (!config.profile || cpus == 0 || cpus > PORT_CPUS || ram_count == 0 ||
	    ram_count > QUIRE_CONFIG_RAM_RANGES)
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
	unsigned cpu = machine_cpu();
	struct quire_mm *before = port->mm[cpu];

	if (mm == before)
		return;
	/* In the set of flushes before the first use, out of it after the last. */
	machine_load_root(mm ? quire_mm_enter(mm, cpu) : quire_kernel_root(port->system));
	if (before)
		quire_mm_leave(before, cpu);
	port->mm[cpu] = mm;
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

enum port_action port_trap(struct port *port, struct quire_mm *mm, struct port_exception *trap,
			   struct port_signal *out_signal)
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
	struct quire_outcome outcome = quire_handle_trap(port->system, mm, &raw, NULL);

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
	struct quire_selftest test = {.system = port->system,
				      .host = &host,
				      .host_context = port,
				      .cpus = port->cpus,
				      .seed = 1,
				      .rounds = 1,
				      .say = say};

	return quire_port_selftest(&test);
}
