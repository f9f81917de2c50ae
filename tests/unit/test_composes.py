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


@pytest.mark.parametrize("path", sorted(COMPOSES.glob("*.yaml")), ids=lambda path: path.name)
def test_each_can_be_read_and_fits_the_schema(path: Path) -> None:
    read = treefile.read(path, "x86_64")
    assert str(read["ref"]).endswith("/x86_64/minimal")
    jsonschema.validate(source.load(path).plain(), json.loads(rendering.schema()))


def test_the_world_is_the_tests_world() -> None:
    read = treefile.read(COMPOSES / "world-minimal.yaml", "x86_64")
    assert sorted(read["packages"]) == sorted(world.TREE)


def test_repositories_are_beside_the_treefile() -> None:
    known = configparser.ConfigParser(interpolation=None)
    known.read(COMPOSES / "fedora.repo")
    assert known.sections() == treefile.read(COMPOSES / "fedora-minimal.yaml", "x86_64")["repos"]
