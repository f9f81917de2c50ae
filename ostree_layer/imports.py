# SPDX-License-Identifier: GPL-2.0-or-later
"""What rpm-ostree layered on a deployment, as requests of ours."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from ostree_layer import checkout, metadata, origin, repo, rpm_ostree
from ostree_layer.errors import RepoError
from ostree_layer.model import Requests
from ostree_layer.ostree_gi import GLib, OSTree

ADDED = (("packages", "requested-local"), ("packages", "requested-local-fileoverride"))
REPLACING = ("overrides", "replace-local")
# Each holds SHA256:NEVRA of RPM files.
FILES = (*ADDED, REPLACING)
# What has no equal here, by group and key.
LEFT_BEHIND = {
    ("origin", "override-commit"): "the deployment no longer stays on commit {}",
    ("origin", "unconfigured-state"): "its text was: {}",
    ("origin", "custom-url"): "the tree is not followed from {}",
    ("rpmostree", "regenerate-initramfs"): "the initramfs is made anew only where packages change it",
    ("rpmostree", "initramfs-args"): "dracut does not get {}",
    ("rpmostree", "initramfs-etc"): "the initramfs does not get {}",
    ("rpmostree", "ex-cliwrap"): "programs of the tree are not wrapped",
}


@dataclasses.dataclass(frozen=True)
class Imported:
    """What was asked of rpm-ostree: to be asked for again on the commit `base`.

    `base_refspec` is empty where the base is followed elsewhere; `notes` are sentences on what is not taken over.
    """

    requests: Requests
    base: str
    base_refspec: str
    notes: tuple[str, ...] = ()


def is_foreign(store: OSTree.Repo, deployment: OSTree.Deployment) -> bool:
    """Whether rpm-ostree has layers on the deployment, and the commit is not ours."""
    values = repo.metadata(repo.load_commit(store, deployment.get_csum()))
    if metadata.parse_local(values) is not None:
        return False
    return rpm_ostree.is_layered(values) or _is_told(_origin_of(deployment))


def stands_on_foreign(store: OSTree.Repo, deployment: OSTree.Deployment) -> bool:
    """Whether the commit is ours, and its base one on which rpm-ostree has layers."""
    local = metadata.parse_local(repo.metadata(repo.load_commit(store, deployment.get_csum())))
    return local is not None and rpm_ostree.is_layered(repo.metadata(repo.load_commit(store, local.base)))


def read(store: OSTree.Repo, deployment: OSTree.Deployment) -> Imported:
    """What rpm-ostree layered on the deployment, or on the base of it where that stands on a foreign one.

    In the latter case our own requests are added: those of both are to be asked for on the base below them.
    """
    commit = repo.load_commit(store, deployment.get_csum())
    local = metadata.parse_local(repo.metadata(commit))
    if local is None:
        return parse(_origin_of(deployment), deployment.get_csum(), commit)
    below = parse(_origin_of(deployment), local.base, repo.load_commit(store, local.base))
    names = {name for p in checkout.require_packages(store, below.base) for name in (p.name, p.name_arch)}
    requests = _joined(below.requests, local.requests, names)
    return dataclasses.replace(below, requests=requests, base_refspec=local.base_refspec)


def asked(store: OSTree.Repo, deployment: OSTree.Deployment) -> Requests:
    """What was asked for on the deployment, of us or of rpm-ostree."""
    if is_foreign(store, deployment):
        return read(store, deployment).requests
    local = metadata.parse_local(repo.metadata(repo.load_commit(store, deployment.get_csum())))
    return local.requests if local else Requests()


def parse(keyfile: GLib.KeyFile, checksum: str, commit: GLib.Variant) -> Imported:
    """Read the origin and the commit of a deployment that rpm-ostree made.

    An origin that somebody else wrote anew says nothing; then the commit does, but for local RPM files.
    """
    values = repo.metadata(commit)
    base = OSTree.commit_get_parent(commit) if rpm_ostree.is_layered(values) else checksum
    if base is None:
        raise RepoError(f"commit {checksum} has layers of rpm-ostree and no parent, so that their base is not known")
    requests = _from_origin(keyfile, values) if _is_told(keyfile) else _from_commit(values)
    return Imported(requests, base, origin.refspec_in(keyfile), tuple(_notes(keyfile)))


def _origin_of(deployment: OSTree.Deployment) -> GLib.KeyFile:
    return deployment.get_origin() or GLib.KeyFile()


def _is_told(keyfile: GLib.KeyFile) -> bool:
    return any(keyfile.has_group(group) for group in rpm_ostree.GROUPS)


def _from_origin(keyfile: GLib.KeyFile, values: rpm_ostree.Values) -> Requests:
    local = [nevra for where in ADDED for nevra in _nevras(keyfile, *where)]
    installed = [stream.partition("/")[0] for stream in _list(keyfile, "modules", "install")]
    return Requests(
        packages=_unique(_list(keyfile, "packages", "requested"), local),
        modules=_unique(_list(keyfile, "modules", "enable"), installed),
        removed=_unique(_list(keyfile, "overrides", "remove")),
        replaced=_unique(_nevras(keyfile, *REPLACING), _replaced_from_repositories(values)),
    )


def _from_commit(values: rpm_ostree.Values) -> Requests:
    local = _unpacked(values, rpm_ostree.REPLACED)
    return Requests(
        packages=_unique(_unpacked(values, rpm_ostree.PACKAGES)),
        removed=_unique([entry[1] for entry in _unpacked(values, rpm_ostree.REMOVED)]),
        replaced=_unique([new[0] for new, _old in local], _replaced_from_repositories(values)),
    )


def _replaced_from_repositories(values: rpm_ostree.Values) -> list[str]:
    """The NEVRAs that came in the place of base packages; the origin has only names of them."""
    by_repository = values.get(rpm_ostree.REPLACED_REMOTE)
    return [new[0] for pairs in (by_repository.unpack() if by_repository else {}).values() for new, _old in pairs]


def _unpacked(values: rpm_ostree.Values, key: str) -> list[Any]:
    return values[key].unpack() if key in values else []


def _unique(*lists: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({entry for entries in lists for entry in entries}))


def _list(keyfile: GLib.KeyFile, group: str, key: str) -> list[str]:
    return list(keyfile.get_string_list(group, key)) if _has(keyfile, group, key) else []


def _nevras(keyfile: GLib.KeyFile, group: str, key: str) -> list[str]:
    return [entry.partition(":")[2] for entry in _list(keyfile, group, key)]


def _has(keyfile: GLib.KeyFile, group: str, key: str) -> bool:
    return keyfile.has_group(group) and key in keyfile.get_keys(group)[0]


def _joined(below: Requests, own: Requests, base: Collection[str]) -> Requests:
    """Both; of what was done to packages that rpm-ostree had added, and `base` does not name, only what is left."""
    return dataclasses.replace(
        own,
        packages=_unique([name for name in below.packages if name not in own.removed], own.packages),
        modules=_unique(below.modules, own.modules),
        removed=_unique(below.removed, [name for name in own.removed if name in base]),
        replaced=_unique(below.replaced, [nevra for nevra in own.replaced if nevra.rsplit("-", 2)[0] in base]),
    )


def _notes(keyfile: GLib.KeyFile) -> Iterator[str]:
    for (group, key), consequence in LEFT_BEHIND.items():
        if _has(keyfile, group, key):
            value = " ".join(keyfile.get_string_list(group, key))
            yield f"{key} is not taken over: {consequence.format(value)}."
    if _has(keyfile, origin.GROUP, origin.CONTAINER) and not origin.refspec_in(keyfile):
        value = keyfile.get_string(origin.GROUP, origin.CONTAINER)
        yield f"{origin.CONTAINER} is not taken over: the tree is not followed from {value}."
    for nevra in [nevra for where in FILES for nevra in _nevras(keyfile, *where)]:
        yield f"{nevra} came from a file, which rpm-ostree has not kept: it is asked of the repositories."
    for entry in _list(keyfile, "overrides", "replace"):
        source, _, names = entry.partition(",")
        yield f"{source} is not followed for {names.replace(',', ' ')}: the versions that are there now are asked for."
    for stream in _list(keyfile, "modules", "install"):
        yield f"The packages of {stream} are not asked for: only the stream stays enabled."
