/* SPDX-License-Identifier: MIT */
/* The two lines that Linux logs of a program that dies of SIGSEGV; `quire explain` reads them. */
#include "port/fault.h"
#include "kern/process.h"
#include "kern/uaccess.h"
#include "fs/vfs.h"

/* Of the bytes shown, the instruction's first is at CODE_BEFORE. */
enum {
	CODE_BYTES = 64,
	CODE_BEFORE = 42,
	REPORTS = 10
};
#define WINDOW_NS (5 * NSEC_PER_SEC)

/* A program that dies in a loop must not fill the log: REPORTS in WINDOW_NS. */
static bool may_report(void)
{
	static struct spinlock lock;
	static uint64_t window;
	static unsigned reports;
	uint64_t now = time_monotonic();
	bool may;

	spin_lock(&lock);
	if (!window || now - window >= WINDOW_NS) {
		window = now;
		reports = 0;
	}
	may = reports++ < REPORTS;
	spin_unlock(&lock);
	return may;
}

static bool is_handled(int signal)
{
	uint64_t handler = current->process->handlers->action[signal - 1].handler;

	return handler != SIG_DFL && handler != SIG_IGN;
}

/* " in NAME[START+LENGTH]": the file whose code runs; nothing for code of no file. */
static void where(quire_va pc, char *text, size_t size)
{
	char *path = kmalloc(PATH_SIZE), *name;
	struct quire_region region;

	text[0] = '\0';
	if (path && quire_mm_region_get(current->mm, pc, &region) == QUIRE_OK && region.file) {
		if (region.start <= pc) {
			quire_file_path(region.file, path, PATH_SIZE);
			name = strrchr(path, '/');
			ksnprintf(text, size, " in %.64s[%lx+%lx]", name ? name + 1 : path,
				  (unsigned long)region.start, (unsigned long)(region.end - region.start));
		}
		quire_file_put(region.file);
	}
	kfree(path);
}

static void code_line(quire_va pc)
{
	uint8_t code[CODE_BYTES];
	char line[CODE_BYTES * 3 + 8];
	size_t at = 0;

	if (pc < CODE_BEFORE || copy_from_user(code, pc - CODE_BEFORE, sizeof(code))) {
		printk("Code: Unable to access opcode bytes at 0x%lx.\n", (unsigned long)(pc - CODE_BEFORE));
		return;
	}
	for (unsigned i = 0; i < CODE_BYTES; i++)
		at += (size_t)ksnprintf(line + at, sizeof(line) - at, i == CODE_BEFORE ? " <%02x>" : " %02x",
					code[i]);
	printk("Code:%s\n", line);
}

void log_segfault(const struct quire_trap *trap)
{
	char place[128];

	if (is_handled(SIGSEGV) || !may_report())
		return;
	where(trap->pc, place, sizeof(place));
	printk("%s[%d]: segfault at %lx ip %016lx sp %016lx error %lx%s\n", current->comm, current->tid,
	       (unsigned long)trap->address, (unsigned long)trap->pc, (unsigned long)trap->sp,
	       (unsigned long)trap->syndrome, place);
	code_line(trap->pc);
}
