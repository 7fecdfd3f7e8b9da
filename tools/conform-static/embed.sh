#!/bin/sh
# SPDX-License-Identifier: MIT
# Writes the scenarios named on the command line as a C table.
echo '/* SPDX-License-Identifier: MIT */'
echo '/* The shipped scenarios; written by embed.sh. */'
echo 'static const struct { const char *name; const char *text; } shipped[] = {'
for file in "$@"; do
	name=$(basename "$file" .scn)
	printf '{"%s",\n' "$name"
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$/\\n"/' "$file"
	echo '},'
done
echo '{0, 0}};'
