# SPDX-License-Identifier: GPL-2.0-or-later
"""Treefiles in the style of those that distributions have: every key, and how includes merge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ostree_layer import treefile

MANIFESTS = Path(__file__).parent / "manifests"
COREOS = MANIFESTS / "coreos/manifest.yaml"
FOLDER = MANIFESTS / "coreos/manifests"
OF_COREOS: dict[str, Any] = {
    "edition": "2024",
    "ref": "fedora/x86_64/coreos/testing-devel",
    "basearch": "x86_64",
    "releasever": "41",
    "variables": {"stream": "testing-devel", "prod": False},
    "repos": ["fedora", "fedora-updates"],
    "lockfile-repos": ["fedora-archive"],
    "packages": [
        *"strace grub2 efibootmgr kernel systemd systemd-resolved".split(),
        *("podman >= 4.1", "skopeo", "NetworkManager", "irqbalance"),
    ],
    "repo-packages": [
        {"repo": "fedora-updates", "packages": ["kernel-modules"]},
        {"repo": "fedora", "packages": ["kernel", "kernel-core"]},
    ],
    "exclude-packages": ["iptables", "python", "python3", "dnf"],
    "recommends": False,
    "documentation": False,
    "ostree-layers": ["overlay/05core", "overlay/15fcos"],
    "remove-files": ["usr/share/info"],
    "remove-from-packages": [
        ["filesystem", "/usr/share/backgrounds/.*"],
        ["grub2-tools", "/etc/sysconfig/grub"],
    ],
    "postprocess": [
        "echo kernel",
        "#!/usr/bin/env bash\nset -xeuo pipefail\nrm -f /etc/nologin\n",
        "#!/usr/bin/env bash\nsystemctl preset-all\n",
    ],
    "postprocess-script": f"{FOLDER}/postprocess.sh",
    "machineid-compat": False,
    "etc-group-members": ["wheel", "sudo", "systemd-journal", "adm"],
    "check-passwd": {"type": "file", "filename": f"{FOLDER}/passwd"},
    "check-groups": {"type": "data", "entries": {"root": [0], "bin": [1]}},
    "ignore-removed-users": ["root"],
    "ignore-removed-groups": ["root"],
    "boot-location": "modules",
    "initramfs-args": ["--no-hostonly", "--omit=nfs lvm"],
    "tmp-is-dir": True,
    "readonly-executables": True,
    "automatic-version-prefix": "41.<date:%Y%m%d>.dev",
    "mutate-os-release": "41",
    "metadata": {"summary": "Fedora CoreOS testing-devel", "license": "MIT"},
    "add-commit-metadata": {
        "fedora-coreos.stream": "testing-devel",
        "fedora-coreos.generation": 3,
        "fedora-coreos.dev": True,
    },
}


def written(folder: Path, **files: str) -> Path:
    """Treefiles NAME.yaml, the first of which is the one to read."""
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder / f"{next(iter(files))}.yaml"


def values(path: Path, basearch: str = "x86_64") -> dict[str, Any]:
    return dict(treefile.read(path, basearch).values)


def test_the_style_of_coreos() -> None:
    assert values(COREOS) == OF_COREOS


def test_keys_without_effect_are_named() -> None:
    system = MANIFESTS / "coreos/manifests/system.yaml"
    assert treefile.read(COREOS, "x86_64").ignored == (
        f"{system}:2: rojig has no effect: nothing reads it any more",
        f"{system}:19: cliwrap has no effect: trees made by DNF have nothing to wrap",
        f"{system}:20: cliwrap-binaries has no effect: trees made by DNF have nothing to wrap",
    )


def test_the_style_of_the_desktops() -> None:
    read = values(MANIFESTS / "silverblue/silverblue.yaml")
    assert read["packages"] == ["bash", "ostree", "filesystem", "glibc", "gnome-shell", "gdm"]
    assert read["groups"] == ["workstation-product-environment", "@gnome-desktop"]
    assert read["modules"] == {"enable": ["container-tools:4.0", "nodejs:18"], "install": ["postgresql:15/server"]}
    assert (read["ref"], read["platform-module"]) == ("fedora/rawhide/x86_64/silverblue", "platform:frawhide")
    assert (read["automatic-version-prefix"], read["boot-location"]) == ("rawhide", "modules")
    assert read["add-files"] == [[str(MANIFESTS / "silverblue/motd"), "/etc/motd"]]


def test_the_style_of_old_json() -> None:
    read = treefile.read(MANIFESTS / "centos/centos-atomic.json", "x86_64")
    assert read["packages"] == ["kernel", "ostree", "café", "\U0001f600", "filesystem", "glibc"]
    assert (read["gpg-key"], read["default-target"], read["boot-location"]) == ("ABCD", "multi-user.target", "new")
    assert read["remove-from-packages"] == [["foomatic", "/usr/bin/.*"]]
    assert [sentence.split(": ", 1)[1] for sentence in read.ignored] == [
        "comment has no effect: it is for other tools",
        "osname has no effect: it is for other tools",
    ]


def test_the_style_of_bootc() -> None:
    read = values(MANIFESTS / "centos/bootc.yaml")
    assert read["base-refspec"] == "centos:centos/10/x86_64/minimal"
    assert (read["packages"], read["documentation"]) == (["less", "vim-minimal", "bootc"], True)
    assert read["postprocess"] == ["echo tools", "echo own"]
    assert (read["repovars"], read["opt-usrlocal"]) == ({"stream": "10-stream"}, "var")


def test_a_default_is_what_nobody_wrote(tmp_path: Path) -> None:
    read = treefile.read(written(tmp_path, a="recommends: false"), "x86_64")
    assert (read["recommends"], read["documentation"], read["packages"]) == (False, True, [])
    assert (read["tmp-is-dir"], read["boot-location"], read["selinux"]) == (False, "new", True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("edition: 2024", (True, "modules", True)),
        ("{edition: '2024', tmp-is-dir: false, boot-location: new}", (False, "new", True)),
        ("container: true", (True, "new", False)),
    ],
)
def test_what_edition_and_container_imply(text: str, expected: tuple[Any, ...], tmp_path: Path) -> None:
    read = treefile.read(written(tmp_path, a=text), "x86_64")
    assert (read["tmp-is-dir"], read["boot-location"], read["selinux"]) == expected


def test_later_includes_come_before_earlier_ones_and_the_first_has_the_say(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        a="{include: [b, c], repos: [a], postprocess: [echo a]}".replace("b, c", "b.yaml, c.yaml"),
        b="{repos: [b], postprocess: [echo b], recommends: false, metadata: {x: 1, y: 1}}",
        c="{repos: [c], postprocess: [echo c], recommends: true, metadata: {x: 2, z: 2}}",
    )
    read = values(path)
    assert (read["repos"], read["postprocess"]) == (["c", "b", "a"], ["echo c", "echo b", "echo a"])
    assert (read["recommends"], read["metadata"]) == (False, {"x": 1, "y": 1, "z": 2})


@pytest.mark.parametrize(("basearch", "expected"), [("x86_64", ["c", "a", "b"]), ("aarch64", ["a"])])
def test_architectures(basearch: str, expected: list[str], tmp_path: Path) -> None:
    path = written(
        tmp_path, a="{packages: [a], packages-x86_64: [b], arch-include: {x86_64: c.yaml}}", c="{packages: [c]}"
    )
    assert values(path, basearch)["packages"] == expected


@pytest.mark.parametrize(
    ("condition", "is_met"),
    [
        ("stream == 'next'", True),
        ('stream != "next"', False),
        ("releasever > 40", True),
        ("releasever<=40", False),
        ("on == true", True),
        ("share < 0.6", True),
        ('basearch == "x86_64"', True),
    ],
)
def test_conditions(condition: str, is_met: bool, tmp_path: Path) -> None:  # noqa: FBT001
    path = written(
        tmp_path,
        a=f"""
releasever: 41
variables: {{stream: next, on: true, share: 0.5}}
conditional-include:
  - if:
    - {condition}
    include: b.yaml
""",
        b="{packages: [b]}",
    )
    assert values(path).get("packages", []) == (["b"] if is_met else [])


def test_variables_of_the_including_file_are_known_in_the_included_one(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        a="{variables: {stream: next}, include: b.yaml}",
        b="{variables: {stream: stable, other: 1}, ref: 'os/${stream}/${other}'}",
    )
    assert (values(path)["ref"], values(path)["variables"]) == ("os/next/1", {"stream": "next", "other": 1})


def test_anchors_and_merge_keys(tmp_path: Path) -> None:
    path = written(tmp_path, a="metadata: {a: &a {x: 1, y: 2}, b: {<<: *a, y: 3}, c: {<<: [{x: 5}, *a]}}")
    assert values(path)["metadata"] == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": {"x": 5, "y": 2}}


def test_words_mean_what_yaml_1_2_says(tmp_path: Path) -> None:
    path = written(tmp_path, a="{packages: [no, 'on', 7zip, 010, 1:2, 2020-01-01, '5'], units: [~tilde]}")
    assert values(path)["packages"] == ["no", "on", "7zip", "010", "1:2", "2020-01-01", "5"]


def test_what_an_included_file_has_wrong_can_be_set_right(tmp_path: Path) -> None:
    path = written(tmp_path, a="{include: b.yaml, opt-usrlocal: var, ima: false}", b="{opt-usrlocal: root, ima: true}")
    assert (values(path)["opt-usrlocal"], values(path)["ima"]) == ("var", False)


def test_the_comments_of_json_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"ref": "a",\n"comment-packages": "few"}')
    read = treefile.read(path, "x86_64")
    assert (read["ref"], read.ignored) == ("a", (f"{path}:2: comment-packages has no effect: no such key",))


def test_a_script_need_not_be_executable(tmp_path: Path) -> None:
    (tmp_path / "post.sh").write_text("#!/bin/sh\n")
    assert values(written(tmp_path, a="postprocess-script: post.sh"))["postprocess-script"] == f"{tmp_path}/post.sh"
