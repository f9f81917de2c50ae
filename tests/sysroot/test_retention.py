# SPDX-License-Identifier: GPL-2.0-or-later
"""How many deployments, and how many trees of its own, a host keeps."""

from __future__ import annotations

import pytest

from tests.sysroots import Host, ostree
from tests.toys import Toy

TOYS = [Toy(f"toy{number}", files={f"/usr/bin/toy{number}": ""}) for number in range(7)]


def configure(host: Host, **options: int) -> None:
    (host.folder / "plugins.d").mkdir(exist_ok=True)
    lines = "".join(f"{name}={value}\n" for name, value in options.items())
    (host.folder / "plugins.d/ostree.conf").write_text(f"[main]\n{lines}")


def install(host: Host, *numbers: int) -> list[str]:
    """Install toys one by one, and return the checksums of their trees, newest first."""
    host.offer(*TOYS)
    made: list[str] = []
    for number in numbers:
        host.done("install", f"toy{number}")
        made.insert(0, host.deployments()[0])
    host.wait_for_cleaner()
    return made


def marks(host: Host) -> list[str]:
    return [path.name for path in host.sysroot.glob("ostree/deploy/*/deploy/*.origin") if "kept" in path.read_text()]


def history(host: Host) -> set[str]:
    return set(ostree("refs", host.repo, "--list", "ostree-layer/history").split())


def refs_to(checksums: list[str]) -> set[str]:
    return {f"ostree-layer/history/toy/{name.partition('.')[0]}" for name in checksums}


@pytest.mark.parametrize("limit", [3, 4])
def test_more_than_two(host: Host, limit: int) -> None:
    configure(host, deployments=limit)
    (first,) = host.deployments()
    made = install(host, 0, 1)
    assert host.deployments() == [*made, first] and len(marks(host)) == 1
    made = [*install(host, 2, 3, 4), *made]
    assert host.deployments() == made[:limit]
    assert sorted(marks(host)) == sorted(f"{name}.origin" for name in made[2:limit])


def test_two_is_what_libostree_does_by_itself(host: Host) -> None:
    made = install(host, 0, 1, 2)
    assert host.deployments() == made[:2] and marks(host) == []


def test_pins_of_the_user_do_not_count(host: Host) -> None:
    configure(host, deployments=3)
    (first,) = host.deployments()
    host.done("pin")
    made = install(host, 0, 1, 2, 3)
    assert host.deployments() == [*made[:3], first]
    assert marks(host) == [f"{made[2]}.origin"]
    host.done("pin", "2")
    assert marks(host) == []
    newer = install(host, 4, 5)
    assert host.deployments() == [*newer, made[0], made[2], first]


def test_a_lower_number_lets_them_go(host: Host) -> None:
    configure(host, deployments=4)
    install(host, 0, 1, 2)
    configure(host, deployments=2)
    install(host, 3)
    assert len(host.deployments()) == 2 and marks(host) == []


def test_a_rollback_keeps_as_many(host: Host) -> None:
    configure(host, deployments=3)
    third, second, _first = install(host, 0, 1, 2)
    host.done("rollback")
    assert host.deployments()[:2] == [second, third]
    assert marks(host) == [f"{third}.origin"]
    (new,) = install(host, 3)
    assert host.deployments() == [new, second, third]


@pytest.mark.parametrize("point", ["retention::kept", "deploy::before-write"])
def test_a_killed_run_loses_none(host: Host, point: str) -> None:
    configure(host, deployments=3)
    made = install(host, 0, 1)
    before = host.deployments()
    host.dnf("-y", "install", "toy2", extra={"OSTREE_LAYER_FAILPOINT": f"{point}=kill"})
    assert host.deployments() == before
    made = [*install(host, 2), *made]
    assert host.deployments() == made


def test_history(host: Host) -> None:
    configure(host, history=3)
    made = install(host, 0, 1, 2, 3)
    assert history(host) == refs_to(made[:3])
    host.fsck()
    assert "install toy1" in ostree("log", host.repo, made[2].partition(".")[0])


def test_a_branch_that_was_left_is_kept(host: Host) -> None:
    configure(host, history=4)
    third, second, first = install(host, 0, 1, 2)
    host.done("rollback")
    made = install(host, 3)
    assert history(host) == refs_to([*made, third, second, first])
    made = [*install(host, 4), *made]
    assert history(host) == refs_to([*made, third, second])


def test_what_the_user_named_is_the_users(host: Host) -> None:
    configure(host, history=1)
    (first,) = install(host, 0)
    ostree("refs", host.repo, "--create=mine/first", first.partition(".")[0])
    install(host, 1, 2, 3)
    assert ostree("rev-parse", host.repo, "mine/first").strip() == first.partition(".")[0]
    assert len(history(host)) == 1
    host.fsck()
