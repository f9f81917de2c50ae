# SPDX-License-Identifier: GPL-2.0-or-later
"""The journal's entry for a new deployment, as a journal receives it."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from ostree_layer import journal, sysroot
from ostree_layer.model import Target
from tests.journal_socket import parsed, receiving
from tests.sysroots import REF, STATEROOT, Host

HERE = Target("/", is_booted_host=True)


def test_an_entry_says_which_deployment_it_is(host: Host, folder: Path) -> None:
    name = host.deployments()[0]
    checksum, root = name.partition(".")[0], host.tree.stat()
    with receiving(folder / "socket") as receiver:
        loaded = sysroot.open_sysroot(Target(os.fspath(host.sysroot)))
        journal.send(journal.entry(loaded, checksum, "dnf install app"), folder / "socket")
        assert parsed(receiver.recv(1 << 16)) == {
            "MESSAGE": f"Made the deployment /ostree/deploy/{STATEROOT}/deploy/{name} (1.0) by 'dnf install app'",
            "MESSAGE_ID": "9bddbda177cd44d891b1b561a8a0ce9e",
            "PRIORITY": "5",
            "SYSLOG_IDENTIFIER": "dnf",
            "AGENT": "dnf",
            "COMMAND_LINE": "dnf install app",
            "DEPLOYMENT_PATH": f"/ostree/deploy/{STATEROOT}/deploy/{name}",
            "DEPLOYMENT_TIMESTAMP": str(int(root.st_ctime)),
            "DEPLOYMENT_DEVICE": str(root.st_dev),
            "DEPLOYMENT_INODE": str(root.st_ino),
            "DEPLOYMENT_CHECKSUM": checksum,
            "DEPLOYMENT_REFSPEC": REF,
            "DEPLOYMENT_VERSION": "1.0",
        }


@pytest.mark.parametrize("value", ["two\nlines", "a=b", "\n", os.fsdecode(b"odd\xff"), "€" * 300])
def test_a_value_is_whatever_it_is(folder: Path, value: str) -> None:
    with receiving(folder / "socket") as receiver:
        journal.send({"FIRST": value, "EMPTY": "", "LAST": "1"}, folder / "socket")
        assert parsed(receiver.recv(1 << 16)) == {"FIRST": value, "LAST": "1"}


def test_without_a_journal_there_is_nothing_to_do(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    journal.deployed(HERE, "ab" * 32, "dnf install app", to=folder / "socket")
    assert caplog.messages == []


def test_a_sysroot_that_is_not_booted_is_not_the_journals_business(host: Host, folder: Path) -> None:
    checksum = host.deployments()[0].partition(".")[0]
    with receiving(folder / "socket") as receiver:
        journal.deployed(Target(os.fspath(host.sysroot)), checksum, "dnf install app", to=folder / "socket")
        receiver.setblocking(False)
        with pytest.raises(BlockingIOError):
            receiver.recv(1)


def test_what_the_journal_does_not_take_is_no_failure(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """This machine has no such deployment; and a socket that nobody listens at any more refuses."""
    with receiving(folder / "socket"):
        journal.deployed(HERE, "ab" * 32, "dnf install app", to=folder / "socket")
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert caplog.messages[0].startswith("the journal was not told of the deployment: ")
    with pytest.raises(ConnectionRefusedError):
        journal.send({"MESSAGE": "hello"}, folder / "socket")
