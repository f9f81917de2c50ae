# SPDX-License-Identifier: GPL-2.0-or-later
"""The root that a trial sees: the host with another /usr, where all that is written outside of homes is thrown away."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ostree_layer import account_files, etc_defaults, host, mounts, ownership, settling
from ostree_layer.staged_root import StagedRoot

log = logging.getLogger("dnf.plugin")
# The host's own.
SHARED = ("dev", "sys", "run", "tmp")
# In /var, and the host's own as well; and where a tree has them that has no links there.
HOMES = {"home": "home", "roothome": "root"}
# What a tree of another make has to know of this machine, besides its accounts.
IDENTITY = ("resolv.conf", "hostname", "hosts", "machine-id", "localtime")


class Trial(NamedTuple):
    """What a trial's root is made of.

    `layers` are what its /usr is made of, the first on top; `former`, a /usr, `sysroot`, `boot`, `etc` and `var` are
    the host's, `home` the user's. What the host's /etc was `given` by live application is not the admin's own. A tree
    that is another system, `is_other`, comes with its own /etc.
    """

    staged: StagedRoot
    layers: list[Path]
    former: Path
    sysroot: Path
    boot: Path
    etc: Path
    given: Mapping[str, str]
    var: Path
    home: Path
    is_other: bool


def make(trial: Trial) -> Path:
    """Mount the root in the private mount namespace that this process is in, and return where."""
    root = trial.staged.folder / "trial"
    root.mkdir()
    mounts.overlay_read_only([_mount_points(trial), *trial.layers], root)
    for name in SHARED:
        if not (root / name).is_symlink():
            mounts.bind(Path("/", name), root / name)
    mounts.proc(root / "proc", read_only=False)
    for name, source in (("sysroot", trial.sysroot), ("boot", trial.boot)):
        mounts.bind(source, root / name, read_only=True, recursive=False)
    if (root / "tmp").is_symlink():
        mounts.bind(Path("/tmp"), root / os.readlink(root / "tmp").lstrip("/"))
    _show_etc(trial, root)
    _show_var(trial, root)
    _settle(trial, root)
    return root


def _mount_points(trial: Trial) -> Path:
    """A layer with the directories that no commit has."""
    points = trial.staged.folder / "points"
    points.mkdir()
    points.chmod(0o755)
    for name in (*SHARED, "proc", "sysroot", "boot", "etc", "var"):
        if not (trial.staged.lower / name).is_symlink():
            (points / name).mkdir()
    (points / host.TRIAL_MARK.name).touch()
    return points


def _show_etc(trial: Trial, root: Path) -> None:
    if not trial.is_other:
        _show_throw_away(trial, trial.etc, root / "etc")
        return
    _show_throw_away(trial, root / "usr/etc", root / "etc")
    for name in (*account_files.FILES, *IDENTITY):
        if os.path.lexists(trial.etc / name):
            (root / "etc" / name).unlink(missing_ok=True)
            ownership.copy(trial.etc / name, root / "etc" / name)


def _settle(trial: Trial, root: Path) -> None:
    """Make what the host would make of the new /usr when it boots, but nothing outside of the trial."""
    if not trial.is_other:
        old, new = trial.former / "etc", root / "usr/etc"
        etc_defaults.take(etc_defaults.planned(old, new, trial.etc, trial.given), new, root / "etc")
    spared = [f"/{name}" for name in (*SHARED, "proc", *(f"var/{home}" for home in HOMES))]
    for complaint in settling.settle(trial.former, root / "usr", lambda _path: False, ["chroot", str(root)], spared):
        log.warning("%s", complaint)


def _show_var(trial: Trial, root: Path) -> None:
    """Other file systems in it are shown as it is itself, but for those in homes."""
    homes = [trial.var / name for name in HOMES]
    home = trial.home.resolve()
    if Path("/var") in home.parents and not {f"/var/{name}" for name in HOMES} & set(map(str, [home, *home.parents])):
        homes.append(trial.var / home.relative_to("/var"))
    for point in (trial.var, *mounts.below(trial.var)):
        if not {point, *point.parents} & set(homes):
            _show_throw_away(trial, point, root / "var" / point.relative_to(trial.var))
    for path in filter(Path.is_dir, homes):
        mounts.bind(path, root / "var" / path.relative_to(trial.var))
    for name, seen in HOMES.items():
        if (root / seen).is_dir() and not (root / seen).is_symlink() and (trial.var / name).is_dir():
            mounts.bind(trial.var / name, root / seen)


def _show_throw_away(trial: Trial, lower: Path, target: Path) -> None:
    """Show lower at target, where it can be written to, and nothing that is written lasts."""
    folder = Path(tempfile.mkdtemp(prefix="thrown-away-", dir=trial.staged.folder))
    upper, work = folder / "upper", folder / "work"
    for path in (upper, work):
        path.mkdir()
    shutil.copystat(lower, upper)  # the upper's own mode and owner become those of what is shown
    status = lower.stat()
    os.chown(upper, status.st_uid, status.st_gid)
    mounts.overlay(lower, upper, work, target)
