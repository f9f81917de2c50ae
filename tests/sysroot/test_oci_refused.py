# SPDX-License-Identifier: GPL-2.0-or-later
"""Images that are not taken: each with a sentence that says why, and the host as it was."""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import encapsulated, guard, keys, streams
from tests.composing import Bench
from tests.encapsulated import GZIP, blob, parse, put, write
from tests.streams import REMOTE, Stream
from tests.sysroots import Host, ostree


@pytest.fixture(scope="module")
def exported(composed: Path) -> Iterator[Path]:
    """A folder with the image of version 1.2."""
    with tempfile.TemporaryDirectory(prefix="image-", dir=composed.parent) as folder:
        bench = Bench(Path(folder, "bench"))
        done = bench.run("export", "versions/1.2", f"--oci=oci:{bench.folder}/image", f"--repo={composed}")
        assert done.returncode == 0, done.stdout
        yield bench.folder / "image"


@pytest.fixture
def image(exported: Path, client: Host) -> Iterator[Path]:
    """A copy of the image, and a host that is as it was in the end."""
    folder = client.folder / "image"
    shutil.copytree(exported, folder)
    before = client.deployments()
    yield folder
    assert client.deployments() == before
    client.fsck()


def refused(client: Host, image: str, *options: str) -> str:
    done = client.dnf("-y", "rebase", image, *options)
    assert done.returncode == 1 and "Traceback" not in done.stdout, done.stdout
    return done.stdout


def test_a_damaged_layer(client: Host, image: Path) -> None:
    layer = image / "blobs/sha256" / parse(image).layers[1].removeprefix("sha256:")
    data = bytearray(layer.read_bytes())
    data[len(data) // 2] ^= 1
    layer.write_bytes(data)
    assert f"oci:{image}: " in refused(client, f"oci:{image}")
    layer.write_bytes(data[:-20])
    assert f"oci:{image}: corrupted blob, expecting sha256:{layer.name}" in refused(client, f"oci:{image}")


def test_an_object_that_is_another_one(client: Host, image: Path) -> None:
    """All digests of the image are right."""
    found = parse(image)
    layers = found.manifest["layers"]
    number = next(
        n for n, one in enumerate(layers) if "toy-tool" in one.get("annotations", {}).get("ostree.components", "")
    )
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob(image, layers[number]["digest"])))) as old:
        with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as new:
            for info in old:
                source = old.extractfile(info) if info.isreg() else None
                content = source.read() if source else b""
                if info.name.endswith(".file") and content == b"2\n":
                    content = b"3\n"
                new.addfile(info, io.BytesIO(content))
    layers[number] = put(image, GZIP, gzip.compress(out.getvalue()))
    write(image, found.config, layers)
    said = refused(client, f"oci:{image}")
    assert "taking object " in said and "Corrupted file object" in said


def test_a_layer_that_is_left_out(client: Host, image: Path) -> None:
    found = parse(image)
    del found.manifest["layers"][-1], found.config["rootfs"]["diff_ids"][-1]
    found.config["config"]["Labels"]["ostree.final-diffid"] = found.config["rootfs"]["diff_ids"][-1]
    write(image, found.config, found.manifest["layers"])
    assert "does not have all of commit" in refused(client, f"oci:{image}")


def test_what_is_no_tree(client: Host, image: Path) -> None:
    other = client.folder / "other"
    encapsulated.append(other, {"bin/tool": b"1\n"})
    said = refused(client, f"oci:{other}")
    text = "is no tree: it is an image of 1 layers, made 2024-05-06T07:08:09.1Z, with no ostree commit in it"
    assert f"Error: oci:{other} {text}\n" in said
    found = parse(image)
    found.config["architecture"] = "s390x"
    write(image, found.config, found.manifest["layers"])
    assert f"oci:{image} is an image for s390x; this host is " in refused(client, f"oci:{image}")


def test_what_is_not_there(client: Host, image: Path) -> None:
    assert "no descriptor found for reference" in refused(client, f"oci:{image}:nothing")
    assert f"oci:{client.folder}/gone: " in refused(client, f"oci:{client.folder}/gone")
    said = refused(client, "docker://127.0.0.1:1/trees/toy")
    assert "connection refused\n(the registry cannot be reached: try again later)" in said
    signed = refused(client, f"ostree-image-signed:oci:{image}")
    assert "asks for signatures of containers, which are not checked here" in signed
    assert "http://example.com is no name of an image\n(it is docker://" in refused(client, "http://example.com")


def test_signatures(client: Host, image: Path) -> None:
    said = refused(client, f"oci:{image}", "--certified-by=0123456789ABCDEF")
    assert "has no good signature or certification by 0123456789ABCDEF" in said
    said = refused(client, f"ostree-remote-image:{REMOTE}:oci:{image}")
    assert f"has no good signature by a key of the remote {REMOTE}" in said


def test_a_signed_commit(client: Host, stream: Stream, keyring: Path) -> None:
    key = keys.fingerprint(keyring)
    ostree("remote", "gpg-import", client.repo, REMOTE, f"--keyring={keyring}/public")
    stream.publish("1.2")
    commit = ostree("rev-parse", f"--repo={stream.repo}", streams.BASE_REF).strip()
    ostree("gpg-sign", f"--repo={stream.repo}", f"--gpg-homedir={keyring}", commit, key)
    folder = client.folder / "image"
    client.done("tree", "export", commit, f"--oci=oci:{folder}", f"--repo={stream.repo}")
    image = f"ostree-remote-image:{REMOTE}:oci:{folder}"
    client.done("rebase", image, f"--certified-by={key[-16:]}")
    assert client.deployments()[0].startswith(commit)
    status = client.status()[0]
    assert status["refspec"] == image and "good" in json.dumps(status["signatures"])
    client.done("upgrade")


def test_without_skopeo(client: Host, image: Path) -> None:
    script = 'mount --bind /dev/null /usr/bin/skopeo && exec "$@"'
    argv = ["sh", "-c", script, "sh", *client.dnf_argv("-y", "rebase", f"oci:{image}")]
    done = guard.run(client.folder, argv, client.environment())
    said = "Error: images need skopeo, which is not installed\n('dnf install skopeo' installs it)\n"
    assert done.returncode == 1 and said in done.stdout
