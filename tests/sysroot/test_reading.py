# SPDX-License-Identifier: GPL-2.0-or-later
"""What only reads sees the tree, and changes nothing."""

from __future__ import annotations

import re

import pytest

from tests.sysroots import Host
from tests.toys import APP, LIB

READING = """list | info toy-tool | search toy | provides /usr/bin/toy-tool | repoquery --installed
    | repoquery --unneeded | history | history info last | check | check-update | module list"""


@pytest.mark.parametrize("command", re.split(r"\s*[|]\s*", READING))
def test_reading(host: Host, command: str) -> None:
    host.offer(APP, LIB)
    result = host.dnf(*command.split())
    assert result.returncode in (0, 100), result.stdout
    assert not (host.work / "staging").exists()


def test_reading_shows_the_tree_and_not_this_machine(host: Host) -> None:
    assert [line.split()[0] for line in host.done("list", "--installed").splitlines() if ".noarch" in line] == [
        "toy-base.noarch",
        "toy-tool.noarch",
    ]
