# SPDX-License-Identifier: MIT
# The front door. Meson does the work; everything here is one command each.
BUILD ?= build
JOBS ?= $(shell nproc)
ARCH ?= x86_64

.PHONY: all run tour install deb test test-deb test-xv6 bench format help clean

all: ## build the library (build/libquire.a), the command (build/quire) and the kernel
	@scripts/deps.sh build
	@test -f $(BUILD)/build.ninja || meson setup $(BUILD) -Dtests=false >/dev/null
	@ninja -C $(BUILD) -j $(JOBS) --quiet

run: ## boot the reference kernel and run a day in the life of a fault handler; ARCH=i386, arm, arm64 or riscv64 on that machine
	@scripts/deps.sh run $(ARCH)
	@test ! -f $(BUILD)/build.ninja || test -f $(BUILD)/quire-kernel-$(ARCH).elf || meson setup --reconfigure $(BUILD) >/dev/null
	@$(MAKE) --no-print-directory all
	@scripts/day.sh $(BUILD) $(ARCH)

tour: ## the four described machines one after another: real exceptions, the way of each
	@scripts/deps.sh tour
	@$(MAKE) --no-print-directory all
	@ninja -C $(BUILD) -j $(JOBS) --quiet tour-programs
	@scripts/tour.py $(BUILD)

test: ## build with gcc and clang, sanitizers on, and run every test
	@scripts/deps.sh test
	@python3 tests/run.py --jobs $(JOBS)

install: all ## install what is built below DESTDIR: the command, the kernels, the library
	@DESTDIR=$(abspath $(DESTDIR)) meson install -C $(BUILD) --no-rebuild --quiet

deb: ## build the Debian packages quire and libquire-dev in build/deb, and check them with lintian
	@scripts/deps.sh deb
	@scripts/deb.sh $(BUILD)/deb $(JOBS)

test-deb: deb ## build the Debian packages, unpack them, run the command and build against the library
	@python3 tests/package/package.py debs $(CURDIR) $(BUILD)/deb

test-xv6: ## XV6=PATH: put a copy of that checkout of xv6-riscv on the library, boot it, run its tests, count
	@scripts/deps.sh xv6
	@python3 tests/xv6/xv6.py $(CURDIR) $(BUILD)/xv6

bench: ## count instructions, print a table, write build/bench.json
	@scripts/deps.sh bench
	@$(MAKE) --no-print-directory all
	@python3 bench/tree.py $(BUILD)
	@python3 bench/run.py $(BUILD)
	@if [ -e $(BUILD)/bench/bench-guest ]; then python3 bench/kernel.py $(BUILD); fi

format: ## lay out the sources by .clang-format
	@git ls-files '*.c' '*.h' | xargs clang-format -i

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "make %-8s %s\n", $$1, $$2}' Makefile

clean: ## remove what was built
	@rm -rf $(BUILD) build-test-*
