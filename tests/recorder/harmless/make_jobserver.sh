#!/bin/sh
# Packages: make
# Event: evt.type in (read, write) and proc.name = make and evt.rawres = 1
# make -j counts its jobs by the bytes in a pipe, which are still there when it ends.
cat >"$2/Makefile" <<'TEXT'
all: one two
one two:
	@$(MAKE) --no-print-directory -f $(firstword $(MAKEFILE_LIST)) $@.1 $@.2 $@.3 $@.4
%.1 %.2 %.3 %.4:
	@echo $@; sleep 0.02
TEXT
"$PACKAGES/usr/bin/make" -j4 -f "$2/Makefile" >"$2/out"
