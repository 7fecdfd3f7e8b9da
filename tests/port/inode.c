/* SPDX-License-Identifier: MIT */
/* One file for each inode (PORTING.md): quire_file_tryget() finds it or finds it going away, also while other
 * threads put the last reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <quire/quire.h>

#define RAM_BYTES ((size_t)4 << 20)
#define THREADS   3
#define ROUNDS    3000

static struct quire_system *system_;
static _Thread_local unsigned this_cpu;

/* An inode, whose lock guards `file`: a file of it, or NULL. */
struct inode {
	pthread_mutex_t lock;
	struct quire_file *file;
	unsigned made, released;
};

/* What the ops of one file get. */
struct opened {
	struct inode *inode;
	struct quire_file *file;
};

static void host_panic(void *context, const char *text)
{
	(void)context, (void)text;
	abort();
}

static unsigned host_cpu(void *context)
{
	(void)context;
	return this_cpu;
}

static enum quire_status read_nothing(void *context, uint64_t offset, void *buffer, size_t length,
				      size_t *out_length)
{
	(void)context, (void)offset;
	memset(buffer, 0, length);
	*out_length = length;
	return QUIRE_OK;
}

/* The last reference is gone; a later file of the inode may have taken its place already. */
static void release(void *context)
{
	struct opened *opened = context;
	struct inode *inode = opened->inode;

	pthread_mutex_lock(&inode->lock);
	if (inode->file == opened->file) {
		if (quire_file_tryget(inode->file))
			abort();
		inode->file = NULL;
	}
	inode->released++;
	pthread_mutex_unlock(&inode->lock);
	free(opened);
}

static const struct quire_file_ops ops = {.read = read_nothing, .release = release};

static struct quire_file *inode_open(struct inode *inode)
{
	struct quire_file *file = NULL;
	struct opened *opened;

	pthread_mutex_lock(&inode->lock);
	if (inode->file)
		file = quire_file_tryget(inode->file);
	if (!file) {
		opened = malloc(sizeof(*opened));
		if (!opened || quire_file_create(system_, &ops, opened, 4096, &file) != QUIRE_OK)
			abort();
		*opened = (struct opened){inode, file};
		inode->file = file;
		inode->made++;
	}
	pthread_mutex_unlock(&inode->lock);
	return file;
}

static void start(void)
{
	static unsigned char memory[RAM_BYTES] __attribute__((aligned(4096)));
	static const struct quire_host host = {.panic = host_panic, .cpu = host_cpu};
	struct quire_config config = {.arch = &quire_arch_x86_64,
				      .host = &host,
				      .cpus = THREADS,
				      .without = QUIRE_WITHOUT_TLB,
				      .ram = {{{1 << 20}, RAM_BYTES, memory}},
				      .ram_count = 1};

	assert_int_equal(quire_system_create(&config, &system_), QUIRE_OK);
}

static void test_one_file(void **state)
{
	struct inode inode = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct quire_file *first, *second;

	(void)state;
	start();
	first = inode_open(&inode);
	second = inode_open(&inode);
	assert_ptr_equal(first, second);
	quire_file_put(first);
	assert_int_equal(inode.released, 0);
	quire_file_put(second);
	assert_int_equal(inode.released, 1);
	assert_null(inode.file);
	first = inode_open(&inode);
	assert_int_equal(inode.made, 2);
	quire_file_put(first);
	quire_system_destroy(system_);
}

struct worker {
	struct inode *inode;
	unsigned cpu;
};

static void *open_and_close(void *context)
{
	const struct worker *worker = context;

	this_cpu = worker->cpu;
	for (unsigned i = 0; i < ROUNDS; i++)
		quire_file_put(inode_open(worker->inode));
	return NULL;
}

static void test_threads(void **state)
{
	struct inode inode = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct worker worker[THREADS];
	pthread_t thread[THREADS];

	(void)state;
	start();
	for (unsigned i = 0; i < THREADS; i++) {
		worker[i] = (struct worker){&inode, i};
		assert_int_equal(pthread_create(&thread[i], NULL, open_and_close, &worker[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(inode.made, inode.released);
	assert_null(inode.file);
	quire_system_destroy(system_);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_file), cmocka_unit_test(test_threads)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
