# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf tree`, by the real dnf, on a machine that is no OSTree host."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests import guard

BASE = "packages: [bash, \"'podman >= 4.1'\"]\nrojig: {name: a}\npostprocess:\n- |\n  echo a\n  echo b\n"
MERGED = """basearch: {basearch}
releasever: "1"
packages:
- bash
- "'podman >= 4.1'"
- htop
recommends: false
postprocess:
- |
  echo a
  echo b
"""
KICKSTART = """basearch: {basearch}
releasever: "1"
repos:
- url
repositories:
  url:
    baseurl: http://x/$releasever
    gpgcheck: "0"
packages:
- htop
"""


@pytest.fixture
def tree(folder: Path) -> Path:
    (folder / "base.yaml").write_text(BASE)
    (folder / "tree.yaml").write_text("include: base.yaml\npackages: [htop]\nrecommends: false\n")
    return folder / "tree.yaml"


def dnf(tree: Path, *arguments: str, missing: str = "") -> subprocess.CompletedProcess[str]:
    """What is printed is in stdout, and what is said besides in stderr."""
    extra = {}
    if missing:
        (tree.parent / f"{missing}.py").write_text(f"raise ModuleNotFoundError('no {missing}', name='{missing}')\n")
        extra = {"PYTHONPATH": f"{tree.parent}:{guard.CHECKOUT}"}
    argv = guard.dnf_argv(tree.parent, None, "--releasever=1", *arguments)
    return guard.run(tree.parent, argv, extra, apart=True, timeout=60)


def basearch() -> str:
    machine = subprocess.run(["uname", "-m"], capture_output=True, text=True, check=True).stdout.strip()
    return "i386" if machine == "i686" else machine


def test_the_merged_treefile_is_printed(tree: Path) -> None:
    done = dnf(tree, "tree", "compose", str(tree), "--print")
    assert (done.stdout, done.returncode) == (MERGED.format(basearch=basearch()), 0)
    assert done.stderr == f"{tree.parent}/base.yaml:2: rojig has no effect: nothing reads it any more\n"


def test_what_is_printed_can_be_read_again(tree: Path) -> None:
    again = tree.parent / "again.yaml"
    again.write_text(dnf(tree, "tree", "compose", str(tree), "--print").stdout)
    assert dnf(tree, "tree", "compose", str(again), "--print").stdout == again.read_text()
    written = json.loads(dnf(tree, "tree", "compose", str(again), "--print", "--json").stdout)
    assert written["packages"] == ["bash", "'podman >= 4.1'", "htop"]


def test_a_kickstart_is_printed_as_a_treefile(folder: Path) -> None:
    kickstart = folder / "tree.ks"
    kickstart.write_text("reboot\nurl --url=http://x/$releasever\n%packages --nocore\nhtop\n%end\n")
    done = dnf(kickstart, "tree", "compose", str(kickstart), "--print")
    assert (done.stdout, done.returncode) == (KICKSTART.format(basearch=basearch()), 0)
    assert done.stderr.startswith(f"{kickstart}:1: reboot has no effect: it says how a host is installed")


def test_any_architecture_can_be_asked_for(tree: Path) -> None:
    tree.write_text("packages: [a]\npackages-s390x: [b]\npackages-x86_64: [c]\n")
    done = dnf(tree, "--forcearch=s390x", "tree", "compose", str(tree), "--print")
    assert (done.stdout, done.stderr) == ('basearch: s390x\nreleasever: "1"\npackages:\n- a\n- b\n', "")


def test_the_schema_is_json(tree: Path) -> None:
    assert json.loads(dnf(tree, "tree", "schema").stdout)["title"] == "Treefile"


def test_a_mistake_is_named(tree: Path) -> None:
    tree.write_text("ref: a\npackages: [htop]\nrecomends: false\n")
    done = dnf(tree, "tree", "compose", str(tree), "--print")
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr == f"Error: {tree}:3: recomends: no such key\n(did you mean recommends?)\n"


@pytest.mark.parametrize(
    ("arguments", "status", "last"),
    [
        ("compose", 2, "dnf tree compose: error: the following arguments are required: TREEFILE"),
        ("compose {tree}", 1, "Error: 'dnf tree compose' needs --repo=DIR"),
        ("compose {tree} {tree} --branch=a --repo=b", 1, "Error: --branch is for one treefile, not for several"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: str, status: int, last: str, tree: Path) -> None:
    done = dnf(tree, "tree", *arguments.format(tree=tree).split())
    assert (done.stdout, done.stderr.splitlines()[-1], done.returncode) == ("", last, status)


def test_each_act_has_a_help_of_its_own(tree: Path) -> None:
    done = dnf(tree, "tree", "compose", "--help")
    assert done.stdout.startswith("usage: dnf tree compose [--print] [--json] [--dry-run]")


def test_without_pyyaml_only_this_command_fails(tree: Path) -> None:
    done = dnf(tree, "tree", "compose", str(tree), "--print", missing="yaml")
    assert (done.stderr, done.returncode) == ("Error: treefiles need the Python module 'yaml'\n", 1)
    assert dnf(tree, "repolist", missing="yaml").returncode == 0


def test_without_pykickstart_only_kickstarts_fail(tree: Path) -> None:
    kickstart = tree.with_suffix(".ks")
    kickstart.write_text("reboot\n")
    done = dnf(tree, "tree", "compose", str(kickstart), "--print", missing="pykickstart")
    assert done.stderr == f"Error: {kickstart}: kickstarts need the Python module 'pykickstart'\n"
    assert dnf(tree, "tree", "compose", str(tree), "--print", missing="pykickstart").returncode == 0
