# SPDX-License-Identifier: GPL-2.0-or-later
"""A commit as an image: its layers, what is said of it, and where it goes."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from pathlib import Path
from typing import Any

from ostree_layer import checkout, dnf_base, packaged, repo
from ostree_layer.contents import Contents
from ostree_layer.errors import RepoError
from ostree_layer.model import Network
from ostree_layer.oci import chunks, form, layout, reference, skopeo
from ostree_layer.oci.layers import LayerWriter
from ostree_layer.oci.layout import Blob, Layout
from ostree_layer.ostree_gi import OSTree
from ostree_layer.report import Report


@dataclasses.dataclass(frozen=True)
class Written:
    """An image that was written: under which name, its digest, and its layers with all their bytes."""

    image: str
    digest: str
    layers: int
    size: int


@dataclasses.dataclass(frozen=True)
class Layer:
    """A layer that is written, whose files are in it, and what its history says."""

    blob: Blob
    components: tuple[str, ...]
    made_by: str

    @property
    def annotations(self) -> dict[str, str]:
        return {form.COMPONENTS: ",".join(self.components)} if self.components else {form.ENCAPSULATED: "true"}


def export(store: OSTree.Repo, checksum: str, word: str, network: Network, report: Report) -> Written:
    """Write a commit as an image; to what is no folder, skopeo copies it from one that is there for a moment."""
    target = reference.parse(word).name
    if repo.is_partial(store, checksum):
        raise RepoError(f"commit {checksum} cannot be exported: only a part of it is here", hint=checkout.PULL_ALL)
    if target.startswith(reference.FOLDER):
        path, _, tag = target[len(reference.FOLDER) :].partition(":")
        return _write(store, checksum, Layout(Path(path)), tag, report, target)
    skopeo.require()
    # In memory, as /tmp often is, there may be no room for it.
    with tempfile.TemporaryDirectory(prefix="dnf-ostree-", dir=os.environ.get("TMPDIR") or "/var/tmp") as folder:
        written = _write(store, checksum, Layout(Path(folder)), "", report, target)
        with report(f"Copying the image to {target}"):
            skopeo.copy(f"{reference.FOLDER}{folder}", target, network)
    return written


def _write(store: OSTree.Repo, checksum: str, into: Layout, tag: str, report: Report, image: str) -> Written:
    layers = _layers(store, checksum, into, report)
    labels = _labels(store, checksum, layers[-1].blob.diff_id)
    config = into.add(layout.as_json(_config(store, checksum, layers, labels)))
    described = [layer.blob.descriptor(layout.LAYER, annotations=layer.annotations) for layer in layers]
    manifest = {
        "schemaVersion": 2,
        "mediaType": layout.MANIFEST,
        "config": config.descriptor(layout.CONFIG),
        "layers": described,
        "annotations": labels,
    }
    blob = into.add(layout.as_json(manifest))
    platform = {"os": "linux", "architecture": _architecture(store, checksum)}
    into.name(blob.descriptor(layout.MANIFEST, platform=platform), tag)
    return Written(image, blob.digest, len(layers), sum(layer.blob.size for layer in layers))


def _layers(store: OSTree.Repo, checksum: str, into: Layout, report: Report) -> list[Layer]:
    """The layer of the commit, which comes first, and those of its files."""
    contents = Contents(store, checksum)
    subject = repo.load_commit(store, checksum).get_child_value(3).get_string()
    with report("Looking at the packages"):
        parts = chunks.divide(contents, packaged.owners(store, checksum, contents))
    with into.layer() as out:
        LayerWriter(store, contents, out).commit(checksum)
        layers = [Layer(out.close(), (), subject or f"ostree export of commit {checksum}")]
    for number, chunk in enumerate(parts, 1):
        with into.layer() as out, report(f"Writing layer {number} of {len(parts)}"):
            LayerWriter(store, contents, out).chunk(chunk)
            layers.append(Layer(out.close(), chunk.components, " ".join(chunk.components)))
    return layers


def _labels(store: OSTree.Repo, checksum: str, final: str) -> dict[str, str]:
    """What rpm-ostree, bootc and people look for in an image."""
    commit = repo.load_commit(store, checksum)
    values = repo.metadata(commit)
    labels = {form.COMMIT: checksum, form.FINAL: final}
    if version := repo.version(commit):
        labels.update(dict.fromkeys((form.VERSION, form.FORMER_VERSION), version))
    if form.BOOTABLE in values:
        is_bootable = values[form.BOOTABLE].get_boolean()
        labels.update({form.BOOTABLE: str(is_bootable).lower(), form.BOOTC: "1"})
    if form.LINUX in values:
        labels[form.LINUX] = values[form.LINUX].get_string()
    return labels


def _config(store: OSTree.Repo, checksum: str, layers: list[Layer], labels: dict[str, str]) -> dict[str, Any]:
    commit = repo.load_commit(store, checksum)
    command = repo.metadata(commit).get(form.COMMAND)
    created = repo.time_of(commit)
    return {
        "architecture": _architecture(store, checksum),
        "os": "linux",
        "created": created,
        "config": {"Labels": labels, **({"Cmd": command.unpack()} if command is not None else {})},
        "rootfs": {"type": "layers", "diff_ids": [layer.blob.diff_id for layer in layers]},
        "history": [{"created": created, "created_by": layer.made_by} for layer in layers],
    }


def _architecture(store: OSTree.Repo, checksum: str) -> str:
    """That of the tree's packages, in the word of containers; this machine's where they do not say."""
    packages = checkout.packages(store, checksum) or ()
    found = {dnf_base.basearch_of(package.arch) for package in packages} - {""}
    arch = min(found or {dnf_base.basearch()})
    return form.PLATFORMS.get(arch, arch)
