# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU: which program there is, and whether the processor helps it."""

from __future__ import annotations

import os
import platform
import re
import shutil
from pathlib import Path
from typing import NamedTuple

from ostree_layer.errors import MachineError

# Where a distribution has it; EL's is not on the PATH.
PROGRAMS = ("qemu-system-x86_64", "qemu-kvm", "/usr/libexec/qemu-kvm")
ARCHITECTURE = "x86_64"
KVM, CPUINFO = Path("/dev/kvm"), Path("/proc/cpuinfo")
VIRTUALIZATION = re.compile(r"^flags\s*:.*\b(vmx|svm)\b", re.MULTILINE)


class Emulator(NamedTuple):
    """`accelerator` is kvm, or tcg, which takes some ten times as long."""

    program: str
    accelerator: str


def find() -> Emulator:
    """What this machine has; MachineError where it has none that boots its own kind of trees."""
    if platform.machine() != ARCHITECTURE:
        raise MachineError(f"trees are booted in virtual machines on {ARCHITECTURE} only, and this is not one")
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if found is None:
        hint = "install qemu-kvm, or qemu-system-x86, as the distribution calls it"
        raise MachineError("QEMU is not on this machine, and a virtual machine needs it", hint=hint)
    return Emulator(found, "kvm" if has_kvm() else "tcg")


def has_kvm() -> bool:
    """Whether this user may use KVM, and the processor can: a device may be there where it cannot."""
    return os.access(KVM, os.R_OK | os.W_OK) and VIRTUALIZATION.search(CPUINFO.read_text()) is not None
