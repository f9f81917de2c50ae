# SPDX-License-Identifier: GPL-2.0-or-later
"""What rpm-ostree and bootc take from an image, with what they insist on; images made by hand; a registry."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import hashlib
import io
import json
import socket
import subprocess
import tarfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

OBJECTS = "sysroot/ostree/repo/objects/"
GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclasses.dataclass
class Parsed:
    """An image of a folder: `objects` are the names below repo/objects, `seen` what a container has as its root."""

    folder: Path
    manifest: dict[str, Any]
    config: dict[str, Any]
    objects: dict[str, bytes] = dataclasses.field(default_factory=dict)
    seen: dict[str, tarfile.TarInfo] = dataclasses.field(default_factory=dict)

    @property
    def labels(self) -> dict[str, str]:
        return dict(self.config["config"]["Labels"])

    @property
    def layers(self) -> list[str]:
        return [layer["digest"] for layer in self.manifest["layers"]]

    def content(self, path: str) -> bytes:
        """What a container reads at path."""
        info = self.seen[path]
        return self.objects[info.linkname.removeprefix(OBJECTS)] if info.islnk() else b""


def blob(folder: Path, digest: str) -> bytes:
    data = (folder / "blobs/sha256" / digest.removeprefix("sha256:")).read_bytes()
    assert digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
    return data


def read(folder: Path, tag: str = "") -> Parsed:
    """What is said of an image, without its content."""
    assert json.loads((folder / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    index = json.loads((folder / "index.json").read_text())["manifests"]
    named = {one.get("annotations", {}).get("org.opencontainers.image.ref.name", ""): one for one in index}
    manifest = json.loads(blob(folder, named[tag]["digest"]))
    config = json.loads(blob(folder, manifest["config"]["digest"]))
    assert len(config["rootfs"]["diff_ids"]) == len(manifest["layers"]) == len(config["history"])
    return Parsed(folder, manifest, config)


def parse(folder: Path, tag: str = "") -> Parsed:
    """Read an image by the rules of the format; AssertionError where an importer would end."""
    found = read(folder, tag)
    diff_ids = found.config["rootfs"]["diff_ids"]
    assert found.labels["ostree.final-diffid"] == diff_ids[-1]
    for number, layer in enumerate(found.manifest["layers"]):
        assert layer["mediaType"] == GZIP
        data = gzip.decompress(blob(folder, layer["digest"]))
        assert diff_ids[number] == f"sha256:{hashlib.sha256(data).hexdigest()}"
        _read_layer(found, data, is_first=number == 0)
    return found


class _Importer:
    """The state of an importer: attributes known in this layer, and those of the file that comes next."""

    def __init__(self, found: Parsed, tar: tarfile.TarFile) -> None:
        self.found, self.tar = found, tar
        self.attributes: set[str] = set()
        self.coming: tuple[str, str] | None = None

    def take(self, name: str, info: tarfile.TarInfo) -> str:
        """Take an object, and return its kind."""
        kind = name.rpartition(".")[2]
        if kind == "file-xattrs":
            content = _content(self.tar, info)
            assert hashlib.sha256(content).hexdigest() == name.partition(".")[0].replace("/", "")
            self.attributes.add(name)
        elif kind == "file-xattrs-link":
            assert self.coming is None and info.islnk()
            self.coming = (name.removesuffix("-xattrs-link"), info.linkname.removeprefix(OBJECTS))
        else:
            self._keep(kind, name, info)
        return kind

    def _keep(self, kind: str, name: str, info: tarfile.TarInfo) -> None:
        if kind == "file":
            assert self.coming is not None and self.coming[0] == name and self.coming[1] in self.attributes
            self.coming = None
        else:
            assert kind in ("commit", "commitmeta", "dirtree", "dirmeta"), name
        assert name not in self.found.objects
        self.found.objects[name] = info.linkname.encode() if info.issym() else _content(self.tar, info)


def _read_layer(found: Parsed, data: bytes, *, is_first: bool) -> None:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        members = tar.getmembers()
        assert len({info.name for info in members}) == len(members), "nothing may be in a layer twice"
        importer, kinds = _Importer(found, tar), []
        for info in members:
            if not info.isdir() and info.name.startswith(OBJECTS):
                kinds.append(importer.take(info.name.removeprefix(OBJECTS), info))
            elif info.name != "sysroot/ostree/repo/config":
                found.seen[info.name] = info
    if is_first:
        assert kinds[0] == "commit" and members[0].isdir() and members[0].name in (".", "./")
    else:
        assert set(kinds) == {"file", "file-xattrs", "file-xattrs-link"}


def _content(tar: tarfile.TarFile, info: tarfile.TarInfo) -> bytes:
    source = tar.extractfile(info)
    assert info.isreg() and source is not None
    return source.read()


def append(folder: Path, entries: Mapping[str, bytes | str | None], *, base: str = "", tag: str = "") -> None:
    """Build an image on the one of a tag, as a container build does: bytes are files, text is a link, None a folder.

    A text that begins with a slash is a hard link.
    """
    data = _tar(entries)
    former = read(folder, base) if (folder / "index.json").exists() else None
    config = former.config if former else {"architecture": "amd64", "os": "linux", "config": {}, "history": []}
    config.setdefault("rootfs", {"type": "layers", "diff_ids": []})
    config["rootfs"]["diff_ids"].append(f"sha256:{hashlib.sha256(data).hexdigest()}")
    config["history"].append({"created_by": "COPY"})
    config["created"] = "2024-05-06T07:08:09.1Z"
    layers = former.manifest["layers"] if former else []
    write(folder, config, [*layers, put(folder, GZIP, gzip.compress(data, mtime=0))], tag)


def _tar(entries: Mapping[str, bytes | str | None]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, value in entries.items():
            info = tarfile.TarInfo(name)
            info.mode = 0o755 if value is None else 0o644
            if value is None:
                info.type = tarfile.DIRTYPE
            elif isinstance(value, str):
                is_hard = value.startswith("/")
                info.type, info.linkname = (tarfile.LNKTYPE if is_hard else tarfile.SYMTYPE), value.lstrip("/")
            else:
                info.size = len(value)
            tar.addfile(info, io.BytesIO(value) if isinstance(value, bytes) else None)
    return out.getvalue()


def write(folder: Path, config: dict[str, Any], layers: list[dict[str, Any]], tag: str = "") -> None:
    """Let the tag lead to an image of these."""
    described = put(folder, "application/vnd.oci.image.config.v1+json", json.dumps(config).encode())
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": described, "layers": layers}
    index = {**put(folder, kind, json.dumps(manifest).encode())}
    index["annotations"] = {"org.opencontainers.image.ref.name": tag} if tag else {}
    path = folder / "index.json"
    others = json.loads(path.read_text())["manifests"] if path.exists() else []
    kept = [one for one in others if one.get("annotations", {}) != index["annotations"]]
    path.write_text(json.dumps({"schemaVersion": 2, "manifests": [*kept, index]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


def put(folder: Path, kind: str, data: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    (folder / "blobs/sha256").mkdir(parents=True, exist_ok=True)
    (folder / "blobs/sha256" / digest).write_bytes(data)
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}


@dataclasses.dataclass(frozen=True)
class Registry:
    """A registry on this machine, without TLS; `log` has its requests."""

    address: str
    log: Path

    def allow(self, home: Path) -> None:
        """Let a user talk to it without TLS."""
        path = home / ".config/containers/registries.conf"
        path.parent.mkdir(parents=True)
        path.write_text(f'[[registry]]\nlocation = "{self.address}"\ninsecure = true\n')

    def fetched(self) -> list[str]:
        """The blobs that were asked for since the last time."""
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        uris = [
            line["http.request.uri"]
            for line in lines
            if line.get("msg") == "response completed"
            and line.get("http.request.method") == "GET"
            and "/blobs/" in line.get("http.request.uri", "")
        ]
        self.log.write_text("")
        return [uri.rpartition("/")[2] for uri in uris]


@contextlib.contextmanager
def registry(folder: Path) -> Iterator[Registry]:
    """Let docker-registry serve from a folder for the body."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    folder.mkdir()
    config = {
        "version": 0.1,
        "log": {"level": "info", "formatter": "json"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": address},
    }
    (folder / "config.yml").write_text(json.dumps(config))
    log = folder / "log"
    with log.open("ab") as out:
        argv = ["docker-registry", "serve", str(folder / "config.yml")]
        with subprocess.Popen(argv, stdout=out, stderr=out) as server:
            try:
                _wait(address)
                yield Registry(address, log)
            finally:
                server.terminate()


def _wait(address: str) -> None:
    host, _, port = address.partition(":")
    for _attempt in range(200):
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError("the registry does not come up")
