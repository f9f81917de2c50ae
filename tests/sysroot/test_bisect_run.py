# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf bisect run`: a command in trees that have no systemd, as toys have none."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ostree_layer import checkout, diff, repo
from ostree_layer.bisection.culprit import Between
from tests import conftest, histories, sysroots, toys
from tests.histories import commits
from tests.sysroots import BASE, OLD_TOOL, Host
from tests.toys import Toy

# It counts its runs by what it prints: all else is thrown away.
CHECK = "echo run; grep -q good /usr/share/state"


@pytest.fixture(scope="module")
def client() -> Iterator[Host]:
    """A host with the newest of nine versions; nothing that is tried here stays on it."""
    with tempfile.TemporaryDirectory(prefix="history-", dir=conftest.place()) as work:
        made = histories.host(Path(work, "host"))
        yield made
        made.wait_for_cleaner()


def named(version: str) -> str:
    return f"{commits()[version][:12]} ({version})"


def run(client: Host, command: str, *words: str, status: int = 0) -> str:
    """Bisect by a command of the shell, and return what is printed."""
    done = client.dnf("bisect", "run", *words, "--", "sh", "-c", command)
    assert done.returncode == status, done.stdout
    assert [path.name for path in (client.work / "staging").iterdir() if path.suffix != ".left"] == []
    return done.stdout


def test_the_first_bad_commit_and_the_package_in_it(client: Host) -> None:
    before = client.deployments()
    printed = run(client, CHECK, "1.1", "0")
    assert [line for line in printed.splitlines() if line.startswith(("Testing", "Commit", "That"))] == [
        f"Testing commit {named('1.5')}: 7 commits remain, about 3 steps.",
        f"Commit {named('1.5')} is good.",
        f"Testing commit {named('1.7')}: 3 commits remain, about 2 steps.",
        f"Commit {named('1.7')} is bad.",
        f"Testing commit {named('1.6')}: 1 commit remains, about 1 step.",
        f"Commit {named('1.6')} is bad.",
        f"Testing {named('1.5')} with 2 of 5 package changes: 4 changes remain, about 3 steps.",
        "That is good.",
        f"Testing {named('1.5')} with 3 of 5 package changes: 2 changes remain, about 2 steps.",
        "That is bad.",
    ]
    assert printed.count("run\n") == 5 <= 3 + 3
    assert f"The first bad commit is {commits()['1.6']} (1.6, 2023-11-20 00:00 UTC).\n" in printed
    assert printed.endswith("The culprit is state 1-1 -> 2-1.\n")
    assert client.deployments() == before and "Bisection:" not in client.dnf("status").stdout
    client.fsck()
    assert "  bad   " in client.dnf("bisect", "log").stdout


def test_what_cannot_be_tested_is_passed_by_and_named(client: Host) -> None:
    untestable = "case $(cat /usr/share/news) in 5|6) exit 125 ;; esac; grep -q good /usr/share/state"
    printed = run(client, untestable, "1.4", "1.8")
    assert f"Commit {named('1.6')} is skipped.\n" in printed
    assert "The first bad commit is one of these; all but the last were skipped:\n" in printed
    assert printed.endswith("The culprit is state 1-1 -> 2-1.\n")  # news is 7, and state is still the old one
    printed = run(client, 'test "$(cat /usr/share/one)$(cat /usr/share/two)" = FalseFalse', "1.5", "1.6")
    assert printed.endswith("The culprit is one 1-1 -> 2-1.\n")
    printed = run(
        client,
        'case "$(cat /usr/share/one /usr/share/two)" in *True*False*|*False*True*) exit 125;; '
        "esac; grep -q False /usr/share/two",
        "1.5",
        "1.6",
    )
    assert "The culprit is one of these; the trees between them could not be tested:\n  one 1-1 -> 2-1\n" in printed


def test_where_a_command_runs(client: Host, folder: Path) -> None:
    """In a fresh /etc and /var, with nothing of the host but the folder that dnf was started in."""
    checks = {
        "pwd": "/run/bisect",
        "ls /run/bisect/guard.py": "/run/bisect/guard.py",
        "(echo x > /run/bisect/guard.py) 2> /dev/null || echo no": "no",
        "(echo x > /usr/bin/x) 2> /dev/null || echo no": "no",
        "echo new > /etc/toy.conf; cat /etc/toy.conf": "new",
        "touch /var/lib/x && ls /var/lib": "x",
        "ls /sysroot": "",
        "ls /sys/class/net": "lo",
        "(echo 1 > /proc/sys/kernel/panic) 2> /dev/null || echo no": "no",
        "mknod /dev/sda b 8 0 2> /dev/null || echo no": "no",
    }
    script = folder / "script"
    script.write_text("\n".join(f"echo '# {number}'\n{{ {text}; }}" for number, text in enumerate(checks)))
    host_conf = (client.tree / "etc/toy.conf").read_text()
    os.chdir(folder)
    shutil.copy(conftest.__file__, folder / "guard.py")
    try:
        printed = client.dnf("bisect", "run", "1.7", "0", "--", "sh", "script").stdout
    finally:
        os.chdir(Path(__file__).parents[2])
    said = dict(part.split("\n", 1) for part in printed.split("# ")[1:])
    for number, expected in enumerate(checks.values()):
        assert said[str(number)].partition("Commit ")[0].strip() == expected, printed
    assert (client.tree / "etc/toy.conf").read_text() == host_conf
    client.fsck()


def test_a_run_that_ends_early_goes_on(client: Host) -> None:
    extra = {"OSTREE_LAYER_FAILPOINT": "bisection::tested=kill"}
    words = ("bisect", "run", "1.1", "0", "--", "sh", "-c", CHECK)
    assert client.dnf(*words, extra=extra).returncode == -9
    refused = client.dnf(*words)
    assert refused.returncode == 1 and "a bisection is on already\n('dnf bisect log' shows it, " in refused.stdout
    assert f"Bisection: commit {named('1.7')} is to be tried; 3 commits remain" in client.dnf("status").stdout
    printed = run(client, "exit 130", status=1)
    assert (
        "Error: the command has ended with status 130, which is no verdict\n(what was found so far is kept: " in printed
    )
    before = client.deployments()
    assert "'dnf bisect run -- CMD' goes on." in client.done("bisect", "skip", "1.7")
    assert client.deployments() == before
    printed = run(client, CHECK)
    assert printed.count("run\n") == 1 + 2 and "The culprit is state 1-1 -> 2-1.\n" in printed
    assert "The bisection is ended.\n" in client.done("bisect", "reset")
    refused = client.dnf("bisect", "run", "--", "true")
    assert refused.returncode == 1 and "no bisection is on\n" in refused.stdout


def test_a_command_that_is_nowhere_is_no_verdict(client: Host) -> None:
    printed = client.dnf("bisect", "run", "1.1", "0", "--", "./nowhere")
    assert printed.returncode == 1
    assert (
        f"Error: './nowhere' cannot be run in the good commit {named('1.1')} either\n(it has to be in" in printed.stdout
    )
    assert (
        "the words do not fit: 'dnf bisect run [GOOD BAD] -- CMD'\n" in client.dnf("bisect", "run", "1.1", "0").stdout
    )
    assert json.loads(client.dnf("bisect", "log", "--json", apart=True).stdout)["bisection"]["verdicts"] == []
    client.done("bisect", "reset")


def test_a_run_that_is_killed_leaves_nothing_running(client: Host) -> None:
    words = ("bisect", "run", "1.5", "0", "--", "sh", "-c", CHECK)
    assert client.dnf(*words, extra={"OSTREE_LAYER_FAILPOINT": "softboot::running=kill"}).returncode == -9
    for _attempt in range(50):
        left = [path for path in Path("/proc").glob("[0-9]*/cgroup") if "ostree-layer-softboot" in read(path)]
        if not left:
            break
        time.sleep(0.1)
    assert left == []
    assert run(client, CHECK, *words[2:4]).endswith("The culprit is state 1-1 -> 2-1.\n")
    client.fsck()


def read(path: Path) -> str:
    """What is in a file of a process, which may have ended."""
    try:
        return path.read_text()
    except OSError:
        return ""


def test_a_tree_that_does_not_boot(client: Host, folder: Path) -> None:
    server = histories.follow_copy(client, folder / "server")
    systemd = folder / "content/usr/lib/systemd/systemd"
    systemd.parent.mkdir(parents=True)
    made = []
    for version, text in (("1.10", "#!/bin/sh\necho no way; exit 1\n"), ("1.11", "no program"), ("1.12", "")):
        systemd.write_text(text)
        systemd.chmod(0o755)
        made.append(histories.append(server, version, folder / "content"))
    done = client.dnf("bisect", "run", ":1.9", ":1.11", "--", "true")
    assert done.returncode == 1
    why = "does not boot: its systemd does not come up: no way\n('dnf bisect bad' "
    assert f"Error: commit {made[0][:12]} (1.10) {why}" in done.stdout, done.stdout
    done = client.dnf("bisect", "run", ":1.10", ":1.12", "--", "true")
    why = "does not boot: it cannot be started: Exec format error\n"
    assert f"Error: commit {made[1][:12]} (1.11) {why}" in done.stdout, done.stdout
    assert "'dnf bisect run -- CMD' goes on" not in client.done("bisect", "skip", "1.11")
    client.done("bisect", "reset")


def composed(folder: Path, *packages: Toy, postprocess: str = "") -> tuple[Path, str]:
    folder.mkdir()
    rpms = toys.repository(folder / "rpms", [BASE, OLD_TOOL, *packages])
    sysroots.compose(folder, rpms, [BASE.name, OLD_TOOL.name, *(toy.name for toy in packages)], postprocess)
    return folder / "repo", sysroots.ostree("rev-parse", f"--repo={folder}/repo", sysroots.REF).strip()


def test_trees_between_two(folder: Path) -> None:
    """Packages that come, go and change, directories and links with them; and what no package has."""
    made = "#!/bin/sh\necho {} > /usr/share/made\n"
    old_files = {"/usr/share/a/x": "1\n", "/usr/share/a/old/y": "1\n", "/usr/share/link": "-> a", "/etc/a.conf": "1\n"}
    new_files = {
        "/usr/share/a/x": "2\n",
        "/usr/share/a/new/z": "2\n",
        "/usr/share/link/in": "2\n",
        "/etc/a.conf": "2\n",
    }
    store, good = composed(
        folder / "good",
        Toy("a", "1", old_files),
        Toy("gone", files={"/usr/lib/gone/g/f": "1\n"}),
        postprocess=made.format(1),
    )
    news = Toy("news", files={"/usr/share/news/file": "1\n"}), Toy("a", "2", new_files, requires=("news",))
    other, bad = composed(folder / "bad", *news, postprocess=made.format(2))
    sysroots.ostree("pull-local", f"--repo={store}", os.fspath(other), bad)
    opened = repo.open_repo(store)
    between = Between(opened, good, bad)
    assert list(map(str, between.changes)) == ["news-1-1.noarch (added)", "a 1-1 -> 2-1", "gone-1-1.noarch (removed)"]
    assert between.others() == ["/usr/share/made"]
    trees = [between.tree(count) for count in range(4)]
    assert repo.content_of(repo.load_commit(opened, trees[0])) == repo.content_of(repo.load_commit(opened, good))
    for number, there in enumerate(({"a", "gone"}, {"a", "gone", "news"}, {"a", "gone", "news"}, {"a", "news"})):
        checkout.tree(opened, trees[number], folder / str(number))
        usr = folder / str(number) / "usr"
        assert {path.name for path in (usr / "share").iterdir()} >= {"a"} and (usr / "share/news").exists() == (
            "news" in there
        )
        assert (usr / "lib/gone/g/f").exists() == ("gone" in there) and (usr / "lib/gone").exists() == ("gone" in there)
        is_new = number >= 2
        assert (usr / "share/a/x").read_text() == (usr / "etc/a.conf").read_text() == ("2\n" if is_new else "1\n")
        assert (usr / "share/a/old").exists() != is_new and (usr / "share/a/new/z").exists() == is_new
        assert (usr / "share/link").is_symlink() != is_new
        assert (usr / "share/made").read_text() == "1\n"
    assert diff.compare(checkout.require_packages(opened, good), checkout.require_packages(opened, bad))
