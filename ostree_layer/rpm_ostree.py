# SPDX-License-Identifier: GPL-2.0-or-later
"""What rpm-ostree writes of a tree that it layered: keys of the commit's metadata, groups of the origin."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Collection, Mapping

from ostree_layer.model import Package, Requests
from ostree_layer.ostree_gi import GLib

Values = dict[str, GLib.Variant]

CLIENTLAYER = "rpmostree.clientlayer"
# Before there was that key, this one said it.
SPEC = "rpmostree.spec"
VERSION = 6
PACKAGES = "rpmostree.packages"
REMOVED = "rpmostree.removed-base-packages"
REPLACED = "rpmostree.replaced-base-packages"
REPLACED_REMOTE = "rpmostree.replaced-base-remote-packages"
# bootc leaves a deployment alone whose origin has one of them.
GROUPS = ("rpmostree", "packages", "overrides", "modules")
INACTIVE_PACKAGE = "packages:"


@dataclasses.dataclass(frozen=True)
class Layer:
    """A local tree in rpm-ostree's words.

    `layered` are the requested packages that the tree has, and `inactive` those that its base has already. `local`
    and `replaced_local` hold `SHA256:NEVRA` of RPM files, by the digest that `rpmdb.header_digest` gives; `replaced`
    holds pairs, old and new.
    """

    layered: tuple[str, ...] = ()
    inactive: tuple[str, ...] = ()
    local: tuple[str, ...] = ()
    removed: tuple[Package, ...] = ()
    replaced: tuple[tuple[Package, Package], ...] = ()
    replaced_local: tuple[str, ...] = ()


def is_layered(values: Mapping[str, GLib.Variant]) -> bool:
    """Whether a commit of this metadata is one that rpm-ostree takes for layered; its base is then its parent."""
    return bool(values[CLIENTLAYER].unpack()) if CLIENTLAYER in values else SPEC in values


def wordless(wanted: Requests, base: Collection[Package], now: Collection[Package]) -> str:
    """What of the requests that led from base to now rpm-ostree has no words for; empty where it has words for all."""
    count = Counter(package.name for package in base)
    left = {package.name for package in now}
    found = {
        "groups": wanted.groups,
        "modules": wanted.modules,
        "base packages replaced from repositories": wanted.replaced,
        "architectures of base packages": [name for name in wanted.removed if count[name] != 1 or name in left],
        "inactive requests": [entry for entry in wanted.inactive if not entry.startswith(INACTIVE_PACKAGE)],
        "parked requests": wanted.parked,
    }
    return "; ".join(f"{what} ({', '.join(names)})" for what, names in found.items() if names)


def layer_of(
    wanted: Requests, base: Collection[Package], now: Collection[Package], digests: Mapping[str, str]
) -> Layer:
    """Put what leads from base to now into rpm-ostree's words; `digests` has those of local RPM files, by NEVRA."""
    in_base = {package.name_arch: package for package in base}
    files = {package: f"{digests[package.nevra]}:{package.nevra}" for package in now if package.nevra in digests}
    replacing = sorted(package for package in files if package.name_arch in in_base)
    return Layer(
        layered=wanted.packages,
        inactive=tuple(entry[len(INACTIVE_PACKAGE) :] for entry in wanted.inactive),
        local=tuple(files[package] for package in sorted(files) if package not in replacing),
        removed=tuple(sorted(package for package in base if package.name in wanted.removed)),
        replaced=tuple((in_base[package.name_arch], package) for package in replacing),
        replaced_local=tuple(files[package] for package in replacing),
    )


def metadata_of(layer: Layer, base: str) -> Values:
    """All keys that rpm-ostree expects of a layered commit: its daemon ends where one is missing.

    They are in the byte order of this machine, as those of its own layered commits are.
    """
    return {
        CLIENTLAYER: GLib.Variant("b", True),
        "rpmostree.clientlayer_version": GLib.Variant("u", VERSION),
        PACKAGES: GLib.Variant("as", layer.layered),
        "rpmostree.modules": GLib.Variant("as", []),
        REMOVED: GLib.Variant("av", [_nevra(package) for package in layer.removed]),
        REPLACED: GLib.Variant("a(vv)", [(_nevra(new), _nevra(old)) for old, new in layer.replaced]),
        REPLACED_REMOTE: GLib.Variant("a{sv}", {}),
        "rpmostree.rpmmd-repos": GLib.Variant("aa{sv}", []),
        "rpmostree.state-sha512": GLib.Variant("s", _state(layer, base)),
    }


def _nevra(package: Package) -> GLib.Variant:
    epoch = int(package.epoch or 0)
    return GLib.Variant(
        "(sstsss)", (package.nevra, package.name, epoch, package.version, package.release, package.arch)
    )


def _state(layer: Layer, base: str) -> str:
    """Another one than rpm-ostree would compute, so that its next change to the tree counts as one."""
    return hashlib.sha512(repr((base, layer)).encode()).hexdigest()


def origin_of(layer: Layer) -> dict[tuple[str, str], tuple[str, ...]]:
    """The lists in an origin, by group and key; an empty one is not written."""
    lists = {
        ("packages", "requested"): (*layer.layered, *layer.inactive),
        ("packages", "requested-local"): layer.local,
        ("overrides", "remove"): tuple(package.name for package in layer.removed),
        ("overrides", "replace-local"): layer.replaced_local,
    }
    return {where: values for where, values in lists.items() if values}
