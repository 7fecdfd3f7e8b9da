/* SPDX-License-Identifier: MIT */
/* xv6's memory on libquire: frames, the programs' address spaces, faults, copies. The kernel keeps its own table.
 *
 * No flush is needed: a program has one thread, its table changes while that is in the kernel, whose table maps no
 * program, and userret forgets every translation. The kernel calls the library under its spinlocks, with interrupts
 * off, so no thread is preempted in the kernel: it could hold a lock of the library. */
#include <quire/quire.h>
#include "types.h"
#include "param.h"
#include "memlayout.h"
#include "spinlock.h"
#include "riscv.h"
#include "proc.h"
#include "defs.h"

static struct quire_system *quire;
extern char end[], trampoline[];

static void host_panic(void *host, const char *text)
{
	panic((char *)text);
}

static unsigned host_cpu(void *host)
{
	return r_tp();
}

/* Another thread may run, if this one holds no spinlock; it looks again when it is its turn. */
static void host_wait(void *host, const uint32_t *word, uint32_t expected, enum quire_wait_kind kind)
{
	if (kind == QUIRE_WAIT_SLEEP && mycpu()->noff == 0 && myproc() != 0)
		yield();
}

static void host_page_clear(void *host, void *page, size_t bytes)
{
	for (uint64 *to = page, *last = to + bytes / 8; to < last; to += 4)
		to[0] = to[1] = to[2] = to[3] = 0;
}

static void host_page_copy(void *host, void *page, const void *from, size_t bytes)
{
	for (uint64 *to = page, *f = (uint64 *)from, *last = to + bytes / 8; to < last; to += 4, f += 4)
		to[0] = f[0], to[1] = f[1], to[2] = f[2], to[3] = f[3];
}

void kinit(void)
{
	static const struct quire_host host = {.panic = host_panic,
					       .cpu = host_cpu,
					       .wait = host_wait,
					       .page_clear = host_page_clear,
					       .page_copy = host_page_copy};
	uint64 first = PGROUNDUP((uint64)end);
	/* sbrk() is to fail where memory would not suffice: a few percent are for tables and the kernel's own pages. */
	struct quire_config config = {.host = &host,
				      .ram_count = 1,
				      .cpus = NCPU,
				      .ram = {{{first}, PHYSTOP - first, (void *)first}},
				      .without = QUIRE_WITHOUT_TLB | QUIRE_WITHOUT_ICACHE_SYNC,
				      .overcommit = QUIRE_OVERCOMMIT_NEVER,
				      .overcommit_ratio = 95,
				      .mmap_min_addr = QUIRE_MMAP_MIN_ZERO};
	if (quire_system_create(&config, &quire) != QUIRE_OK)
		panic("quire");
}

void *kalloc(void)
{
	quire_pfn frame;
	void *page = 0;
	push_off();
	if (quire_frame_alloc(quire, 0, QUIRE_FRAME_LINEAR, &frame) == QUIRE_OK)
		page = quire_frame_address(quire, frame);
	pop_off();
	return page;
}

void kfree(void *page)
{
	push_off();
	quire_frame_free(quire, quire_frame_of(quire, page), 0);
	pop_off();
}

/* An address space for `p`: that of `parent` for a fork, or with nothing of a program. 0: no memory. */
struct quire_mm *proc_mm(struct proc *p, struct quire_mm *parent)
{
	static const struct quire_mm_layout layout = {.task_end = TRAPFRAME};
	struct quire_mm *mm = 0;
	enum quire_status status = parent ? quire_mm_fork(parent, &mm) : quire_mm_create(quire, &layout, &mm);
	if (status == QUIRE_OK && !parent)
		status = quire_mm_map_fixed(mm, TRAMPOLINE, (quire_pa){(uint64)trampoline}, PGSIZE,
					    QUIRE_PROT_READ | QUIRE_PROT_EXEC, QUIRE_FIXED_FORK);
	if (status == QUIRE_OK)
		status = quire_mm_map_fixed(mm, TRAPFRAME, (quire_pa){(uint64)p->trapframe}, PGSIZE,
					    QUIRE_PROT_READ | QUIRE_PROT_WRITE, 0);
	if (status == QUIRE_OK)
		return mm;
	quire_mm_put(mm);
	return 0;
}

/* The hart leaves the address space that it is in: its thread changes, or ends. */
void mm_leave(void)
{
	struct proc *p = myproc();
	if (p->satp)
		quire_mm_leave(p->mm, r_tp());
	p->satp = 0;
}

/* The hart goes to the program, which another hart may have written (fence.i). Returns what satp is to be. */
uint64 mm_enter(struct proc *p)
{
	p->satp = MAKE_SATP(quire_mm_enter(p->mm, r_tp()).v);
	asm volatile("fence.i");
	return p->satp;
}

/* Whether the program that took this exception goes on. */
int mm_fault(struct proc *p, uint64 scause)
{
	struct quire_trap trap = {.vector = QUIRE_VECTOR_CAUSE,
				  .syndrome = scause,
				  .address = r_stval(),
				  .pc = p->trapframe->epc,
				  .sp = p->trapframe->sp};
	return (scause == 12 || scause == 13 || scause == 15) &&
	       quire_handle_trap(quire, p->mm, &trap, 0).kind == QUIRE_RESUME;
}

/* Adds [old, new) to the program's memory. Returns the new size; 0: no memory. */
uint64 uvmalloc(struct quire_mm *mm, uint64 old, uint64 new, int perm)
{
	struct quire_mapping how = {.addr = PGROUNDUP(old),
				    .length = new - PGROUNDUP(old),
				    .prot = QUIRE_PROT_READ | (perm & PTE_W ? QUIRE_PROT_WRITE : 0) |
					    (perm & PTE_X ? QUIRE_PROT_EXEC : 0),
				    .flags =
					QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS | QUIRE_MAP_FIXED_NOREPLACE};
	quire_va at;
	if (new <= how.addr)
		return new < old ? old : new;
	return quire_mmap(mm, &how, &at) == QUIRE_OK ? new : 0;
}

/* Takes [new, old) from it. Returns the new size. */
uint64 uvmdealloc(struct quire_mm *mm, uint64 old, uint64 new)
{
	if (new >= old || (PGROUNDUP(new) < PGROUNDUP(old) &&
			   quire_munmap(mm, PGROUNDUP(new), PGROUNDUP(old) - PGROUNDUP(new)) != QUIRE_OK))
		return old;
	return new;
}

void uvmfirst(struct quire_mm *mm, uchar *code, uint bytes)
{
	if (uvmalloc(mm, 0, PGSIZE, PTE_W | PTE_X) == 0 || copyout(mm, 0, (char *)code, bytes) < 0)
		panic("uvmfirst");
}

/* Reads a segment of a program from its file, also to where the program may not write. */
int loadseg(struct quire_mm *mm, uint64 va, struct inode *ip, uint offset, uint bytes)
{
	char *page = kalloc();
	uint done, n;
	size_t written;
	for (done = 0; page && done < bytes; done += n) {
		n = bytes - done < PGSIZE ? bytes - done : PGSIZE;
		if (readi(ip, 0, (uint64)page, offset + done, n) != n ||
		    quire_mm_access(mm, va + done, page, n, QUIRE_REMOTE_WRITE | QUIRE_REMOTE_FORCE,
				    &written) != QUIRE_OK)
			break;
	}
	if (page)
		kfree(page);
	return page && done >= bytes ? 0 : -1;
}

/* The kernel's copies from and to programs: 0, or -1. */
int copyout(struct quire_mm *mm, uint64 to, char *from, uint64 bytes)
{
	size_t done;
	return quire_copy_out(mm, to, from, bytes, 0, &done) == QUIRE_OK ? 0 : -1;
}

int copyin(struct quire_mm *mm, char *to, uint64 from, uint64 bytes)
{
	size_t done;
	return quire_copy_in(mm, to, from, bytes, 0, &done) == QUIRE_OK ? 0 : -1;
}

int copyinstr(struct quire_mm *mm, char *to, uint64 from, uint64 size)
{
	size_t length;
	return quire_copy_string_in(mm, to, from, size, 0, &length) == QUIRE_OK ? 0 : -1;
}
