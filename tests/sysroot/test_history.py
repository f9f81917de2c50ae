# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf history` on a sysroot: which commit each entry has made."""

from __future__ import annotations

import dataclasses
import os
import re

import pytest

from ostree_layer import history, metadata, repo
from ostree_layer.history import Made
from ostree_layer.model import Target, Transaction
from ostree_layer.ostree_gi import GLib
from tests import streams
from tests.streams import Stream
from tests.sysroots import Host, ostree
from tests.toys import APP, LIB, Toy

HEADER = re.compile(r"ID +\| (Command line|User name) +\| Date and time +\| Action\(s\) +\| Altered \| Commit")
ROW = re.compile(r" *(\d+) \| .*?(?: \| ([0-9a-f]{12}))?")
TRANSACTION = metadata.OURS + "transaction"
COMMIT = re.compile(r"^Commit         : (.*)$", re.MULTILINE)


def commits(host: Host) -> list[str]:
    return [name.partition(".")[0] for name in host.deployments()]


def listed(host: Host, *options: str) -> list[tuple[str, str]]:
    """The ids and commits that `dnf history list` prints."""
    header, rule, *rows = host.done("-q", "--releasever=1", "history", "list", *options).splitlines()
    assert HEADER.fullmatch(header) and set(rule) == {"-"} and len(header) <= len(rule)
    found = [ROW.fullmatch(row) for row in rows]
    return [(row.group(1), row.group(2) or "") for row in found if row is not None]


def test_each_entry_has_its_commit(host: Host) -> None:
    host.offer(APP, LIB, Toy("other"))
    host.done("install", "other")
    (first,) = commits(host)[:1]
    host.done("install", "app")
    (second,) = commits(host)[:1]
    assert listed(host) == [("3", second[:12]), ("2", first[:12]), ("1", "")]
    assert listed(host, "--reverse") == listed(host)[::-1]
    assert listed(host, "2") == [("2", first[:12])]
    for view in ("users", "commands", "single-user-commands"):
        assert listed(host, f"--setopt=history_list_view={view}") == listed(host)


def test_undo_makes_an_entry_with_a_commit_of_its_own(host: Host) -> None:
    host.offer(APP, LIB)
    host.done("install", "app")
    before = listed(host)
    host.done("history", "undo", "last")
    assert listed(host) == [("3", commits(host)[0][:12]), *before]
    host.done("rollback")
    assert listed(host) == before


def test_info(host: Host) -> None:
    host.offer(APP, LIB)
    host.done("install", "app")
    host.done("remove", "app")
    new, old = commits(host)
    assert COMMIT.findall(host.done("history", "info", "last")) == [f"{new} (deployed as 0)"]
    text = host.done("history", "info", "2")
    assert f"Transaction ID : 2\nCommit         : {old} (deployed as 1)\nBegin time     : " in text
    assert COMMIT.findall(host.done("history", "info", "1..3")) == [f"{new} (deployed as 0)", f"{old} (deployed as 1)"]
    assert COMMIT.findall(host.done("history", "info", "1")) == []


def test_what_a_session_did_is_one_commit(host: Host) -> None:
    host.offer(APP, LIB, Toy("other"))
    script = host.folder / "script"
    script.write_text("install app\nrun\ninstall other\nrun\nexit\n")
    host.done("shell", os.fspath(script))
    host.done("mark", "remove", "app")
    marked, session = (name[:12] for name in commits(host))
    assert listed(host) == [("4", marked), ("3", session), ("2", session), ("1", "")]


def test_a_commit_that_does_not_say_its_entries(host: Host) -> None:
    """As those of former versions."""
    host.offer(APP, LIB)
    host.done("install", "app")
    values = repo.metadata(repo.load_commit(repo.open_repo(host.sysroot / "ostree/repo"), commits(host)[0]))
    now = metadata.parse_local(values)
    assert now is not None and now.transaction.history == (2,)
    stored = metadata._transaction(now.transaction)
    del stored["history"]
    then = metadata.parse_local({**values, TRANSACTION: GLib.Variant("a{sv}", stored)})
    assert then is not None and then.transaction == dataclasses.replace(now.transaction, history=())


def test_on_another_base_the_entries_are_others(host: Host) -> None:
    """As after a switch to a base that has a history of its own, on which the requests were played again."""
    host.offer(APP, LIB)
    host.done("install", "app")
    store, former = repo.open_repo(host.sysroot / "ostree/repo"), commits(host)[0]
    values = repo.metadata(repo.load_commit(store, former))
    changed = {"base": "ab" * 32, "previous": former}
    values.update({metadata.OURS + key: GLib.Variant("s", value) for key, value in changed.items()})
    values[TRANSACTION] = GLib.Variant("a{sv}", metadata._transaction(Transaction("dnf distro-sync", history=(7,))))
    with repo.transaction(store):
        root = store.read_commit(former, None)[1]
        made = store.write_commit(None, None, None, GLib.Variant("a{sv}", values), root, None)[1]
        store.transaction_set_ref(None, "switched", made)
    ostree("admin", "deploy", f"--sysroot={host.sysroot}", "--os=toy", "switched")
    assert history.read(Target(os.fspath(host.sysroot))) == {7: Made(made, (0,), has_moved=True)}


def test_an_empty_history_and_unknown_entries(host: Host) -> None:
    host.offer(APP, LIB)
    host.done("install", "app")
    assert listed(host, "99") == []
    result = host.dnf("history", "info", "99")
    plain = host.dnf("--disableplugin=ostree-history", "history", "info", "99")
    assert (result.returncode, result.stdout) == (plain.returncode, plain.stdout)


def test_the_users_own_root_and_other_machines_have_no_commits(host: Host) -> None:
    host.offer(APP, LIB)
    own = [f"--installroot={host.folder}/own", "--releasever=1"]
    host.done(*own, "install", "app")
    assert "Commit" not in host.done(*own, "history", "list") + host.done(*own, "history", "info", "1")


def fill(text: str, width: int) -> str:
    return f"{text:{width}.{width}}"


@pytest.mark.parametrize("wide", [24, 25, 80])
def test_the_table_fits_where_dnf_made_it_fit(wide: int) -> None:
    header = f"ID     | {'Command line':{wide}} | Date and time    | Action(s)      | Altered"
    rows = [f"{n:6} | {'install a | b':{wide}} | 2026-11-21 16:24 | Install        | {n:4} EE" for n in (2, 1)]
    text = "\n".join([header, "-" * len(header), *rows, ""])
    lines = history.with_column(text, {2: Made("ab" * 32)}, fill).splitlines()
    assert lines[2].endswith(" |    2 EE | abababababab") and lines[3].endswith(" |    1 EE")
    assert len(lines[2]) == len(lines[1]) == len(header) + 15 - (min(15, wide - 10) if wide > 24 else 0)


@pytest.mark.parametrize("text", ["", "\n", "No transactions\n", "a | b | c | d | e\n-----\nf\n", "a | b\n---\n"])
def test_what_is_no_table_stays_as_it_is(text: str) -> None:
    assert history.with_column(text, {1: Made("ab" * 32)}, fill) == text


def test_where_a_commit_is() -> None:
    assert str(Made("ab", (0, 2), is_booted=True)) == "ab (deployed as 0 and 2, booted)"
    assert str(Made("ab")) == "ab"


def test_what_an_undo_cannot_undo_is_said(client: Host, stream: Stream) -> None:
    client.done("install", "app")
    stream.publish("1.2")
    client.done("upgrade")
    said = (
        "is undone as far as packages go; it went to another tree, from which 'dnf rollback' or 'dnf deploy' goes back."
    )
    assert f"Entry 3 {said}" in client.done("history", "undo", "last")
    assert "app" not in streams.names(client)
    assert f"Entry 3 {said}" in client.done("history", "rollback", "2")
    assert said not in client.done("history", "undo", "last")
