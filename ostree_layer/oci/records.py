# SPDX-License-Identifier: GPL-2.0-or-later
"""What is known of images that were brought: with their commits here, their layers need not be fetched again."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

from ostree_layer import files, repo
from ostree_layer.ostree_gi import OSTree

# What was brought last is kept as a remote's ref keeps it; of a derived image also the commit that it is derived from.
NEWEST, BASE = "ostree-layer/image/newest", "ostree-layer/image/base"


@dataclasses.dataclass(frozen=True)
class Record:
    """An image by what it was called and by the digest of its manifest, its commit, and its layers of objects."""

    image: str
    digest: str
    commit: str
    layers: tuple[str, ...]


class Records:
    """Those of a repository, as long as it has the commits."""

    def __init__(self, store: OSTree.Repo) -> None:
        self._store = store
        self._folder = Path(repo.path_of(store), "extensions/ostree-layer/images")

    def all(self) -> list[Record]:
        return [record for _path, record in self._read() if record is not None and self._is_here(record)]

    def find(self, image: str, digest: str = "") -> Record | None:
        """The newest of an image, of a digest if one is given."""
        found = [record for record in self.all() if record.image == image and digest in ("", record.digest)]
        return max(found, key=lambda record: repo.timestamp(repo.load_commit(self._store, record.commit)), default=None)

    def layers(self) -> set[str]:
        """The layers whose objects are here."""
        return {layer for record in self.all() for layer in record.layers}

    def add(self, record: Record) -> None:
        """Write it down, and forget those whose commits are gone."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path, former in list(self._read()):
            if former is None or not self._is_here(former):
                path.unlink()
        text = json.dumps(dataclasses.asdict(record)).encode()
        files.replace(self._folder / f"{record.digest.rpartition(':')[2]}.json", text)

    def _read(self) -> Iterator[tuple[Path, Record | None]]:
        """One that cannot be read is worth as much as none."""
        for path in sorted(self._folder.glob("*.json")):
            record = None
            with contextlib.suppress(ValueError, TypeError):
                values = json.loads(path.read_bytes())
                record = Record(**{**values, "layers": tuple(values["layers"])})
            yield path, record

    def _is_here(self, record: Record) -> bool:
        return repo.has_whole_commit(self._store, record.commit)
