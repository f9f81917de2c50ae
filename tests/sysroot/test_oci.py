# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees as OCI images: written in the form of rpm-ostree and bootc, and brought back as the same commits."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests import encapsulated, guard
from tests.encapsulated import OBJECTS
from tests.streams import BASE_REF, Stream
from tests.sysroots import Host, ostree


def export(host: Host, store: Path, commit: str, target: str, *options: str) -> str:
    done = host.dnf("tree", "export", commit, f"--oci={target}", f"--repo={store}", *options)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_an_image_has_what_rpm_ostree_and_bootc_look_for(client: Host, stream: Stream) -> None:
    folder = client.folder / "image"
    said = export(client, stream.composed, "versions/1.3", f"oci:{folder}:1.3")
    commit = ostree("rev-parse", f"--repo={stream.composed}", "versions/1.3").strip()
    found = encapsulated.parse(folder, "1.3")
    manifest = json.loads((folder / "index.json").read_text())["manifests"][0]["digest"]
    assert f"\noci:{folder}:1.3  {manifest}  {len(found.layers)} layers  " in said
    assert found.labels["ostree.commit"] == commit
    assert found.labels["version"] == found.labels["org.opencontainers.image.version"] == "1.3"
    assert found.manifest["annotations"] == found.labels
    assert found.config["created"] == "2023-11-15T00:13:20Z"
    # All of the commit is there, and its files are where containers have them.
    objects = {str(path.relative_to(stream.composed / "objects")) for path in stream.composed.glob("objects/*/*")}
    assert {name.replace(".filez", ".file") for name in found.objects} <= {
        n.replace(".filez", ".file") for n in objects
    }
    assert found.content("etc/toy.conf") == b"made by = base\n"
    assert found.content("usr/lib/os-release") == b"ID=toy\nVERSION_ID=1\n"
    assert not any(name.startswith("usr/etc") for name in found.seen)
    assert found.seen["usr/bin/sh"].linkname.startswith(OBJECTS)
    parts = [layer.get("annotations", {}).get("ostree.components", "") for layer in found.manifest["layers"]]
    assert parts[0] == "" and {"app", "toy-base", "toy-tool", "rpm database"} <= set(",".join(parts).split(","))


def test_the_same_commit_is_the_same_image(client: Host, stream: Stream) -> None:
    one, other = client.folder / "one", client.folder / "other"
    export(client, stream.composed, "versions/1.2", f"oci:{one}")
    export(client, stream.composed, "versions/1.2", f"oci:{other}:new")
    export(client, stream.composed, "versions/1.3", f"oci:{other}:newer")
    first, second, third = encapsulated.parse(one), encapsulated.parse(other, "new"), encapsulated.parse(other, "newer")
    assert first.manifest == second.manifest
    said = export(client, stream.composed, "versions/1.2", f"oci:{one}", "--json")
    assert json.loads(said[said.index("{") :])["image"]["layers"] == len(first.layers)
    # An update changes the layer of the commit, and those of what changes with it.
    changed = set(third.layers) - set(second.layers)
    parts = {layer["digest"]: layer["annotations"].get("ostree.components") for layer in third.manifest["layers"]}
    assert {parts[digest] for digest in changed} <= {None, "app", "lib", "rpm database", "unpackaged"}, parts


def test_to_an_image_and_on(client: Host, stream: Stream) -> None:
    before = client.deployments()[0].partition(".")[0]
    folder = client.folder / "image"
    export(client, stream.composed, "versions/1.2", f"oci:{folder}:edge")
    printed = client.done("rebase", f"oci:{folder}:edge")
    commit = ostree("rev-parse", f"--repo={stream.composed}", "versions/1.2").strip()
    assert f"Tree:\n  oci:{folder}:edge  1.2  commit {commit[:12]} of 2023-11-14 23:13 UTC\n" in printed
    assert [name.partition(".")[0] for name in client.deployments()] == [commit, before]
    client.fsck()
    origin = (client.sysroot / f"ostree/deploy/toy/deploy/{client.deployments()[0]}.origin").read_text()
    assert (
        f"container-image-reference=ostree-unverified-image:oci:{folder}:edge\n" in origin and "refspec" not in origin
    )
    assert client.status()[0]["refspec"] == f"oci:{folder}:edge"
    assert "Nothing to do" in client.done("upgrade")
    client.done("install", "other")
    assert client.status()[0]["refspec"] == f"oci:{folder}:edge"
    export(client, stream.composed, "versions/1.3", f"oci:{folder}:edge")
    client.done("upgrade")
    status = client.status()[0]
    assert (status["base_version"], status["requests"]["packages"]) == ("1.3", ["other"])
    client.fsck()


@pytest.mark.parametrize("point", ["images::looked", "images::layer"])
def test_a_run_that_was_killed(client: Host, stream: Stream, point: str) -> None:
    before, folder = client.deployments(), client.folder / "image"
    export(client, stream.composed, "versions/1.3", f"oci:{folder}")
    client.dnf("-y", "rebase", f"oci:{folder}", extra={"OSTREE_LAYER_FAILPOINT": f"{point}=kill"})
    assert client.deployments() == before
    client.done("rebase", f"oci:{folder}")
    assert client.status()[0]["version"] == "1.3"
    client.fsck()


def test_back_from_an_image(client: Host, stream: Stream) -> None:
    folder = client.folder / "image"
    export(client, stream.composed, "versions/1.2", f"oci:{folder}")
    client.done("install", "other")
    client.done("system-switch", f"oci:{folder}")
    assert client.status()[0]["base_version"] == "1.2" and (client.tree / "usr/bin/other").exists()
    client.done("system-switch", f"toys:{BASE_REF}")
    origin = (client.sysroot / f"ostree/deploy/toy/deploy/{client.deployments()[0]}.origin").read_text()
    assert "container" not in origin and client.status()[0]["refspec"] == f"toys:{BASE_REF}"


def test_by_way_of_a_registry(client: Host, stream: Stream) -> None:
    with encapsulated.registry(client.folder / "registry") as registry:
        image = f"docker://{registry.address}/trees/toy:edge"
        done = client.dnf("tree", "export", "versions/1.2", f"--oci={image}", f"--repo={stream.composed}")
        assert done.returncode == 1 and "needs 'insecure = true' in /etc/containers/registries.conf" in done.stdout
        registry.allow(client.folder / "home")
        export(client, stream.composed, "versions/1.2", image)
        client.done("rebase", image)
        all_layers = registry.fetched()
        origin = (client.sysroot / f"ostree/deploy/toy/deploy/{client.deployments()[0]}.origin").read_text()
        assert f"container-image-reference=ostree-unverified-registry:{registry.address}/trees/toy:edge\n" in origin
        client.done("upgrade")
        assert len(registry.fetched()) <= 1  # the configuration, and no layer
        export(client, stream.composed, "versions/1.3", image)
        registry.fetched()
        client.done("upgrade")
        layers = registry.fetched()
        assert client.status()[0]["version"] == "1.3" and layers and not {*layers} & {*all_layers}
        client.fsck()
        folder = client.folder / "copied"
        argv = ["skopeo", "copy", "--quiet", "--src-tls-verify=false", image, f"oci:{folder}:there"]
        subprocess.run(argv, check=True, env=guard.environment(client.folder), cwd=os.fspath(client.folder))
        commit = ostree("rev-parse", f"--repo={stream.composed}", "versions/1.3").strip()
        assert encapsulated.parse(folder, "there").labels["ostree.commit"] == commit
