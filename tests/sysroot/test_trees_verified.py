# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf tree verify`, by the real dnf."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from typing import Callable

import pytest

from ostree_layer import packaged, repo
from ostree_layer.contents import Contents
from ostree_layer.ostree_gi import GLib
from tests import keys, tree_repos
from tests.sysroots import REF, ostree
from tests.tree_repos import LOCAL, Repos, said, tree

FINGERPRINT = "that is 8 or more of the last hex digits of its fingerprint"


def objects(store: Path, path: str) -> Path:
    """The file of the object that REF has at path."""
    opened = repo.open_repo(store)
    entry = Contents(opened, opened.resolve_rev(REF, False)[1]).locate(path)[1]
    assert entry is not None
    ending = ("file", "filez")[opened.get_mode().value_nick == "archive"]
    return store / f"objects/{entry.contents[:2]}/{entry.contents[2:]}.{ending}"


@pytest.mark.parametrize("name", [REF, LOCAL])
def test_what_is_right(name: str, repos: Repos, folder: Path) -> None:
    where = repos.bare if name == LOCAL else repos.archive
    lines = said(folder, "verify", name, f"--repo={where}").splitlines()
    assert lines[0] == f"            Commit: {repos.commit(name)}"
    assert lines[1].endswith(" read, none damaged") and lines[2] == "        Signatures: none"
    assert "files compared, none not as packaged; 1 belong outside the commit" in lines[3], "it is in /var"
    assert len(lines) == 4


def test_as_json(repos: Repos, folder: Path) -> None:
    found = json.loads(said(folder, "verify", REF, "--json", f"--repo={repos.archive}"))
    verification = found["verification"]
    assert (found["version"], verification["good"], verification["damaged"]) == (1, True, [])
    assert verification["packages"]["elsewhere"] == 1 and verification["signed"]["signatures"] == []


def test_ghosts_and_unwanted_documentation_are_not_missed(repos: Repos) -> None:
    store = repo.open_repo(repos.archive)
    contents = Contents(store, repos.commit(REF))
    for name in ("ghost", "doc"):
        assert contents.locate(f"/usr/share/toy-tool/{name}")[1] is None
    check = packaged.check(store, repos.commit(REF))
    assert check is not None and check.findings == ()


@pytest.fixture
def archive(repos: Repos, folder: Path) -> Path:
    """A copy of the archive."""
    return tree_repos.copy(repos.archive, folder)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda path: path.write_bytes(b"\0" * 8), "fsck content object"),
        (lambda path: path.write_bytes(path.read_bytes()[:-9] + b"?" + path.read_bytes()[-8:]), "fsck content object"),
        (Path.unlink, "Couldn't find file object"),
    ],
)
def test_damaged_objects(harm: Callable[[Path], object], words: str, archive: Path, folder: Path) -> None:
    harm(objects(archive, "/usr/bin/toy-tool"))
    done = tree(folder, "verify", REF, f"--repo={archive}")
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (1, "")
    assert lines[1].endswith(" read, 1 damaged") and words in lines[2]
    assert lines[-1] == "          Packages: not compared: objects are damaged"


def test_a_missing_directory(archive: Path, folder: Path) -> None:
    opened = repo.open_repo(archive)
    entry = Contents(opened, opened.resolve_rev(REF, False)[1]).locate("/usr/bin")[1]
    assert entry is not None
    (archive / f"objects/{entry.contents[:2]}/{entry.contents[2:]}.dirtree").unlink()
    done = tree(folder, "verify", REF, f"--repo={archive}")
    assert done.returncode == 1 and f"No such metadata object {entry.contents}.dirtree\n" in done.stdout


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ("rm usr/bin/toy-tool", 1, "toy-tool-2-1.noarch /usr/bin/toy-tool: missing"),
        ("rm -r usr/lib/opt/tool", 1, "toy-tool-2-1.noarch /opt/tool/data: missing"),
        ("echo 3 > usr/bin/toy-tool", 1, "toy-tool-2-1.noarch /usr/bin/toy-tool: content"),
        ("echo longer > usr/lib/opt/tool/data", 1, "toy-tool-2-1.noarch /opt/tool/data: size"),
        ("chmod 4755 usr/bin/busybox", 1, "toy-base-1-1.noarch /usr/bin/busybox: mode"),
        ("ln -snf ls usr/bin/cat", 1, "toy-base-1-1.noarch /usr/bin/cat: target"),
        ("rm usr/bin/cat; cp usr/bin/ls usr/bin/cat", 1, "toy-base-1-1.noarch /usr/bin/cat: type"),
        ("echo other > usr/etc/toy.conf", 0, "toy-base-1-1.noarch /etc/toy.conf: size"),
        ("rm usr/etc/toy.conf", 1, "toy-base-1-1.noarch /etc/toy.conf: missing"),
        ("echo u:x:9:9::/:/bin/sh >> usr/etc/passwd", 0, "toy-base-1-1.noarch /etc/passwd: size"),
        ("echo VERSION_ID=1 >> usr/lib/os-release", 0, "toy-base-1-1.noarch /usr/lib/os-release: size"),
    ],
)
def test_files_that_are_not_as_packaged(change: str, status: int, words: str, repos: Repos, folder: Path) -> None:
    changed, root = folder / "changed", folder / "tree"
    ostree("init", f"--repo={changed}", "--mode=bare")
    ostree("checkout", f"--repo={repos.archive}", REF, os.fspath(root))
    subprocess.run(["sh", "-c", change], cwd=root, check=True)
    ostree("commit", f"--repo={changed}", f"--tree=dir={root}", f"--branch={REF}")
    done = tree(folder, "verify", REF, f"--repo={changed}")
    assert (done.returncode, done.stderr) == (status, "")
    title = "                  " if status else "   Allowed changes"
    assert done.stdout.splitlines()[-1].replace(": ", "  ", 1).startswith(title)
    assert done.stdout.endswith(f" {words}\n") and f"{status or 'none'} not as packaged" in done.stdout


@pytest.fixture
def signed(archive: Path, keyring: Path) -> Path:
    """A copy of the archive, with a signature."""
    ostree("gpg-sign", f"--repo={archive}", f"--gpg-homedir={keyring}", REF, keys.fingerprint(keyring))
    return archive


def test_a_signature(signed: Path, keyring: Path, folder: Path) -> None:
    key, where = keys.fingerprint(keyring), f"--repo={signed}"
    trusted = f"--gpg-keyring={keyring}/public"
    assert f"        Signatures: gpg {key}: unchecked\n" in said(folder, "show", REF, where)
    assert f"        Signatures: gpg {key}: unchecked\n" in said(folder, "verify", REF, where)
    assert f"        Signatures: gpg {key} Toys: good\n" in said(folder, "verify", REF, where, trusted)
    assert f"gpg {key} Toys: good\n" in said(
        folder, "verify", REF, where, trusted, f"--certified-by={key[-16:].lower()}"
    )


def test_the_keys_of_a_remote_are_trusted(signed: Path, keyring: Path, folder: Path) -> None:
    mirror = folder / "mirror"
    ostree("init", f"--repo={mirror}", "--mode=archive")
    ostree("remote", "add", f"--repo={mirror}", f"--gpg-import={keyring}/public", "toys", f"file://{signed}")
    ostree("pull", f"--repo={mirror}", f"toys:{REF}")
    shown = said(folder, "verify", f"toys:{REF}", f"--repo={mirror}")
    assert f"        Signatures: gpg {keys.fingerprint(keyring)} Toys: good\n" in shown


def test_a_keyring_is_not_one_more_beside_those_of_remotes(signed: Path, keyring: Path, folder: Path) -> None:
    ostree("remote", "add", f"--repo={signed}", f"--gpg-import={keyring}/public", "toys", "file:///nowhere")
    (folder / "other").write_bytes(keys.stranger(folder))
    done = tree(folder, "verify", REF, f"--repo={signed}", f"--gpg-keyring={folder}/other")
    assert done.returncode == 1
    assert f"{keys.fingerprint(keyring)} Toys: good\n{'':20}not signed by {folder}/other\n" in done.stdout


def test_signatures_that_are_not_there(signed: Path, keyring: Path, folder: Path) -> None:
    (folder / "other").write_bytes(keys.stranger(folder))
    key = keys.fingerprint(keyring)
    for options, absent in (
        ([f"--gpg-keyring={folder}/other"], f"{folder}/other"),
        ([f"--gpg-keyring={keyring}/public", "--certified-by=0123456789ABCDEF"], "0123456789ABCDEF"),
        ([f"--certified-by={key}"], key),
    ):
        done = tree(folder, "verify", REF, f"--repo={signed}", *options)
        assert (done.returncode, done.stderr) == (1, "")
        assert f"                    not signed by {absent}\n" in done.stdout
    unsigned = tree(folder, "verify", f"{REF}^", f"--repo={signed}", f"--gpg-keyring={keyring}/public")
    assert unsigned.returncode == 1 and f"        Signatures: not signed by {keyring}/public\n" in unsigned.stdout


def test_a_signature_of_something_else(signed: Path, keyring: Path, folder: Path) -> None:
    commits = [ostree("rev-parse", f"--repo={signed}", name).strip() for name in (f"{REF}^", REF)]
    first, second = (f"{commit[:2]}/{commit[2:]}" for commit in commits)
    (signed / f"objects/{second}.commitmeta").rename(signed / f"objects/{first}.commitmeta")
    done = tree(folder, "verify", f"{REF}^", f"--repo={signed}", f"--gpg-keyring={keyring}/public")
    assert done.returncode == 1
    assert " Toys: bad, it does not fit\n" in done.stdout


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (
            "--certified-by=me",
            "me is not the id of a GPG key\n(that is 8 or more of the last hex digits of its fingerprint)\n",
        ),
        ("--gpg-keyring=/nowhere", "the keyring /nowhere is not there\n"),
        ("--gpg-keyring={0}/armor", "the ASCII armor of the keyring {0}/armor cannot be read: Incorrect padding\n"),
    ],
)
def test_keys_that_are_none(option: str, message: str, signed: Path, folder: Path) -> None:
    armor = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabcdef\n-----END PGP PUBLIC KEY BLOCK-----\n"
    (folder / "armor").write_text(armor)
    done = tree(folder, "verify", REF, f"--repo={signed}", option.format(folder))
    assert (done.stdout, done.stderr, done.returncode) == ("", f"Error: {message.format(folder)}", 1)


def test_a_part_cannot_be_verified(repos: Repos, archive: Path, folder: Path) -> None:
    commit = repos.commit(REF)
    (archive / "state").mkdir(exist_ok=True)
    (archive / f"state/{commit}.commitpartial").touch()
    done = tree(folder, "verify", REF, f"--repo={archive}")
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr == (
        f"Error: commit {commit} cannot be verified: only a part of it is here\n"
        "('ostree pull' without --commit-metadata-only gets the rest)\n"
    )


def test_what_a_user_may_not_read_is_not_called_damaged(repos: Repos, folder: Path) -> None:
    copy = tree_repos.copy(repos.bare, folder)
    unreadable = objects(copy, "/usr/bin/toy-tool")
    unreadable.chmod(0)
    done = tree_repos.as_ordinary_user(folder, "verify", REF, f"--repo={copy}")
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr.startswith(f"Error: reading object {unreadable.parent.name}{unreadable.stem}: ")
    assert done.stderr.endswith("Permission denied\n(root can read it)\n")


def test_ed25519_where_libostree_cannot_or_the_key_is_another(archive: Path, folder: Path) -> None:
    store = repo.open_repo(archive)
    signature = GLib.Variant("a{sv}", {"ostree.sign.ed25519": GLib.Variant("aay", [bytes(64)])})
    store.write_commit_detached_metadata(store.resolve_rev(REF, False)[1], signature, None)
    assert "        Signatures: ed25519: unchecked\n" in said(folder, "show", REF, f"--repo={archive}")
    key = base64.b64encode(bytes(range(32))).decode()
    done = tree(folder, "verify", REF, f"--ed25519-key={key}", f"--repo={archive}")
    assert done.returncode == 1
    assert "ed25519" in done.stderr or f"not signed by {key}\n" in done.stdout
