# SPDX-License-Identifier: GPL-2.0-or-later
"""The advisories of a commit's packages, as values and as the GVariant in its metadata.

The key and its shape are rpm-ostree's. Kinds are numbered as libdnf does, severities as rpm-ostree does, and the
numbers of a composed commit are big-endian.
"""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Iterable, Iterator, Mapping

from ostree_layer.model import Advisory, Package
from ostree_layer.ostree_gi import GLib

KEY = "rpmostree.advisories"
SHAPE = "a(suuasa{sv})"
REFERENCES = "cve_references"
KINDS = ("unknown", "security", "bugfix", "enhancement", "newpackage")
SEVERITIES = ("none", "low", "moderate", "important", "critical")


def parse(values: Mapping[str, GLib.Variant]) -> tuple[Advisory, ...]:
    """The advisories in a commit's metadata; none where it has none."""
    stored = values.get(KEY)
    rows = [] if stored is None else stored.unpack()
    return tuple(
        Advisory(
            name,
            _word(KINDS, kind),
            _word(SEVERITIES, severity),
            tuple(packages),
            tuple((reference[0], reference[1]) for reference in more.get(REFERENCES, [])),
        )
        for name, kind, severity, packages, more in rows
    )


def as_variant(advisories: Iterable[Advisory]) -> GLib.Variant:
    """What a composed commit has under KEY, in the order of the names."""
    return GLib.Variant(SHAPE, [_row(advisory) for advisory in sorted(advisories, key=lambda one: one.name)])


def about(packages: Iterable[Package], advisories: Iterable[Advisory]) -> Iterator[Advisory]:
    """Of advisories, each once, those about packages that are there."""
    present = {package.nevra for package in packages}
    for one in {one.name: one for one in advisories}.values():
        if found := tuple(nevra for nevra in one.packages if nevra in present):
            yield dataclasses.replace(one, packages=found)


def values(advisories: Iterable[Advisory]) -> dict[str, GLib.Variant]:
    """What a commit says of them; nothing if there are none."""
    found = list(advisories)
    return {KEY: as_variant(found)} if found else {}


def _row(advisory: Advisory) -> tuple[str, int, int, tuple[str, ...], dict[str, GLib.Variant]]:
    more = {REFERENCES: GLib.Variant("a(ss)", advisory.references)} if advisory.references else {}
    kind, severity = KINDS.index(advisory.kind), SEVERITIES.index(advisory.severity)
    return advisory.name, socket.htonl(kind), socket.htonl(severity), advisory.packages, more


def _word(words: tuple[str, ...], number: int) -> str:
    """The word for a number of either byte order: none of them needs more than a byte."""
    small = number if number < len(words) else socket.ntohl(number)
    return words[small] if small < len(words) else words[0]


def first_things_first(advisory: Advisory) -> tuple[bool, int, str]:
    """To sort by: security before the rest, the severe before the harmless."""
    return advisory.kind != "security", -SEVERITIES.index(advisory.severity), advisory.name
