# SPDX-License-Identifier: GPL-2.0-or-later
"""Users and groups of packages: the ids that files carry are those that the booted host knows by these names."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ostree_layer import account_files
from ostree_layer.account_files import Accounts
from tests.sysroots import Host, make_host
from tests.toys import Toy

SERVICE = Toy(
    "service",
    files={
        "/etc/service.conf": "a=1\n",
        "/etc/service.d/": "",
        "/usr/bin/service": "service\n",
        "/usr/bin/service-caps": "caps\n",
        "/usr/share/service-link": "-> service",
        "/var/lib/service/": "",
        "/var/lib/service/seed": "seed\n",
        "/run/service/": "",
    },
    attributes={
        "/etc/service.conf": "0640,root,svc",
        "/etc/service.d/": "0750,svc,svc",
        "/usr/bin/service": "6755,svc,svc",
        "/usr/bin/service-caps": "%caps(cap_net_raw=ep) %attr(0750,root,svc)",
        "/usr/share/service-link": "-,svc,svc",
        "/var/lib/service/": "0700,svc,svc",
        "/var/lib/service/seed": "0600,svc,svc",
        "/run/service/": "0711,svc,svc",
    },
    scripts="%pre\ngrep -q ^svc: /etc/passwd ||"
    """ add-user svc 'A "service", 100% ok' /var/lib/service /bin/false\n""",
)


def on_host(host: Host) -> Accounts:
    return account_files.read(host.tree / "etc")


def ids(path: Path) -> tuple[int, int]:
    status = os.lstat(path)
    return status.st_uid, status.st_gid


def sysusers(host: Host, package: str) -> list[str]:
    return (host.tree / f"usr/lib/sysusers.d/00-ostree-layer-{package}.conf").read_text().splitlines()


def add_on_host(host: Host, name: str, number: int) -> None:
    """As an admin's useradd does."""
    with (host.tree / "etc/passwd").open("a") as passwd, (host.tree / "etc/group").open("a") as group:
        passwd.write(f"{name}:x:{number}:{number}::/:/bin/sh\n")
        group.write(f"{name}:x:{number}:\n")


def require_owned(host: Host) -> None:
    """What belongs to svc in the tree belongs to svc on the booted host."""
    accounts, tree = on_host(host), host.tree
    user, group = accounts.users["svc"].uid, accounts.groups["svc"].gid
    assert accounts.users["svc"].gid == group
    assert ids(tree / "etc/service.conf") == (0, group)
    assert ids(tree / "etc/service.d") == ids(tree / "usr/share/service-link") == (user, group)
    assert ids(tree / "usr/bin/service") == (user, group)
    assert stat.S_IMODE((tree / "usr/bin/service").stat().st_mode) == 0o6755
    assert ids(tree / "usr/bin/service-caps") == (0, group)
    assert os.getxattr(tree / "usr/bin/service-caps", "security.capability")[4:8] == (1 << 13).to_bytes(4, "little")
    assert ids(host.var / "lib/service") == ids(host.var / "lib/service/seed") == (user, group)
    conf = (tree / "usr/lib/tmpfiles.d/ostree-layer-service.conf").read_text().splitlines()
    assert conf[0] == "d /run/service 0711 svc svc - -"


@pytest.mark.parametrize("is_edited", [False, True])
def test_a_user_made_by_a_scriptlet(host: Host, is_edited: object) -> None:
    if is_edited:
        add_on_host(host, "me", 1000)
    host.offer(SERVICE)
    host.done("install", "service")
    assert sysusers(host, "service") == [
        "g svc 100 - - -",
        'u svc 100:100 "A \\"service\\", 100%% ok" /var/lib/service /bin/false',
    ]
    for name in ("passwd", "group"):
        assert "svc" not in (host.tree / "usr/etc" / name).read_text()
    host.boot()
    require_owned(host)
    assert on_host(host).users["svc"].gecos == 'A "service", 100% ok'
    assert ("me" in on_host(host).users) is is_edited
    host.fsck()


def test_ids_that_the_host_has_given_away(host: Host) -> None:
    for number, name in ((100, "one"), (101, "two")):
        add_on_host(host, name, number)
    host.offer(SERVICE)
    host.done("install", "service")
    host.boot()
    require_owned(host)
    assert on_host(host).users["svc"].uid == 102
    assert on_host(host).users["one"].uid == 100
    assert "ostree-layer" not in (host.tree / "etc/passwd").read_text() + (host.tree / "usr/etc/passwd").read_text()


def test_a_name_that_the_host_has_with_another_id(host: Host) -> None:
    add_on_host(host, "svc", 777)
    host.offer(SERVICE)
    host.done("install", "service")
    host.boot()
    require_owned(host)
    assert on_host(host).users["svc"].uid == 777
    host.fsck()


def test_removal_and_reinstallation(host: Host) -> None:
    host.offer(SERVICE, Toy("other", scripts="%pre\nadd-user other\n"))
    host.done("install", "service")
    host.boot()
    host.done("remove", "service")
    assert os.listdir(host.tree / "usr/lib/sysusers.d") == []
    host.boot()
    host.done("install", "other")
    host.done("install", "service")
    host.boot()
    require_owned(host)
    assert on_host(host).users["svc"].uid == 100


def test_an_upgrade_keeps_the_user(host: Host) -> None:
    host.offer(SERVICE)
    host.done("install", "service")
    before = sysusers(host, "service")
    host.offer(Toy("service", "2", {"/usr/bin/service": "2\n"}, attributes={"/usr/bin/service": "0755,svc,svc"}))
    host.done("upgrade", "service")
    assert sysusers(host, "service") == before
    assert ids(host.tree / "usr/bin/service") == (100, 100)


def test_the_same_ids_on_two_hosts(host: Host, folder: Path, toy_tree: Path) -> None:
    other = make_host(folder / "other", toy_tree)
    add_on_host(other, "me", 1000)
    for one in (host, other):
        one.offer(SERVICE)
        one.done("install", "service")
    assert sysusers(host, "service") == sysusers(other, "service")
    other.wait_for_cleaner()


def test_members(host: Host) -> None:
    join = "%post\nadd-user worker\nsed -i -E 's/^((svc|root):.*)/\\1worker/' /etc/group\n"
    host.offer(SERVICE, Toy("joins", scripts=join))
    host.done("install", "service")
    host.done("install", "joins")
    lines = sysusers(host, "joins")
    assert "m worker root - - -" in lines and "m worker svc - - -" in lines
    host.boot()
    assert on_host(host).groups["svc"].members == ("worker",)
    assert "worker" not in (host.tree / "usr/etc/group").read_text()


def test_a_user_of_two_packages_goes_with_the_second(host: Host) -> None:
    second = Toy("second", files={"/usr/bin/second": ""}, attributes={"/usr/bin/second": "0755,svc,svc"})
    host.offer(SERVICE, second)
    host.done("install", "service")
    host.done("install", "second")
    assert ids(host.tree / "usr/bin/second") == (100, 100)
    host.done("remove", "service")
    assert [line.split()[:2] for line in sysusers(host, "second")] == [["g", "svc"], ["u", "svc"]]
    host.done("remove", "second")
    assert os.listdir(host.tree / "usr/lib/sysusers.d") == []


def test_a_name_that_the_tree_leaves_to_the_host(host: Host) -> None:
    """The base declares a user without an id; a package has files of this user."""
    base = Toy("base-users", files={"/usr/lib/sysusers.d/base.conf": "u daemon - - / -\n"})
    user = Toy("user", files={"/usr/bin/user": ""}, attributes={"/usr/bin/user": "0755,daemon,daemon"})
    host.offer(base, user)
    host.done("install", "base-users")
    host.boot()
    number = on_host(host).users["daemon"].uid
    host.done("install", "user")
    host.boot()
    assert ids(host.tree / "usr/bin/user")[0] == number == on_host(host).users["daemon"].uid
    group = on_host(host).groups["daemon"].gid
    assert sysusers(host, "user")[1].startswith(f"u daemon {number}:{group} - / ")


def test_a_scriptlet_that_changes_a_user_of_the_base(host: Host) -> None:
    host.offer(Toy("shell", scripts="%post\nsed -i '/^root:/s,/bin/sh$,/bin/false,' /etc/passwd\n"))
    host.done("install", "shell")
    assert account_files.read(host.tree / "usr/etc").users["root"].shell == "/bin/false"
