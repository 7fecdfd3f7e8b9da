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

bool report_to_file(FILE *trace, const char *path, const char *command,
		    bool (*write)(FILE *trace, FILE *to, const char **out_why))
{
	FILE *to = fopen(path, "we");
	const char *why = to ? NULL : strerror(errno);
	bool good = to && write(trace, to, &why);

	if (to && (ferror(to) | (fclose(to) != 0)) && good) {
		good = false;
		why = "it cannot be written";
	}
	if (!good)
		fprintf(stderr, "quire %s: %s: %s\n", command, path, why);
	return good;
}
