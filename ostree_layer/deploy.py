# SPDX-License-Identifier: GPL-2.0-or-later
"""Turn a commit into the deployment that boots next."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ostree_layer import clone, host, labels, lean, mounts, process, sysroot
from ostree_layer.errors import CommandError, DeployError
from ostree_layer.failpoint import failpoint
from ostree_layer.lean import LeanUsr
from ostree_layer.model import Target
from ostree_layer.ostree_gi import GLib, OSTree, translated

log = logging.getLogger(__name__)
Flags = OSTree.SysrootSimpleWriteDeploymentFlags


class Tree(NamedTuple):
    """What is to be deployed: a commit, how to show it to libostree, and a folder to make its /usr in.

    Without `arguments` the kernel gets those of the deployment that /etc is merged from.
    """

    checksum: str
    origin: GLib.KeyFile
    lean: LeanUsr | None
    folder: Path
    arguments: list[str] | None = None


def deploy(target: Target, locked: OSTree.Sysroot, stateroot: str, tree: Tree, *, staged: bool) -> None:
    """Deploy tree in stateroot, /etc merged from the deployment that has the user's.

    A staged deployment is finalized when the host shuts down, so that edits of /etc until then still count.
    """
    _require_bubblewrap(tree)
    with _translated(tree.checksum):
        waiting = locked.get_staged_deployment()
        if staged and waiting is not None and waiting.get_osname() != stateroot:
            # The private view is one of one stateroot; in it, this deployment of another one would be swept away.
            merge = locked.get_merge_deployment(stateroot)
            locked.stage_tree(stateroot, tree.checksum, tree.origin, merge, tree.arguments, None)
            return
        if not staged and tree.lean is not None and tree.lean.runs_semodule:
            tree = tree._replace(lean=None)  # the /etc of a staged one is merged later, when its /usr is whole
        usr = _clone_usr(locked, tree)
        if staged:
            _stage(target, locked, stateroot, tree, usr)
        else:
            _write(locked, stateroot, tree, usr)


def _require_bubblewrap(tree: Tree) -> None:
    """Without it, a staged deployment would be given up when the host shuts down, and nobody would be told."""
    if tree.lean is not None and tree.lean.runs_semodule and not host.BUBBLEWRAP.exists():
        raise DeployError(
            f"{host.BUBBLEWRAP} is not on this host, and libostree deploys a tree with an SELinux policy by it",
            hint="install bubblewrap first, and reboot",
        )


@contextlib.contextmanager
def _translated(checksum: str) -> Iterator[None]:
    try:
        with translated(f"deploying {checksum}", DeployError):
            yield
    except OSError as e:
        raise DeployError(f"deploying {checksum}: {e.strerror}: {e.filename}") from e
    except CommandError as e:
        raise DeployError(f"deploying {checksum}: {e}") from e


def _clone_usr(locked: OSTree.Sysroot, tree: Tree) -> Path | None:
    """Make the deployment's /usr, which is nearly all of it; None where libostree has to do that itself."""
    if tree.lean is None:
        return None
    usr = tree.folder / "usr"
    clone.clone(sysroot.objects_path(locked), tree.lean.contents, tree.lean.meta, usr)
    failpoint("deploy::cloned")
    return usr


@contextlib.contextmanager
def _shown_lean(locked: OSTree.Sysroot, tree: Tree) -> Iterator[None]:
    if tree.lean is None:
        yield
        return
    with lean.shown(sysroot.objects_path(locked), tree.lean):
        yield


def _put_usr(loaded: OSTree.Sysroot, deployment: OSTree.Deployment, usr: Path) -> None:
    try:
        _swap(sysroot.deployment_path(loaded, deployment), usr)
    except PermissionError:
        # libostree has already made the deployment's directory immutable.
        loaded.deployment_set_mutable(deployment, True, None)
        _swap(sysroot.deployment_path(loaded, deployment), usr)
        loaded.deployment_set_mutable(deployment, False, None)


def _swap(deployment: Path, usr: Path) -> None:
    """Put the real /usr in the place of the lean one that libostree checked out."""
    if (deployment / lean.COMPOSEFS_IMAGE).exists():
        raise DeployError(f"{deployment.name} is a composefs image, though neither tree nor repository asks for one")
    (deployment / "usr").rename(usr.parent / "lean-usr")
    usr.rename(deployment / "usr")


def _write(locked: OSTree.Sysroot, stateroot: str, tree: Tree, usr: Path | None) -> None:
    merge = locked.get_merge_deployment(stateroot)
    with _shown_lean(locked, tree):
        new = locked.deploy_tree(stateroot, tree.checksum, tree.origin, merge, tree.arguments, None)[1]
    if usr is not None:
        _put_usr(locked, new, usr)
    _label_state(locked, stateroot, new)
    failpoint("deploy::before-write")
    # What the new list makes superfluous is removed by the clean-up, for which nobody waits.
    locked.simple_write_deployment(stateroot, new, merge, Flags.NO_CLEAN, None)


def _label_state(locked: OSTree.Sysroot, stateroot: str, deployment: OSTree.Deployment) -> None:
    """Label what is not of the commit. libostree leaves that, but for files of /etc, to a kernel with SELinux, and an
    image may be prepared on a machine that has none."""
    path = sysroot.deployment_path(locked, deployment)
    by_policy = labels.Labels(labels.load_policy(path))
    by_policy.complete(path / "etc", "/etc")
    by_policy.complete(sysroot.var_path(locked, stateroot), "/var")


def _stage(target: Target, locked: OSTree.Sysroot, stateroot: str, tree: Tree, usr: Path | None) -> None:
    """Let libostree stage the deployment where nobody sees it, complete it, and then publish it in one step.

    Staging by itself, libostree removes the deployment that was staged before: a killed run would take that along.
    """
    folder, made = sysroot.deploy_folder(locked, stateroot), tree.folder / "deploy"
    with _private_view(locked, stateroot, made):
        private = sysroot.open_in_private_namespace(target)
        merge = private.get_merge_deployment(stateroot)
        with _shown_lean(private, tree):
            new = private.stage_tree(stateroot, tree.checksum, tree.origin, merge, tree.arguments, None)[1]
        name, state = sysroot.deployment_path(private, new).name, host.STAGED_MARK.read_bytes()
        if usr is not None:
            _swap(made / name, usr)
        failpoint("deploy::before-write")
    _publish(folder, made, name, state)


@contextlib.contextmanager
def _private_view(locked: OSTree.Sysroot, stateroot: str, made: Path) -> Iterator[None]:
    """For the body, let libostree see no staged deployment, and make new ones in the folder `made`."""
    folder, run = sysroot.deploy_folder(locked, stateroot), host.STAGED_MARK.parent
    with contextlib.ExitStack() as view:
        made.mkdir()
        folder.mkdir(exist_ok=True)  # a new stateroot has none
        for name in (sysroot.deployment_path(locked, d).name for d in sysroot.finalized(locked, stateroot)):
            (made / name).mkdir()
            shutil.copy2(folder / f"{name}.origin", made / f"{name}.origin")
            mounts.bind(folder / name, made / name)
            view.callback(mounts.unmount, made / name)
        mounts.bind(made, folder)
        view.callback(mounts.unmount, folder)
        run.mkdir(exist_ok=True)
        mounts.tmpfs(run)
        view.callback(mounts.unmount, run)
        yield


def _publish(folder: Path, made: Path, name: str, state: bytes) -> None:
    """Move the deployment to where it belongs, and then replace libostree's state file, which is what makes it one."""
    for entry in (name, f"{name}.origin"):
        if (folder / entry).exists():
            # Left behind, or staged before: the same commit, so the same content, under the same name.
            (folder / entry).rename(made / f"former-{entry}")
        (made / entry).rename(folder / entry)
    new = host.STAGED_MARK.with_suffix(".new")
    new.write_bytes(state)
    new.replace(host.STAGED_MARK)
    os.utime(folder.parents[1])  # how other processes notice a change


def clean_up_later(target: Target, history: int | None = None) -> None:
    """Start removing what is superfluous now, in a process of its own, which waits for the sysroot lock by itself.

    `history` is how many local trees each stateroot keeps; without it, as many as there are.
    """
    limit = [] if history is None else [str(history)]
    try:
        process.start_detached([sys.executable, "-m", "ostree_layer.cleaner", target.sysroot, *limit])
    except OSError as e:
        # The deployment stands, and the next one's clean-up does this one's work.
        log.warning("the clean-up could not be started: %s", e)
