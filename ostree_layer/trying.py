# SPDX-License-Identifier: GPL-2.0-or-later
"""A command, or a shell, that sees the host with what DNF has installed in a staged root."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ostree_layer import activation, live_state, sysroot, trial_root, trial_run
from ostree_layer.caller import Caller
from ostree_layer.place import Place
from ostree_layer.trial_root import Trial


def try_out(place: Place, argv: Sequence[str], who: Caller, *, is_changed: bool, is_kept: bool, stdout: int) -> int:
    """Run argv, or without it the caller's shell, and return its exit status.

    Only if `is_changed` there is anything in the upper. What is not to be kept lets others change the deployments
    meanwhile.
    """
    trial = _trial(place, who, is_changed=is_changed)
    if not is_kept:
        place.release()
    return trial_run.run(lambda: trial_root.make(trial), argv, who, stdout)


def _trial(place: Place, who: Caller, *, is_changed: bool) -> Trial:
    staged, is_other = place.staged, place.destination is not None
    layers = [staged.upper, staged.lower] if is_changed else [staged.lower]
    physical = sysroot.sysroot_path(place.locked)
    host = activation.merge_of(place.locked, place.stateroot) or staged.lower
    etc, var, boot = host / "etc", sysroot.var_path(place.locked, place.stateroot), physical / "boot"
    if place.target.is_booted_host:
        etc, var, boot = Path("/etc"), Path("/var"), Path("/boot")
    given = live_state.given_to(sysroot.work_folder(place.locked), host)
    return Trial(staged, layers, host / "usr", physical, boot, etc, given, var, who.home, is_other)
