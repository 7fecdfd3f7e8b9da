/* SPDX-License-Identifier: MIT */
/* The tree at boot, and what to run: the record that `quire run` packed, or an init that is there. */
#include "fs/fs.h"

#define RECORD "/.quire/boot"
#define INPUT  "/.quire/stdin"
enum {
	RECORD_MAX = 4 << 20
};

static bool has_terminal;

int vfs_init(void)
{
	int result;

	root_inode = inode_create(NULL, S_IFDIR | 0755, 0);
	if (!root_inode)
		return -ENOMEM;
	root_inode->parent = root_inode;
	root_inode->dev = DEV_ROOT;
	root_inode->nlink = 2;
	result = make_path("/tmp", S_IFDIR | 01777, 0, NULL);
	if (!result)
		result = make_path("/root", S_IFDIR | 0700, 0, NULL);
	if (!result)
		result = proc_init();
	if (!result)
		result = sys_init();
	return result ? result : dev_init();
}

/* Takes a file of /.quire out of the tree, and the directory with the last of them. */
static void remove_packed(struct place *place)
{
	struct dirent *name;

	mutex_lock(&tree_lock);
	name = tree_find(place->dir, place->name, place->length);
	if (name)
		tree_remove(name);
	if (!place->dir->child_count && !list_empty(&place->dir->names))
		tree_remove(list_first(&place->dir->names, struct dirent, alias));
	mutex_unlock(&tree_lock);
}

/* The record's bytes with a NUL behind them; NULL: there is none. */
static char *read_record(size_t *out_length)
{
	struct inode *inode;
	struct place place;
	char *text = NULL;
	size_t done = 0;

	if (path_walk(AT_FDCWD, RECORD, WALK_PARENT, &place))
		return NULL;
	inode = place.inode;
	if (inode && inode->pages && quire_file_size(inode->pages) < RECORD_MAX) {
		*out_length = quire_file_size(inode->pages);
		text = kmalloc(*out_length + 1);
		if (text && (quire_file_read(inode->pages, 0, text, *out_length, &done) != QUIRE_OK ||
			     done != *out_length)) {
			kfree(text);
			text = NULL;
		}
		if (text)
			text[*out_length] = 0;
	}
	if (inode)
		remove_packed(&place);
	place_put(&place);
	return text;
}

static bool starts(const char *text, const char *with, const char **out_value)
{
	size_t length = strlen(with);

	*out_value = text + length;
	return !strncmp(text, with, length);
}

struct record {
	const char *path, *cwd, *stdio;
	unsigned rows, columns;
	size_t args, variables;
};

/* Counts, or, with vectors, fills them. */
static void scan_record(char *text, size_t length, struct record *record, char **argv, char **envp)
{
	const char *value;

	*record = (struct record){.stdio = "ttt", .rows = 24, .columns = 80};
	for (char *at = text; at < text + length; at += strlen(at) + 1) {
		if (starts(at, "path=", &value)) {
			record->path = value;
		} else if (starts(at, "cwd=", &value)) {
			record->cwd = value;
		} else if (starts(at, "stdio=", &value) && strlen(value) == 3) {
			record->stdio = value;
		} else if (starts(at, "rows=", &value)) {
			record->rows = (unsigned)strtoul64(value, &value);
		} else if (starts(at, "columns=", &value)) {
			record->columns = (unsigned)strtoul64(value, &value);
		} else if (starts(at, "arg=", &value)) {
			if (argv)
				argv[record->args] = at + 4;
			record->args++;
		} else if (starts(at, "env=", &value)) {
			if (envp)
				envp[record->variables] = at + 4;
			record->variables++;
		}
	}
}

static bool exists(const char *path)
{
	struct place place;

	if (path_walk(AT_FDCWD, path, WALK_FOLLOW, &place))
		return false;
	place_put(&place);
	return true;
}

static int default_spec(struct boot_spec *spec)
{
	static const char *const inits[] = {"/init", "/sbin/init", "/bin/sh"};
	static const char *const env[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TERM=linux"};

	spec->argv = kzalloc(2 * sizeof(char *));
	spec->envp = kzalloc((ARRAY_SIZE(env) + 1) * sizeof(char *));
	if (!spec->argv || !spec->envp)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(env); i++)
		if (!(spec->envp[i] = kstrdup(env[i])))
			return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(inits) && !spec->path; i++)
		if (exists(inits[i])) {
			spec->path = kstrdup(inits[i]);
			spec->argv[0] = spec->path;
		}
	return spec->path ? 0 : -ENOENT;
}

static int set_cwd(struct fs *fs, const char *path)
{
	struct place place;
	int result = path_walk(AT_FDCWD, path, WALK_FOLLOW, &place);

	if (result)
		return result;
	inode_put(fs->cwd);
	fs->cwd = place.inode;
	return 0;
}

/* Standard input from a file of the host: it stays open without a name. */
static struct file *open_packed(void)
{
	struct file *file = NULL;
	struct place place;

	if (path_walk(AT_FDCWD, INPUT, WALK_PARENT, &place))
		return NULL;
	if (place.inode && !file_open_inode(place.inode, O_RDONLY, &file)) {
		inode_get(place.inode);
		remove_packed(&place);
	}
	place_put(&place);
	return file;
}

/* Descriptors 0, 1 and 2. */
static int open_stdio(struct files *files, const char *kinds)
{
	for (int fd = 0; fd < 3; fd++) {
		files->slot[fd] = fd == 0 && kinds[0] == 'f' ? open_packed() : console_open(fd);
		if (!files->slot[fd])
			return -ENOMEM;
		files->used = (unsigned)fd + 1;
	}
	has_terminal = strchr(kinds, 't') != NULL;
	return 0;
}

void boot_spec_start(struct process *process)
{
	if (has_terminal)
		tty_take(process);
}

int boot_spec_read(struct boot_spec *out_spec)
{
	struct record record = {.stdio = "ttt", .rows = 24, .columns = 80};
	size_t length = 0;
	char *text = read_record(&length);
	int result = 0;

	memset(out_spec, 0, sizeof(*out_spec));
	if (text) {
		scan_record(text, length, &record, NULL, NULL);
		out_spec->argv = kzalloc((record.args + 1) * sizeof(char *));
		out_spec->envp = kzalloc((record.variables + 1) * sizeof(char *));
		if (!out_spec->argv || !out_spec->envp || !record.path)
			return record.path ? -ENOMEM : -EINVAL;
		scan_record(text, length, &record, out_spec->argv, out_spec->envp);
		out_spec->path = kstrdup(record.path);
		if (!out_spec->path)
			return -ENOMEM;
	} else {
		result = default_spec(out_spec);
		if (result)
			return result;
	}
	console_configure(record.stdio, record.rows, record.columns);
	out_spec->fs = fs_create();
	out_spec->files = files_create();
	if (!out_spec->fs || !out_spec->files)
		return -ENOMEM;
	if (record.cwd)
		result = set_cwd(out_spec->fs, record.cwd);
	return result ? result : open_stdio(out_spec->files, record.stdio);
}
