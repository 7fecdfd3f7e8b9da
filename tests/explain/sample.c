/* SPDX-License-Identifier: MIT */
/* Stands for a vmlinux: functions whose names and lines quire explain --symbols has to find. */

int sample_probe(const int *device);

__attribute__((noinline)) int sample_probe(const int *device)
{
	return device[2] + 1; /* the line that command.py looks for */
}

int main(int argc, char **argv)
{
	int device[3] = {0, 0, argc};

	return sample_probe(device);
}
