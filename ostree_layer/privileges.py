# SPDX-License-Identifier: GPL-2.0-or-later
"""What a process may do to the machine, taken away for good."""

from __future__ import annotations

import ctypes
import errno
import os
import signal
from collections.abc import Mapping
from types import MappingProxyType

from ostree_layer.errors import MountError

# What packages need to lay out a root; linux/capability.h has the numbers. Not among them: devices, mounts, modules,
# the network, the clock, a reboot, other processes' memory, immutable files.
KEPT = {
    "chown": 0,
    "dac_override": 1,
    "fowner": 3,
    "fsetid": 4,
    "kill": 5,
    "setgid": 6,
    "setuid": 7,
    "setpcap": 8,
    "sys_chroot": 18,
    "setfcap": 31,
}
# And what a host's own systemd and services need besides, in namespaces of their own: no devices, modules, clock, log.
BOOTED = {
    **KEPT,
    "dac_read_search": 2,
    "linux_immutable": 9,
    "net_bind_service": 10,
    "net_broadcast": 11,
    "net_admin": 12,
    "net_raw": 13,
    "ipc_owner": 15,
    "sys_ptrace": 19,
    "sys_admin": 21,
    "sys_boot": 22,
    "sys_nice": 23,
    "sys_resource": 24,
    "sys_tty_config": 26,
    "lease": 28,
    "audit_write": 29,
    "audit_control": 30,
}
LAST = 63
CAPABILITY_VERSION_3 = 0x2008_0522
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP = 1, 4, 24

_libc = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = (ctypes.c_int, *(ctypes.c_ulong,) * 4)
_libc.capget.argtypes = _libc.capset.argtypes = (ctypes.c_void_p, ctypes.c_void_p)


def _failed(what: str) -> MountError:
    return MountError(f"{what}: {os.strerror(ctypes.get_errno())}")


def end_with_parent(parent: int | None = None) -> None:
    """Have this process killed when its parent ends, however that ends, and now if that was `parent` and has ended."""
    if _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) < 0:
        raise _failed("asking for a signal at the parent's end")
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def hide_from_siblings() -> None:
    """Keep processes of the same user from tracing this one, and from its files and its root in /proc."""
    if _libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0:
        raise _failed("making the process unreadable")


def drop(left: Mapping[str, int] = MappingProxyType(KEPT)) -> None:
    """Leave this process, and whatever it runs, these capabilities alone."""
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    present = (ctypes.c_uint32 * 6)()
    if _libc.capget(header, present) < 0:
        raise _failed("reading capabilities")
    kept = sum(1 << number for number in left.values()) & present[1]
    for number in range(LAST + 1):
        # The kernel knows the first ones only, and says so of the others.
        if not kept >> number & 1 and _libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) < 0:
            if ctypes.get_errno() != errno.EINVAL:
                raise _failed("dropping capabilities")
    if _libc.capset(header, (ctypes.c_uint32 * 6)(kept, kept, 0, 0, 0, 0)) < 0:
        raise _failed("dropping capabilities")
