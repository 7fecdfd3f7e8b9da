/* SPDX-License-Identifier: MIT */
/* What differs between releases of Linux, and within one between architectures: each rule with a release that
 * has it and one that has not. docs/profiles.md names the kernels that were measured. */
#include "fixture.h"

#include <string.h>

#define READ  QUIRE_PROT_READ
#define WRITE QUIRE_PROT_WRITE
#define RW    (QUIRE_PROT_READ | QUIRE_PROT_WRITE)

static void reads(struct fx *fx, quire_va va, unsigned minor, unsigned major)
{
	uint64_t value;

	assert_int_equal(sim_read(fx->cpu, va, 1, &value), SIM_DONE);
	fx_expect_counts(fx, minor, major);
}

static void writes(struct fx *fx, quire_va va, unsigned minor, unsigned major)
{
	assert_int_equal(sim_write(fx->cpu, va, 1, 0x77), SIM_DONE);
	fx_expect_counts(fx, minor, major);
}

static void protect(struct fx *fx, quire_va va, quire_prot prot)
{
	assert_int_equal(SIM_OP(fx->cpu, "mprotect", quire_mprotect(fx->process->mm, va, fx->page, prot)),
			 QUIRE_OK);
}

static struct sim_file *cached_file(struct fx *fx, uint64_t pages)
{
	struct sim_file *file = NULL;
	char byte;
	size_t done;

	assert_int_equal(sim_file_create(fx->sim, pages * fx->page, 0, &file), QUIRE_OK);
	for (uint64_t i = 0; i < pages; i++)
		assert_int_equal(quire_file_read(file->file, i * fx->page, &byte, 1, &done), QUIRE_OK);
	return file;
}

/* --- counts ----------------------------------------------------------------------------------------------- */

/* do_no_page of 2.4 reports every page of a file or of shared memory as major, cached or not. */
static void first_access_to_file_pages_is_major(const char *arch, const char *profile, unsigned major)
{
	struct fx fx = fx_open(arch, profile, NULL);
	struct sim_file *file = cached_file(&fx, 2);

	fx_map(&fx, FX_AT, 2, RW, QUIRE_MAP_PRIVATE, file->file);
	writes(&fx, FX_AT, !major, major);
	reads(&fx, FX_AT + fx.page, !major, major);
	writes(&fx, FX_AT + fx.page, 1, 0); /* the copy is minor in every release */
	fx_map(&fx, FX_AT + 16 * fx.page, 2, RW, QUIRE_MAP_SHARED, NULL);
	reads(&fx, FX_AT + 16 * fx.page, !major, major);
	fx_map(&fx, FX_AT + 32 * fx.page, 2, RW, QUIRE_MAP_PRIVATE, NULL);
	reads(&fx, FX_AT + 32 * fx.page, 1, 0);
	sim_file_close(file);
	fx_close(&fx);
}

static void only_2_4_counts_first_accesses_to_file_pages_as_major(void **state)
{
	(void)state;
	first_access_to_file_pages_is_major("i386", "linux-2.4", 1);
	first_access_to_file_pages_is_major("i386", "linux-2.6", 0);
	first_access_to_file_pages_is_major("x86_64", "linux-6", 0);
}

/* --- dirty tracking -------------------------------------------------------------------------------------- */

/* Read then write, write after msync, after mprotect to read and back: `faults` each. */
static void shared_file_writes(const char *arch, const char *profile, unsigned faults)
{
	struct fx fx = fx_open(arch, profile, NULL);
	struct sim_file *file = cached_file(&fx, 2);

	fx_map(&fx, FX_AT, 1, RW, QUIRE_MAP_SHARED, file->file);
	reads(&fx, FX_AT, strcmp(profile, "linux-2.4") != 0, strcmp(profile, "linux-2.4") == 0);
	protect(&fx, FX_AT, READ);
	protect(&fx, FX_AT, RW);
	writes(&fx, FX_AT, faults, 0);
	assert_int_equal(SIM_OP(fx.cpu, "msync", quire_msync(fx.process->mm, FX_AT, fx.page, QUIRE_MS_SYNC)),
			 QUIRE_OK);
	assert_int_equal(file->bytes[0], 0x77);
	writes(&fx, FX_AT, faults, 0);
	/* Untracked or not, the next msync finds what was written. */
	assert_int_equal(sim_write(fx.cpu, FX_AT, 1, 0x78), SIM_DONE);
	assert_int_equal(SIM_OP(fx.cpu, "msync", quire_msync(fx.process->mm, FX_AT, fx.page, QUIRE_MS_SYNC)),
			 QUIRE_OK);
	assert_int_equal(file->bytes[0], 0x78);
	assert_int_equal(file->mkwrites, faults ? 2 : 0);
	sim_file_close(file);
	fx_close(&fx);
}

static void writes_to_shared_file_pages_are_tracked_since_2_6_19(void **state)
{
	(void)state;
	shared_file_writes("i386", "linux-2.4", 0);
	shared_file_writes("i386", "linux-2.6", 1);
	shared_file_writes("x86_64", "linux-4.14", 1);
	shared_file_writes("x86_64", "linux-6", 1);
}

/* Shared memory on hardware without a dirty bit: writable at its first read, or at its first write. */
static void shared_memory(const char *arch, const char *profile, unsigned faults)
{
	struct fx fx = fx_open(arch, profile, NULL);

	fx_map(&fx, FX_AT, 2, RW, QUIRE_MAP_SHARED, NULL);
	reads(&fx, FX_AT, 1, 0);
	writes(&fx, FX_AT, faults, 0);
	/* Mapped read-only, then made writable. */
	protect(&fx, FX_AT + fx.page, READ);
	reads(&fx, FX_AT + fx.page, 1, 0);
	protect(&fx, FX_AT + fx.page, RW);
	writes(&fx, FX_AT + fx.page, faults, 0);
	fx_close(&fx);
}

static void arm64_4_14_maps_shared_memory_writable_at_its_first_read(void **state)
{
	(void)state;
	shared_memory("arm64_39", "linux-4.14", 0);
	shared_memory("arm", "linux-4.14", 1);
	shared_memory("arm", "linux-2.6", 1);
	shared_memory("x86_64", "linux-4.14", 0); /* the hardware keeps the dirty bit */
}

/* A disk file's page takes the second fault there too: its writes are tracked. */
static void arm64_4_14_tracks_files_all_the_same(void **state)
{
	(void)state;
	shared_file_writes("arm64_39", "linux-4.14", 1);
}

/* --- mprotect --------------------------------------------------------------------------------------------- */

static void write_after_mprotect_round_trip(const char *arch, const char *profile, unsigned faults)
{
	struct fx fx = fx_open(arch, profile, NULL);

	fx_map(&fx, FX_AT, 1, RW, QUIRE_MAP_PRIVATE, NULL);
	writes(&fx, FX_AT, 1, 0);
	protect(&fx, FX_AT, READ);
	protect(&fx, FX_AT, RW);
	writes(&fx, FX_AT, faults, 0);
	protect(&fx, FX_AT, QUIRE_PROT_NONE);
	protect(&fx, FX_AT, RW);
	reads(&fx, FX_AT, 0, 0);
	writes(&fx, FX_AT, faults, 0);
	fx_close(&fx);
}

static void mprotect_leaves_written_private_pages_to_a_fault_before_6(void **state)
{
	(void)state;
	write_after_mprotect_round_trip("i386", "linux-2.4", 1);
	write_after_mprotect_round_trip("x86_64", "linux-2.6", 1);
	write_after_mprotect_round_trip("arm", "linux-2.6", 1);
	write_after_mprotect_round_trip("arm64_39", "linux-4.14", 1);
	write_after_mprotect_round_trip("x86_64", "linux-6", 0);
}

/* --- access ----------------------------------------------------------------------------------------------- */

/* PROT_WRITE alone: a page that is not there yet cannot be read, nor by the kernel for the program. */
static void write_only_page_cannot_be_read_in_2_4(void **state)
{
	struct fx fx = fx_open("i386", "linux-2.4", NULL);
	char byte;
	uint64_t value;

	(void)state;
	fx_map(&fx, FX_AT, 2, WRITE, QUIRE_MAP_PRIVATE, NULL);
	fx_expect_signal(&fx, sim_read(fx.cpu, FX_AT, 1, &value), QUIRE_SIGSEGV, QUIRE_SEGV_ACCERR, FX_AT);
	fx_expect_way(&fx, "do_page_fault mmap-lock find_vma access_error bad_area SIGSEGV/ACCERR");
	assert_int_equal(sim_copy_from_user(fx.cpu, &byte, FX_AT, 1), 1);
	writes(&fx, FX_AT, 1, 0);
	reads(&fx, FX_AT, 0, 0); /* there now: the hardware cannot forbid it */
	fx_close(&fx);
}

static void write_only_page_can_be_read_later(void **state)
{
	static const char *const pairs[][2] = {
	    {"i386", "linux-2.6"}, {"arm", "linux-2.6"}, {"arm64_39", "linux-4.14"}, {"x86_64", "linux-6"}};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct fx fx = fx_open(pairs[i][0], pairs[i][1], NULL);

		fx_map(&fx, FX_AT, 1, WRITE, QUIRE_MAP_PRIVATE, NULL);
		reads(&fx, FX_AT, 1, 0);
		fx_close(&fx);
	}
}

static void x86_names_the_bad_area_of_a_refused_access_since_2_6(void **state)
{
	struct fx fx = fx_open("x86_64", "linux-2.6", NULL);

	(void)state;
	fx_map(&fx, FX_AT, 1, READ, QUIRE_MAP_PRIVATE, NULL);
	fx_expect_signal(&fx, sim_write(fx.cpu, FX_AT, 1, 1), QUIRE_SIGSEGV, QUIRE_SEGV_ACCERR, FX_AT);
	fx_expect_way(&fx,
		      "do_page_fault mmap-lock find_vma access_error bad_area_access_error SIGSEGV/ACCERR");
	fx_close(&fx);
}

/* --- the stack -------------------------------------------------------------------------------------------- */

static struct fx open_stack(const char *arch, const char *profile, const struct sim_config *more)
{
	struct fx fx = fx_open(arch, profile, more);

	fx_map(&fx, FX_AT + 2048 * fx.page, 4, RW, QUIRE_MAP_PRIVATE | QUIRE_MAP_GROWSDOWN, NULL);
	return fx;
}

/* Whether a user's access `below` bytes below the stack pointer, which is at the foot of the stack, grows it. */
static bool grows(const char *arch, const char *profile, quire_va below)
{
	struct fx fx = open_stack(arch, profile, NULL);
	quire_va foot = FX_AT + 2048 * fx.page;
	bool done;

	fx.process->sp = foot;
	done = sim_write(fx.cpu, foot - below, 1, 1) == SIM_DONE;
	fx_close(&fx);
	return done;
}

static void stack_pointer_rule_is_of_x86_until_5_0(void **state)
{
	(void)state;
	assert_true(grows("i386", "linux-2.4", 32));
	assert_false(grows("i386", "linux-2.4", 33));
	assert_true(grows("i386", "linux-2.6", 65664));
	assert_false(grows("i386", "linux-2.6", 65665));
	assert_true(grows("x86_64", "linux-4.14", 65792));
	assert_false(grows("x86_64", "linux-4.14", 65793));
	assert_true(grows("x86_64", "linux-6", 4 << 20));
	assert_true(grows("arm", "linux-2.4", 4 << 20));
	assert_true(grows("arm", "linux-2.6", 4 << 20));
	assert_true(grows("arm64_39", "linux-4.14", 4 << 20));
	assert_true(grows("riscv64", "linux-4.14", 4 << 20));
}

/* RLIMIT_MEMLOCK and a locked stack, by who is bound. */
static bool locked_stack_grows(const char *profile, uint32_t rights)
{
	struct fx fx = open_stack("i386", profile, NULL);
	quire_va foot = FX_AT + 2048 * fx.page;
	bool done;

	quire_mm_set_rights(fx.process->mm, QUIRE_RIGHT_IPC_LOCK);
	assert_int_equal(SIM_OP(fx.cpu, "mlock", quire_mlock(fx.process->mm, foot, 4 * fx.page, 0)),
			 QUIRE_OK);
	quire_mm_set_rights(fx.process->mm, rights);
	quire_mm_set_limit(fx.process->mm, QUIRE_LIMIT_MEMLOCK, 4 * fx.page);
	fx.process->sp = foot;
	done = sim_write(fx.cpu, foot - 8, 1, 1) == SIM_DONE;
	assert_int_equal(fx_counter(&fx, QUIRE_STEP_STACK_MEMLOCK), done ? 0 : 1);
	fx_close(&fx);
	return done;
}

static void memlock_limit_binds_root_in_2_4(void **state)
{
	(void)state;
	assert_false(locked_stack_grows("linux-2.4", QUIRE_RIGHT_IPC_LOCK));
	assert_false(locked_stack_grows("linux-2.4", 0));
	assert_true(locked_stack_grows("linux-2.6", QUIRE_RIGHT_IPC_LOCK));
	assert_false(locked_stack_grows("linux-2.6", 0));
}

/* The commit limit is no rule of 2.4's expand_stack. */
static void commit_limit_binds_stacks_since_2_6(void **state)
{
	static const struct sim_config strict = {.overcommit = QUIRE_OVERCOMMIT_NEVER, .overcommit_ratio = 1};
	static const char *const profiles[] = {"linux-2.4", "linux-2.6", "linux-6"};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct fx fx = fx_open("arm", profiles[i], &strict);
		quire_va foot = FX_AT + 2048 * fx.page;
		uint64_t value;

		/* Read-only: the mapping itself is not charged. */
		fx_map(&fx, foot, 4, READ, QUIRE_MAP_PRIVATE | QUIRE_MAP_GROWSDOWN, NULL);
		fx.process->sp = foot;
		assert_int_equal(sim_read(fx.cpu, foot - 1024 * fx.page, 1, &value) == SIM_DONE, i == 0);
		assert_int_equal(fx_counter(&fx, QUIRE_STEP_STACK_OVERCOMMIT), i != 0);
		fx_close(&fx);
	}
}

/* What a write to the lowest page of a stack meets with `gap` free pages above a mapping of `prot`. */
static enum sim_end lowest_page(const char *arch, const char *profile, unsigned gap, quire_prot prot,
				uint32_t flags)
{
	struct fx fx = fx_open(arch, profile, NULL);
	quire_va foot = FX_AT + 2048 * fx.page;
	struct quire_usage usage;
	enum sim_end end;

	fx_map(&fx, foot, 4, RW, QUIRE_MAP_PRIVATE | QUIRE_MAP_GROWSDOWN, NULL);
	fx_map(&fx, foot - (1 + gap) * fx.page, 1, prot, QUIRE_MAP_PRIVATE | flags, NULL);
	fx.process->sp = foot;
	end = sim_write(fx.cpu, foot, 1, 1);
	quire_mm_usage(fx.process->mm, &usage);
	if (end == SIM_SIGNALLED)
		fx_expect_signal(&fx, end, QUIRE_SIGBUS, QUIRE_BUS_ADRERR, foot);
	else
		fx_expect_counts(&fx, 1, 0);
	fx_close(&fx);
	return end;
}

static void arm_2_6_32_keeps_a_guard_page_in_the_stack(void **state)
{
	(void)state;
	assert_int_equal(lowest_page("arm", "linux-2.6", 0, RW, 0), SIM_SIGNALLED);
	assert_int_equal(lowest_page("arm", "linux-2.6", 0, QUIRE_PROT_NONE, 0), SIM_SIGNALLED);
	assert_int_equal(lowest_page("arm", "linux-2.6", 0, RW, QUIRE_MAP_GROWSDOWN), SIM_DONE);
	assert_int_equal(lowest_page("arm", "linux-2.6", 1, RW, 0), SIM_DONE);
	assert_int_equal(lowest_page("i386", "linux-2.6", 0, RW, 0), SIM_DONE);
	assert_int_equal(lowest_page("arm", "linux-4.14", 0, RW, 0), SIM_DONE);
}

/* The way, and the stack that is one page larger than what was touched. */
static void guard_page_grows_the_stack_by_one_more(void **state)
{
	struct fx fx = open_stack("arm", "linux-2.6", NULL);
	quire_va foot = FX_AT + 2048 * fx.page;
	struct quire_region region;

	(void)state;
	fx.process->sp = foot;
	assert_int_equal(sim_write(fx.cpu, foot - fx.page, 1, 1), SIM_DONE);
	fx_expect_way(&fx,
		      "do_DataAbort do_translation_fault do_page_fault mmap-lock find_vma expand_stack "
		      "stack-grown good_area handle_mm_fault table-allocated handle_pte_fault do_no_page "
		      "check_stack_guard_page fault-retry mmap-lock find_vma good_area handle_mm_fault "
		      "handle_pte_fault do_no_page do_anonymous_page anon-frame minor");
	assert_int_equal(quire_mm_region(fx.process->mm, foot, &region), QUIRE_OK);
	assert_int_equal(region.start, foot - 2 * fx.page);
	fx_close(&fx);
}

/* --- where mmap looks ------------------------------------------------------------------------------------ */

static bool goes_up(const char *arch, const char *profile)
{
	struct fx fx = fx_open(arch, profile, NULL);
	struct quire_mapping how = {
	    .length = fx.page, .prot = RW, .flags = QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS};
	quire_va first = 0, second = 0;

	assert_int_equal(SIM_OP(fx.cpu, "mmap", quire_mmap(fx.process->mm, &how, &first)), QUIRE_OK);
	assert_int_equal(SIM_OP(fx.cpu, "mmap", quire_mmap(fx.process->mm, &how, &second)), QUIRE_OK);
	fx_close(&fx);
	return second > first;
}

static void gaps_are_sought_upwards_in_2_4_and_on_arm_2_6(void **state)
{
	(void)state;
	assert_true(goes_up("i386", "linux-2.4"));
	assert_true(goes_up("arm", "linux-2.6"));
	assert_false(goes_up("i386", "linux-2.6"));
	assert_false(goes_up("x86_64", "linux-2.6"));
	assert_false(goes_up("arm", "linux-4.14"));
	assert_false(goes_up("arm64_39", "linux-4.14"));
}

/* --- populate and mlock ---------------------------------------------------------------------------------- */

/* MAP_POPULATE of a shared writable mapping wrote to it until 2.6.38, and 2.4 did not know the flag. */
static void populate_shared(const char *arch, const char *profile, unsigned read, unsigned write)
{
	struct fx fx = fx_open(arch, profile, NULL);
	struct sim_file *file = cached_file(&fx, 1);

	fx_map(&fx, FX_AT, 1, RW, QUIRE_MAP_SHARED | QUIRE_MAP_POPULATE, file->file);
	reads(&fx, FX_AT, 0, read);
	writes(&fx, FX_AT, write, 0);
	sim_file_close(file);
	fx_close(&fx);
}

static void populate_writes_to_shared_mappings_in_2_6(void **state)
{
	(void)state;
	populate_shared("i386", "linux-2.4", 1, 0);
	populate_shared("x86_64", "linux-2.6", 0, 0);
	populate_shared("arm", "linux-2.6", 0, 0);
	populate_shared("x86_64", "linux-4.14", 0, 1);
	populate_shared("x86_64", "linux-6", 0, 1);
}

static void mlock_in_2_4_wants_the_limit_and_the_right(void **state)
{
	struct fx fx = fx_open("i386", "linux-2.4", NULL);
	struct quire_mm *mm = fx.process->mm;

	(void)state;
	fx_map(&fx, FX_AT, 16, RW, QUIRE_MAP_PRIVATE, NULL);
	assert_int_equal(SIM_OP(fx.cpu, "mlock", quire_mlock(mm, FX_AT, fx.page, 0)), QUIRE_EPERM);
	quire_mm_set_limit(mm, QUIRE_LIMIT_MEMLOCK, 0);
	assert_int_equal(SIM_OP(fx.cpu, "mlock", quire_mlock(mm, FX_AT, fx.page, 0)), QUIRE_ENOMEM);
	assert_int_equal(SIM_OP(fx.cpu, "mlockall", quire_mlockall(mm, QUIRE_MCL_FUTURE)), QUIRE_ENOMEM);
	quire_mm_set_rights(mm, QUIRE_RIGHT_IPC_LOCK);
	assert_int_equal(SIM_OP(fx.cpu, "mlock", quire_mlock(mm, FX_AT, fx.page, 0)), QUIRE_ENOMEM);
	quire_mm_set_limit(mm, QUIRE_LIMIT_MEMLOCK, 16 * fx.page);
	assert_int_equal(SIM_OP(fx.cpu, "mlock", quire_mlock(mm, FX_AT, fx.page, 0)), QUIRE_OK);
	fx_close(&fx);
}

/* --- to whom a fault counts ------------------------------------------------------------------------------ */

static void remote_fault(const char *arch, const char *profile, unsigned to_caller)
{
	struct fx fx = fx_open(arch, profile, NULL);
	struct sim_process *other;
	struct quire_usage usage;
	char byte = 1;
	size_t done;
	quire_va at;
	struct quire_mapping how = {.addr = FX_AT,
				    .length = fx.page,
				    .prot = RW,
				    .flags = QUIRE_MAP_PRIVATE | QUIRE_MAP_ANONYMOUS | QUIRE_MAP_FIXED};

	assert_int_equal(sim_process_create(fx.sim, NULL, &other), QUIRE_OK);
	assert_int_equal(SIM_OP(fx.cpu, "mmap", quire_mmap(other->mm, &how, &at)), QUIRE_OK);
	assert_int_equal(
	    SIM_OP(fx.cpu, "poke", quire_mm_access(other->mm, at, &byte, 1, QUIRE_REMOTE_WRITE, &done)),
	    QUIRE_OK);
	quire_mm_usage(other->mm, &usage);
	assert_int_equal(usage.minor, 1);
	assert_int_equal(fx.process->minor, to_caller);
	fx_close(&fx);
}

static void faults_of_remote_accesses_count_to_the_caller_in_6(void **state)
{
	(void)state;
	remote_fault("i386", "linux-2.4", 0);
	remote_fault("arm64_39", "linux-4.14", 0);
	remote_fault("x86_64", "linux-6", 1);
}

/* --- tagged addresses ------------------------------------------------------------------------------------- */

static void arm64_reports_addresses_without_their_tag(void **state)
{
	struct fx fx = fx_open("arm64_39", "linux-4.14", NULL);
	quire_va tagged = (quire_va)UINT64_C(0x1200000050000000);

	(void)state;
	fx_expect_signal(&fx, sim_write(fx.cpu, tagged, 1, 1), QUIRE_SIGSEGV, QUIRE_SEGV_MAPERR, 0x50000000);
	/* And resolves them: hardware and Linux ignore the tag alike. */
	fx_map(&fx, 0x50000000, 1, RW, QUIRE_MAP_PRIVATE, NULL);
	writes(&fx, tagged, 1, 0);
	reads(&fx, 0x50000000, 0, 0);
	fx_close(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(only_2_4_counts_first_accesses_to_file_pages_as_major),
	    cmocka_unit_test(writes_to_shared_file_pages_are_tracked_since_2_6_19),
	    cmocka_unit_test(arm64_4_14_maps_shared_memory_writable_at_its_first_read),
	    cmocka_unit_test(arm64_4_14_tracks_files_all_the_same),
	    cmocka_unit_test(mprotect_leaves_written_private_pages_to_a_fault_before_6),
	    cmocka_unit_test(write_only_page_cannot_be_read_in_2_4),
	    cmocka_unit_test(write_only_page_can_be_read_later),
	    cmocka_unit_test(x86_names_the_bad_area_of_a_refused_access_since_2_6),
	    cmocka_unit_test(stack_pointer_rule_is_of_x86_until_5_0),
	    cmocka_unit_test(memlock_limit_binds_root_in_2_4),
	    cmocka_unit_test(commit_limit_binds_stacks_since_2_6),
	    cmocka_unit_test(arm_2_6_32_keeps_a_guard_page_in_the_stack),
	    cmocka_unit_test(guard_page_grows_the_stack_by_one_more),
	    cmocka_unit_test(faults_of_remote_accesses_count_to_the_caller_in_6),
	    cmocka_unit_test(arm64_reports_addresses_without_their_tag),
	    cmocka_unit_test(gaps_are_sought_upwards_in_2_4_and_on_arm_2_6),
	    cmocka_unit_test(populate_writes_to_shared_mappings_in_2_6),
	    cmocka_unit_test(mlock_in_2_4_wants_the_limit_and_the_right),
	};

	return cmocka_run_group_tests_name("releases", tests, NULL, NULL);
}
