# SPDX-License-Identifier: GPL-2.0-or-later
"""Lockfiles: which version of each package a compose took, for another one to take the same.

The format is rpm-ostree's: JSON, `packages` with `evra` and `digest` (ALGORITHM:HEX) by name. A package of which there
are several architectures is there by NAME.ARCH, which is ours.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ostree_layer.errors import TreefileError


class Lock(NamedTuple):
    """One package; `digest` is empty where the file does not have it."""

    name: str
    evra: str
    digest: str = ""

    @property
    def nevra(self) -> str:
        return f"{self.name}-{self.evra}"


def read(paths: Iterable[Path]) -> dict[str, Lock]:
    """The packages of lockfiles, by the names that they have there; a later file has the say.

    TreefileError names a file that is none.
    """
    found: dict[str, Lock] = {}
    for path in paths:
        try:
            packages = json.loads(path.read_text())["packages"]
            found.update((name, _lock(name, entry)) for name, entry in packages.items())
        except OSError as e:
            raise TreefileError(f"the lockfile {path} cannot be read: {e.strerror}") from e
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            hint = "'dnf tree compose --write-lockfile-to' writes one"
            lacks = f"it has no {e}" if isinstance(e, KeyError) else e
            raise TreefileError(f"{path} is not a lockfile: {lacks}", hint=hint) from e
    return found


def _lock(name: str, entry: Mapping[str, Any]) -> Lock:
    evra = entry["evra"] if "evra" in entry else f"{entry['evr']}.{entry['arch']}"
    return Lock(name.removesuffix(f".{_arch(evra)}"), evra, entry.get("digest", ""))


def _arch(evra: str) -> str:
    return evra.rpartition(".")[2]


def render(locks: Iterable[Lock]) -> str:
    found = sorted(locks)
    count = Counter(lock.name for lock in found)
    names = (lock.name if count[lock.name] == 1 else f"{lock.name}.{_arch(lock.evra)}" for lock in found)
    packages = {name: {"evra": lock.evra, "digest": lock.digest} for name, lock in zip(names, found)}
    return json.dumps({"packages": packages}, indent=2) + "\n"
