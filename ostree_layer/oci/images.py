# SPDX-License-Identifier: GPL-2.0-or-later
"""Images that hosts follow: looked at, which takes no more than the commit, and brought, no more than is missing."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from ostree_layer import dnf_base, repo
from ostree_layer.contents import Contents
from ostree_layer.downloads import Progress
from ostree_layer.errors import RepoError
from ostree_layer.failpoint import failpoint
from ostree_layer.model import Network
from ostree_layer.oci import derived, reference, skopeo
from ostree_layer.oci.form import COMMIT, FINAL, FORMER_FINAL, PLATFORMS
from ostree_layer.oci.importing import Importer
from ostree_layer.oci.records import BASE, NEWEST, Record, Records
from ostree_layer.ostree_gi import OSTree


@dataclasses.dataclass(frozen=True)
class Seen:
    """An image as its manifest and configuration tell: the layers of the commit, and those on top of them."""

    digest: str
    manifest: dict[str, Any]
    config: dict[str, Any]
    layers: Sequence[dict[str, Any]]
    above: Sequence[dict[str, Any]]


class Images:
    """Images for a repository."""

    def __init__(self, store: OSTree.Repo, network: Network, progress: Progress) -> None:
        self._store, self._network, self._progress = store, network, progress
        self._records = Records(store)
        self._seen: dict[str, str] = {}

    def known(self, word: str) -> str:
        """The commit that the image had when it was last brought; RepoError where it never was."""
        found = self._records.find(word)
        if found is None:
            raise RepoError(f"{word} was never brought here", hint="without --cacheonly it is")
        return found.commit

    def look(self, word: str, base: str = "") -> str:
        """The commit that the image is now; of one that is not here yet, no content has come.

        A derived image, which has no commit before it is made of it, is brought as a whole. `base` is a commit that may
        have been made of this image by other tools: then it is that one.
        """
        with skopeo.opened(reference.parse(word).name, self._network) as image:
            seen = read(word, image)
            self._seen[word] = seen.digest
            if base and derived.made_from(self._store, base) == seen.digest:
                return base
            found = self._records.find(word, seen.digest)
            if found is not None:
                return found.commit
            commit = self._fetch_commit(image, seen)
            failpoint("images::looked")
            if not seen.above:
                return commit
            self._bring(word, image, seen, commit)
            return self._derive(word, image, seen, commit)

    def bring(self, word: str, commit: str) -> None:
        """Fetch what is missing of a commit that `look` has found."""
        if self._records.find(word, self._seen[word]):
            return
        with skopeo.opened(reference.parse(word).name, self._network) as image:
            seen = read(word, image)
            if seen.digest != self._seen[word]:
                raise RepoError(f"{word} has become another image in the meantime", hint="try again")
            self._bring(word, image, seen, commit)
        failpoint("images::fetched")

    def _fetch_commit(self, image: skopeo.Image, seen: Seen) -> str:
        """The commit of the objects, from the first layer, where all is that is not files."""
        named = _labels(seen.config).get(COMMIT, "")
        first = seen.layers[0]
        if first["digest"] in self._records.layers() and named and repo.has_commit(self._store, named):
            return str(named)
        importer = Importer(self._store)
        self._fetch(image, first, importer)
        if not importer.commit or named not in ("", importer.commit):
            raise RepoError(f"the image says that its commit is {named}, but it has {importer.commit or 'none'}")
        return importer.commit

    def _bring(self, word: str, image: skopeo.Image, seen: Seen, commit: str) -> None:
        missing = _missing(self._store, commit)
        importer, known = Importer(self._store), self._records.layers()
        # Those that should be here are fetched only if something proves to be missing after all.
        rest = seen.layers[1:]
        for layers in ([one for one in rest if one["digest"] not in known], seen.layers):
            for layer in layers:
                if missing:
                    self._fetch(image, layer, importer, len(missing))
                    failpoint("images::layer")
            missing = _missing(self._store, commit) if missing else missing
        if missing:
            raise RepoError(f"{word} does not have all of commit {commit}: object {min(missing)} is missing")
        self._store.mark_commit_partial(commit, False)
        if not seen.above:
            self._keep(word, seen, commit)

    def _derive(self, word: str, image: skopeo.Image, seen: Seen, base: str) -> str:
        layer = derived.Merger(self._store, base)
        with repo.transaction(self._store):
            for one in seen.above:
                with image.blob(one["digest"], one["size"]) as blob:
                    layer.apply(one["mediaType"], blob)
            made = layer.commit(seen.digest, seen.manifest, seen.config)
        repo.set_ref(self._store, BASE, base)
        self._keep(word, seen, made)
        return made

    def _keep(self, word: str, seen: Seen, commit: str) -> None:
        repo.set_ref(self._store, NEWEST, commit)
        self._records.add(Record(word, seen.digest, commit, tuple(layer["digest"] for layer in seen.layers)))

    def _fetch(self, image: skopeo.Image, layer: dict[str, Any], importer: Importer, wanted: int = 0) -> None:
        with repo.transaction(self._store), image.blob(layer["digest"], layer["size"]) as blob:
            importer.layer(layer["mediaType"], blob)
        self._progress(min(importer.written, wanted), wanted, layer["size"])


def read(word: str, image: skopeo.Image) -> Seen:
    """What an image is; RepoError where it is no tree, or none for this machine."""
    digest, manifest = image.manifest()
    config = image.config()
    try:
        layers, identities = manifest["layers"], config["rootfs"]["diff_ids"]
        labels = _labels(config)
        _require_architecture(word, config["architecture"])
        if FINAL not in labels:
            raise _no_tree(word, labels, layers, config)
        end = identities.index(labels[FINAL]) + 1
    except (KeyError, TypeError, ValueError) as e:
        raise RepoError(f"{word} does not say what its layers are") from e
    return Seen(digest, manifest, config, layers[:end], layers[end:])


def _labels(config: dict[str, Any]) -> dict[str, str]:
    return (config.get("config") or {}).get("Labels") or {}


def _no_tree(word: str, labels: dict[str, str], layers: Sequence[Any], config: dict[str, Any]) -> RepoError:
    if FORMER_FINAL in labels:
        hint = "today's rpm-ostree and 'dnf tree export --oci' write another form"
        return RepoError(f"{word} is a tree in the first form of such images, which is not known here", hint=hint)
    made = f"an image of {len(layers)} layers, made {config.get('created', 'at an unknown time')}"
    hint = "'dnf tree export --oci', rpm-ostree and what builds on their images make such that are"
    return RepoError(f"{word} is no tree: it is {made}, with no ostree commit in it", hint=hint)


def _require_architecture(word: str, found: str) -> None:
    basearch = dnf_base.basearch()
    here = PLATFORMS.get(basearch, basearch)
    if found != here:
        raise RepoError(f"{word} is an image for {found}; this host is {here}")


def _missing(store: OSTree.Repo, commit: str) -> set[str]:
    """The objects of a commit that are not here."""
    contents = Contents(store, commit)
    names = {entry.contents for _path, entry in contents.walk(contents.root) if not entry.is_directory}
    return {name for name in names if not store.has_object(OSTree.ObjectType.FILE, name, None)[1]}
