/* SPDX-License-Identifier: MIT */
/* Writes the page: a template in which @NAME@ stands for a part. */
#include "report.h"

#include <string.h>

#include "page_parts.h"

#ifndef QUIRE_VERSION
#define QUIRE_VERSION "unknown"
#endif

bool page_is_there(void)
{
	return sizeof(page_d3) > 1;
}

static bool write_data(FILE *trace, FILE *to, const char **out_why)
{
	json_t *data = record_trace(trace, out_why);
	bool good;

	if (!data)
		return false;
	*out_why = "it cannot be written";
	/* A slash is escaped, so that no text in the data can end the element it stands in. */
	good = json_dumpf(data, to, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ESCAPE_SLASH) == 0;
	json_decref(data);
	return good;
}

/* Writes the part that a name stands for. */
static bool write_part(const char *name, size_t bytes, FILE *trace, FILE *to, const char **out_why)
{
	static const struct {
		const char *name;
		const unsigned char *text;
		size_t bytes;
	} parts[] = {
	    {"CSS", page_css, sizeof(page_css) - 1},
	    {"SCRIPT", page_js, sizeof(page_js) - 1},
	    {"D3", page_d3, sizeof(page_d3) - 1},
	    {"VERSION", (const unsigned char *)QUIRE_VERSION, sizeof(QUIRE_VERSION) - 1},
	};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strlen(parts[i].name) == bytes && memcmp(parts[i].name, name, bytes) == 0)
			return fwrite(parts[i].text, 1, parts[i].bytes, to) == parts[i].bytes;
	return write_data(trace, to, out_why);
}

bool page_write(FILE *trace, FILE *to, const char **out_why)
{
	const char *at = (const char *)page_html, *mark;

	*out_why = "this quire was built without D3 (Debian: node-d3), which the page draws with";
	if (!page_is_there())
		return false;
	*out_why = "it cannot be written";
	while ((mark = strchr(at, '@')) != NULL) {
		const char *end = strchr(mark + 1, '@');

		if (!end || fwrite(at, 1, (size_t)(mark - at), to) != (size_t)(mark - at) ||
		    !write_part(mark + 1, (size_t)(end - mark - 1), trace, to, out_why))
			return false;
		at = end + 1;
	}
	return fputs(at, to) >= 0;
}
