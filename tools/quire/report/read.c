/* SPDX-License-Identifier: MIT */
/* Reads the trace of a run, one line at a time, so that a long one needs little memory. */
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

bool trace_read(FILE *from, trace_take *take, void *context, const char **out_why)
{
	char *line = NULL;
	size_t room = 0;
	bool good = true;
	ssize_t length;

	*out_why = "it cannot be read";
	rewind(from);
	while (good && (length = getline(&line, &room, from)) > 0) {
		json_t *object;

		if (line[0] == '\n')
			continue;
		object = json_loadb(line, (size_t)length, JSON_DISABLE_EOF_CHECK, NULL);
		if (!object && feof(from) && line[length - 1] != '\n')
			break; /* the run was killed while it wrote this line */
		if (!json_is_object(object) || !json_is_integer(json_object_get(object, "version"))) {
			*out_why = "it is no trace: quire run --trace FILE writes one";
			good = false;
		} else if (json_integer_value(json_object_get(object, "version")) != 1) {
			*out_why = "its version is not 1";
			good = false;
		} else {
			good = take(context, object);
		}
		json_decref(object);
	}
	free(line);
	return good && !ferror(from);
}

uint64_t trace_count(FILE *from)
{
	uint64_t count = 0;
	char *line = NULL;
	size_t room = 0;

	rewind(from);
	while (getline(&line, &room, from) > 0)
		count += strstr(line, "\"way\":") != NULL;
	free(line);
	return count;
}

uint64_t trace_hex(const json_t *fault, const char *key)
{
	const char *text = json_string_value(json_object_get(fault, key));

	return text ? strtoull(text, NULL, 16) : 0;
}

bool stream_copy(FILE *from, FILE *to)
{
	char bytes[65536];
	size_t n;

	while ((n = fread(bytes, 1, sizeof(bytes), from)) > 0) {
		if (fwrite(bytes, 1, n, to) != n)
			return false;
	}
	return !ferror(from);
}

bool report_to_file(FILE *trace, const char *path, const char *command,
		    bool (*write)(FILE *trace, FILE *to, const char **out_why))
{
	const char *why = "it cannot be written";
	FILE *made = tmpfile(), *to = NULL;
	bool good = made && write(trace, made, &why);

	/* Opened when all of it is made: what cannot be made loses nothing that was there. */
	if (good) {
		why = "it cannot be written";
		rewind(made);
		to = fopen(path, "we");
		good = to && stream_copy(made, to);
		if (!to)
			why = strerror(errno);
	}
	if (to && fclose(to) != 0)
		good = false;
	if (made)
		fclose(made);
	if (!good)
		fprintf(stderr, "quire %s: %s: %s\n", command, path, why);
	return good;
}
