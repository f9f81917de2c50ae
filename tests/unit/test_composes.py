# SPDX-License-Identifier: GPL-2.0-or-later
"""The treefiles that come with the product."""

from __future__ import annotations

import configparser
import json
from pathlib import Path

import jsonschema
import pytest

from ostree_layer import treefile
from ostree_layer.treefile import rendering, source
from tests.lab import world

COMPOSES = Path(__file__).parents[2] / "composes"
FILES = sorted(COMPOSES.glob("*.yaml"))
KINDS = ("container-host", "minimal", "server", "workstation")
# What can be done on top of a tree that is there already.
ADDING = {"ref", "include", "packages", "groups", "units", "default-target", "postprocess"}


def family(path: Path) -> tuple[str, str]:
    """As in centos-container-host: the family, and which of its trees."""
    name, _, kind = path.stem.partition("-")
    return name, kind


def test_each_family_is_whole() -> None:
    assert [family(path) for path in FILES] == [
        (name, kind) for name in ("centos", "fedora", "world") for kind in KINDS
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_can_be_read_and_fits_the_schema(path: Path) -> None:
    read = treefile.read(path, "x86_64")
    name, kind = family(path)
    assert (read["ref"].split("/")[0], read["ref"].split("/")[2:]) == (name, ["x86_64", kind])
    assert {"ostree", "dnf", "rpm"} <= set(read["packages"])
    assert read.ignored == ()
    jsonschema.validate(source.load(path).plain(), json.loads(rendering.schema()))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_is_on_the_minimal_tree_only_adds_to_it(path: Path) -> None:
    own = source.load(path).plain()
    name, kind = family(path)
    if kind != "minimal":
        assert (own["include"], own.keys() - ADDING) == (f"{name}-minimal.yaml", set())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_repositories_are_beside_the_treefile(path: Path) -> None:
    known = configparser.ConfigParser(interpolation=None)
    known.read(COMPOSES.glob("*.repo"))
    repos = treefile.read(path, "x86_64")["repos"]
    # The tests say where the packages of their own are.
    assert repos and all(repo == "world" or known[repo]["gpgcheck"] == "1" for repo in repos)
    assert (repos == ["world"]) == (family(path)[0] == "world")


def test_the_world_is_the_tests_world() -> None:
    read = treefile.read(COMPOSES / "world-minimal.yaml", "x86_64")
    assert sorted(read["packages"]) == sorted(world.TREE)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "minimal"])
def test_the_rest_of_the_world_is_offered(kind: str) -> None:
    read = treefile.read(COMPOSES / f"world-{kind}.yaml", "x86_64")
    assert set(read["packages"]) - set(world.TREE) <= set(world.OFFERED)


def test_each_is_in_the_overview() -> None:
    overview = (COMPOSES / "README.md").read_text()
    for path in FILES:
        name, kind = family(path)
        assert f"`{path.name}`" in overview or (f"`{name}-minimal.yaml`, " in overview and f"`-{kind}`" in overview)
