# SPDX-License-Identifier: GPL-2.0-or-later
"""What rpm-ostree has words for."""

from __future__ import annotations

import pytest

from ostree_layer import metadata, rpm_ostree
from ostree_layer.model import Package, Requests


def package(name: str, version: str = "1", arch: str = "noarch", epoch: str = "0") -> Package:
    return Package(name, epoch, version, "1", arch)


BASE = (package("bash"), package("less"), package("lib", arch="i686"), package("lib", arch="x86_64"))
# What was less for all architectures is now one of one.
NOW = (package("htop"), package("mine"), package("less", arch="x86_64"), package("lib", arch="x86_64"))


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Requests(packages=("htop",), removed=("bash",), local=("ab:mine-1-1.noarch",)), ""),
        (Requests(inactive=("packages:bash",)), ""),
        (Requests(groups=("apps", "games")), "groups (apps, games)"),
        (Requests(modules=("perl:5",)), "modules (perl:5)"),
        (Requests(replaced=("bash-2-1.noarch",)), "base packages replaced from repositories (bash-2-1.noarch)"),
        (Requests(removed=("lib.i686",)), "architectures of base packages (lib.i686)"),
        (Requests(removed=("less",)), "architectures of base packages (less)"),
        (Requests(inactive=("groups:apps",)), "inactive requests (groups:apps)"),
        (Requests(parked=("packages:a",), groups=("b",)), "groups (b); parked requests (packages:a)"),
    ],
)
def test_words(wanted: Requests, said: str) -> None:
    assert rpm_ostree.wordless(wanted, BASE, NOW) == said


def test_a_file_that_replaces_a_base_package_is_told_from_one_that_is_added() -> None:
    now = {package("bash", "2", epoch="1"), package("mine")}
    wanted = Requests(packages=("htop",), inactive=("packages:less",))
    layer = rpm_ostree.layer_of(wanted, BASE, now, {"bash-1:2-1.noarch": "ab", "mine-1-1.noarch": "cd"})
    assert layer.replaced == ((package("bash"), package("bash", "2", epoch="1")),)
    assert rpm_ostree.origin_of(layer) == {
        ("packages", "requested"): ("htop", "less"),
        ("packages", "requested-local"): ("cd:mine-1-1.noarch",),
        ("overrides", "replace-local"): ("ab:bash-1:2-1.noarch",),
    }
    assert rpm_ostree.metadata_of(layer, "base")["rpmostree.packages"].unpack() == ["htop"]


def test_the_order_of_packages_is_that_in_which_others_search() -> None:
    mixed = [
        package("b"),
        package("a", "10"),
        package("a", "9"),
        package("a", "1", epoch="2"),
        package("a", "9", "i686"),
    ]
    assert [Package(*row).nevra for row in metadata.packages_variant(mixed).unpack()] == [
        "a-9-1.i686",
        "a-9-1.noarch",
        "a-10-1.noarch",
        "a-2:1-1.noarch",
        "b-1-1.noarch",
    ]
