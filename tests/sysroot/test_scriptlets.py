# SPDX-License-Identifier: GPL-2.0-or-later
"""Scriptlets and triggers of every kind, run by the real librpm, in order."""

from __future__ import annotations

import pytest

from tests.sysroots import Host
from tests.toys import Toy

LOG = "/usr/share/log"


def log(kind: str, *, lua: bool = False, head: str = "") -> str:
    word = f"{kind} {head}".strip()
    if lua:
        return f"%{kind} -p <lua> {head}\nlocal f = io.open('{LOG}', 'a'); f:write('{word}\\n'); f:close()\n"
    return f"%{kind} {head}\necho '{word}' >> {LOG}\n"


KINDS = ("pretrans", "pre", "post", "preun", "postun", "posttrans")


def logged(host: Host) -> list[str]:
    return (host.tree / LOG[1:]).read_text().splitlines()


@pytest.mark.parametrize("lua", [False, True])
def test_the_six_of_a_package(host: Host, lua: object) -> None:
    scripts = "".join(log(kind, lua=bool(lua) or kind == "pretrans") for kind in KINDS)
    host.offer(Toy("all", scripts=scripts))
    host.done("install", "all")
    assert logged(host) == ["pretrans", "pre", "post", "posttrans"]
    host.done("remove", "all")
    assert logged(host)[4:] == ["preun", "postun"]


def test_triggers(host: Host) -> None:
    triggers = "".join(log(kind, head="-- app") for kind in ("triggerprein", "triggerin", "triggerun", "triggerpostun"))
    files = ("filetriggerin", "filetriggerun", "filetriggerpostun", "transfiletriggerin", "transfiletriggerun")
    triggers += "".join(log(kind, head="-- /usr/share/app") for kind in (*files, "transfiletriggerpostun"))
    host.offer(Toy("watcher", scripts=triggers), Toy("app", files={"/usr/share/app/file": ""}))
    host.done("install", "watcher")
    host.done("install", "app")
    installed = logged(host)
    assert sorted(installed) == sorted(
        ["triggerprein -- app", "triggerin -- app"]
        + [f"{kind} -- /usr/share/app" for kind in ("filetriggerin", "transfiletriggerin")]
    )
    host.done("remove", "app")
    assert sorted(logged(host)[len(installed) :]) == sorted(
        ["triggerun -- app", "triggerpostun -- app"]
        + [f"{kind} -- /usr/share/app" for kind in (*files[1:3], "transfiletriggerun", "transfiletriggerpostun")]
    )


def test_interpreters_and_flags(host: Host) -> None:
    host.offer(
        Toy(
            "flags",
            files={"/usr/bin/own-sh": "-> busybox", "/usr/libexec/interpreter": f'#!/bin/sh\necho "own $2" >> {LOG}\n'},
            attributes={"/usr/libexec/interpreter": "0755,root,root"},
            scripts=f"%pre -e\necho %%{{_topdir}}x > {LOG}\n%post -q\necho %%{{NAME}} $1 >> {LOG}\n"
            "%posttrans -p /usr/libexec/interpreter\nanything\n",
        )
    )
    host.done("install", "flags")
    first, *rest = logged(host)
    assert first.endswith("x") and "%" not in first
    assert rest == ["flags 1", "own 1"]


def test_rpm_state_lasts_as_long_as_the_transaction(host: Host) -> None:
    state = "/var/lib/rpm-state/flag"
    writes = Toy("writes", scripts=f"%pre\nmkdir -p /var/lib/rpm-state\necho 1 > {state}\n", provides=("state",))
    reads = Toy("reads", scripts=f"%posttrans\ncp {state} /usr/share/read\n", requires=("state",))
    host.offer(writes, reads)
    host.done("install", "reads")
    assert (host.tree / "usr/share/read").read_text() == "1\n"
    assert not list(host.tree.glob("usr/lib/tmpfiles.d/ostree-layer*"))
    host.offer(Toy("after", scripts=f"%post\n[ ! -e {state} ]\n"))
    host.done("install", "after")


def test_an_upgrade_runs_the_scripts_of_both(host: Host) -> None:
    def version(number: str) -> Toy:
        kinds = [f"%{kind}\necho '{kind} of {number}:' $1 >> {LOG}\n" for kind in KINDS[1:]]
        return Toy("app", number, scripts="".join(kinds))

    host.offer(version("1"))
    host.done("install", "app")
    before = len(logged(host))
    host.offer(version("2"))
    host.done("upgrade", "app")
    assert logged(host)[before:] == [
        "pre of 2: 2",
        "post of 2: 2",
        "preun of 1: 1",
        "postun of 1: 1",
        "posttrans of 2: 2",
    ]


def test_a_failing_lua_scriptlet(host: Host) -> None:
    host.offer(Toy("fails", scripts="%pre -p <lua>\nerror('no good')\n"))
    result = host.dnf("-y", "install", "fails")
    assert result.returncode == 1
    assert "no good" in result.stdout
    assert result.stdout.endswith(
        "Error: Transaction failed: Error in PREIN scriptlet in rpm package fails\n"
        "Nothing was deployed: the host is as it was.\n"
    )
