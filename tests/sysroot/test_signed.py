# SPDX-License-Identifier: GPL-2.0-or-later
"""Signed packages, on Debian's stock rpm configuration: its `_dbpath` is wrong for a tree, and nobody wrote a macro."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests import guard, keys, toys
from tests.sysroots import Host
from tests.toys import APP, LIB

AS_IT_WAS = "Nothing was deployed: the host is as it was.\n"


def sign(host: Host, keyring: Path) -> None:
    rpms = map(os.fspath, host.repository.glob("*.rpm"))
    defines = [f"--define=_gpg_path {keyring}", "--define=_gpg_name Toys", "--define=__gpg /usr/bin/gpg"]
    subprocess.run(["rpmsign", "--addsign", *defines, *rpms], check=True, stdout=subprocess.DEVNULL)
    toys.index(host.repository)
    shutil.rmtree(host.folder / "cache", ignore_errors=True)


def install(host: Host, keyring: Path, answer: str = "", *options: str) -> subprocess.CompletedProcess[str]:
    (host.folder / "repos.d/signed.repo").write_text(
        f"[signed]\nname=signed\nbaseurl=file://{host.repository}\ngpgcheck=1\ngpgkey=file://{keyring}/public\n"
    )
    argv = guard.dnf_argv(host.folder, None, *options, "install", "app", checks_signatures=True)
    return guard.run(host.folder, argv, host.environment(), answer)


def test_a_signed_package_and_its_key(host: Host, keyring: Path) -> None:
    host.offer(APP, LIB)
    sign(host, keyring)
    result = install(host, keyring, "", "-y")
    assert result.returncode == 0 and "Key imported successfully" in result.stdout, result.stdout
    host.done("remove", "app")
    result = install(host, keyring, "", "-y")
    assert result.returncode == 0 and "Importing GPG key" not in result.stdout, result.stdout


def test_no_to_the_key(host: Host, keyring: Path) -> None:
    host.offer(APP, LIB)
    sign(host, keyring)
    result = install(host, keyring, "y\nn\n")
    assert result.returncode == 1 and len(host.deployments()) == 1, result.stdout
    assert result.stdout.endswith(AS_IT_WAS)


def test_an_unsigned_package(host: Host, keyring: Path) -> None:
    host.offer(APP, LIB)
    result = install(host, keyring, "", "-y")
    assert result.returncode == 1 and len(host.deployments()) == 1
    assert "Package app-1-1.noarch.rpm is not signed\n" in result.stdout
    assert result.stdout.endswith(f"Error: GPG check FAILED\n{AS_IT_WAS}")


def test_a_package_signed_by_somebody_else(host: Host, keyring: Path, folder: Path) -> None:
    host.offer(APP, LIB)
    sign(host, keyring)
    (keyring / "public").write_bytes(keys.stranger(folder))
    result = install(host, keyring, "", "-y")
    assert result.returncode == 1 and len(host.deployments()) == 1
    assert result.stdout.endswith(f"Error: GPG check FAILED\n{AS_IT_WAS}")
