# SPDX-License-Identifier: GPL-2.0-or-later
"""A deployment as users name it: by its index in boot order, or by its label."""

from __future__ import annotations

from ostree_layer import origin, repo, sysroot
from ostree_layer.errors import HostError
from ostree_layer.ostree_gi import OSTree


def find(loaded: OSTree.Sysroot, wanted: str, name: str) -> OSTree.Deployment:
    """The deployment with this index, in whichever stateroot, or with this label in the one to act on; `wanted` is the
    stateroot that the user asks for, if any."""
    deployments = loaded.get_deployments()
    if is_index(name):
        if int(name) < len(deployments):
            return deployments[int(name)]
        known = "the only one is 0" if len(deployments) == 1 else f"they are 0 to {len(deployments) - 1}"
        raise HostError(f"there is no deployment {name}: {known}", hint="0 is the one that boots next")
    stateroot = sysroot.require_stateroot(loaded, wanted)
    labelled = labels(loaded, stateroot)
    if name not in labelled:
        known = f"labels are {', '.join(sorted(labelled))}" if labelled else "no deployment has a label"
        raise HostError(f"no deployment of {stateroot} is called {name}", hint=f"{known}; an index works, too")
    return labelled[name]


def is_index(name: str) -> bool:
    return name.isascii() and name.isdigit()


def labels(loaded: OSTree.Sysroot, stateroot: str) -> dict[str, OSTree.Deployment]:
    """The deployments of stateroot that have a label, by it; the first in boot order where two have the same."""
    found = reversed(sysroot.deployments_of(loaded, stateroot))
    return {origin.label(deployment): deployment for deployment in found if origin.label(deployment)}


def index_of(loaded: OSTree.Sysroot, deployment: OSTree.Deployment) -> int:
    return next(index for index, other in enumerate(loaded.get_deployments()) if other.equal(deployment))


def title(loaded: OSTree.Sysroot, deployment: OSTree.Deployment) -> str:
    """The deployment in a sentence: its index, checksum, version and label."""
    version = repo.version(repo.load_commit(sysroot.repository(loaded), deployment.get_csum()))
    notes = [note for note in (version, origin.label(deployment)) if note]
    number = index_of(loaded, deployment)
    return f"{number}, {deployment.get_csum()[:12]}" + (f" ({', '.join(notes)})" if notes else "")
