# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf status`: the picture."""

from __future__ import annotations

from ostree_layer import status
from ostree_layer.model import Package, PackageDiff, Requests
from ostree_layer.status import DeploymentStatus

BOOTED = DeploymentStatus(
    stateroot="demo", checksum="ab" * 32, serial=0, refspec="demo:demo/stable", version="12.0", timestamp=0, booted=True
)
STAGED = DeploymentStatus(
    stateroot="demo",
    checksum="cd" * 32,
    serial=1,
    refspec="demo:demo/stable",
    version="12.0",
    timestamp=60,
    base="ab" * 32,
    requests=Requests(packages=("htop", "tree"), removed=("nano",), local=("ff:mine-1-1.noarch",)),
    command="dnf install htop",
    staged=True,
    changes=PackageDiff(added=(Package("htop", "0", "3", "1", "x86_64"), Package("tree", "0", "2", "1", "x86_64"))),
)


def test_picture() -> None:
    assert "\n".join(status.render([STAGED, BOOTED])) == (
        "  demo demo:demo/stable (staged)\n"
        "           Version: 12.0 (1970-01-01 00:01 UTC)\n"
        f"            Commit: {'cd' * 32}.1\n"
        f"              Base: {'ab' * 32}\n"
        "           Made by: dnf install htop\n"
        "  Layered packages: htop tree\n"
        "    Local packages: mine-1-1.noarch\n"
        " Removed from base: nano\n"
        "           Changes: Added       htop-3-1.x86_64\n"
        "                    Added       tree-2-1.x86_64\n"
        "\n"
        "● demo demo:demo/stable (booted)\n"
        "           Version: 12.0 (1970-01-01 00:00 UTC)\n"
        f"            Commit: {'ab' * 32}.0"
    )


def test_many_changes_are_counted() -> None:
    added = tuple(Package(f"p{index:02}", "0", "1", "1", "noarch") for index in range(20))
    many = DeploymentStatus("s", "ef" * 32, 0, "", "", 0, changes=PackageDiff(added=added))
    lines = list(status.render([many]))
    assert lines[-1] == "                    and 8 more (all of them: --json)"
    assert lines[0] == "  s local tree"
    assert len(status.as_json([many])["deployments"][0]["changes"]["added"]) == 20
