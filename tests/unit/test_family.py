# SPDX-License-Identifier: GPL-2.0-or-later
"""Which trees stand on which."""

from __future__ import annotations

from pathlib import Path

import pytest

from ostree_layer import treefile
from ostree_layer.compose import family

BASE = "ref: base\npackages: [a, b]\nmodules: {enable: [m]}\npostprocess: [one]\nunits: [u]\nexclude-packages: [x]\n"


def standing(folder: Path, text: str, base: str = BASE) -> family.Standing | None:
    (folder / "base.yaml").write_text(base)
    (folder / "tree.yaml").write_text(f"include: base.yaml\nref: tree\n{text}")
    return family.find(treefile.read(folder / "tree.yaml", "x86_64"))


def test_what_is_left_to_do(tmp_path: Path) -> None:
    found = standing(
        tmp_path,
        "packages: [c, a]\npostprocess: [two]\nunits: [v]\nmodules: {enable: [n], install: [o]}\ndefault-target: t\n",
    )
    assert found is not None and found.base.path == tmp_path / "base.yaml"
    left = found.added
    assert (left["packages"], left["postprocess"], left["units"], left["default-target"]) == (
        ["c"],
        ["two"],
        ["v"],
        "t",
    )
    assert (left["modules"], left["exclude-packages"]) == ({"enable": ["n"], "install": ["o"]}, ["x"])


@pytest.mark.parametrize(
    "more",
    [
        "exclude-packages: [a-c]",
        "recommends: false",
        "documentation: false",
        "install-langs: [de]",
        "selinux: false",
        "releasever: 2",
        "no-initramfs: true",
        "tmp-is-dir: true",
        "machineid-compat: false",
    ],
)
def test_what_would_change_the_base_is_composed_from_nothing(tmp_path: Path, more: str) -> None:
    assert standing(tmp_path, more + "\n") is None


@pytest.mark.parametrize(
    "more",
    [
        "metadata: {a: 1}",
        "automatic-version-prefix: '3'",
        "etc-group-members: [g]",
        "remove-files: [usr/a]",
        "repos: [r]",
        "groups: [core]",
    ],
)
def test_what_adds_stands_on_the_base(tmp_path: Path, more: str) -> None:
    assert standing(tmp_path, more + "\n") is not None


def test_an_included_file_without_a_ref_is_no_tree(tmp_path: Path) -> None:
    assert standing(tmp_path, "", base="packages: [a]\n") is None


def test_the_nearest_tree_counts(tmp_path: Path) -> None:
    (tmp_path / "far.yaml").write_text("ref: far\npackages: [far]\n")
    found = standing(tmp_path, "packages: [own]\n", base="include: far.yaml\nref: base\npackages: [a]\n")
    assert found is not None and (found.base["ref"], found.added["packages"]) == ("base", ["own"])


def test_a_base_that_the_tree_does_not_fit_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "far.yaml").write_text("ref: far\npackages: [far]\nrecommends: false\n")
    base = "include: far.yaml\nref: base\npackages: [a]\nrecommends: true\n"
    found = standing(tmp_path, "recommends: false\npackages: [own]\n", base=base)
    assert found is not None and (found.base["ref"], found.added["packages"]) == ("far", ["a", "own"])
