/* SPDX-License-Identifier: MIT */
/* libFuzzer target: any bytes are a log. The first byte chooses what the options say. */
#include "feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct feed feed;

	if (!feed.out)
		feed_open(&feed);
	if (!size)
		return 0;
	feed.options.arch = (enum ex_arch)(data[0] % 32 < EX_ARCHES ? data[0] % 32 : EX_ARCH_NONE);
	feed.options.profile = data[0] >> 5 < 5 ? quire_profile_at(data[0] >> 5) : NULL;
	feed.options.prefetch = data[0] & 128;
	/* A copy of exactly this size: a byte read behind it is found. */
	char *copy = malloc(size - 1 ? size - 1 : 1);

	if (!copy)
		return 0;
	for (size_t i = 1; i < size; i++)
		copy[i - 1] = (char)data[i];
	feed_bytes(&feed, copy, size - 1);
	free(copy);
	return 0;
}
