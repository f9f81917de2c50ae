# SPDX-License-Identifier: GPL-2.0-or-later
"""What only reads sees the tree, and changes nothing."""

from __future__ import annotations

import re

import pytest

from tests.sysroots import Host
from tests.toys import APP, LIB

READING = """list | info toy-tool | search toy | provides /usr/bin/toy-tool | repoquery --installed
    | repoquery --unneeded | history | history info last | check | check-update | module list | tree schema"""


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


def test_a_machine_that_is_no_ostree_host_is_left_alone(host: Host) -> None:
    host.offer(APP, LIB)
    nowhere = {"OSTREE_SYSROOT": ""}
    root = host.folder / "plain"
    own = [f"--installroot={root}", f"--setopt=persistdir={root}/dnf", "--releasever=1"]
    with_plugins = host.dnf("-y", *own, "install", "app", extra=nowhere)
    assert with_plugins.returncode == 0 and "deployment" not in with_plugins.stdout
    assert len(host.deployments()) == 1
    plain, listed = (host.dnf("-q", *o, "repoquery", "app", extra=nowhere) for o in (["--disableplugin=ostree*"], []))
    assert (plain.returncode, plain.stdout) == (listed.returncode, listed.stdout)
    status = host.dnf("status", extra=nowhere)
    assert status.returncode == 1 and status.stdout.endswith(
        "Error: this machine is not an OSTree host\n"
        "(OSTREE_SYSROOT or sysroot= in ostree.conf names one that is not booted)\n"
    )
