# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures: the real thing, in a folder that is gone after the test."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import sysroots, toys
from tests.sysroots import Host


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder on a real file system, not in /tmp: the guard hides that one."""
    path = Path(tempfile.mkdtemp(prefix="ostree-layer-", dir="/var/tmp"))
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def toy_tree() -> Iterator[Path]:
    """The tree of toy-base and toy-tool."""
    with tempfile.TemporaryDirectory(prefix="ostree-layer-tree-", dir="/var/tmp") as work:
        repository = toys.repository(Path(work, "rpms"), [sysroots.BASE, sysroots.OLD_TOOL])
        yield sysroots.compose(Path(work), repository, ["toy-base", "toy-tool"])


@pytest.fixture
def host(folder: Path, toy_tree: Path) -> Iterator[Host]:
    """A sysroot with one deployment of the toy tree, and an empty repository."""
    made = sysroots.make_host(folder / "host", toy_tree)
    made.offer()
    yield made
    made.wait_for_cleaner()
