/* SPDX-License-Identifier: MIT */
/* /proc/config.gz: what there is of what Linux can be configured to have, by Linux's names. Only options that a program
 * can tell from the outside are listed. The gzip file (RFC 1952) holds the text in one stored block (RFC 1951, 3.2.4). */
#include "fs/proc.h"

static const char options[] = "#\n# The Quire reference kernel " KERNEL_RELEASE "\n#\n"
#if ABI_LONG_BYTES == 8
			      "CONFIG_64BIT=y\n"
			      "CONFIG_NUMA=y\n"
#else
			      "# CONFIG_64BIT is not set\n"
#endif
			      "CONFIG_ADVISE_SYSCALLS=y\n"
			      "CONFIG_BINFMT_ELF=y\n"
			      "# CONFIG_BINFMT_MISC is not set\n"
			      "CONFIG_BLK_DEV=y\n"
			      "# CONFIG_BLK_DEV_LOOP is not set\n"
			      "CONFIG_BLK_DEV_RAM=y\n"
			      "# CONFIG_BPF_SYSCALL is not set\n"
			      "# CONFIG_CGROUPS is not set\n"
			      "CONFIG_CROSS_MEMORY_ATTACH=y\n"
			      "CONFIG_EPOLL=y\n"
			      "CONFIG_EVENTFD=y\n"
			      "# CONFIG_EXT4_FS is not set\n"
			      "CONFIG_FILE_LOCKING=y\n"
			      "CONFIG_FUTEX=y\n"
			      "CONFIG_HUGETLBFS=y\n"
			      "CONFIG_HUGETLB_PAGE=y\n"
			      "CONFIG_IKCONFIG=y\n"
			      "CONFIG_IKCONFIG_PROC=y\n"
			      "# CONFIG_IO_URING is not set\n"
			      "# CONFIG_KEYS is not set\n"
			      "# CONFIG_KSM is not set\n"
			      "CONFIG_MEMBARRIER=y\n"
			      "CONFIG_MEMFD_CREATE=y\n"
			      "CONFIG_MMU=y\n"
			      "# CONFIG_MODULES is not set\n"
			      "CONFIG_MULTIUSER=y\n"
			      "# CONFIG_NAMESPACES is not set\n"
			      "# CONFIG_NET is not set\n"
			      "CONFIG_PRINTK=y\n"
			      "CONFIG_PROC_FS=y\n"
			      "CONFIG_PROC_PAGE_MONITOR=y\n"
			      "CONFIG_PROC_SYSCTL=y\n"
			      "# CONFIG_SECCOMP is not set\n"
			      "CONFIG_SHMEM=y\n"
			      "CONFIG_SMP=y\n"
			      "CONFIG_SWAP=y\n"
			      "CONFIG_SYSFS=y\n"
			      "CONFIG_SYSVIPC=y\n"
			      "CONFIG_TMPFS=y\n"
			      "# CONFIG_TMPFS_XATTR is not set\n"
			      "# CONFIG_TRANSPARENT_HUGEPAGE is not set\n"
			      "# CONFIG_USERFAULTFD is not set\n";

#define OPTION_BYTES (sizeof(options) - 1)
_Static_assert(OPTION_BYTES < 65536, "one stored block");

/* CRC-32 of RFC 1952, section 8: bit by bit, since it is asked for once in a while. */
static uint32_t crc32(const char *data, size_t n)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < n; i++) {
		crc ^= (uint8_t)data[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

static void add_number(struct text *text, uint32_t value, unsigned bytes)
{
	uint8_t out[4];

	for (unsigned i = 0; i < bytes; i++)
		out[i] = (uint8_t)(value >> 8 * i);
	text_bytes(text, out, bytes);
}

void proc_make_config(struct process *process, struct text *text)
{
	/* Magic, deflate, no flags, no time, nothing said of the compression, Unix; the last block, stored. */
	static const uint8_t head[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1};

	text_bytes(text, head, sizeof(head));
	add_number(text, OPTION_BYTES, 2);
	add_number(text, ~(uint32_t)OPTION_BYTES & 0xffff, 2);
	text_bytes(text, options, OPTION_BYTES);
	add_number(text, crc32(options, OPTION_BYTES), 4);
	add_number(text, OPTION_BYTES, 4);
}
