/* SPDX-License-Identifier: MIT */
/* Waiting for files. */
#ifndef ABI_POLL_H
#define ABI_POLL_H

#include "abi/abi.h"

/* clang-format off */
enum {
	POLLIN = 1, POLLPRI = 2, POLLOUT = 4, POLLERR = 8, POLLHUP = 0x10, POLLNVAL = 0x20,
	POLLRDNORM = 0x40, POLLWRNORM = 0x100, POLLRDHUP = 0x2000,

	EPOLL_CTL_ADD = 1, EPOLL_CTL_DEL, EPOLL_CTL_MOD,
	EPOLL_EVENTS = 0x3fff, EPOLLEXCLUSIVE = 1 << 28, EPOLLWAKEUP = 1 << 29, EPOLLONESHOT = 1 << 30,
	EFD_SEMAPHORE = 1
};
/* clang-format on */
#define EPOLLET 0x80000000u

struct abi_pollfd {
	int32_t fd;
	int16_t events, revents;
};

struct abi_epoll_event {
	uint32_t events;
	uint64_t data;
#ifdef ABI_EPOLL_PACKED
} __attribute__((packed));
#else
};
#endif

#endif
