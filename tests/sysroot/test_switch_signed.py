# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees that have to be signed: by a key of the remote, and by the one that a user names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import keys
from tests.streams import REMOTE, Stream
from tests.sysroot.test_pulls import BOTH
from tests.sysroot.test_rebase import PLUS, refusal
from tests.sysroots import Host, ostree

UNSIGNED = "is not signed, and this remote demands it"
NO_ID = "is not the id of a GPG key\n(that is 8 or more of the last hex digits of its fingerprint)\n"


@pytest.fixture
def demanding(client: Host, stream: Stream, keyring: Path) -> Host:
    """A host whose remote demands signatures by the key of `keyring`; its own tree has one."""
    sign(stream, ostree("rev-parse", client.repo, "toys:toy/1/base").strip(), keyring)
    ostree("remote", "delete", client.repo, REMOTE)
    options = ["--set=gpg-verify=true", f"--gpg-import={keyring}/public"]
    ostree("remote", "add", *options, client.repo, REMOTE, f"file://{stream.repo}")
    ostree("pull", client.repo, REMOTE, "toy/1/base")
    return client


def sign(stream: Stream, checksum: str, home: Path) -> None:
    ostree("gpg-sign", f"--repo={stream.repo}", f"--gpg-homedir={home}", checksum, keys.fingerprint(home))
    ostree("summary", "-u", f"--repo={stream.repo}")


@BOTH
def test_a_remote_that_demands_signatures(demanding: Host, stream: Stream, keyring: Path, command: str) -> None:
    plus = stream.publish("p1")
    assert f"Error: commit {plus} of toys {UNSIGNED}\n" in refusal(demanding, command, PLUS)
    with keys.made(demanding.folder / "other", "Other") as other:
        sign(stream, plus, other)
    assert "of toys is signed by no key that this host trusts for it\n" in refusal(demanding, command, PLUS)
    sign(stream, plus, keyring)
    demanding.done(command, PLUS)
    assert demanding.deployments()[0].startswith(plus)


def test_an_upgrade_to_an_unsigned_tree(demanding: Host, stream: Stream, keyring: Path) -> None:
    new = stream.publish("1.2")
    assert UNSIGNED in refusal(demanding, "upgrade")
    sign(stream, new, keyring)
    demanding.done("upgrade")
    assert demanding.deployments()[0].startswith(new)


@BOTH
def test_certified_by(demanding: Host, stream: Stream, keyring: Path, command: str) -> None:
    plus = stream.publish("p1")
    sign(stream, plus, keyring)
    for word in ("xyz", "12", ""):
        assert f"Error: {word} {NO_ID}" in refusal(demanding, command, "--certified-by", word, PLUS)
    good, stranger = keys.fingerprint(keyring), "AB" * 20
    both = ["--certified-by", good, "--certified-by", stranger]
    said = refusal(demanding, command, *both, PLUS)
    assert f"Error: commit {plus} has no good signature or certification by {stranger}\n" in said
    demanding.done(command, "--certified-by", f"0x{good[-16:].lower()}", PLUS)
    assert demanding.deployments()[0].startswith(plus)


@BOTH
def test_certified_by_whatever_the_remote_demands(client: Host, stream: Stream, keyring: Path, command: str) -> None:
    plus, good = stream.publish("p1"), keys.fingerprint(keyring)
    said = refusal(client, command, "--certified-by", good, PLUS)
    assert f"Error: commit {plus} has no good signature or certification by {good}\n" in said
    sign(stream, plus, keyring)
    said = refusal(client, command, "--certified-by", good, PLUS)
    assert "has no good signature" in said and "(its keys are those of the remote, or those in /usr/share/" in said
    ostree("remote", "gpg-import", client.repo, f"--keyring={keyring}/public", REMOTE)
    client.done(command, "--certified-by", good, PLUS)
    assert client.deployments()[0].startswith(plus)
