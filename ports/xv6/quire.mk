# SPDX-License-Identifier: MIT
# libquire for xv6: the files of sources.txt for this one architecture, with xv6's compiler.
QUIRE_OBJECTS := $(patsubst %.c,$K/quire/%.o,$(shell sed '/^\#/d' $(QUIRE)/sources.txt))
QUIRE_CFLAGS = -std=c11 -O2 -g -Wall -ffreestanding -fno-common -fno-stack-protector -fno-pic -fno-pie \
  -mcmodel=medany -mno-relax -DQUIRE_ARCH=riscv64 -I$(QUIRE)/include -I$(QUIRE)/src -I$(QUIRE)/arch -I$(QUIRE)

$K/quire/%.o: $(QUIRE)/%.c
	@mkdir -p $(@D)
	$(CC) $(QUIRE_CFLAGS) -c -o $@ $<
$K/libquire.a: $(QUIRE_OBJECTS)
	$(TOOLPREFIX)ar rcs $@ $^
$K/quire.o $K/mmap.o: %.o: %.c
	$(CC) $(CFLAGS) -O2 -fomit-frame-pointer -I$(QUIRE)/include -c -o $@ $<
