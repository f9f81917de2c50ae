# SPDX-License-Identifier: GPL-2.0-or-later
"""What is to be said of the /etc of a deployment, as values."""

from __future__ import annotations

import dataclasses

from ostree_layer.model import EtcConflict


@dataclasses.dataclass(frozen=True)
class LocalEtc:
    """How a deployment's /etc differs from its defaults; paths are relative to /etc.

    `unread` is what the calling user may not read. A directory that was removed stands for all that was in it.
    """

    modified: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class EtcObstacle:
    """A path of /etc that is one kind of thing here and another in the tree, so that libostree refuses to merge it."""

    path: str
    here: str
    tree: str


@dataclasses.dataclass(frozen=True)
class EtcStatus:
    """What is to be said of a deployment's /etc.

    `directory` is where the /etc that it has, or will get when it is finalized, is now; `defaults` is its own /usr/etc.
    """

    directory: str = ""
    defaults: str = ""
    local: LocalEtc = LocalEtc()
    conflicts: tuple[EtcConflict, ...] = ()
    obstacles: tuple[EtcObstacle, ...] = ()
