# SPDX-License-Identifier: GPL-2.0-or-later
DESTDIR ?=
PREFIX ?= /usr
PYTHON ?= /usr/bin/python3
# Where the distribution keeps the Python that dnf itself is: its plugins are beside it.
SITE ?= $(shell $(PYTHON) -c 'import dnf, os; print(os.path.dirname(os.path.dirname(dnf.__file__)))')
UNITDIR ?= $(PREFIX)/lib/systemd/system
SITEDIR = $(DESTDIR)$(patsubst /usr/%,$(PREFIX)/%,$(SITE))
# The folders of the library.
PARTS = . compose hosting layout oci treefile vm

.PHONY: help check check-vm demo bench deps install clean

help:
	@echo 'make check    all tests, linters included'
	@echo 'make check-vm the prototypes and what else really boots, in virtual machines: half an hour without KVM'
	@echo 'make demo     the main jobs on real packages, as a user sees them'
	@echo 'make bench    the figures'
	@echo 'make install  DESTDIR= PREFIX=/usr UNITDIR=/usr/lib/systemd/system'

deps:
	tests/install-deps

check: deps
	$(PYTHON) -m pytest -n 3 --dist loadgroup --ignore=tests/vm tests

check-vm: deps
	$(PYTHON) -m pytest -n 2 tests/vm

demo: deps
	$(PYTHON) -m tests.lab.gallery --live

bench: deps
	$(PYTHON) -m tests.bench

# Compiled with the sources' hashes: in a tree all times are 0, and nobody can write there what Python compiles anew.
install:
	install -d $(SITEDIR)/dnf-plugins $(PARTS:%=$(SITEDIR)/ostree_layer/%)
	install -d $(DESTDIR)/etc/dnf/plugins $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 644 dnf-plugins/*.py $(SITEDIR)/dnf-plugins/
	for part in $(PARTS); do install -m 644 ostree_layer/$$part/*.py $(SITEDIR)/ostree_layer/$$part/ || exit; done
	$(PYTHON) -m compileall -q --invalidation-mode checked-hash $(if $(DESTDIR),-s $(DESTDIR) -p /) \
	    $(SITEDIR)/dnf-plugins $(SITEDIR)/ostree_layer
	install -m 644 etc/ostree.conf $(DESTDIR)/etc/dnf/plugins/ostree.conf
	install -d $(DESTDIR)$(PREFIX)/share/doc/ostree-layer
	install -m 644 docs/status.schema.json $(DESTDIR)$(PREFIX)/share/doc/ostree-layer/status.schema.json
	install -m 644 docs/dnf-ostree.8 $(DESTDIR)$(PREFIX)/share/man/man8/dnf-ostree.8
	cd packaging/systemd && find . -type d -exec install -d $(abspath $(DESTDIR)$(UNITDIR))/{} \;
	cd packaging/systemd && find . -type f -exec install -m 644 {} $(abspath $(DESTDIR)$(UNITDIR))/{} \;

clean:
	find . -name __pycache__ -prune -exec rm -rf {} +
	rm -rf .pytest_cache .mypy_cache .ruff_cache
