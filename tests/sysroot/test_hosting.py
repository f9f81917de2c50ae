# SPDX-License-Identifier: GPL-2.0-or-later
"""Stores: made, and filled with trees that were composed elsewhere."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from tests import guard, keys, servers, stores, tree_repos
from tests.stores import Place
from tests.streams import BASE_REF
from tests.sysroots import ostree


@pytest.fixture
def place(composed: Path, folder: Path) -> Place:
    return Place(folder, composed)


@pytest.fixture
def signed(signed_store: Place, folder: Path) -> Place:
    """A store that signs, with the first version."""
    return stores.copied(signed_store, folder)


def test_hosting_again_changes_nothing(place: Place, keyring: Path) -> None:
    assert place.host() == f"{place.store} is a store of trees.\n"
    fingerprint = keys.fingerprint(keyring)
    said = place.host(*stores.signing(keyring), "--keep=3")
    assert f"What is published there is signed by {fingerprint}; clients find its public half in key.asc.\n" in said
    before = {path: path.read_bytes() for path in place.store.rglob("*") if path.is_file()}
    assert place.host() == said
    assert {path: path.read_bytes() for path in place.store.rglob("*") if path.is_file()} == before
    state = json.loads(place.done("host", os.fspath(place.store), "--json"))["store"]
    assert (state["signed_by"], state["keep"]) == ([fingerprint], "3")


def test_something_else_is_no_store(place: Place) -> None:
    place.store.mkdir()
    (place.store / "letter").write_text("")
    assert f"Error: {place.store} is not empty, and no store of trees\n" in place.refused("host", str(place.store))
    bare = place.folder / "bare"
    ostree("init", f"--repo={bare}", "--mode=bare")
    said = place.refused("host", str(bare))
    assert f"Error: {bare} is a repository in the mode bare, and only an archive can be served\n" in said
    said = place.refused("publish", "versions/1.1", str(place.folder / "nowhere"), f"--repo={place.composed}")
    assert "nowhere is no store of trees\n('dnf tree host " in said


def test_a_composed_tree_is_published_exactly(place: Place) -> None:
    place.host()
    assert place.publish("1.1") == f"{BASE_REF} in {place.store} is now commit {place.commit('1.1')[:12]} (1.1).\n"
    said = place.publish("1.2")
    assert said.endswith(f"There is a static delta from commit {place.commit('1.1')[:12]}.\n")
    assert place.refs() == {BASE_REF: place.commit("1.2")}
    assert place.deltas() == {f"{place.commit('1.1')}-{place.commit('1.2')}"}
    assert place.publish("1.2").startswith(f"Nothing to do: {BASE_REF} in {place.store} is commit ")
    said = place.refused(*place.publish_argv("1.1"))
    assert "is older: clients would not go back to it\n(--allow-older publishes it all the same)\n" in said
    place.publish("1.1", "--allow-older")
    assert place.refs() == {BASE_REF: place.commit("1.1")}
    place.done("publish", BASE_REF, str(place.store), "--name=toy/again")  # from the store itself
    assert place.refs() == {BASE_REF: place.commit("1.1"), "toy/again": place.commit("1.1")}
    ostree("fsck", place.repo, "--quiet")


def test_web_servers_can_read_all_of_it(place: Place) -> None:
    place.host()
    argv = guard.dnf_argv(place.folder, None, "--releasever=1", "tree", *place.publish_argv("1.1"))
    done = guard.run(place.folder, ["sh", "-c", 'umask 077 && exec "$@"', "sh", *argv])
    assert done.returncode == 0, done.stdout
    private = {path for path in place.store.rglob("*") if not path.lstat().st_mode & 0o004}
    assert {path.relative_to(place.store).parts[0] for path in private} <= {"extensions", "tmp", ".lock"}


def test_clients_take_the_delta(place: Place) -> None:
    place.host()
    place.publish("1.1")
    with servers.serving(place.store) as server:
        here = stores.client(place.folder / "here", server.url)
        stores.pull(here, BASE_REF)
        place.publish("1.2")
        server.asked.clear()
        stores.pull(here, BASE_REF)
        assert any(path.startswith("/deltas/") for path in server.asked)
    assert ostree("rev-parse", here, f"toys:{BASE_REF}").strip() == place.commit("1.2")


@pytest.mark.parametrize("name", ["ostree-layer/local/x", "no name", "../up"])
def test_names_that_are_none(place: Place, name: str) -> None:
    place.host()
    said = place.refused("publish", "versions/1.1", str(place.store), f"--repo={place.composed}", f"--name={name}")
    assert f"Error: {name} is no" in said
    assert place.refs() == {}


def test_a_damaged_object_is_not_published(place: Place, composed: Path) -> None:
    place.host()
    source = tree_repos.copy(composed, place.folder)
    for path in (source / "objects").glob("*/*.file"):
        if not path.is_symlink():
            path.write_bytes(b"damaged")
    said = place.refused("publish", "versions/1.1", str(place.store), f"--repo={source}", f"--name={BASE_REF}")
    assert "Error: copying commit " in said
    assert place.refs() == {}


def test_signatures(signed: Place, signer: Path) -> None:
    said = signed.done("verify", BASE_REF, signed.repo, f"--gpg-keyring={signed.store}/key.asc")
    assert f"{keys.fingerprint(signer)} Toys: good" in said
    assert signed.done("sign", signed.repo) == "Nothing to do: all of it is signed.\n"
    with servers.serving(signed.store) as server:
        here = stores.client(signed.folder / "here", server.url, signed.store / "key.asc")
        stores.pull(here, BASE_REF)


def test_signing_what_is_there(place: Place, keyring: Path) -> None:
    place.host()
    place.publish("1.1")
    assert "has no key to sign with\n(--sign=KEYID names one, " in place.refused("sign", place.repo)
    checksum = place.commit("1.1")
    assert place.done("sign", place.repo, *stores.signing(keyring)) == f"Signed commit {checksum}.\n"
    place.host(*stores.signing(keyring))
    assert place.done("sign", place.repo) == "Nothing to do: all of it is signed.\n"


def test_keys_that_cannot_sign(signed: Place, keyring: Path) -> None:
    signed.host(*stores.signing(keyring))
    said = signed.refused("sign", signed.repo, "--sign=0123456789ABCDEF", f"--gpg-homedir={keyring}")
    assert f"Error: there is no secret key 0123456789ABCDEF in {keyring}: " in said
    fingerprint = keys.fingerprint(keyring)
    keys.gpg(keyring, "--quick-set-expire", fingerprint, "seconds=1")
    keys.wait_for_expiry(keyring)
    said = signed.refused(*signed.publish_argv("1.2"))
    assert f"Error: the key {fingerprint} in {keyring} has expired\n(gpg --quick-set-expire prolongs it)\n" in said
    assert signed.refs() == {BASE_REF: signed.commit("1.1")}


POINTS = (
    "publish::copied",
    "publish::signed",
    "publish::compared",
    "publish::named",
    "summary::written",
    "summary::replaced",
    "publish::announced",
)


def test_a_publisher_that_is_killed(signed: Place) -> None:
    """At each point, from the first version to the second and back."""
    versions = {signed.commit(version): version for version in ("1.1", "1.2")}
    with servers.serving(signed.store) as server:
        here = stores.client(signed.folder / "here", server.url, signed.store / "key.asc")

        def seen() -> str:
            stores.pull(here, BASE_REF)
            return versions[ostree("rev-parse", here, f"toys:{BASE_REF}").strip()]

        for number, point in enumerate(POINTS):
            old, new = ("1.2", "1.1") if number % 2 else ("1.1", "1.2")
            argv = signed.publish_argv(new, "--allow-older")
            assert seen() == old
            assert signed.tree(*argv, extra=stores.at(point, "kill")).returncode == -9
            assert seen() == (new if point in ("summary::replaced", "publish::announced") else old)
            signed.done(*argv)
            assert seen() == new
    assert [path.name for path in (signed.store / "extensions/ostree-layer").glob("*-*")] == []
    assert signed.done("verify", signed.repo).endswith("All of it is sound.\n")
    ostree("fsck", here, "--quiet")


def test_what_was_said_of_a_commit_stays(signed: Place) -> None:
    """A record beside it here outlives what the repository that it came from has, or has not, beside it."""
    result = signed.folder / "result.json"
    result.write_text('{"passed": true}')
    signed.done("certify", BASE_REF, f"--result={result}", signed.repo)
    certified = signed.done("show", BASE_REF, signed.repo)
    assert "result.json" in certified
    path = next(path for path in (signed.store / "objects").glob("*/*.filez"))
    path.write_bytes(b"damaged")
    signed.done("repair", str(signed.store))
    signed.publish("1.1")
    assert signed.done("show", BASE_REF, signed.repo) == certified


def test_a_publisher_that_fails(signed: Place) -> None:
    (signed.store / "extensions/ostree-layer/.store.conf-left").write_text("")  # as by one that was killed
    for act, words in (("raise", "RuntimeError"), ("nospace", "No space left on device"), ("term", "")):
        failed = signed.tree(*signed.publish_argv("1.2"), extra=stores.at("publish::compared", act))
        assert failed.returncode != 0 and words in failed.stderr and "Traceback" not in failed.stderr
    assert signed.refs() == {BASE_REF: signed.commit("1.1")}
    signed.publish("1.2")


def test_two_publishers_at_once(signed: Place) -> None:
    options = [
        ["publish", f"versions/{name}", str(signed.store), f"--repo={signed.composed}"] for name in ("p1", "2.1")
    ]
    threads = [threading.Thread(target=signed.done, args=(*argv, f"--name={argv[1][9:]}")) for argv in options]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    summary = ostree("summary", "--view", signed.repo)
    assert set(signed.refs()) == {BASE_REF, "p1", "2.1"} and all(name in summary for name in signed.refs())
    assert signed.done("sign", signed.repo) == "Nothing to do: all of it is signed.\n"


ON_SMALL_DISK = """mount -t tmpfs -o size="$1" tmpfs "$2" && cp -a "$3/." "$2" && shift 3 && "$@"
status=$?; ostree fsck -q --repo="$0" && ostree rev-parse --repo="$0" toy/1/base; exit $status"""


def test_a_full_disk(place: Place) -> None:
    """The store is on a file system of its own, which the second tree does not fit."""
    place.host()
    place.publish("1.1")
    size = sum(path.lstat().st_blocks * 512 for path in place.store.rglob("*"))
    copy = place.store.rename(place.folder / "copy")
    place.store.mkdir()
    argv = guard.dnf_argv(place.folder, None, "--releasever=1", "tree", *place.publish_argv("1.2"))
    words = [str(place.store), str(size + 65536), str(place.store), str(copy)]
    done = guard.run(place.folder, ["sh", "-c", ON_SMALL_DISK, *words, *argv])
    assert done.returncode == 1 and "Traceback" not in done.stdout
    assert "Error: copying commit " in done.stdout, done.stdout
    assert done.stdout.endswith(f"{place.commit('1.1')}\n"), "the store is sound, and as it was"
