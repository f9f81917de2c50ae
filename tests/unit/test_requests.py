# SPDX-License-Identifier: GPL-2.0-or-later
"""What the user asked for, from trees."""

from __future__ import annotations

from ostree_layer import requests
from ostree_layer.model import Package, Requests


def package(name: str, version: str = "1", arch: str = "noarch") -> Package:
    return Package(name, "0", version, "1", arch)


BASE = (package("bash"), package("less"))
NONE = Requests()


def test_only_what_was_named_is_a_request() -> None:
    now = {*BASE, package("htop"), package("libhtop")}
    assert requests.of_tree(BASE, now, {package("htop")}, NONE, {}) == Requests(packages=("htop",))


def test_what_came_and_went_leaves_no_trace() -> None:
    assert requests.of_tree(BASE, BASE, set(), Requests(packages=("htop",)), {}) == NONE


def test_base_packages_removed_and_replaced() -> None:
    now = {package("bash", "2")}
    assert requests.of_tree(BASE, now, set(), NONE, {}) == Requests(removed=("less",), replaced=("bash-2-1.noarch",))


def test_a_local_rpm_is_known_by_its_content_and_not_by_its_name() -> None:
    now = {*BASE, package("mine")}
    first = requests.of_tree(BASE, now, {package("mine")}, NONE, {"mine-1-1.noarch": "ab12"})
    assert first == Requests(local=("ab12:mine-1-1.noarch",))
    assert requests.of_tree(BASE, now, {package("mine")}, first, {}) == first
    assert requests.of_tree(BASE, BASE, set(), first, {}) == NONE


def test_two_architectures_of_one_name_are_told_apart() -> None:
    now = {*BASE, package("lib", arch="x86_64"), package("lib", arch="i686")}
    assert requests.of_tree(BASE, now, {package("lib", arch="i686")}, NONE, {}).packages == ("lib.i686",)


def test_groups_follow_what_was_installed_and_removed() -> None:
    assert requests.carried(["a", "b"], {"a", "b", "base"}, {"b", "base", "c"}) == ("b", "c")


def test_a_later_request_overrules_one_that_waits() -> None:
    waiting = Requests(
        inactive=(
            "packages:app",
            "packages:lib.i686",
            "packages:old-1-1.noarch",
            "removed:less",
            "replaced:bash-2:2-1.noarch",
        ),
        parked=("packages:gone", "replaced:tool-2-1.noarch"),
    )
    assert requests.still_waiting(waiting, NONE, {"app", "bash"}) == waiting
    now = Requests(removed=("app", "lib.i686", "old", "bash"), packages=("less",), local=("ab12:tool-3-1.noarch",))
    left = requests.still_waiting(waiting, now, {"less", "less.noarch", "tool"})
    assert (left.inactive, left.parked) == ((), ("packages:gone",))
    other = Requests(replaced=("bash-1-1.noarch",), removed=("app-data", "toy-tool"))
    kept = requests.still_waiting(waiting, other, {"bash"}).inactive
    assert kept == waiting.inactive[:-1]
    one = Requests(inactive=("replaced:lib-1-1.i686",))
    assert requests.still_waiting(one, Requests(replaced=("lib-2-1.x86_64",)), {"lib"}).inactive == one.inactive
    assert requests.still_waiting(one, Requests(replaced=("lib-2-1.i686",)), {"lib"}).inactive == ()
    dotted = Requests(inactive=("packages:python3.11", "packages:java-1.8.0-openjdk"))
    gone = Requests(removed=("python3", "java"))
    assert requests.still_waiting(dotted, gone, ()).inactive == dotted.inactive
