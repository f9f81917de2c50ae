# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf tree diff`, by the real dnf."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from ostree_layer import advisories, comparison, repo, tree_words
from ostree_layer.contents import Contents
from ostree_layer.model import Advisory
from ostree_layer.ostree_gi import GLib
from tests import tree_repos
from tests.sysroots import REF, ostree
from tests.tree_repos import LOCAL, NEW_TOOL, Repos, said

PACKAGES = ["Upgraded    toy-tool 1-1 -> 2-1", "Added       app-1-1.noarch", "Added       lib-1-1.noarch"]
NEWS = [
    "",
    "Advisories:",
    "  TOY-4 (security, critical): CVE-2026-2",
    "  TOY-3 (security, low)",
    "  TOY-2 (enhancement)",
]


def test_by_package_and_advisory(repos: Repos, folder: Path) -> None:
    assert said(folder, "diff", f"{REF}^", REF, f"--repo={repos.archive}").splitlines() == [*PACKAGES, *NEWS]
    back = said(folder, "diff", REF, f"{REF}^", f"--repo={repos.archive}").splitlines()
    assert back == ["Downgraded  toy-tool 2-1 -> 1-1", "Removed     app-1-1.noarch", "Removed     lib-1-1.noarch"]


def test_by_file(repos: Repos, folder: Path) -> None:
    lines = said(folder, "diff", f"{REF}^", REF, "--files", f"--repo={repos.archive}").splitlines()
    files = lines[lines.index("Files:") + 1 :]
    assert {"  A /usr/bin/app", "  M /usr/bin/toy-tool (content)", "  D /usr/share/toy-tool/old"} < set(files)
    assert {"  A /usr/lib/opt", "  A /usr/lib/opt/tool", "  A /usr/lib/opt/tool/data"} < set(files)
    paths = [line.split()[1] for line in files]
    assert paths == sorted(paths, key=lambda path: path.split("/")) and "/usr/share/toy/kept" not in paths
    theirs = ostree("diff", f"--repo={repos.archive}", f"{REF}^", REF).splitlines()
    assert {tuple(line.split()[:2]) for line in files} == {tuple(line.split()) for line in theirs}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("chmod 600 file", "M /dir/file (mode)"),
        ("chown 7:8 file", "M /dir/file (owner)"),
        ('/usr/bin/python3 -c \'import os; os.setxattr("file", "user.toy", b"1")\'', "M /dir/file (xattrs)"),
        ("echo other > file", "M /dir/file (content)"),
        ("echo longer than it was > file; chmod 755 file", "M /dir/file (content, mode)"),
        ("rm file; mkdir file", "M /dir/file (type)"),
        ("ln -snf elsewhere link", "M /dir/link (target)"),
        ("chmod 700 .", "M /dir (mode)"),
        ("touch 'two\nlines\x1b'", "A /dir/two\\nlines\\x1b"),
    ],
)
@pytest.mark.parametrize("mode", ["archive", "bare", "bare-user"])
def test_what_differs_in_a_file(change: str, words: str, mode: str, folder: Path) -> None:
    store, tree = folder / "repo", folder / "tree"
    ostree("init", f"--repo={store}", f"--mode={mode}")
    (tree / "dir").mkdir(parents=True)
    (tree / "dir/file").write_text("first\n")
    (tree / "dir/link").symlink_to("file")
    commits = [_commit(store, tree)]
    subprocess.run(["sh", "-c", change], cwd=tree / "dir", check=True)
    commits.append(_commit(store, tree))
    opened = repo.open_repo(store)
    found = comparison.compare_files(*(Contents(opened, commit) for commit in commits))
    assert [tree_words.file_change(one) for one in found] == [words]


def _commit(store: Path, tree: Path) -> str:
    return ostree("commit", f"--repo={store}", f"--tree=dir={tree}", "--orphan").strip()


def test_changelogs(repos: Repos, folder: Path) -> None:
    lines = said(folder, "diff", f"{REF}^", REF, "--changelogs", f"--repo={repos.archive}").splitlines()
    assert lines[-4:] == [
        f"Changes in {NEW_TOOL.nevra}:",
        "  2026-11-20 A Toy Maker <toys@example.com> - 2-1",
        "    - A new tool",
        "    - CVE-2026-2",
    ]


def test_as_json(repos: Repos, folder: Path) -> None:
    found = json.loads(said(folder, "diff", f"{REF}^", REF, "--json", "--changelogs", f"--repo={repos.archive}"))
    difference = found["diff"]
    assert (found["version"], difference["old"], difference["new"]) == (1, repos.commit(f"{REF}^"), repos.commit(REF))
    assert difference["packages"]["upgraded"] == [["toy-tool-1-1.noarch", NEW_TOOL.nevra]]
    assert [news["name"] for news in difference["advisories"]] == ["TOY-4", "TOY-3", "TOY-2"]
    assert difference["advisories"][0]["references"] == [["CVE-2026-2", "https://example.com/2"]]
    assert difference["files"] is None and difference["changelogs"][0]["package"] == NEW_TOOL.nevra


@pytest.mark.parametrize(
    ("old", "more", "status"),
    [(REF, [], 0), (REF, ["--unchanged-exit-77"], 77), (f"{REF}^", ["--unchanged-exit-77"], 0)],
)
def test_the_exit_status_can_say_that_nothing_differs(
    old: str, more: list[str], status: int, repos: Repos, folder: Path
) -> None:
    done = tree_repos.tree(folder, "diff", old, REF, "--files", *more, f"--repo={repos.archive}")
    assert (done.returncode, done.stderr) == (status, "")
    same = done.stdout == "The packages are the same.\nThe files are the same.\n"
    assert same == (old == REF)


def test_what_a_host_made_differs_from_its_base(repos: Repos, folder: Path) -> None:
    assert said(folder, "diff", REF, LOCAL, f"--repo={repos.bare}").splitlines() == PACKAGES


def test_packages_that_are_not_here(repos: Repos, folder: Path) -> None:
    partial = tree_repos.copy(repos.archive, folder)
    first = repos.commit(f"{REF}^")
    (partial / "state").mkdir(exist_ok=True)
    (partial / f"state/{first}.commitpartial").touch()
    done = tree_repos.tree(folder, "diff", f"{REF}^", REF, f"--repo={partial}")
    assert (done.returncode, done.stderr) == (
        1,
        f"Error: the packages of commit {first} are not known: neither its metadata nor its rpm database is here\n"
        "('ostree pull' without --commit-metadata-only gets the rest)\n",
    )


def test_advisories_are_read_as_they_are_written() -> None:
    news = [
        Advisory("B", "newpackage", "moderate", ("a-1-1.noarch", "b-1-1.noarch")),
        Advisory("A", "security", "important", (), (("CVE-1", "https://example.com/1"), ("CVE-2", ""))),
    ]
    written = advisories.as_variant(news)
    assert advisories.parse({advisories.KEY: written}) == (news[1], news[0])
    assert written.get_type_string() == "a(suuasa{sv})"
    assert written.byteswap().unpack()[0][:3] == ("A", 1, 3), "the numbers are big-endian"


def test_advisories_of_another_byte_order_and_of_kinds_to_come() -> None:
    rows = GLib.Variant("a(suuasa{sv})", [("A", 1, 4, [], {}), ("B", 99, 99 << 24, [], {})])
    found = advisories.parse({advisories.KEY: rows})
    assert [(one.kind, one.severity) for one in found] == [("security", "critical"), ("unknown", "none")]
