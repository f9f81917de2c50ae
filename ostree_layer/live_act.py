# SPDX-License-Identifier: GPL-2.0-or-later
"""Bringing the deployment that boots next into the running system, and taking it back."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path

from ostree_layer import (
    checkout,
    diff,
    etc_defaults,
    host,
    live,
    live_layer,
    live_policy,
    live_state,
    live_unit,
    repo,
    running_code,
    settling,
    sysroot,
)
from ostree_layer.errors import CommandError, HostError
from ostree_layer.failpoint import failpoint
from ostree_layer.live_layer import Folder
from ostree_layer.live_model import Applied, Record
from ostree_layer.live_policy import Left
from ostree_layer.model import Target
from ostree_layer.ostree_gi import OSTree
from ostree_layer.report import Report

ETC = Path("/etc")
NONE = OSTree.DeploymentUnlockedState.NONE


@dataclasses.dataclass(frozen=True)
class _Scene:
    """The deployment that is booted, and the one that boots next."""

    loaded: OSTree.Sysroot
    booted: OSTree.Deployment
    newest: OSTree.Deployment

    @property
    def work(self) -> Path:
        return sysroot.work_folder(self.loaded)

    @property
    def trees(self) -> tuple[Path, Path]:
        old, new = (sysroot.deployment_path(self.loaded, one) for one in (self.booted, self.newest))
        return old, new

    @property
    def store(self) -> OSTree.Repo:
        return sysroot.repository(self.loaded)

    def top(self, deployment: OSTree.Deployment) -> live_layer.Names:
        """What the root directory of a deployment's commit has."""
        root = self.store.read_commit(deployment.get_csum(), None)[1]
        return live_layer.names(sysroot.objects_path(self.loaded), root.tree_get_contents_checksum())


def require_possible(loaded: OSTree.Sysroot) -> OSTree.Deployment:
    """The booted deployment; HostError where nothing can be applied to this system, whatever boots next."""
    booted = sysroot.find_booted(loaded)
    if booted is None:
        raise HostError(f"{sysroot.sysroot_path(loaded)} is not what is booted, so nothing of it runs")
    if booted.get_unlocked() != NONE:
        hint = "'dnf system-commit' makes a deployment of what was changed; reboot to start it"
        raise HostError("the booted deployment is unlocked: what was changed in /usr would be hidden", hint=hint)
    if sysroot.repository(loaded).get_mode() != OSTree.RepoMode.BARE:
        raise HostError("the repository of this host keeps no files as they are, so they cannot be shown: reboot")
    return booted


def apply(target: Target, patterns: tuple[str, ...], report: Report) -> Applied:
    """Let the running system be as the deployment that boots next; the caller holds the sysroot lock.

    `patterns` are of the names of packages that are left to the reboot.
    """
    scene = _look(target)
    live.sweep(scene.work, sysroot.sysroot_path(scene.loaded))
    with report("Applying it to the running system"):
        return _apply(scene, patterns)


def _look(target: Target) -> _Scene:
    loaded = sysroot.open_in_private_namespace(target)
    booted, newest = require_possible(loaded), loaded.get_deployments()[0]
    if newest.get_osname() != booted.get_osname():
        what = f"deployment {newest.get_csum()[:12]}, which boots next, is of the stateroot {newest.get_osname()}"
        raise HostError(f"{what}, and not of the one that runs, {booted.get_osname()}")
    running = live_state.current(sysroot.work_folder(loaded))
    if newest.get_csum() == (running.commit if running else booted.get_csum()):
        raise HostError("there is nothing to apply: what boots next runs already")
    if newest.equal(booted):
        hint = "'dnf apply-live --reset' takes back what was applied"
        raise HostError("there is nothing to apply: no deployment waits for the reboot", hint=hint)
    return _Scene(loaded, booted, newest)


def _apply(scene: _Scene, patterns: tuple[str, ...]) -> Applied:
    (old, new), former = scene.trees, live_state.current(scene.work)
    left = _left(scene, patterns)
    given = former.etc if former else {}
    paths = _etc_paths(scene, left, given)
    with live.new_layer(scene.work) as folder:
        objects = sysroot.objects_path(scene.loaded)
        live_layer.make(objects, *_folders(scene), folder / live.LAYER, lambda path: left.has(f"usr/{path}"))
        failpoint("live::layered")
        record = _record(scene, left, {**given, **etc_defaults.seals(paths, new / "usr/etc")})
        live.write(folder, record)
        failpoint("live::recorded")
        live.show(folder, old / "usr")
    failpoint("live::shown")
    with _half_done():
        etc_defaults.take_back({path: seal for path, seal in given.items() if path not in paths}, old / "usr/etc", ETC)
        etc_defaults.take(paths, new / "usr/etc", ETC)
    failpoint("live::given")
    complaints = (*settling.settle(old / "usr", new / "usr", left.has, live.FOR_ALL), *_tell_systemd(scene))
    return Applied(record, _outside(scene), complaints, running_code.outdated(folder / live.LAYER, old / "usr"))


@contextlib.contextmanager
def _half_done() -> Iterator[None]:
    try:
        yield
    except HostError as e:
        raise HostError(f"the new /usr runs, but {e}", hint="'dnf apply-live --reset' takes it back") from e


def _left(scene: _Scene, patterns: tuple[str, ...]) -> Left:
    pairs = zip((scene.booted, scene.newest), scene.trees)
    before, after = (checkout.packages(scene.store, one.get_csum(), root) or () for one, root in pairs)
    return live_policy.left(*scene.trees, diff.compare(before, after), patterns)


def _etc_paths(scene: _Scene, left: Left, given: etc_defaults.Seals) -> tuple[str, ...]:
    old, new = (tree / "usr/etc" for tree in scene.trees)
    return tuple(path for path in etc_defaults.planned(old, new, ETC, given) if not left.has(f"usr/etc/{path}"))


def _folders(scene: _Scene) -> tuple[Folder, Folder]:
    old, new = (Folder(*scene.top(one)["usr"]) for one in (scene.booted, scene.newest))
    return old, new


def _record(scene: _Scene, left: Left, seals: etc_defaults.Seals) -> Record:
    checksum, path = scene.newest.get_csum(), scene.loaded.get_deployment_dirpath(scene.booted)
    return Record(path, checksum, repo.version(repo.load_commit(scene.store, checksum)), left.names, seals)


def _outside(scene: _Scene) -> tuple[str, ...]:
    """What the new tree has otherwise beside /usr, which only a boot brings."""
    before, after = (scene.top(one) for one in (scene.booted, scene.newest))
    names = sorted((before.keys() | after.keys()) - {"usr"})
    return tuple(f"/{name}" for name in names if before.get(name) != after.get(name))


def _tell_systemd(scene: _Scene) -> Iterator[str]:
    if host.is_booted_with_systemd():
        try:
            live_unit.prepare(scene.work, sysroot.sysroot_path(scene.loaded))
        except CommandError as e:
            yield f"systemd does not know what is new: {e}"


def reset(target: Target) -> Record:
    """Let the running system be as the booted deployment again, and return what ran; the caller holds the lock."""
    loaded = sysroot.open_in_private_namespace(target)
    work, path = sysroot.work_folder(loaded), sysroot.sysroot_path(loaded)
    record = live_state.current(work)
    if record is None:
        raise HostError("nothing was applied to the running system, so there is nothing to take back")
    live.hide(work)
    failpoint("live::hidden")
    live.sweep(work, path)
    if host.is_booted_with_systemd():
        live_unit.cancel()
    return record
