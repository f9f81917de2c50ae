# SPDX-License-Identifier: GPL-2.0-or-later
"""Requests asked for again, on another base: put to DNF together, and where they do not fit, one by one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

import dnf.exceptions
import dnf.module.module_base
import dnf.subject
import hawkey

from ostree_layer import diff, requests
from ostree_layer.errors import BlockedError
from ostree_layer.model import Outcome, Package, Requests
from ostree_layer.requests import EXACT


class Replay:
    """Requests on their way into DNF's transaction.

    `former` are the packages of the base that they were made on, `files` is the folder of kept RPM files, and `first`
    is what else belongs into the transaction.
    """

    def __init__(
        self, base: Any, wanted: Requests, former: Iterable[Package], files: Path, first: Callable[[], object] = tuple
    ) -> None:
        self._base, self._wanted, self._files, self._first = base, wanted, files, first
        self._former = {package.name_arch: package for package in former}
        self._local: dict[str, Any] = {}
        self._blocked: dict[str, str] = {}

    def mark(self, *, allow_erasing: bool, skip_broken: bool) -> Outcome:
        """Leave DNF with a resolved transaction of all that fits; BlockedError with all that does not.

        With `skip_broken`, and for what is parked already, that is no error.
        """
        self._base.conf.best, self._base.conf.strict = False, True
        self._erasing = allow_erasing
        self._add_local_files()
        entries = requests.entries(self._wanted)
        inactive = tuple(entry for entry in entries if self._is_inactive(entry))
        superseded = tuple(entry for entry in entries if entry not in inactive and self._is_superseded(entry))
        self._fit([entry for entry in entries if entry not in (*inactive, *superseded)])
        unexpected = {e: why for e, why in self._blocked.items() if e not in self._wanted.parked}
        if unexpected and not skip_broken:
            raise BlockedError(_told(unexpected), hint="--skip-broken parks them until they fit")
        return Outcome(inactive, superseded, self._blocked)

    def _fit(self, entries: list[str]) -> None:
        """Resolve as many of entries as possible, and remember why the others do not fit."""
        if self._problem(entries) is None:
            return
        fitting: list[str] = []
        for entry in entries:
            problem = self._problem([*fitting, entry])
            if problem is None:
                fitting.append(entry)
            else:
                self._blocked[entry] = problem
        if self._problem(fitting) is not None:
            raise BlockedError(f"without any request, too, the packages do not fit together: {self._problem([])}")

    def _problem(self, entries: Collection[str]) -> str | None:
        """Why DNF cannot resolve entries; None, with the transaction resolved, if it can."""
        self._base.reset(goal=True)
        try:
            self._first()
            for entry in entries:
                self._ask(entry)
            self._base.resolve(self._erasing)
        except dnf.exceptions.DepsolveError as e:
            return str(e).strip()
        except dnf.exceptions.Error as e:
            return str(e)
        return None

    def _ask(self, entry: str) -> None:
        value = requests.value_of(entry)
        {
            "modules": self._enable_module,
            "removed": self._remove,
            "replaced": self._replace,
            "local": self._install_file,
            "groups": self._install_group,
            "packages": self._install,
        }[requests.field_of(entry)](value)

    def _install(self, spec: str) -> None:
        try:
            self._base.install(spec)
        except dnf.exceptions.MarkingError as e:
            raise dnf.exceptions.Error(f"no repository has {spec}") from e

    def _install_group(self, group: str) -> None:
        self._base.read_comps(arch_filter=True)
        if not (self._base.comps.group_by_pattern(group) or self._base.comps.environment_by_pattern(group)):
            raise dnf.exceptions.Error(f"no repository has the group {group}")
        self._base.env_group_install([group], tuple(self._base.conf.group_package_types))

    def _enable_module(self, stream: str) -> None:
        try:
            dnf.module.module_base.ModuleBase(self._base).enable([stream])
        except dnf.exceptions.MarkingErrors as e:
            raise dnf.exceptions.Error(str(e)) from e

    def _remove(self, name: str) -> None:
        for package in self._installed(name):
            self._base.package_remove(package)

    def _replace(self, nevra: str) -> None:
        wished = _parse(nevra)
        found = self._base.sack.query().available().filter(nevra_strict=nevra)
        if not found and not self._is_held_back(wished):
            found = self._base.sack.query().available().filter(name=wished.name, arch=wished.arch).latest()
            found = found.filter(evr__gt=f"{wished.epoch}:{wished.version}-{wished.release}")
        if not found:
            raise dnf.exceptions.Error(
                f"no repository has {nevra}" + ("" if self._is_held_back(wished) else " or newer")
            )
        self._base.package_install(found[0])

    def _install_file(self, entry: str) -> None:
        if entry not in self._local:
            raise dnf.exceptions.Error("its RPM file is not kept any more")
        self._base.package_install(self._local[entry])

    def _add_local_files(self) -> None:
        wanted = [e for e in requests.entries(self._wanted) if requests.field_of(e) == "local"]
        kept = {requests.value_of(e): self._files / f"{requests.value_of(e).partition(':')[0]}.rpm" for e in wanted}
        present = {entry: path for entry, path in kept.items() if path.exists()}
        packages = self._base.add_remote_rpms([str(path) for path in present.values()])
        self._local = dict(zip(present, packages))

    def _is_inactive(self, entry: str) -> bool:
        """Whether the base is already as the request wants it, so that it may become one again on the next base."""
        field, value = requests.field_of(entry), requests.value_of(entry)
        if field == "packages":
            return bool(dnf.subject.Subject(value).get_best_query(self._base.sack).installed())
        if field == "removed":
            return not self._installed(value)
        if field not in EXACT:
            return False
        wished = _parse(requests.shown(entry))
        there = self._there(wished)
        return field == "replaced" if there is None else there.evr == wished.evr

    def _is_superseded(self, entry: str) -> bool:
        """Whether the base has gone farther than the user had."""
        if requests.field_of(entry) not in EXACT:
            return False
        wished = _parse(requests.shown(entry))
        there = self._there(wished)
        return there is not None and diff.is_newer(wished, there) and not self._is_held_back(wished)

    def _is_held_back(self, wished: Package) -> bool:
        """Whether the user wanted a version that was older than that of the former base."""
        was = self._former.get(wished.name_arch)
        return was is not None and diff.is_newer(wished, was)

    def _there(self, wished: Package) -> Package | None:
        found = self._base.sack.query().installed().filter(name=wished.name, arch=wished.arch)
        return (
            None
            if not found
            else Package(wished.name, str(found[0].epoch), found[0].version, found[0].release, wished.arch)
        )

    def _installed(self, name: str) -> list[Any]:
        """The packages of the base that a name, or NAME.ARCH, means."""
        subject, forms = dnf.subject.Subject(name), [hawkey.FORM_NAME, hawkey.FORM_NA]
        return list(subject.get_best_query(self._base.sack, with_provides=False, forms=forms).installed())


def _parse(nevra: str) -> Package:
    found = hawkey.Subject(nevra).get_nevra_possibilities(forms=[hawkey.FORM_NEVRA])[0]
    return Package(found.name, str(max(found.epoch or 0, 0)), found.version, found.release, found.arch)


def _told(blocked: dict[str, str]) -> str:
    """All blockers, each with its reason."""
    count = len(blocked)
    head = f"{count} request{'s do' if count != 1 else ' does'} not fit the new base:"
    lines = (f"  {requests.shown(entry)}: {_indented(reason)}" for entry, reason in blocked.items())
    return "\n".join([head, *lines])


def _indented(reason: str) -> str:
    first, *rest = (line.strip() for line in reason.splitlines())
    return first if not rest else "\n".join(["", *(f"    {line}" for line in [first, *rest])])
