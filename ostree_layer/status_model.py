# SPDX-License-Identifier: GPL-2.0-or-later
"""What `dnf status` has to say, as values."""

from __future__ import annotations

import dataclasses

from ostree_layer.etc_model import EtcStatus
from ostree_layer.model import PackageDiff, Requests
from ostree_layer.tree_model import Certification, Signature
from ostree_layer.updates import Available, Run


@dataclasses.dataclass(frozen=True)
class SignatureStatus:
    """The signatures and certifications of a base commit; whether its remote demands any; why they are not read."""

    found: tuple[Signature, ...] = ()
    certifications: tuple[Certification, ...] = ()
    demanded: bool = False
    unread: str = ""


@dataclasses.dataclass(frozen=True)
class LiveStatus:
    """The commit that runs in the place of the booted one, but for packages that are left to the reboot."""

    checksum: str
    version: str = ""
    left: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class DeploymentStatus:
    """One deployment; `timestamp` is its commit's, in seconds since the epoch."""

    stateroot: str
    checksum: str
    serial: int
    refspec: str
    version: str
    timestamp: int
    index: int = 0
    """Its place in the boot order: 0 boots next."""
    label: str = ""
    base: str = ""
    base_version: str = ""
    pinned_to: str = ""
    """The commit that upgrades do not leave; empty where a ref is followed."""
    followed: str = ""
    """The ref that was followed before that."""
    requests: Requests = Requests()
    command: str = ""
    booted: bool = False
    staged: bool = False
    pinned: bool = False
    merge: bool = False
    """Whether it is the one whose /etc the next deployment of its stateroot gets."""
    unlocked: str = ""
    live: LiveStatus | None = None
    signatures: SignatureStatus = SignatureStatus()
    changes: PackageDiff = PackageDiff()
    """What booting it would change: see `status.read`."""
    etc: EtcStatus = EtcStatus()


@dataclasses.dataclass(frozen=True)
class AutomaticStatus:
    """What `ostree.conf` wants of automatic updates, the last run that wanted any, and what there is to upgrade to."""

    policy: str = "none"
    window: str = ""
    last_run: Run | None = None
    available: Available | None = None


@dataclasses.dataclass(frozen=True)
class Status:
    """The deployments in boot order, and what is to be said before them."""

    deployments: tuple[DeploymentStatus, ...]
    warnings: tuple[str, ...] = ()
    automatic: AutomaticStatus = AutomaticStatus()

    @property
    def is_pending(self) -> bool:
        """Whether another deployment than the booted one boots next; where none is booted, none waits."""
        return any(one.booted for one in self.deployments[1:])
