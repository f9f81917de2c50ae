# SPDX-License-Identifier: GPL-2.0-or-later
"""The option `interop`: in whose words, besides our own, a local tree is written."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from ostree_layer import checkout, local_rpms, repo, rpm_ostree, rpmdb
from ostree_layer.model import LocalCommit, Package, Settings
from ostree_layer.ostree_gi import GLib, OSTree
from ostree_layer.rpm_ostree import Layer


class Words(NamedTuple):
    """A local tree in the words of others, and what to tell the user where they have none."""

    layer: Layer | None = None
    notices: tuple[str, ...] = ()

    def metadata(self, base: str) -> dict[str, GLib.Variant]:
        """What a commit on a base says to them."""
        return {} if self.layer is None else rpm_ostree.metadata_of(self.layer, base)


def words(
    settings: Settings, store: OSTree.Repo, local: LocalCommit, packages: Collection[Package], work_folder: Path
) -> Words:
    """The tree as rpm-ostree would say it, where that is wanted, and it has words for all of it."""
    if settings.interop != "rpm-ostree":
        return Words()
    base = checkout.require_packages(store, local.base)
    entries = (entry.partition(":") for entry in local.requests.local)
    files = {nevra: local_rpms.kept_file(work_folder, digest) for digest, _, nevra in entries}
    lost = [nevra for nevra, file in files.items() if not file.exists()]
    if rpm_ostree.is_layered(repo.metadata(repo.load_commit(store, local.base))):
        wordless = "a base that has layers itself"  # rpm-ostree would take it for one that has none
    elif lost:
        wordless = f"RPM files that are no longer there ({', '.join(lost)})"
    else:
        wordless = rpm_ostree.wordless(local.requests, base, packages)
    if wordless:
        return Words(notices=(f"rpm-ostree has no words for {wordless}: to it, the tree is one without layers.",))
    digests = {nevra: rpmdb.header_digest(file) for nevra, file in files.items()}
    return Words(rpm_ostree.layer_of(local.requests, base, packages, digests))
