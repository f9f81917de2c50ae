# SPDX-License-Identifier: GPL-2.0-or-later
"""The values that the floors above hand to each other."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping

# Names of packages that a running system is not given: what has begun with the old ones goes on with them.
NOT_LIVE = (
    *("kernel", "kernel-*", "linux-image-*", "linux-modules-*", "glibc", "glibc-common", "libc6", "libc-bin"),
    *("systemd", "systemd-libs", "systemd-udev", "systemd-pam", "libsystemd*", "udev", "dbus", "dbus-*"),
)
# Of a GPG key: what ends its fingerprint.
KEY_ID = re.compile(r"(0x)?[0-9A-Fa-f]{8,}", re.IGNORECASE)


@dataclasses.dataclass(frozen=True, order=True)
class Package:
    """One installed package, in the order of `rpmostree.rpmdb.pkglist`'s columns."""

    name: str
    epoch: str
    version: str
    release: str
    arch: str

    @property
    def evr(self) -> str:
        return (f"{self.epoch}:" if self.epoch not in ("", "0") else "") + f"{self.version}-{self.release}"

    @property
    def nevra(self) -> str:
        return f"{self.name}-{self.evr}.{self.arch}"

    @property
    def name_arch(self) -> str:
        return f"{self.name}.{self.arch}"


@dataclasses.dataclass(frozen=True)
class Requests:
    """What the user asked for on top of the base commit; it can be asked for again on another one.

    `replaced` holds NEVRAs, `local` holds `SHA256:NEVRA` of RPM files that no repository has. The last two hold
    requests of which nothing is to be seen in the tree, as `FIELD:VALUE`: the base has them already, or they did not
    fit it. Both are asked for again on the next base.
    """

    packages: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    local: tuple[str, ...] = ()
    inactive: tuple[str, ...] = ()
    parked: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, stored: Mapping[str, Iterable[str]]) -> Requests:
        """Read what `dataclasses.asdict` wrote; a newer writer's further fields are left out."""
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: tuple(values) for name, values in stored.items() if name in known})


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of requests that were asked for again and of which the transaction has nothing, as `FIELD:VALUE`.

    The base has the inactive ones already, and newer packages than the superseded ones; why others do not fit is said.
    """

    inactive: tuple[str, ...] = ()
    superseded: tuple[str, ...] = ()
    blocked: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Transaction:
    """What made a commit: the command line, the loginuid's user, NEVRAs in and out, and ids of DNF's history.

    `has_former_history`: the entries before these are those of the commit that this one was made from.
    """

    command: str = ""
    user: str = ""
    installed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    history: tuple[int, ...] = ()
    has_former_history: bool = False


@dataclasses.dataclass(frozen=True)
class LocalCommit:
    """What our metadata says of a commit that was made on this host."""

    base: str
    base_refspec: str
    previous: str
    requests: Requests
    transaction: Transaction


@dataclasses.dataclass(frozen=True)
class PackageDiff:
    """How the packages of one tree differ from those of another; pairs are (old, new)."""

    added: tuple[Package, ...] = ()
    removed: tuple[Package, ...] = ()
    upgraded: tuple[tuple[Package, Package], ...] = ()
    downgraded: tuple[tuple[Package, Package], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.upgraded or self.downgraded)

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Each package that changed: name and architecture, version before, version now; empty where there was none."""
        for old, new in sorted((*self.upgraded, *self.downgraded)):
            yield old.name_arch, old.evr, new.evr
        for package in self.removed:
            yield package.name_arch, package.evr, ""
        for package in self.added:
            yield package.name_arch, "", package.evr


@dataclasses.dataclass(frozen=True)
class Settings:
    """`ostree.conf`, with its defaults."""

    sysroot: str = ""
    stateroot: str = ""
    strict_scriptlets: bool = True
    scriptlets_network: bool = False
    os_release: bool = False
    upgrade: str = "both"
    base: str = "free"
    interop: str = "none"
    deployments: int = 2
    history: int = 10
    store: str = "/srv/trees"
    automatic: str = "none"
    automatic_window: str = ""
    certified_by: tuple[str, ...] = ()
    not_live: tuple[str, ...] = NOT_LIVE


@dataclasses.dataclass(frozen=True)
class Network:
    """What the user says of downloads, in DNF's words: rates in bytes a second, 0 for no limit; `timeout` in seconds.

    `proxy` is an address, with the name and password in it where it needs them; empty for none.
    """

    proxy: str = ""
    retries: int = 10
    timeout: int = 30
    minrate: int = 1000
    throttle: int = 0


@dataclasses.dataclass(frozen=True)
class Target:
    """The sysroot that a run acts on: `/` when it is the booted host's, or beside a system that is no OSTree host."""

    sysroot: str
    stateroot: str = ""
    is_booted_host: bool = False


@dataclasses.dataclass(frozen=True)
class Destination:
    """A tree to go to: a commit, and the refspec that is followed from then on.

    `is_pinned`: that commit and no other, until somebody says so. `is_override`: that commit until the next upgrade.
    `requests` are to be asked for there, where it is not what was asked for before.
    """

    checksum: str
    refspec: str
    is_pinned: bool = False
    is_override: bool = False
    requests: Requests | None = None


@dataclasses.dataclass(frozen=True)
class EtcConflict:
    """A path of /etc that is added, changed or removed both here and in the tree; what is here is kept."""

    path: str
    here: str
    tree: str
    is_account_file: bool = False


@dataclasses.dataclass(frozen=True)
class Deployed:
    """The deployment that a run made.

    `left_out` is what scriptlets made that belongs to one machine only, `notices` are further sentences for the user.
    """

    checksum: str
    version: str
    is_staged: bool
    sysroot: str
    stateroot: str
    etc_conflicts: tuple[EtcConflict, ...] = ()
    left_out: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class RolledBack:
    """What boots next; `dropped` is the checksum of a staged deployment that therefore never will.

    `is_live`: another deployment than the booted one was applied to the running system.
    """

    deployed: Deployed
    is_booted: bool
    dropped: str
    is_live: bool = False


@dataclasses.dataclass(frozen=True)
class Advisory:
    """A notice about updated packages, by NEVRA; `kind` and `severity` are the words of `advisories`.

    `references` are the CVEs that it is about: name and address.
    """

    name: str
    kind: str
    severity: str
    packages: tuple[str, ...] = ()
    references: tuple[tuple[str, str], ...] = ()
