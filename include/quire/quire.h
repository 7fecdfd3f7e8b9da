/* SPDX-License-Identifier: MIT */
/* Quire: Linux's page-fault path as a library. This header is all of it. */
#ifndef QUIRE_QUIRE_H
#define QUIRE_QUIRE_H

#include <quire/copy.h>
#include <quire/fault.h>
#include <quire/file.h>
#include <quire/group.h>
#include <quire/mm.h>
#include <quire/mmu.h>
#include <quire/port/arch.h>
#include <quire/port/host.h>
#include <quire/port/store.h>
#include <quire/profile.h>
#include <quire/steps.h>
#include <quire/swap.h>
#include <quire/system.h>
#include <quire/tag.h>
#include <quire/types.h>

#endif
