# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf tree list`, `show` and `log`, by the real dnf."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from ostree_layer import repo
from tests import tree_repos
from tests.sysroots import REF, ostree
from tests.tree_repos import LOCAL, Repos, said

TABLE = re.compile(
    rf"^REF +VERSION +DATE +SIZE +PACKAGES +COMMIT\n{REF} +1\.1 +2023-11-14 23:13 UTC +\d\.\d MB +4 +\w+\n$"
)


def test_list(repos: Repos, folder: Path) -> None:
    assert TABLE.fullmatch(said(folder, "list", f"--repo={repos.archive}"))


def test_list_as_json(repos: Repos, folder: Path) -> None:
    found = json.loads(said(folder, "list", "--json", f"--repo={repos.archive}"))
    (tree,) = found["trees"]
    assert found["version"] == 1
    assert (tree["ref"], tree["checksum"], tree["version"]) == (REF, repos.commit(REF), "1.1")
    assert tree["packages"] == ["app-1-1.noarch", "lib-1-1.noarch", "toy-base-1-1.noarch", "toy-tool-2-1.noarch"]


def test_refs_that_only_keep_commits_are_listed_if_asked_for(repos: Repos, folder: Path) -> None:
    listed, everything = (
        [line.split()[0] for line in said(folder, "list", *more, f"--repo={repos.bare}").splitlines()[1:]]
        for more in ([], ["--all"])
    )
    assert listed == [REF]
    assert everything == sorted(ostree("refs", f"--repo={repos.bare}").split()) and LOCAL in everything


def test_refs_of_remotes_are_listed(repos: Repos, folder: Path) -> None:
    mirror = tree_repos.copy(repos.archive, folder)
    ostree("remote", "add", f"--repo={mirror}", "--no-gpg-verify", "toys", f"file://{repos.archive}")
    ostree("pull", f"--repo={mirror}", f"toys:{REF}")
    names = [line.split()[0] for line in said(folder, "list", f"--repo={mirror}").splitlines()[1:]]
    assert names == [REF, f"toys:{REF}"]


def test_the_size_is_that_of_the_content_in_any_repository(repos: Repos, folder: Path) -> None:
    sized = folder / "sized"
    ostree("init", f"--repo={sized}", "--mode=archive")
    ostree("checkout", "-U", f"--repo={repos.archive}", REF, os.fspath(folder / "tree"))
    ostree("commit", f"--repo={sized}", f"--tree=dir={folder}/tree", f"--branch={REF}", "--generate-sizes")
    files = [path for path in (folder / "tree").rglob("*") if path.is_file() and not path.is_symlink()]
    content = sum({path.read_bytes(): path.stat().st_size for path in files}.values())
    for where in (repos.archive, sized):
        (tree,) = json.loads(said(folder, "list", "--json", f"--repo={where}"))["trees"]
        assert content <= tree["size"] < content + 1000, "with the targets of links, and some contents twice"
    (tree,) = json.loads(said(folder, "list", "--json", "--no-sizes", f"--repo={sized}"))["trees"]
    assert tree["size"] is None


def test_show(repos: Repos, folder: Path) -> None:
    lines = said(folder, "show", REF, "--packages", f"--repo={repos.archive}").splitlines()
    store = repo.open_repo(repos.archive)
    content = ostree("show", f"--repo={repos.archive}", REF)
    shown = dict(line.strip().split(": ", 1) for line in lines if ": " in line)
    assert f"ContentChecksum:  {shown['Content']}\n" in content
    assert (shown["Ref"], shown["Commit"], shown["Version"]) == (REF, repos.commit(REF), "1.1")
    assert (shown["Parent"], shown["Date"]) == (repos.commit(f"{REF}^"), "2023-11-14 23:13 UTC")
    assert (shown["Subject"], shown["Package count"]) == ("Toys 1.1", "4")
    assert "                    toy.note: 'for a test'" in lines
    assert lines[-4:] == [
        "          Packages: app-1-1.noarch",
        "                    lib-1-1.noarch",
        "                    toy-base-1-1.noarch",
        "                    toy-tool-2-1.noarch",
    ]
    assert repo.version(repo.load_commit(store, shown["Parent"])) == "1.0"


def test_show_what_a_host_made(repos: Repos, folder: Path) -> None:
    text = said(folder, "show", LOCAL, f"--repo={repos.bare}")
    base = repo.load_commit(repo.open_repo(repos.bare), repos.commit(LOCAL)).get_child_value(1).get_data_as_bytes()
    assert f"              Base: {base.get_data().hex()}\n          Base ref: {REF}\n" in text
    assert "Requested packages: app\n" in text
    shown = json.loads(said(folder, "show", LOCAL, "--json", f"--repo={repos.bare}"))["commit"]
    assert shown["local"]["base_refspec"] == REF and shown["local"]["requests"]["packages"] == ["app"]
    assert shown["parent"] == shown["local"]["base"] != shown["local"]["previous"]


@pytest.mark.parametrize("name", [":1.0", "{checksum}", "{short}", f"{REF}^"])
def test_a_commit_has_many_names(name: str, repos: Repos, folder: Path) -> None:
    first = repos.commit(f"{REF}^")
    shown = said(folder, "show", name.format(checksum=first, short=first[:10]), f"--repo={repos.archive}")
    assert f"            Commit: {first}\n" in shown


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("toy/1/bass", "there is no ref or commit toy/1/bass in {0}\n(did you mean toy/1/base?)"),
        ("zzz", "there is no ref or commit zzz in {0}\n('dnf tree list' names the refs)"),
        ("0" * 64, "there is no ref or commit " + "0" * 64 + " in {0}\n('dnf tree list' names the refs)"),
        (":1.2", "there is no commit of version 1.2 in {0}\n(did you mean 1.1?)"),
    ],
)
def test_an_unknown_name(name: str, message: str, repos: Repos, folder: Path) -> None:
    done = tree_repos.tree(folder, "show", name, f"--repo={repos.archive}")
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr == f"Error: {message.format(repos.archive)}\n"


def test_no_repository(folder: Path) -> None:
    done = tree_repos.tree(folder, "list")
    assert (done.stderr, done.returncode) == ("Error: 'dnf tree list' needs --repo=DIR\n", 1)
    done = tree_repos.tree(folder, "list", f"--repo={folder}")
    assert done.stderr == (
        f"Error: opening the repository {folder}: opening repo: opendir(objects): No such file or directory\n"
        "(--repo=DIR names a repository of trees)\n"
    )


def test_on_a_host_its_own_repository_is_meant(repos: Repos, folder: Path) -> None:
    done = tree_repos.tree(folder, "list", extra=repos.host.environment())
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["REF", REF]


def test_log(repos: Repos, folder: Path) -> None:
    second, first = repos.commit(REF), repos.commit(f"{REF}^")
    assert said(folder, "log", REF, f"--repo={repos.archive}").splitlines() == [
        f"{second} (1.1, 2023-11-14 23:13 UTC)",
        "  Upgraded    toy-tool 1-1 -> 2-1",
        "  Added       app-1-1.noarch",
        "  Added       lib-1-1.noarch",
        f"{first} (1.0, 2023-11-14 22:13 UTC)",
    ]


def test_the_log_of_a_host_goes_from_change_to_change(repos: Repos, folder: Path) -> None:
    steps = json.loads(said(folder, "log", LOCAL, "--json", f"--repo={repos.bare}"))["log"]
    assert [step["command"].split(" -y ")[-1] for step in steps] == ["upgrade toy-tool", "install app", ""]
    assert [step["before"] for step in steps] == [steps[1]["checksum"], steps[2]["checksum"], ""]
    assert steps[0]["changes"]["upgraded"] == [["toy-tool-1-1.noarch", "toy-tool-2-1.noarch"]]
    assert steps[1]["changes"]["added"] == ["app-1-1.noarch", "lib-1-1.noarch"] and steps[2]["changes"] is None


def test_the_log_of_a_host_begins_with_what_boots_next(repos: Repos, folder: Path) -> None:
    for options in ([], ["--packages", "app"], ["-n1"]):
        named, meant = (
            tree_repos.tree(folder, "log", *commit, *options, extra=repos.host.environment())
            for commit in ([LOCAL], [])
        )
        assert meant.stdout == named.stdout != ""


def test_a_log_that_begins_nowhere(repos: Repos, folder: Path) -> None:
    done = tree_repos.tree(folder, "log", f"--repo={repos.archive}", extra=repos.host.environment())
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        "Error: in a repository that is not a host's, 'dnf tree log' needs a ref or commit\n",
    )


@pytest.mark.parametrize(
    ("arguments", "commands"),
    [
        ("--packages app", ["install app"]),
        ("--packages toy-tool nobody", ["upgrade toy-tool"]),
        ("--packages toy-base", []),
        ("-n 1", ["upgrade toy-tool"]),
        ("--packages app toy-tool --limit=1", ["upgrade toy-tool"]),
    ],
)
def test_a_part_of_the_log(arguments: str, commands: list[str], repos: Repos, folder: Path) -> None:
    steps = json.loads(said(folder, "log", LOCAL, "--json", f"--repo={repos.bare}", *arguments.split()))["log"]
    assert [step["command"].split(" -y ")[-1] for step in steps] == commands


def test_the_log_says_where_the_history_ends(repos: Repos, folder: Path) -> None:
    shallow = folder / "shallow"
    ostree("init", f"--repo={shallow}", "--mode=archive")
    ostree("pull-local", f"--repo={shallow}", "--depth=0", os.fspath(repos.archive), REF)
    assert said(folder, "log", REF, f"--repo={shallow}").splitlines() == [
        f"{repos.commit(REF)} (1.1, 2023-11-14 23:13 UTC)",
        f"  The commit before it, {repos.commit(f'{REF}^')}, is not in this repository: the log ends here.",
    ]


def test_what_was_pruned_between_a_commit_and_its_base_is_said(repos: Repos, folder: Path) -> None:
    pulled = folder / "pulled"
    ostree("init", f"--repo={pulled}", "--mode=archive")
    ostree("pull-local", f"--repo={pulled}", os.fspath(repos.bare), LOCAL, REF)
    lines = said(folder, "log", LOCAL, f"--repo={pulled}").splitlines()
    assert re.fullmatch(
        r"  The commit before it, \w{64}, is not in this repository: the log goes on with its base\.", lines[2]
    )
    assert len(lines) == 4


def test_of_a_commit_without_content_its_metadata_is_shown(repos: Repos, folder: Path) -> None:
    partial = folder / "partial"
    ostree("init", f"--repo={partial}", "--mode=archive")
    ostree("remote", "add", f"--repo={partial}", "--no-gpg-verify", "toys", f"file://{repos.archive}")
    ostree("pull", f"--repo={partial}", "--commit-metadata-only", "--depth=1", f"toys:{REF}")
    shown = said(folder, "show", f"toys:{REF}", f"--repo={partial}")
    assert "     Package count: not known\n" in shown and "Size" not in shown
    assert "           Partial: only the metadata of this commit, or a part of its content, is here\n" in shown
    assert said(folder, "log", f"toys:{REF}", f"--repo={partial}").splitlines()[1] == (
        "  What changed is not known: the packages of one of the two commits are not here."
    )
    assert f"toys:{REF}  1.1      2023-11-14 23:13 UTC  -     -" in said(folder, "list", f"--repo={partial}")


def test_an_ordinary_user_can_look(repos: Repos, folder: Path) -> None:
    copy = tree_repos.copy(repos.archive, folder)
    for act in (["list"], ["show", REF], ["log", REF], ["verify", REF]):
        assert tree_repos.as_ordinary_user(folder, *act, f"--repo={copy}").stdout == said(
            folder, *act, f"--repo={copy}"
        )
    done = tree_repos.as_ordinary_user(folder, "diff", f"{REF}^", REF, "--files", "--changelogs", f"--repo={copy}")
    assert (done.returncode, done.stderr) == (0, "") and "  M /usr/bin/toy-tool (content)\n" in done.stdout


def test_an_ordinary_user_can_look_at_a_bare_repository(repos: Repos, folder: Path) -> None:
    copy = tree_repos.copy(repos.bare, folder)
    assert tree_repos.as_ordinary_user(folder, "log", LOCAL, f"--repo={copy}").returncode == 0
    listed = tree_repos.as_ordinary_user(folder, "list", "--all", f"--repo={copy}").stdout
    assert listed == said(folder, "list", "--all", f"--repo={copy}")


def test_no_number_of_commits(repos: Repos, folder: Path) -> None:
    done = tree_repos.tree(folder, "log", REF, "--limit=-1", f"--repo={repos.archive}")
    assert (done.stdout, done.stderr) == ("", "Error: --limit=-1 is no number of commits\n")
