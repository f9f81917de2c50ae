# SPDX-License-Identifier: GPL-2.0-or-later
"""The folder form of an image: content under its digest, and an index of what is there."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import tempfile
import zlib
from pathlib import Path
from typing import Any

from ostree_layer import files, modes
from ostree_layer.errors import RepoError

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
INDEX = "application/vnd.oci.image.index.v1+json"
NAME = "org.opencontainers.image.ref.name"
LEVEL = 6
# For zlib: the header of gzip, without a name or a time in it.
GZIP = 31


@dataclasses.dataclass(frozen=True)
class Blob:
    """Something in the folder: its digest, its bytes, and, of a layer, the digest of what is compressed in it."""

    digest: str
    size: int
    diff_id: str = ""

    def descriptor(self, kind: str, **more: Any) -> dict[str, Any]:
        return {"mediaType": kind, "digest": self.digest, "size": self.size, **more}


def as_json(value: Any) -> bytes:
    """The same bytes for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class Layout:
    """The folder at a path, made if it is not there; RepoError where it is something else."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if path.exists() and not path.is_dir():
            raise RepoError(f"{path} is no folder", hint="oci:DIR names a folder of images, or one that is to be made")
        if path.is_dir() and any(path.iterdir()) and not (path / "index.json").is_file():
            raise RepoError(f"{path} is not empty, and no folder of images", hint="oci:DIR names another one")
        with modes.usual():
            self.blobs.mkdir(parents=True, exist_ok=True)
        files.replace(path / "oci-layout", as_json({"imageLayoutVersion": "1.0.0"}))

    @property
    def blobs(self) -> Path:
        return self._path / "blobs/sha256"

    def add(self, content: bytes) -> Blob:
        digest = hashlib.sha256(content).hexdigest()
        files.replace(self.blobs / digest, content)
        return Blob(f"sha256:{digest}", len(content))

    def layer(self) -> LayerFile:
        return LayerFile(self.blobs)

    def name(self, manifest: dict[str, Any], tag: str) -> None:
        """Let a tag, or no tag, lead to a manifest, given as its descriptor, from now on."""
        path, former = self._path / "index.json", []
        if path.exists():
            try:
                former = json.loads(path.read_bytes())["manifests"]
            except (ValueError, KeyError, TypeError) as e:
                raise RepoError(f"{path} cannot be read as an index of images") from e
        others = [entry for entry in former if entry.get("annotations", {}).get(NAME, "") != tag]
        named = {**manifest, "annotations": {NAME: tag}} if tag else manifest
        files.replace(path, as_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": [*others, named]}))


class LayerFile:
    """A layer that is being written: compressed as it comes, and under its digest when it is closed."""

    def __init__(self, folder: Path) -> None:
        descriptor, self._path = tempfile.mkstemp(prefix=".layer-", dir=folder)
        self._file = open(descriptor, "wb")
        self._packer = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
        self._inner, self._outer, self._size = hashlib.sha256(), hashlib.sha256(), 0

    def __enter__(self) -> LayerFile:
        return self

    def __exit__(self, *_of_exception: object) -> None:
        """What was not closed is not kept."""
        self._file.close()
        if os.path.exists(self._path):
            os.unlink(self._path)

    def write(self, data: bytes) -> None:
        self._inner.update(data)
        self._put(self._packer.compress(data))

    def _put(self, packed: bytes) -> None:
        self._outer.update(packed)
        self._size += len(packed)
        self._file.write(packed)

    def close(self) -> Blob:
        self._put(self._packer.flush())
        self._file.flush()
        os.fchmod(self._file.fileno(), 0o644)
        os.fsync(self._file.fileno())
        digest = self._outer.hexdigest()
        os.replace(self._path, os.path.join(os.path.dirname(self._path), digest))
        return Blob(f"sha256:{digest}", self._size, f"sha256:{self._inner.hexdigest()}")
