# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf tree certify`, and who demands what it writes."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import pytest

from ostree_layer import certification, repo
from ostree_layer.errors import RepoError
from ostree_layer.hosting import results
from ostree_layer.hosting.store import open_store
from ostree_layer.ostree_gi import GLib
from ostree_layer.signatures import Keys
from tests import guard, keys
from tests.streams import BASE_REF, PLUS_REF, REMOTE, Stream
from tests.sysroot.test_rebase import PLUS, refusal
from tests.sysroots import Host, ostree

JUNIT = '<testsuites><testsuite tests="2" failures="{0}"><testcase name="a"/><testcase name="b">{1}</testcase>{2}'
GOOD = JUNIT.format(0, "", "</testsuite></testsuites>")
PASSED = '{"passed": true, "tests": 7}'


class Certifier:
    """Who certifies what a server publishes."""

    def __init__(self, stream: Stream, home: Path) -> None:
        self.stream, self.home, self.key = stream, home, keys.fingerprint(home)

    def run(self, act: str, *arguments: str) -> tuple[int, str]:
        folder = self.stream.repo.parent / "tester"
        folder.mkdir(exist_ok=True)
        done = guard.run(
            self.stream.repo.parent,
            guard.dnf_argv(folder, None, "tree", act, f"--repo={self.stream.repo}", *arguments),
        )
        return done.returncode, done.stdout

    def certify(self, commit: str, text: str = PASSED, *options: str, name: str = "result.json") -> tuple[int, str]:
        result = self.stream.repo.parent / name
        result.write_text(text)
        signing = options or (f"--sign={self.key}", f"--gpg-homedir={self.home}")
        return self.run("certify", commit, f"--result={result}", *signing)

    def certified(self, commit: str) -> None:
        status, said = self.certify(commit)
        assert status == 0, said


@pytest.fixture
def tester(stream: Stream, keyring: Path) -> Certifier:
    return Certifier(stream, keyring)


def beside(stream: Stream, commit: str) -> dict[str, GLib.Variant]:
    found = repo.open_repo(stream.repo).read_commit_detached_metadata(commit, None)[1]
    return dict(repo._values(found)) if found is not None else {}


def put(stream: Stream, commit: str, *records: tuple[bytes, bytes]) -> None:
    """Keep other records beside a commit."""
    store = repo.open_repo(stream.repo)
    values = {certification.KEY: GLib.Variant(certification.TYPE, list(records))}
    store.write_commit_detached_metadata(commit, GLib.Variant("a{sv}", values), None)


def trust(host: Host, keyring: Path) -> None:
    ostree("remote", "gpg-import", host.repo, f"--keyring={keyring}/public", REMOTE)


def test_a_record_is_beside_the_commit(tester: Certifier, stream: Stream, keyring: Path) -> None:
    commit = ostree("rev-parse", f"--repo={stream.repo}", BASE_REF).strip()
    ostree("gpg-sign", f"--repo={stream.repo}", f"--gpg-homedir={keyring}", commit, tester.key)
    assert tester.certify(BASE_REF, GOOD, name="junit.xml")[0] == 0
    ((record, _signature),) = beside(stream, commit)[certification.KEY].unpack()
    said = json.loads(bytes(record))
    assert (said["commit"], said["result"], said["tests"]) == (commit, "passed", 2)
    assert (said["file"], said["content"]) == ("junit.xml", GOOD)
    assert said["sha256"] == hashlib.sha256(GOOD.encode()).hexdigest() and said["time"].endswith("Z")
    assert "ostree.gpgsigs" in beside(stream, commit)
    status, again = tester.certify(BASE_REF, GOOD, name="junit.xml")
    assert status == 0 and f"Commit {commit[:12]} is certified already: junit.xml, by {tester.key}.\n" in again
    tester.certified(BASE_REF)
    assert beside(stream, commit)[certification.KEY].n_children() == 2
    ostree("fsck", f"--repo={stream.repo}", "--quiet")


def test_what_verify_and_show_say(tester: Certifier, stream: Stream, keyring: Path) -> None:
    tester.certified(BASE_REF)
    line = f"Toys ({tester.key[-16:]}): result.json (7 tests)\n"
    status, said = tester.run("verify", BASE_REF, f"--gpg-keyring={keyring}/public", f"--certified-by={tester.key}")
    assert "         Certified: 20" in said and line in said
    assert f"not signed by {tester.key}" not in said and status == 1, "the commit itself has no signature"
    assert f"not signed by {keyring}/public\n" in said
    assert "     Not certified: 20" in tester.run("show", BASE_REF)[1]
    shown = tester.run("show", BASE_REF, "--json")[1]
    commit = json.loads(shown[shown.index("{") :])["commit"]
    assert commit["results"] == {commit["certifications"][0]["sha256"]: PASSED}
    ostree("remote", "add", f"--repo={stream.repo}", f"--gpg-import={keyring}/public", "keys", "file:///nowhere")
    assert tester.run("verify", BASE_REF, f"--certified-by={tester.key}")[0] == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (JUNIT.format(1, "<failure/>", "</testsuite></testsuites>"), "says that something failed: b\n(it certifies"),
        (JUNIT.format(1, "", "</testsuite></testsuites>"), "says that something failed\n"),
        (JUNIT.format(0, "<skipped/>", ""), "is XML that cannot be read: "),
        ("<testsuite/>", "has no test that ran\n"),
        ("<html/>", "is no JUnit XML: it begins with html\n"),
        ('{"passed": false}', "says that something failed\n"),
        ('{"passed": "yes"}', 'does not say "passed": true or false\n'),
        ("ok", "is neither JUnit XML nor JSON: "),
    ],
)
def test_results_that_certify_nothing(text: str, words: str, folder: Path) -> None:
    path = folder / "result"
    path.write_text(text)
    with pytest.raises(RepoError) as refused:
        results.read(path)
    assert f"{refused.value.sentence()}\n".startswith(f"the result {path} {words}")


def test_a_failure_leaves_nothing(tester: Certifier, stream: Stream) -> None:
    status, said = tester.certify(BASE_REF, '{"passed": false}')
    assert status == 1 and "result.json says that something failed\n(it certifies nothing)\n" in said
    assert not beside(stream, ostree("rev-parse", f"--repo={stream.repo}", BASE_REF).strip())


def test_who_signs(tester: Certifier, stream: Stream, keyring: Path) -> None:
    said = tester.certify(BASE_REF, PASSED, "-y")[1]
    assert "Error: nobody signs the record\n(--sign=KEYID names the GPG key)\n" in said
    status, said = tester.certify(BASE_REF, PASSED, f"--sign={'AB' * 20}", f"--gpg-homedir={keyring}")
    assert status == 1 and "(--gpg-homedir=DIR names another GnuPG home)\n" in said
    assert f"Error: there is no secret key {'AB' * 20} in {keyring}: " in said
    open_store(stream.repo).set(sign=tester.key, gpg_home=str(keyring))
    status, said = tester.certify(BASE_REF, PASSED, "-y")
    assert status == 0, said


def test_going_to_what_was_certified(client: Host, stream: Stream, tester: Certifier, keyring: Path) -> None:
    trust(client, keyring)
    plus = stream.publish("p1")
    demand = ("system-switch", "--certified-by", tester.key, PLUS)
    assert f"commit {plus} has no good signature or certification by {tester.key}\n" in refusal(client, *demand)
    tester.certified(PLUS_REF)
    client.done(*demand)
    assert client.deployments()[0].startswith(plus)
    (record,) = client.status()[0]["signatures"]["certifications"]
    assert (record["file"], record["tests"], record["signature"]["user"]) == ("result.json", 7, "Toys")
    assert f"by Toys ({tester.key[-16:]}): result.json (7 tests)\n" in client.done("status")


def test_upgrades_and_what_is_here_already(client: Host, stream: Stream, tester: Certifier, keyring: Path) -> None:
    trust(client, keyring)
    settings = f"[main]\nenabled=1\ncertified_by={tester.key[-16:]}, {tester.key}\n"
    (client.folder / "plugins.d/ostree.conf").write_text(settings)
    new = stream.publish("1.2")
    ostree("pull", client.repo, REMOTE, BASE_REF)
    for words in (("upgrade",), ("deploy", "1.2"), ("rebase", PLUS.replace("plus", "base"))):
        assert f"commit {new} has no good signature or certification by {tester.key[-16:]}, " in refusal(client, *words)
    tester.certified(BASE_REF)
    client.done("upgrade")
    assert client.deployments()[0].startswith(new)
    assert tester.certify(BASE_REF, PASSED, name="later.json")[0] == 0
    assert "Nothing to do" in client.done("upgrade")
    found = client.status()[0]["signatures"]["certifications"]
    assert [one["file"] for one in found] == ["result.json", "later.json"]


def test_a_commit_that_is_named(client: Host, stream: Stream, tester: Certifier, keyring: Path) -> None:
    trust(client, keyring)
    plus = stream.publish("p1")
    ostree("pull", client.repo, REMOTE, PLUS_REF)
    demand = ("rebase", "--certified-by", tester.key, f"{REMOTE}:{plus}")
    assert "has no good signature or certification by" in refusal(client, *demand)
    tester.certified(PLUS_REF)
    client.done(*demand)
    assert client.deployments()[0].startswith(plus)


def test_a_setting_that_is_no_key(client: Host) -> None:
    (client.folder / "plugins.d/ostree.conf").write_text("[main]\nenabled=1\ncertified_by=me\n")
    said = refusal(client, "status")
    assert "Error: ostree.conf: certified_by=me is not the id of a GPG key\n(that is 8 or more of the last hex " in said


def test_records_that_are_none(tester: Certifier, stream: Stream, keyring: Path) -> None:
    tester.certified(BASE_REF)
    commit, other = ostree("rev-parse", f"--repo={stream.repo}", BASE_REF).strip(), stream.publish("p1")
    ((record, signature),) = beside(stream, commit)[certification.KEY].unpack()
    changed = bytes(record).replace(b'"tests":7', b'"tests":8')
    escape = bytes(record).replace(b"result.json", b"\\u001b[2J")
    put(stream, other, (record, signature), (changed, signature), (b"[", b"?"), (escape, signature))
    store = repo.open_repo(stream.repo)
    found = certification.check(store, other, Keys(keyring=keyring / "public", certified_by=(tester.key,)))
    reasons = [one.reason for one in found.certifications]
    assert reasons[0] == "it is about another commit" and reasons[2].startswith("it is of a kind")
    assert not any(one.is_good for one in found.certifications) and tester.key in found.absent
    put(stream, commit, (changed, signature))
    (one,) = certification.check(store, commit, Keys(keyring=keyring / "public")).certifications
    assert (one.is_good, one.reason) == (False, "it does not fit")
    said = tester.run("verify", PLUS_REF, f"--gpg-keyring={keyring}/public")[1]
    assert "(7 tests): it is about another commit\n" in said and "\x1b" not in said


def test_a_key_that_has_expired(tester: Certifier, stream: Stream, keyring: Path) -> None:
    tester.certified(BASE_REF)
    commit = ostree("rev-parse", f"--repo={stream.repo}", BASE_REF).strip()
    keys.gpg(keyring, "--quick-set-expire", tester.key, "seconds=1")
    (keyring / "public").write_bytes(keys.gpg(keyring, "--armor", "--export"))
    store, trusted = repo.open_repo(stream.repo), Keys(keyring=keyring / "public", certified_by=(tester.key,))
    while certification.check(store, commit, trusted).certifications[0].is_good:
        time.sleep(0.2)
    found = certification.check(store, commit, trusted)
    assert found.certifications[0].reason == "its key has expired" and tester.key in found.absent
