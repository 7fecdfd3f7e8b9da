/* SPDX-License-Identifier: MIT */
/* What Linux logs of a program that dies of SIGSEGV; `quire explain` reads it. */
#include "port/fault.h"
#include "kern/process.h"
#include "fs/vfs.h"

#define REPORTS   10
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
			ksnprintf(text, size, " in %.64s[%" PRIx64 "+%" PRIx64 "]", name ? name + 1 : path,
				  (uint64_t)region.start, (uint64_t)(region.end - region.start));
		}
		quire_file_put(region.file);
	}
	kfree(path);
}

void log_segfault(const struct quire_trap *trap)
{
	char place[128];

	if (is_handled(SIGSEGV) || !may_report())
		return;
	where(trap->pc, place, sizeof(place));
	arch_user_fault_report(trap, place);
}
