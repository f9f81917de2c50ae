# SPDX-License-Identifier: GPL-2.0-or-later
"""What our commits carry as metadata, as values and as GVariants."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from ostree_layer import evr
from ostree_layer.by_hand_model import ByHand
from ostree_layer.model import LocalCommit, Package, PackageDiff, Requests, Transaction
from ostree_layer.ostree_gi import GLib

Values = dict[str, GLib.Variant]

OURS = "ostree-layer."
DIFF = OURS + "package-diff"
PKGLIST = "rpmostree.rpmdb.pkglist"
INITRAMFS_ARGUMENTS = "rpmostree.initramfs-args"
BY_HAND = OURS + "by-hand"
# What a local commit has in common with the commit that it was made from.
CARRIED = ("version", "ostree.linux", "ostree.bootable", INITRAMFS_ARGUMENTS, BY_HAND)


def render(local: LocalCommit, packages: Iterable[Package], previous: Values, others: Values) -> GLib.Variant:
    """The `a{sv}` of a local commit.

    `previous` is the metadata of the commit that it was made from, `others` what else there is to say.
    """
    values = {**{key: previous[key] for key in CARRIED if key in previous}, **others}
    values[PKGLIST] = packages_variant(packages)
    values[OURS + "base"] = GLib.Variant("s", local.base)
    values[OURS + "base-refspec"] = GLib.Variant("s", local.base_refspec)
    values[OURS + "previous"] = GLib.Variant("s", local.previous)
    values[OURS + "requests"] = GLib.Variant("a{sas}", dataclasses.asdict(local.requests))
    values[OURS + "transaction"] = GLib.Variant("a{sv}", _transaction(local.transaction))
    return GLib.Variant("a{sv}", values)


def _transaction(made_by: Transaction) -> Values:
    return {
        "command": GLib.Variant("s", made_by.command),
        "user": GLib.Variant("s", made_by.user),
        "installed": GLib.Variant("as", made_by.installed),
        "removed": GLib.Variant("as", made_by.removed),
        "history": GLib.Variant("au", made_by.history),
        "has-former-history": GLib.Variant("b", made_by.has_former_history),
    }


def packages_variant(packages: Iterable[Package]) -> GLib.Variant:
    """What `parse_packages` reads, in the order in which other tools search it."""
    return GLib.Variant("a(sssss)", [dataclasses.astuple(package) for package in sorted(packages, key=_order)])


def diff_variant(changes: PackageDiff) -> GLib.Variant:
    """What a commit has as DIFF: how its packages differ from those of the one before it."""
    return GLib.Variant("a(sss)", list(changes.rows()))


def _order(package: Package) -> tuple[str, Any, str]:
    """By name, then from old to new, then by architecture."""
    return package.name, evr.key(package.epoch, package.version, package.release), package.arch


def parse_packages(values: Values) -> tuple[Package, ...] | None:
    """The packages of the commit, or None where whoever made it did not say."""
    stored = values.get(PKGLIST)
    return None if stored is None else tuple(Package(*row) for row in stored.unpack())


def parse_initramfs_arguments(values: Values) -> tuple[str, ...]:
    """The arguments for dracut that whoever composed the tree wants; empty where the commit does not say."""
    stored = values.get(INITRAMFS_ARGUMENTS)
    return () if stored is None else tuple(stored.unpack())


def by_hand_variant(found: ByHand) -> GLib.Variant:
    """What `parse_by_hand` reads; names that are not UTF-8 are in no tree."""
    return GLib.Variant("a{sas}", dataclasses.asdict(found))


def parse_by_hand(values: Values) -> ByHand:
    """What the commit has that `dnf system-commit` took from a running host."""
    stored = values[BY_HAND].unpack() if BY_HAND in values else {}
    return ByHand(**{field.name: tuple(stored.get(field.name, ())) for field in dataclasses.fields(ByHand)})


def parse_local(values: Values) -> LocalCommit | None:
    """What we recorded of the commit, or None where it is not one of ours."""
    if OURS + "base" not in values:
        return None
    return LocalCommit(
        base=values[OURS + "base"].get_string(),
        base_refspec=values[OURS + "base-refspec"].get_string(),
        previous=values[OURS + "previous"].get_string(),
        requests=Requests.from_dict(values[OURS + "requests"].unpack()),
        transaction=_parse_transaction(values[OURS + "transaction"].unpack()),
    )


def _parse_transaction(stored: Mapping[str, Any]) -> Transaction:
    """Of commits that were made before there was a `history`, too."""
    installed, removed = tuple(stored["installed"]), tuple(stored["removed"])
    history, has_former = tuple(stored.get("history", ())), bool(stored.get("has-former-history", False))
    return Transaction(stored["command"], stored["user"], installed, removed, history, has_former)
