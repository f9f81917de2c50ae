# SPDX-License-Identifier: GPL-2.0-or-later
"""What the user asked for, worked out from the tree that came of it."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Collection, Iterable

from ostree_layer.errors import HostError, nearest
from ostree_layer.model import Outcome, Package, Requests

# In which they are asked for: modules first, as they decide which packages there are.
ORDER = ("modules", "removed", "replaced", "local", "groups", "packages")
# Requests for one version of a package.
EXACT = ("replaced", "local")
# Names of packages may have dots, too.
ARCH = re.compile(r"noarch|x86_64(_v\d)?|i[3-6]86|aarch64|armv\w+|ppc64(le)?|s390x?|riscv64|loongarch64")


def of_tree(
    base: Collection[Package],
    now: Collection[Package],
    asked: Collection[Package],
    former: Requests,
    local: dict[str, str],
) -> Requests:
    """The requests that lead from base to now.

    `asked` are those packages of now that the user named; `local` maps the NEVRAs of this run's local RPMs to sha256.
    It is a comparison, not a diary: what was installed and removed again leaves no trace.
    """
    in_base = {package.name_arch for package in base}
    in_now = {package.name_arch for package in now}
    files = _local_files(former, local, now)
    layered = [p for p in now if p.name_arch not in in_base and p in asked and p.nevra not in files]
    replaced = [p for p in set(now) - set(base) if p.name_arch in in_base and p.nevra not in files]
    return Requests(
        packages=_names(layered, now),
        groups=former.groups,
        modules=former.modules,
        removed=_names([p for p in base if p.name_arch not in in_now], base),
        replaced=tuple(sorted(p.nevra for p in replaced)),
        local=tuple(sorted(f"{digest}:{nevra}" for nevra, digest in files.items())),
    )


def _local_files(former: Requests, local: dict[str, str], now: Iterable[Package]) -> dict[str, str]:
    """NEVRA to sha256 of the local RPMs that are still installed."""
    known = {nevra: digest for digest, _, nevra in (entry.partition(":") for entry in former.local)}
    known.update(local)
    installed = {package.nevra for package in now}
    return {nevra: digest for nevra, digest in known.items() if nevra in installed}


def _names(chosen: Iterable[Package], among: Iterable[Package]) -> tuple[str, ...]:
    """Names, with the architecture where the name alone would mean several packages."""
    count = Counter(name for name, _arch in {(p.name, p.arch) for p in among})
    return tuple(sorted({p.name if count[p.name] == 1 else p.name_arch for p in chosen}))


def carried(former: Iterable[str], before: Collection[str], after: Collection[str]) -> tuple[str, ...]:
    """Groups or module streams asked for, after a run that led from before to after."""
    return tuple(sorted((set(former) | (set(after) - set(before))) - (set(before) - set(after))))


def entries(requests: Requests) -> tuple[str, ...]:
    """All that is asked for, also what is inactive or parked, as `FIELD:VALUE`, each once and in an order to ask in."""
    visible = [f"{field}:{value}" for field in ORDER for value in getattr(requests, field)]
    waiting = [*requests.inactive, *requests.parked]
    return tuple(dict.fromkeys([*visible, *sorted(waiting, key=lambda entry: ORDER.index(field_of(entry)))]))


def field_of(entry: str) -> str:
    return entry.partition(":")[0]


def value_of(entry: str) -> str:
    return entry.partition(":")[2]


def shown(entry: str) -> str:
    """An entry in the words of users."""
    field, value = field_of(entry), value_of(entry)
    if field == "local":
        return value.partition(":")[2]
    return {"groups": "@", "modules": "module ", "removed": "-"}.get(field, "") + value


def without(requests: Requests, words: Collection[str]) -> Requests:
    """The requests but for those that users call by one of words."""
    return dataclasses.replace(
        requests,
        **{field: tuple(v for v in getattr(requests, field) if shown(f"{field}:{v}") not in words) for field in ORDER},
        inactive=tuple(entry for entry in requests.inactive if shown(entry) not in words),
        parked=tuple(entry for entry in requests.parked if shown(entry) not in words),
    )


def require_known(requests: Requests, words: Iterable[str]) -> None:
    """HostError where users call no request by one of words."""
    known = {shown(entry) for entry in entries(requests)}
    for word in words:
        if word not in known:
            hint = nearest(word, known, otherwise=f"asked for: {', '.join(sorted(known)) or 'nothing'}")
            raise HostError(f"nothing that was asked for is called {word}", hint=hint)


def after(former: Requests, outcome: Outcome) -> Requests:
    """The requests when they have been asked for again."""
    gone = {*outcome.inactive, *outcome.superseded, *outcome.blocked}
    kept = {field: tuple(v for v in getattr(former, field) if f"{field}:{v}" not in gone) for field in ORDER}
    return Requests(**kept, inactive=outcome.inactive, parked=tuple(outcome.blocked))


def still_waiting(former: Requests, now: Requests, names: Collection[str]) -> Requests:
    """`now`, as it is after an ordinary transaction, with what of former is still inactive or parked.

    `names` are those of the packages that there are. Whoever removes an inactive package, installs one whose removal is
    inactive, or replaces it by another version does not want the former any more.
    """
    visible = set(entries(now))
    left = [entry for entry in (*former.inactive, *former.parked) if entry not in visible]
    left = [entry for entry in left if not _is_overruled(entry, now)]
    come = {f"removed:{name}" for name in names}
    inactive = tuple(entry for entry in left if entry in former.inactive and entry not in come)
    return dataclasses.replace(now, inactive=inactive, parked=tuple(e for e in left if e in former.parked))


def _is_overruled(entry: str, now: Requests) -> bool:
    """Whether a request for a package is followed by one that takes it away, or wants another version of it."""
    field = field_of(entry)
    if field not in ("packages", *EXACT):
        return False
    name, name_arch = _names_in(entry)
    others = [f"{other}:{value}" for other in EXACT for value in getattr(now, other)]
    is_replaced = field in EXACT and name_arch in [_names_in(other)[1] for other in others]
    return is_replaced or not {name, name_arch}.isdisjoint(now.removed)


def _names_in(entry: str) -> tuple[str, str]:
    """The name of an entry's package, and NAME.ARCH where the entry says so much."""
    value = shown(entry)
    without_arch, _, arch = value.rpartition(".")
    if not ARCH.fullmatch(arch):
        return value, value
    if field_of(entry) == "packages" and without_arch.count("-") < 2:
        return without_arch, value
    name = without_arch.rsplit("-", 2)[0]
    return name, f"{name}.{arch}"
