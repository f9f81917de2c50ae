# SPDX-License-Identifier: GPL-2.0-or-later
"""DNF's `Base` as this product uses it: with the plugins, the only place that knows DNF's insides."""

from __future__ import annotations

import configparser
import contextlib
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import dnf.conf
import dnf.exceptions
import dnf.rpm
import dnf.util
import dnf.yum.rpmtrans
import hawkey
import libdnf.error
import libdnf.transaction
import rpm

from ostree_layer import database, mounts
from ostree_layer.errors import HostError, OstreeLayerError
from ostree_layer.model import Package

# What came by rpm alone has no reason in DNF's history; DNF, too, counts it as the user's.
USER = (libdnf.transaction.TransactionItemReason_USER, libdnf.transaction.TransactionItemReason_UNKNOWN)
# A pattern of SQL, not of a shell.
EVERYTHING = "%"
COMMAND_LINE_REPO = "@commandline"
# DNF's own refusals of image-based systems; 4.21 asks without looking at the installroot.
SELF_TESTS = ("is_container", "_is_bootc_host")


def is_users_own_root(conf: Any) -> bool:
    """Whether the user named an installroot, or asked DNF for a transient transaction: none of our business."""
    named = conf._get_priority("installroot") >= dnf.conf.PRIO_COMMANDLINE
    return bool(named) or getattr(conf, "persistence", None) == "transient"


def use_rpmdb_of(root: Path) -> str | None:
    """Make librpm in this process read root's rpm database where root has it.

    Return that directory if rpm's configuration files name another one, as Debian's do.
    """
    found = database.find_rpmdb(root)
    if found is None:
        raise HostError(
            f"{root} has no rpm database", hint="a tree keeps it in /usr/lib/sysimage/rpm or /usr/share/rpm"
        )
    if _configured_is(root, found):
        return None
    rpm.addMacro("_dbpath", f"/{found}")
    return found


def _configured_is(root: Path, directory: str) -> bool:
    configured = root / rpm.expandMacro("%{_dbpath}").lstrip("/")
    return configured.is_dir() and os.path.samefile(configured, root / directory)


def lend_dbpath_to_children(folder: Path, directory: str, loan: contextlib.ExitStack) -> None:
    """Show rpm's child programs `directory` too, in this mount namespace: `rpmkeys` reads macros from files only."""
    macros = Path(rpm.expandMacro("%{_rpmconfigdir}"), "macros.d")
    lent = folder / "macros.d"
    lent.mkdir()
    (lent / "macros.zz-ostree-layer").write_text(f"%_dbpath /{directory}\n")
    if macros.is_dir():
        mounts.overlay_read_only([lent, macros], macros)
        loan.callback(mounts.unmount, macros)


def releasever(root: Path) -> str | None:
    """$releasever as root's packages have it, if they do."""
    try:
        found = dnf.rpm.detect_releasever(os.fspath(root))
    except dnf.exceptions.Error as e:
        raise HostError(f"the rpm database of {root} cannot be read") from e
    return None if found is None else str(found)


def basearch() -> str:
    """The architecture of this machine's packages, in the word of repositories."""
    return basearch_of(hawkey.detect_arch())


def basearch_of(arch: str) -> str:
    """The one that an architecture of packages belongs to; empty for noarch and for what DNF does not know."""
    try:
        return "" if arch == "noarch" else str(dnf.rpm.basearch(arch))
    except KeyError:
        return ""


def look_at(base: Any, root: Path, history: Path) -> None:
    """Make a run that only reads see root; DNF opens its history for writing even then, so it gets a copy."""
    base.conf.installroot = os.fspath(root)
    base.conf.persistdir = os.fspath(history)


def work_in(base: Any, root: Path) -> None:
    """Make everything that DNF will open from now on be that of the staged root."""
    close(base)
    conf = base.conf
    conf.installroot = os.fspath(root)
    conf.persistdir = os.fspath(root / database.HISTORY_DIRECTORY)
    # A tree has exactly one kernel, and the running one is in another tree.
    conf.installonlypkgs = []
    conf.protect_running_kernel = False
    for name in SELF_TESTS:
        if hasattr(dnf.util, name):
            setattr(dnf.util, name, lambda *_args, **_kwargs: False)


class SortedGoal:
    """A goal of libdnf whose packages come in the order of their names, and not in that of the repositories."""

    def __init__(self, goal: Any) -> None:
        self._goal = goal

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._goal, name)
        return (lambda: sorted(found())) if name.startswith("list_") else found


def sort_transactions(base: Any) -> None:
    """Make the order in which packages are installed depend on the packages alone."""
    original = base._goal2transaction
    base._goal2transaction = lambda goal: original(SortedGoal(goal))


def close(base: Any) -> None:
    """Let go of the rpm database and of the history."""
    base._closeRpmDB()
    if base._history is not None:
        base.history.close()
        del base.history


def has_installed_packages(base: Any) -> bool:
    return bool(base.sack.query().installed())


class Complaints(dnf.yum.rpmtrans.TransactionDisplay):  # type: ignore[misc] # DNF has no types
    """What DNF writes to its log only: which scriptlet or package failed."""

    def __init__(self) -> None:
        super().__init__()
        self._failures: list[str] = []

    def error(self, message: str) -> None:
        self._failures.append(message)

    def __str__(self) -> str:
        return "; ".join(dict.fromkeys(self._failures))


class Step(NamedTuple):
    """The packages of one RPM transaction, and the RPM files among them that no repository has."""

    installed: tuple[Package, ...]
    removed: tuple[Package, ...]
    local_files: tuple[tuple[Package, Path], ...]


def step_of(base: Any) -> Step:
    """What DNF's current transaction did."""
    coming = base.transaction.install_set if base.transaction else ()
    going = base.transaction.remove_set if base.transaction else ()
    files = tuple((_package(p), Path(p.localPkg())) for p in coming if p.reponame == COMMAND_LINE_REPO)
    return Step(tuple(map(_package, coming)), tuple(map(_package, going)), files)


def has_failed(base: Any) -> bool:
    """Whether a package of DNF's current transaction failed."""
    failed = libdnf.transaction.TransactionItemState_ERROR
    return any(item.state == failed for item in base.transaction or ())


def failed_files(base: Any) -> list[Path]:
    """The RPM files of DNF's current transaction that could not be installed."""
    coming = base.transaction.install_set if base.transaction else ()
    failed = {
        str(item.pkg) for item in base.transaction or () if item.state == libdnf.transaction.TransactionItemState_ERROR
    }
    return [Path(package.localPkg()) for package in coming if str(package) in failed]


def install_size(base: Any) -> int:
    """How many bytes the packages of DNF's current transaction take up."""
    return sum(package.installsize for package in base.transaction.install_set) if base.transaction else 0


def _package(found: Any) -> Package:
    return Package(found.name, str(found.epoch), found.version, found.release, found.arch)


def user_installed(base: Any, packages: Iterable[Package]) -> set[Package]:
    """Those of packages that the history says the user asked for."""
    swdb = base.history.swdb
    return {p for p in packages if swdb.resolveRPMTransactionItemReason(p.name, p.arch, -1) in USER}


def write_entry(base: Any, root: Path, command: str, comment: str) -> int:
    """Write an entry without packages into the history of the tree at root, which is closed again; return its id."""
    close(base)
    base.conf.persistdir = os.fspath(root / database.HISTORY_DIRECTORY)
    number = int(base.history.beg("", [], [], command, comment))
    base.history.end("", libdnf.transaction.TransactionState_DONE)
    close(base)
    return number


def installed_groups(base: Any) -> set[str]:
    """The comps groups and environments that the history says are installed."""
    groups = base.history.group.search_by_pattern(EVERYTHING)
    environments = base.history.env.search_by_pattern(EVERYTHING)
    names = {item.getCompsGroupItem().getGroupId() for item in groups}
    return names | {item.getCompsEnvironmentItem().getEnvironmentId() for item in environments}


def enabled_modules(root: Path) -> set[str]:
    """The module streams that root's configuration enables, as NAME:STREAM."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(sorted((root / "etc/dnf/modules.d").glob("*.module")))
    sections = (parser[name] for name in parser.sections())
    return {f"{s.name}:{s.get('stream', '')}" for s in sections if s.get("state") == "enabled"}


def sentence(e: Exception) -> str:
    """What a user reads of an exception."""
    if isinstance(e, OstreeLayerError):
        return e.sentence()
    if isinstance(e, (dnf.exceptions.Error, hawkey.Exception, libdnf.error.Error)):
        return str(e)
    if isinstance(e, OSError) and e.strerror:
        return f"{e.filename}: {e.strerror}" if e.filename else e.strerror
    return f"{type(e).__name__} in the ostree-tree plugin: {e}"


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
