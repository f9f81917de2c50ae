# SPDX-License-Identifier: GPL-2.0-or-later
"""The last steps of each way to a new deployment: what can stop it, the refs, the deployment, and who is told."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ostree_layer import (
    boot,
    commit,
    deploy,
    etc,
    etc_defaults,
    etc_words,
    host,
    journal,
    lean,
    live_state,
    metadata,
    repo,
    retention,
    sysroot,
)
from ostree_layer.deploy import Tree
from ostree_layer.errors import HostError
from ostree_layer.failpoint import failpoint
from ostree_layer.model import Deployed, EtcConflict, Settings, Target
from ostree_layer.ostree_gi import GLib, OSTree


class Site(NamedTuple):
    """Where a tree is to be deployed, and by which command; an empty stateroot gets the kernel arguments of `start`."""

    target: Target
    locked: OSTree.Sysroot
    stateroot: str
    start: OSTree.Deployment
    command: str


def tree_of(store: OSTree.Repo, checksum: str, origin: GLib.KeyFile, folder: Path) -> Tree:
    """A commit that is there already, to be deployed."""
    with commit.writing(store):
        lean_usr = lean.write(store, checksum)
    return Tree(checksum, origin, lean_usr, folder)


def merge_of(locked: OSTree.Sysroot, stateroot: str) -> Path | None:
    """The deployment whose /etc will be merged into the next one's defaults; None in an empty stateroot."""
    merge = locked.get_merge_deployment(stateroot)
    return sysroot.deployment_path(locked, merge) if merge is not None else None


def meet_local_etc(locked: OSTree.Sysroot, stateroot: str, new: Path) -> tuple[EtcConflict, ...]:
    """Where the defaults in `new` meet what is local in the /etc that will be merged into them.

    HostError where libostree could not merge it.
    """
    merge = merge_of(locked, stateroot)
    if merge is None:
        return ()
    given = live_state.given_to(sysroot.work_folder(locked), merge)
    local = etc_defaults.own(etc.local_changes(merge / "usr/etc", merge / "etc"), given, merge / "etc")
    _require_mergeable(local, new, merge / "etc")
    return etc.conflicts(local, merge / "usr/etc", new, merge / "etc")


def _require_mergeable(local: etc.Changes, new: Path, mine: Path) -> None:
    """HostError where libostree would refuse to merge, which for a staged deployment it does at the shutdown."""
    met = "; ".join(etc_words.render_obstacles(etc.obstacles(local, new, mine)))
    if met:
        hint = "remove it, or make it again what it is in /usr/etc, and try again"
        raise HostError(f"{met}: libostree cannot merge that", hint=hint)


def activate(
    site: Site,
    tree: Tree,
    settings: Settings,
    told: tuple[tuple[EtcConflict, ...], tuple[str, ...], tuple[str, ...]] = ((), (), ()),
) -> Deployed:
    """Make the tree the deployment that boots next; nothing may fail when it is written."""
    store = sysroot.repository(site.locked)
    staged = site.target.is_booted_host and host.is_booted_with_systemd()
    stored = repo.load_commit(store, tree.checksum)
    deployed = Deployed(tree.checksum, repo.version(stored), staged, site.target.sysroot, site.stateroot, *told)
    boot.require_space(site.locked, site.stateroot, tree.checksum)
    local = metadata.parse_local(repo.metadata(stored))
    if local is not None:
        commit.point_refs(store, site.stateroot, local, tree.checksum)
    retention.keep(site.locked, site.stateroot, settings.deployments)
    deploy.deploy(site.target, site.locked, site.stateroot, _with_arguments(site, tree), staged=staged)
    journal.deployed(site.target, tree.checksum, site.command)
    failpoint("layering::deployed")  # nothing may fail from here on: it would be told as if nothing had been done
    return deployed


def _with_arguments(site: Site, tree: Tree) -> Tree:
    """In an empty stateroot there is no deployment to have the kernel arguments from."""
    if site.locked.get_merge_deployment(site.stateroot) is not None:
        return tree
    words = (site.start.get_bootconfig().get("options") or "").split()
    return tree._replace(arguments=[word for word in words if not word.startswith("ostree=")])
