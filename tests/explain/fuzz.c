/* SPDX-License-Identifier: MIT */
/* libFuzzer target: any bytes are a log. The last byte chooses what the options say. */
#include "feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct feed feed;

	if (!feed.out)
		feed_open(&feed);
	if (!size)
		return 0;
	feed.options.arch =
	    (enum ex_arch)(data[size - 1] % 32 < EX_ARCHES ? data[size - 1] % 32 : EX_ARCH_NONE);
	feed.options.profile = data[size - 1] >> 5 < 5 ? quire_profile_at(data[size - 1] >> 5) : NULL;
	feed.options.prefetch = data[size - 1] & 128;
	/* A copy of exactly this size: a byte read behind it is found. */
	char *copy = malloc(size - 1 ? size - 1 : 1);

	if (!copy)
		return 0;
	for (size_t i = 0; i + 1 < size; i++)
		copy[i] = (char)data[i];
	feed_bytes(&feed, copy, size - 1);
	free(copy);
	return 0;
}
