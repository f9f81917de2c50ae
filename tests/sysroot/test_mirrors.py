# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf tree mirror`: stores that are copies of others, by the real dnf, over HTTP."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import guard, keys, servers, tree_repos
from tests.servers import Server
from tests.sysroots import ostree

BASE, SERVER, OTHER = "toy/1/base", "toy/1/server", "other/1/base"
EPOCH = 1_700_000_000
UNSIGNED = "Signatures were not verified: no key is known; --gpgkey=FILE names some.\n"
KEPT = "(what has been downloaded is kept, and refs are as they were: the same command goes on from there)\n"


@dataclasses.dataclass(frozen=True)
class Upstream:
    """A store on a server, signed by one key, and a place for mirrors of it."""

    server: Server
    repo: Path
    folder: Path
    home: Path

    def commit(self, ref: str, *, home: Path | None = None) -> str:
        """Another commit of a ref, signed, with a new file."""
        tree = self.folder / "tree"
        tree.mkdir(exist_ok=True)
        (tree / ref.replace("/", "-")).write_bytes(os.urandom(5000))
        what = [f"--repo={self.repo}", f"--branch={ref}", f"--tree=dir={tree}"]
        return ostree("commit", *what, *_by(home or self.home)).strip()

    def say(self, *, is_signed: bool = True) -> None:
        """Write the summary."""
        ostree("summary", "-u", f"--repo={self.repo}", *(_by(self.home) if is_signed else ()))
        # To HTTP, what is of the same second is the same.
        for path in self.repo.glob("summary*"):
            os.utime(path, (0, EPOCH + len(self.server.asked)))

    @property
    def mirror(self) -> Path:
        return self.folder / "mirror"

    @property
    def key(self) -> str:
        (self.folder / "key").write_bytes((self.home / "public").read_bytes())
        return f"--gpgkey={self.folder}/key"

    def dnf(self, *arguments: str, extra: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        words = ["tree", "mirror", "--releasever=1", "--setopt=retries=1", *arguments]
        return guard.run(self.folder, guard.dnf_argv(self.folder, None, *words, checks_signatures=True), extra)

    def mirrored(self, *arguments: str) -> str:
        """Mirror it, which succeeds; what is printed."""
        done = self.dnf(*(arguments or [os.fspath(self.mirror)]))
        assert done.returncode == 0, done.stdout
        return done.stdout

    def begin(self, *arguments: str) -> str:
        return self.mirrored(self.server.url, os.fspath(self.mirror), *arguments)

    def refusal(self, *arguments: str) -> str:
        done = self.dnf(*(arguments or [os.fspath(self.mirror)]))
        assert done.returncode == 1, done.stdout
        return done.stdout

    def require_same(self) -> None:
        """That the mirror is a copy, whole."""
        assert refs(self.mirror) == refs(self.repo)
        for name in ("summary", "summary.sig"):
            assert (self.mirror / name).read_bytes() == (self.repo / name).read_bytes()
        ostree("fsck", f"--repo={self.mirror}", "--quiet")

    def require_good_for_clients(self) -> None:
        """That a client which verifies all pulls from the mirror, after whatever happened to it."""
        with servers.serving(self.mirror) as server:
            client = self.folder / f"client{server.server_port}"
            ostree("init", f"--repo={client}", "--mode=bare-user-only")
            verify = ["--set=gpg-verify-summary=true", f"--gpg-import={self.home}/public"]
            ostree("remote", "add", f"--repo={client}", *verify, "mirror", server.url)
            ostree("pull", f"--repo={client}", "mirror", BASE)
            ostree("fsck", f"--repo={client}", "--quiet")


def _by(home: Path) -> list[str]:
    return [f"--gpg-homedir={home}", f"--gpg-sign={keys.fingerprint(home)}"]


def refs(store: Path) -> dict[str, str]:
    names = ostree("refs", f"--repo={store}").split()
    return {ref: ostree("rev-parse", f"--repo={store}", ref).strip() for ref in names}


@pytest.fixture
def upstream(folder: Path, keyring: Path) -> Iterator[Upstream]:
    (folder / "work").mkdir()
    ostree("init", f"--repo={folder}/store", "--mode=archive")
    with servers.serving(folder / "store") as server:
        made = Upstream(server, folder / "store", folder / "work", keyring)
        for ref in (BASE, BASE, SERVER, OTHER):
            made.commit(ref)
        made.say()
        yield made


def test_a_copy_that_follows(upstream: Upstream) -> None:
    ostree("static-delta", "generate", f"--repo={upstream.repo}", BASE)
    upstream.say()
    said = upstream.begin()
    assert f"{OTHER}: commit {refs(upstream.repo)[OTHER][:12]}, new.\n" in said and UNSIGNED in said
    assert f"{upstream.mirror}: 3 refs of {upstream.server.url}, 3 moved, " in said
    upstream.require_same()
    assert ostree("log", f"--repo={upstream.mirror}", BASE).count("\ncommit ") == 1, "with the commit before"
    upstream.require_good_for_clients()

    upstream.server.asked.clear()
    assert "3 refs" in upstream.mirrored() and "0 moved" in upstream.mirrored()
    assert upstream.server.content == [], "only what is new"
    former, now = refs(upstream.repo)[BASE], upstream.commit(BASE)
    ostree("refs", f"--repo={upstream.repo}", "--delete", OTHER)
    upstream.say()
    found = as_json(upstream.mirrored(os.fspath(upstream.mirror), "--json"))
    assert {"ref": BASE, "old": former, "new": now} in found["mirror"]["refs"] and found["mirror"]["bytes"] > 5000
    assert found["mirror"]["removed"] == [OTHER] and found["mirror"]["verified"] is False
    assert len([path for path in upstream.server.content if path.endswith(".filez")]) == 1
    upstream.require_same()

    refused = tree_repos.tree(upstream.folder, "publish", BASE, os.fspath(upstream.mirror), "--name=own")
    assert f"Error: {upstream.mirror} is a mirror of all that another store has\n" in refused.stderr
    assert " is removed.\n" in tree_repos.tree(upstream.folder, "prune", os.fspath(upstream.mirror), "--keep=1").stdout
    upstream.require_same()


def test_a_part_beside_refs_of_ones_own(upstream: Upstream) -> None:
    ostree("init", f"--repo={upstream.mirror}", "--mode=archive")
    ostree("commit", f"--repo={upstream.mirror}", "--branch=mine", f"--tree=dir={upstream.folder}/tree")
    assert "has refs of its own, such as mine: it cannot be a copy\n" in upstream.refusal(
        upstream.server.url, os.fspath(upstream.mirror)
    )
    upstream.begin("toy/*", "--depth=0")
    assert set(refs(upstream.mirror)) == {"mine", BASE, SERVER}
    log = ["ostree", "log", f"--repo={upstream.mirror}", BASE]
    assert "<< History beyond this commit not fetched >>" in subprocess.check_output(log, text=True)
    ostree("remote", "add", "--no-gpg-verify", f"--repo={upstream.mirror}", "self", f"file://{upstream.mirror}")
    assert set(ostree("remote", "refs", f"--repo={upstream.mirror}", "self").split()) == {
        f"self:{ref}" for ref in refs(upstream.mirror)
    }
    ostree("refs", f"--repo={upstream.repo}", "--delete", SERVER)
    upstream.commit("toy/2/new")
    upstream.commit("mine")
    upstream.say()
    upstream.mirrored()
    assert set(refs(upstream.mirror)) == {"mine", BASE, SERVER, "toy/2/new"}, "as before"
    mine = refs(upstream.mirror)["mine"]
    assert "Error: mine is a ref of this store's own" in upstream.refusal(os.fspath(upstream.mirror), "mine")
    assert refs(upstream.mirror)["mine"] == mine
    said = upstream.mirrored(os.fspath(upstream.mirror), SERVER, BASE)
    assert f"{SERVER}: upstream has it no more; it stays here as it was.\n" in said


def test_signatures(upstream: Upstream) -> None:
    assert "Signatures are good: of the summary and all commits.\n" in upstream.begin(upstream.key)
    before = refs(upstream.mirror)
    with keys.made(upstream.folder.parent / "stranger", "Stranger") as stranger:
        upstream.commit(BASE, home=stranger)
        upstream.say()
        said = upstream.refusal()
        assert f"Error: mirroring {upstream.server.url}: " in said and "public key not found" in said and KEPT in said
        assert refs(upstream.mirror) == before
        said = upstream.mirrored(os.fspath(upstream.mirror), "--nogpgcheck")
        assert "Signatures were not verified, because of --nogpgcheck.\n" in said
        assert "public key not found" in upstream.refusal(), "what came unverified is not trusted"
    newest = upstream.commit(BASE)
    (upstream.repo / "objects" / newest[:2] / f"{newest[2:]}.commitmeta").unlink()
    upstream.say(is_signed=False)
    assert "was signed, and is not any more\n(--nogpgcheck takes it as it is)\n" in upstream.refusal()


def test_signatures_that_come_later(upstream: Upstream) -> None:
    upstream.begin()
    checksum = refs(upstream.repo)[BASE]
    with keys.made(upstream.folder.parent / "second", "Second") as second:
        ostree("gpg-sign", f"--repo={upstream.repo}", f"--gpg-homedir={second}", checksum, keys.fingerprint(second))
    upstream.mirrored()
    name = f"objects/{checksum[:2]}/{checksum[2:]}.commitmeta"
    assert (upstream.mirror / name).read_bytes() == (upstream.repo / name).read_bytes()


def test_killed_at_any_time(upstream: Upstream) -> None:
    upstream.begin(upstream.key)
    upstream.commit("toy/lost/0")
    for number, point in enumerate(("mirror::lost", "summary::written", "summary::replaced")):
        ostree("refs", f"--repo={upstream.repo}", "--delete", f"toy/lost/{number}")
        upstream.commit(f"toy/lost/{number + 1}")
        upstream.commit(BASE)
        upstream.say()
        done = upstream.dnf(os.fspath(upstream.mirror), extra={"OSTREE_LAYER_FAILPOINT": f"{point}=kill"})
        assert done.returncode != 0, done.stdout
        upstream.require_good_for_clients()
        upstream.mirrored()
        upstream.require_same()


def test_servers_that_fail(upstream: Upstream) -> None:
    away = upstream.refusal(upstream.server.url, os.fspath(upstream.mirror), "--setopt=proxy=http://127.0.0.1:1")
    assert "[7] Couldn't connect to server\n" in away and upstream.server.asked == []
    upstream.server.limit = 5
    said = upstream.refusal(upstream.server.url, os.fspath(upstream.mirror))
    assert f"Error: mirroring {upstream.server.url}: While fetching " in said and KEPT in said
    assert refs(upstream.mirror) == {} and not (upstream.mirror / "summary").exists()
    upstream.server.limit, first = None, list(upstream.server.content)
    upstream.server.cut_short = ".filez"
    said = upstream.refusal()
    assert "While fetching " in said and KEPT in said
    upstream.server.cut_short = ""
    damaged = {path: path.read_bytes() for path in (upstream.repo / "objects").glob("*/*.filez")}
    for path, content in damaged.items():
        path.write_bytes(content[:-8] + bytes(8))
    assert "Writing content object: " in upstream.refusal()
    for path, content in damaged.items():
        path.write_bytes(content)
    upstream.mirrored()
    upstream.require_same()
    assert len(first) == 5


def test_refusals(upstream: Upstream) -> None:
    url, mirror = upstream.server.url, os.fspath(upstream.mirror)
    assert "would be in the configuration that clients read\n" in upstream.refusal("http://me:word@127.0.0.1/", mirror)
    assert not upstream.mirror.exists()
    said = upstream.refusal(url, mirror, f"--gpgkey={upstream.repo}/config")
    assert "\n(it is one that 'gpg --export' has written, with --armor or without)\n" in said
    assert refs(upstream.mirror) == {} and "Error: mirroring" in upstream.refusal(), "not unverified, either"
    assert "--nogpgcheck.\n" in upstream.mirrored(mirror, BASE, "--nogpgcheck")
    assert f"has no ref toy/1/bse\n(did you mean {BASE}?)\n" in upstream.refusal(url, mirror, "toy/1/bse")
    assert "has no ref like none*\n(it has other/1/base, " in upstream.refusal(mirror, "none*")
    assert f"Error: {mirror} is a mirror of {url}\n" in upstream.refusal("http://127.0.0.1:1/", mirror)
    assert f"Error: {upstream.repo} is no mirror of another store\n" in upstream.refusal(os.fspath(upstream.repo))
    assert "/x is neither a ref nor a pattern of refs\n(a store in a folder is " in upstream.refusal(mirror, "/x")
    for path in upstream.repo.glob("summary*"):
        path.unlink()
    assert "has no summary that says what it has\n" in upstream.refusal()


def as_json(text: str) -> Any:
    return json.loads(text[text.index("{") :])
