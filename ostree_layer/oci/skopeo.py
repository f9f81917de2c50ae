# SPDX-License-Identifier: GPL-2.0-or-later
"""skopeo, which knows registries: it copies images, and hands out what is in one, piece by piece."""

from __future__ import annotations

import array
import contextlib
import hashlib
import json
import os
import re
import shutil
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from ostree_layer import process
from ostree_layer.errors import CommandError, RepoError
from ostree_layer.model import Network

PROGRAM = "skopeo"
# What its user may have said to it, and to the libraries in it.
HEEDED = (
    "HOME XDG_RUNTIME_DIR XDG_CONFIG_HOME REGISTRY_AUTH_FILE SSL_CERT_FILE SSL_CERT_DIR"
    " TMPDIR http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY"
).split()
# Where hosts have the passwords of registries, for bootc and rpm-ostree too.
PASSWORDS = (Path("/run/ostree/auth.json"), Path("/etc/ostree/auth.json"))
# More of them, twice as late each, would take minutes.
RETRIES = 3
MESSAGE = 32 << 10
HINTS = {
    r"HTTP response to HTTPS": "a registry without TLS needs 'insecure = true' in /etc/containers/registries.conf",
    r"certificate": "/etc/containers/certs.d/HOST has the certificates of registries",
    r"unauthorized|authentication required|denied": "'skopeo login --authfile /etc/ostree/auth.json HOST' logs in",
    r"manifest unknown|name unknown|no descriptor found|not found": "'skopeo list-tags' lists the tags of an image",
    r"connection refused|no such host|timeout|unreachable|EOF": "the registry cannot be reached: try again later",
    r"no image found in .*(manifest list|image index)": "the image is not made for this architecture",
    r"policy": "/etc/containers/policy.json says which images are trusted",
}
LOG = re.compile(r'^time="[^"]*" level=\w+ msg=(".*")$', re.MULTILINE)


class Answer(NamedTuple):
    """What skopeo says, and where it writes the rest, under a number for that."""

    value: Any
    pipe: int
    stream: BinaryIO | None


class Blob:
    """Bytes of an image on their way: what was read is counted and hashed."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._digest, self.size = stream, hashlib.sha256(), 0

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._digest.update(data)
        self.size += len(data)
        return data

    def drain(self) -> str:
        """Read the rest, and return the digest of all."""
        while self.read(1 << 20):
            pass
        return f"sha256:{self._digest.hexdigest()}"


class Image:
    """An image that skopeo has open for reading."""

    def __init__(self, name: str, line: socket.socket) -> None:
        self._name, self._line = name, line
        self._ask("Initialize")
        self._image = self._ask("OpenImage", name).value

    def manifest(self) -> tuple[str, dict[str, Any]]:
        """The digest that the registry knows the image by, and its manifest, in OCI's words."""
        with self._reading("GetManifest", self._image) as (digest, blob):
            text = blob.read()
        return str(digest), self._parsed(text)

    def config(self) -> dict[str, Any]:
        with self._reading("GetFullConfig", self._image) as (_nothing, blob):
            text = blob.read()
        return self._parsed(text)

    @contextlib.contextmanager
    def blob(self, digest: str, size: int) -> Iterator[Blob]:
        """A layer, for the body to read; RepoError where it is not what its digest says."""
        with self._reading("GetBlob", self._image, digest, size) as (_size, blob):
            yield blob
            found = blob.drain()
        if found != digest or blob.size != size:
            raise RepoError(f"{self._name}: the layer {digest} is damaged: it has the digest {found}")

    def _parsed(self, text: bytes) -> dict[str, Any]:
        try:
            found = json.loads(text)
        except ValueError as e:
            raise RepoError(f"{self._name} says nothing that can be read: {e}") from e
        if not isinstance(found, dict):
            raise RepoError(f"{self._name} says nothing that can be read: {found}")
        return found

    @contextlib.contextmanager
    def _reading(self, method: str, *arguments: Any) -> Iterator[tuple[Any, Blob]]:
        answer = self._ask(method, *arguments)
        if answer.stream is None:
            raise RepoError(f"skopeo answers nothing to {method}", hint="a newer skopeo may do better")
        with answer.stream:
            blob = Blob(answer.stream)
            # It is this that lets the stream end; the answer comes then.
            self._say("FinishPipe", answer.pipe)
            try:
                yield answer.value, blob
            except RepoError:
                # What is wrong with the bytes may be that they did not come: skopeo knows.
                blob.drain()
                self._answer()
                raise
            blob.drain()
            self._answer()

    def _ask(self, method: str, *arguments: Any) -> Answer:
        self._say(method, *arguments)
        return self._answer()

    def _say(self, method: str, *arguments: Any) -> None:
        with self._told():
            self._line.sendall(json.dumps({"method": method, "args": arguments}).encode())

    def _answer(self) -> Answer:
        with self._told():
            text, stream = self._hear()
            said = json.loads(text)
        if not said["success"]:
            raise failure(self._name, said["error"])
        return Answer(said["value"], said["pipeid"], stream)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as e:
            raise RepoError(f"skopeo does not answer about {self._name}", hint="'skopeo inspect' may say why") from e

    def _hear(self) -> tuple[bytes, BinaryIO | None]:
        """A message, and the file that came with it."""
        descriptors = array.array("i")
        text, beside, _flags, _address = self._line.recvmsg(MESSAGE, socket.CMSG_LEN(4 * descriptors.itemsize))
        for level, kind, data in beside:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
        return text, os.fdopen(descriptors[0], "rb") if descriptors else None


def failure(name: str, said: str) -> RepoError:
    """What skopeo says of an image, and what may help."""
    words = said.strip().rpartition("\n")[2]
    hint = next((hint for pattern, hint in HINTS.items() if re.search(pattern, words)), "")
    return RepoError(f"{name}: {words}", hint=hint)


def require() -> None:
    if shutil.which(PROGRAM, path=process.ENVIRONMENT["PATH"]) is None:
        raise RepoError("images need skopeo, which is not installed", hint="'dnf install skopeo' installs it")


@contextlib.contextmanager
def opened(name: str, network: Network) -> Iterator[Image]:
    """Have an image open for the body."""
    require()
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    argv = [PROGRAM, "experimental-image-proxy", "--sockfd", str(there.fileno()), *_passwords()]
    with process.companion(argv, keep=there.fileno(), extra=_environment(network)), here:
        there.close()
        yield Image(name, here)


def copy(source: str, target: str, network: Network) -> None:
    """Copy an image as it is, its digests with it."""
    require()
    retries = min(network.retries, RETRIES)
    options = ["--quiet", "--preserve-digests", f"--retry-times={retries}", *_passwords()]
    try:
        process.run([PROGRAM, "copy", *options, source, target], extra=_environment(network))
    except CommandError as e:
        found = LOG.findall(e.stderr)
        raise failure(target, json.loads(found[-1]) if found else e.stderr) from e


def _passwords() -> list[str]:
    if "REGISTRY_AUTH_FILE" in os.environ:
        return []
    return next((["--authfile", os.fspath(path)] for path in PASSWORDS if path.exists()), [])


def _environment(network: Network) -> Mapping[str, str]:
    values = {name: os.environ[name] for name in HEEDED if name in os.environ}
    if network.proxy:
        values.update(dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), network.proxy))
    return values
