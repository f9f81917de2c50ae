# SPDX-License-Identifier: GPL-2.0-or-later
"""The advisories that repositories have about the packages of a tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import hawkey

from ostree_layer.advisories import KINDS, SEVERITIES
from ostree_layer.model import Advisory


def of(packages: Iterable[Any]) -> Iterator[Advisory]:
    """Each advisory about DNF's packages in these very versions, with those of them that it is about."""
    found: dict[str, tuple[Any, set[str]]] = {}
    for package in packages:
        for notice in package.get_advisories(hawkey.EQ):
            found.setdefault(notice.id, (notice, set()))[1].add(f"{package.name}-{package.evr}.{package.arch}")
    for notice, nevras in found.values():
        yield _advisory(notice, tuple(sorted(nevras)))


def _advisory(notice: Any, nevras: tuple[str, ...]) -> Advisory:
    severity = (notice.severity or "").lower()
    references = ((one.id, one.url or "") for one in notice.references if one.type == hawkey.REFERENCE_CVE)
    return Advisory(
        notice.id,
        KINDS[notice.type],
        severity if severity in SEVERITIES else SEVERITIES[0],
        nevras,
        tuple(references),
    )
