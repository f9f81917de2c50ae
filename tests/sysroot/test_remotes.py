# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf tree remote`, and what becomes of trees that are not signed as the remote's keys say."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests import guard, keys
from tests.servers import serving
from tests.streams import Stream
from tests.sysroot.test_rebase import refusal
from tests.sysroot.test_switch_signed import sign
from tests.sysroots import Host, ostree

TREE = "mine:toy/1/plus"


def strict(host: Host, *arguments: str, answer: str = "") -> tuple[int, str]:
    """Run `dnf tree remote` as a user does, without the --nogpgcheck that toys need."""
    argv = guard.dnf_argv(host.folder, None, *arguments, checks_signatures=True)
    done = guard.run(host.folder, argv, host.environment(), answer)
    return done.returncode, done.stdout


def add(host: Host, stream: Stream, *options: str) -> str:
    return host.done("tree", "remote", "add", "mine", f"file://{stream.repo}", *options)


def found(host: Host) -> dict[str, object]:
    """The remote `mine`, as JSON says it."""
    status, said = strict(host, "tree", "remote", "list", "--json")
    assert status == 0, said
    rows = {row["name"]: row for row in json.loads(said[said.index("{") :])["remotes"]}
    return dict(rows["mine"])


def test_a_remote_without_a_key(client: Host, stream: Stream, keyring: Path) -> None:
    command = ("tree", "remote", "add", "mine", f"file://{stream.repo}")
    status, said = strict(client, *command)
    assert (
        status == 1 and "Error: no key is known that signs the commits of mine\n(--gpgkey=FILE|URL names it; " in said
    )
    (stream.repo / "key.asc").write_bytes((keyring / "public").read_bytes())
    offered = f"(it offers one: --gpgkey=file://{stream.repo}/key.asc takes it; --no-verify "
    assert offered in strict(client, *command)[1]
    status, said = strict(client, *command, "--no-verify")
    assert status == 0 and "Warning: commits of mine are taken whoever made them.\n" in said
    assert said.endswith(f"Added the remote mine, in {client.sysroot}/ostree/repo/config.\n")
    assert found(client)["gpg_verify"] is False
    assert "The remote mine is there already, and the same.\n" in strict(client, *command, "--no-verify")[1]


def test_a_key_and_a_summary_of_a_web_server(client: Host, stream: Stream, keyring: Path) -> None:
    (stream.repo / "key.asc").write_bytes((keyring / "public").read_bytes())
    with serving(stream.repo) as server:
        key = f"--gpgkey={server.url}/key.asc"
        said = client.done("tree", "remote", "add", "mine", server.url, key, "--verify-summary")
        assert f" From       : {server.url}/key.asc\n" in said and "there is no repository" not in said
        assert found(client)["verify_summary"] is True
        assert "the summary of mine is not signed, and this remote" in refusal(client, "rebase", "mine:toy/1/base")


def test_a_key_is_shown_and_asked_for(client: Host, stream: Stream, keyring: Path) -> None:
    command = ("tree", "remote", "add", "mine", f"file://{stream.repo}", f"--gpgkey={keyring}/public")
    status, said = strict(client, *command, answer="n\n")
    key = keys.fingerprint(keyring)
    assert f'Importing GPG key 0x{key[-8:]}:\n Userid     : "Toys <toys@example.com>"\n Fingerprint: {key[:4]} ' in said
    assert f" From       : {keyring}/public\n" in said and "Is this ok [y/N]: " in said
    assert status == 1 and "Error: the key is not trusted; no remote was added or changed\n" in said
    assert "mine" not in ostree("remote", "list", client.repo)
    status, said = strict(client, *command, answer="y\n")
    assert status == 0 and "Added the remote mine" in said
    assert key in ostree("remote", "gpg-list-keys", client.repo, "mine")
    assert strict(client, *command)[1].endswith("The remote mine is there already, and the same.\n")
    shown = strict(client, "tree", "remote", "list")[1]
    assert f"              Keys: Toys <toys@example.com> {key}, expires on " in shown
    assert "          Verified: commits\n" in shown


def test_what_differs_needs_more_words(client: Host, stream: Stream) -> None:
    add(client, stream, "--no-verify")
    ostree("config", client.repo, "set", "--group", 'remote "mine"', "branches", "a;b;")
    command = ("tree", "remote", "add", "mine", "file:///nowhere", "--no-verify", "--proxy=http://127.0.0.1:9")
    said = refusal(client, *command)
    assert f"already: url is file://{stream.repo}, not file:///nowhere; proxy is nothing, not http:" in said
    assert "\n(--anyway changes it)\n" in said
    said = client.done(*command, "--anyway")
    assert "Changed the remote mine, in " in said
    assert "Warning: there is no repository of trees at file:///nowhere now.\n" in said
    assert (found(client)["url"], found(client)["proxy"]) == ("file:///nowhere", "http://127.0.0.1:9")
    assert ostree("config", client.repo, "get", "--group", 'remote "mine"', "branches") == "a;b;\n"


def test_removing(client: Host, stream: Stream, keyring: Path) -> None:
    add(client, stream, f"--gpgkey={keyring}/public")
    said = refusal(client, "tree", "remote", "remove", "toys")
    assert "Error: the remote toys is followed: deployment 0\n(--anyway removes it all the same; " in said
    assert "Removed the remote mine and its keys.\n" in client.done("tree", "remote", "remove", "mine")
    assert not list((client.sysroot / "ostree/repo").glob("mine*"))
    assert "there is no remote mine\n" in refusal(client, "tree", "remote", "remove", "mine")
    client.done("tree", "remote", "remove", "toys", "--anyway")
    assert ostree("remote", "list", client.repo) == ""


WRONG = (
    (["add", "mine"], "that is not all, or too much\n(dnf tree remote add NAME URL)\n"),
    (["list", "mine"], "that is not all, or too much\n(dnf tree remote list)\n"),
    (["add", "a", "file:///x", "--gpgkey=/dev/null"], "there are no GPG keys in /dev/null\n"),
    (["add", "a", "file:///x", "--gpgkey=/nowhere"], "file:///nowhere cannot be fetched: "),
    (["add", "a/b", "file:///x", "--no-verify"], "adding the remote a/b: Invalid remote name a/b\n"),
)


def test_words_that_are_wrong(client: Host) -> None:
    for words, message in WRONG:
        assert f"Error: {message}" in refusal(client, "tree", "remote", *words)


def test_where_there_is_no_host(folder: Path) -> None:
    done = guard.run(folder, guard.dnf_argv(folder, None, "tree", "remote", "list"))
    assert "Error: this machine is not an OSTree host\n(--repo=DIR names a repository, " in done.stdout


@pytest.mark.parametrize(("act", "left"), [("raise", []), ("kill", ["mine"])])
def test_dying_before_the_key_is_there(act: str, left: list[str], client: Host, stream: Stream, keyring: Path) -> None:
    command = ("-y", "tree", "remote", "add", "mine", f"file://{stream.repo}", f"--gpgkey={keyring}/public")
    assert client.dnf(*command, extra={"OSTREE_LAYER_FAILPOINT": f"remotes::written={act}"}).returncode != 0
    assert ostree("remote", "list", client.repo).split() == [*left, "toys"]
    if left:
        assert "is not signed, and this remote demands it" in refusal(client, "rebase", "mine:toy/1/base")
    assert "Importing GPG key" in client.done(*command)
    assert keys.fingerprint(keyring) in ostree("remote", "gpg-list-keys", client.repo, "mine")


def test_a_signature_of_another_commit(client: Host, stream: Stream, keyring: Path) -> None:
    add(client, stream, f"--gpgkey={keyring}/public")
    plus, base = stream.publish("p1"), stream.publish("1.2")
    sign(stream, base, keyring)
    paths = [stream.repo / f"objects/{name[:2]}/{name[2:]}.commitmeta" for name in (base, plus)]
    paths[0].rename(paths[1])
    said = refusal(client, "rebase", TREE)
    assert f"commit {plus} of mine has a signature that does not fit: one of the two was changed after" in said


def test_a_key_that_expires_is_prolonged(client: Host, stream: Stream, keyring: Path) -> None:
    key, public = keys.fingerprint(keyring), keyring / "public"
    plus = stream.publish("p1")
    sign(stream, plus, keyring)
    keys.gpg(keyring, "--quick-set-expire", key, "seconds=4")
    public.write_bytes(keys.gpg(keyring, "--armor", "--export"))
    add(client, stream, f"--gpgkey={public}")
    time.sleep(max(0.0, float(str(found(client)["keys"][0]["expires"])) - time.time() + 1))  # type: ignore[index]
    said = refusal(client, "rebase", TREE)
    assert f"commit {plus} of mine is signed by a key that has expired\n('dnf tree remote add mine URL" in said
    assert f"{key}, EXPIRED on " in strict(client, "tree", "remote", "list")[1]
    assert f"Error: the key {key} in {public} expired on " in refusal(
        client, "tree", "remote", "add", "mine", f"file://{stream.repo}", f"--gpgkey={public}"
    )
    keys.gpg(keyring, "--quick-set-expire", key, "1y")
    public.write_bytes(keys.gpg(keyring, "--armor", "--export"))
    assert "Importing GPG key" in add(client, stream, f"--gpgkey={public}")
    client.done("rebase", TREE)
    assert client.deployments()[0].startswith(plus)
