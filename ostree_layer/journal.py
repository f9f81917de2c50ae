# SPDX-License-Identifier: GPL-2.0-or-later
"""The journal's entry for a new deployment, by which `rpm-ostree ex history` knows it."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping
from pathlib import Path

from ostree_layer import origin, repo, sysroot
from ostree_layer.errors import HostError, OstreeLayerError
from ostree_layer.model import Target
from ostree_layer.ostree_gi import OSTree

log = logging.getLogger(__name__)

SOCKET = Path("/run/systemd/journal/socket")
# rpm-ostree's, for "a deployment was made".
MESSAGE_ID = "9bddbda177cd44d891b1b561a8a0ce9e"
AGENT = "dnf"
NOTICE = "5"
# Seconds to wait for a journal that is stuck.
PATIENCE = 1


def deployed(target: Target, checksum: str, command: str, *, to: Path = SOCKET) -> None:
    """Tell the journal of the booted host that command made the deployment of checksum that boots next.

    The deployment stands, so nothing fails here. Where there is no journal, there is nothing to tell.
    """
    if not target.is_booted_host or not to.exists():
        return
    try:
        loaded = sysroot.open_sysroot(target)
        send(entry(loaded, checksum, command), to)
    except (OstreeLayerError, OSError) as e:
        log.warning("the journal was not told of the deployment: %s", e)


def entry(loaded: OSTree.Sysroot, checksum: str, command: str) -> dict[str, str]:
    """The fields of the entry for the first deployment of a commit."""
    deployment = next((one for one in loaded.get_deployments() if one.get_csum() == checksum), None)
    if deployment is None:
        raise HostError(f"there is no deployment of {checksum}")
    commit = repo.load_commit(sysroot.repository(loaded), checksum)
    root = os.stat(sysroot.deployment_path(loaded, deployment))
    path, version = f"/{loaded.get_deployment_dirpath(deployment)}", repo.version(commit)
    return {
        "MESSAGE": f"Made the deployment {path}" + (f" ({version})" if version else "") + f" by '{command}'",
        "MESSAGE_ID": MESSAGE_ID,
        "PRIORITY": NOTICE,
        "SYSLOG_IDENTIFIER": AGENT,
        "AGENT": AGENT,
        "COMMAND_LINE": command,
        "DEPLOYMENT_PATH": path,
        "DEPLOYMENT_TIMESTAMP": str(int(root.st_ctime)),
        "DEPLOYMENT_DEVICE": str(root.st_dev),
        "DEPLOYMENT_INODE": str(root.st_ino),
        "DEPLOYMENT_CHECKSUM": checksum,
        "DEPLOYMENT_REFSPEC": origin.refspec(deployment),
        "DEPLOYMENT_VERSION": version,
    }


def send(fields: Mapping[str, str], to: Path) -> None:
    """Write one entry into the journal whose socket is at `to`, in its own protocol; an empty field is none."""
    datagram = b"".join(_field(name, value.encode(errors="surrogateescape")) for name, value in fields.items() if value)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.settimeout(PATIENCE)
        sender.sendto(datagram, os.fspath(to))


def _field(name: str, value: bytes) -> bytes:
    """A value with line breaks comes with its length; any other one ends with the line."""
    if b"\n" in value:
        return name.encode() + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"
    return name.encode() + b"=" + value + b"\n"
