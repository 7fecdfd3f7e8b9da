/* SPDX-License-Identifier: MIT */
/* Stands for a module: compiled, it is relocatable like a .ko, and one of its functions is inlined into another. */

int module_probe(const int *device);

static inline __attribute__((always_inline)) int module_word(const int *device, int word)
{
	return device[word] + 1; /* the line that command.py looks for */
}

int module_probe(const int *device)
{
	return module_word(device, 2) * 3;
}
