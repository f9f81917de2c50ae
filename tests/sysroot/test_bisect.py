# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf bisect` step by step: what boots next stands for what is booted, as no sysroot in a folder is."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import conftest, histories, streams, sysroots
from tests.histories import commits
from tests.sysroots import Host, ostree

HOW = "When it runs, say 'dnf bisect good', 'dnf bisect bad' or, where that cannot be told, 'dnf bisect skip'.\n"
AS_IT_WAS = "Nothing was deployed: the host is as it was.\n"


@pytest.fixture(scope="module")
def first() -> Iterator[Host]:
    with tempfile.TemporaryDirectory(prefix="history-", dir=conftest.place()) as work:
        yield histories.host(Path(work, "host"))


@pytest.fixture
def client(first: Host, folder: Path) -> Iterator[Host]:
    """A host with the newest of nine versions, and a package of its own."""
    made = sysroots.copied(first, folder / "client")
    yield made
    made.wait_for_cleaner()


def named(version: str) -> str:
    return f"{commits()[version][:12]} ({version})"


def refused(client: Host, *arguments: str) -> str:
    """What a step says that is refused; nothing has changed then."""
    kept = client.work / "bisection.json"
    before = client.deployments(), kept.read_text() if kept.exists() else None
    done = client.dnf("-y", "bisect", *arguments)
    assert done.returncode == 1, done.stdout
    assert (client.deployments(), kept.read_text() if kept.exists() else None) == before
    return done.stdout


def base(client: Host) -> str:
    """The version that the deployment that boots next stands on."""
    status = client.status()[0]
    return str(status["base_version"] or status["version"])


def is_good(client: Host) -> bool:
    return (client.tree / "usr/share/state").read_text() == "good\n"


def test_to_the_first_bad_commit_and_back(client: Host) -> None:
    client.done("install", "app")
    began = client.deployments()[0]
    printed = client.done("bisect", "start", ":1.1", "0")
    assert f"Commit {named('1.5')} is to be tried: 7 commits remain, about 3 steps.\n{HOW}" in printed
    tried = [base(client)]
    assert "Bisection: commit" in client.dnf("status").stdout
    while "is to be tried" in (printed := client.done("bisect", "good" if is_good(client) else "bad")):
        tried.append(base(client))
        assert streams.requests(client) == {"packages": ["app"]} and (client.tree / "usr/bin/app").exists()
    assert tried == ["1.5", "1.7", "1.6"]
    bad = commits()["1.6"]
    assert f"The first bad commit is {bad} (1.6, 2023-11-20 00:00 UTC).\n" in printed
    assert f"What changed since {named('1.5')}, the last good one:\n  Upgraded    news 5-1 -> 6-1\n" in printed
    assert "  Upgraded    state 1-1 -> 2-1\n" in printed
    assert refused(client, "good").endswith(
        f"the bisection has ended: commit {named('1.6')} is the first bad one\n"
        f"('dnf bisect reset' ends the bisection)\n{AS_IT_WAS}"
    )
    printed = client.done("bisect", "reset")
    assert f"Deployment {began[:12]} (1.9) boots next." in printed and "The bisection is ended.\n" in printed
    status = client.status()
    assert client.deployments()[0] == began and not any(one["pinned"] for one in status)
    assert "Bisection:" not in client.dnf("status").stdout
    client.fsck()


def test_skipped_commits_are_passed_by_and_named(client: Host) -> None:
    client.done("bisect", "start", "2023-11-17", "1.9", "--skip", "1.7")
    assert base(client) == "1.6"
    client.done("bisect", "skip")
    assert base(client) in ("1.4", "1.5")
    client.done("bisect", "good", "1.5")
    printed = client.done("bisect", "bad", "1.8")
    assert "The first bad commit is one of these; all but the last were skipped:\n" in printed
    for version in ("1.6", "1.7", "1.8"):
        assert f"  {commits()[version]} ({version}, " in printed
    found = json.loads(client.dnf("bisect", "log", "--json", apart=True).stdout)["bisection"]
    assert found["suspects"] == [commits()[version] for version in ("1.6", "1.7", "1.8")]
    assert [one["verdict"] for one in found["verdicts"]] == ["skip", "skip", "good", "bad"]
    printed = client.dnf("bisect", "log").stdout
    assert f"  skip  {commits()['1.7']} (1.7, 2023-11-21 00:00 UTC)\n" in printed


def test_a_local_tree_stands_for_its_base_and_words_can_be_ambiguous(client: Host) -> None:
    client.done("install", "app")
    client.done("label", "0", "mine")
    client.done("bisect", "start", commits()["1.7"][:9], "mine")
    assert base(client) == "1.8"
    client.done("bisect", "reset")
    client.done("bisect", "start", "2023-11-15", client.deployments()[0][:20])
    assert base(client) == "1.5"


def test_what_is_no_history(client: Host) -> None:
    first, last = named("1.1"), named("1.9")
    assert f"Error: the good commit {last} comes after the bad one, {first}\n(GOOD is the older one;" in refused(
        client, "start", "1.9", "1.1"
    )
    assert f"the good and the bad commit are the same: {last}\n(name two of them)" in refused(
        client, "start", "1.9", "0"
    )
    assert "toys:toy/1/long has no commit or version 1.77, nor is it a deployment\n(did you mean 1.7?)" in refused(
        client, "start", "1.77", "0"
    )
    said = refused(client, "start", "2023-11-14", "0")
    assert f"has no commit of 2023-11-14 or before\n(the first is {first} of 2023-11-15 00:00 UTC)" in said
    assert "2023-13-14 is no date: " in refused(client, "start", "2023-13-14", "0")
    other = ostree("commit", client.repo, "--branch=other", f"--tree=ref={commits()['1.9']}").strip()
    said = refused(client, "start", other, "0")
    assert f"the good commit {other[:12]} is not in the history of the bad one, {last}\n" in said
    assert "the words do not fit: 'dnf bisect start GOOD BAD'\n" in refused(client, "start", "0")
    assert "no bisection is on\n('dnf bisect start GOOD BAD' begins one)" in refused(client, "good")


def test_a_candidate_that_cannot_be_pulled(client: Host, folder: Path) -> None:
    server = histories.follow_copy(client, folder / "server")
    for kind in ("commit", "commitmeta"):
        (server / "objects" / commits()["1.5"][:2] / f"{commits()['1.5'][2:]}.{kind}").unlink(missing_ok=True)
    said = refused(client, "start", "1.1", "1.9")
    assert "has no commit or version 1.1, nor is it a deployment" in said  # what is before it is not to be had
    shutil.rmtree(server)
    server = histories.follow_copy(client, server)
    root = ostree("ls", f"--repo={server}", "-C", "-d", commits()["1.5"], "/").split()[4]
    (server / "objects" / root[:2] / f"{root[2:]}.dirtree").unlink()
    said = refused(client, "start", "1.1", "1.9")
    assert f"Error: commit {named('1.5')}, which is to be tried next, cannot be had: pulling " in said
    assert f"('dnf bisect skip {commits()['1.5'][:12]}' passes it by" in said and said.endswith(AS_IT_WAS)
    client.done("bisect", "start", "1.1", "1.9", "--skip", "1.5")
    assert base(client) in ("1.3", "1.7")
    assert "a bisection is on already\n('dnf bisect log' shows it, " in refused(client, "start", "1.1", "1.9")


def test_a_verdict_is_about_what_runs(client: Host) -> None:
    client.done("bisect", "start", "1.1", "1.9")
    client.done("rollback")
    said = refused(client, "good")
    assert f"the newest deployment is of commit {named('1.9')}, and {named('1.5')} is to be tried\n" in said
    assert "(reboot into it, or name what you mean: 'dnf bisect good COMMIT'; 'dnf bisect skip' passes by what" in said
    assert "cannot be good: " in refused(client, "good", "1.9")
    assert "there is no deployment 7: " in refused(client, "good", "7")
    client.done("bisect", "skip")
    assert base(client) in ("1.3", "1.7")


def test_a_run_that_is_killed_is_done_again(client: Host) -> None:
    client.done("bisect", "start", "1.1", "1.9")
    extra = {"OSTREE_LAYER_FAILPOINT": "bisection::deployed=kill"}
    assert client.dnf("-y", "bisect", "good", extra=extra).returncode == -9
    assert base(client) == "1.7"
    client.wait_for_cleaner()
    printed = client.done("bisect", "good", "1.5")
    assert f"Commit {named('1.7')} is to be tried: 3 commits remain, about 2 steps.\n" in printed
    assert base(client) == "1.7"


def test_who_declines_has_said_nothing(client: Host) -> None:
    before = client.deployments()
    done = client.dnf("bisect", "start", "1.1", "1.9", answer="n\n")
    assert done.returncode == 1 and "Operation aborted." in done.stdout
    assert client.deployments() == before and not (client.work / "bisection.json").exists()
    (client.work / "bisection.json").write_text("{")
    assert f"Warning: {client.work}/bisection.json is not understood: " in client.dnf("status").stdout
    assert "(remove it to begin anew)" in client.dnf("-y", "bisect", "good").stdout
