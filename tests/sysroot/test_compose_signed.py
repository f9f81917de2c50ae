# SPDX-License-Identifier: GPL-2.0-or-later
"""Signatures of packages, where a .repo file beside the treefile asks for them."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests import guard, keys, toys
from tests.composing import Bench
from tests.toys import APP, LIB

KEYS = {"packages": ["app"]}


@pytest.fixture
def signed(bench: Bench, keyring: Path) -> Bench:
    """A bench with signed packages, whose repository demands that."""
    bench.offer(APP, LIB)
    sign(bench, keyring, *bench.rpms.glob("*.rpm"))
    (bench.trees / "signed.repo").write_text(
        f"[signed]\nname=signed\nbaseurl=file://{bench.rpms}\ngpgcheck=1\ngpgkey=file://{keyring}/public\n"
    )
    return bench


def sign(bench: Bench, keyring: Path, *rpms: Path) -> None:
    defines = [f"--define=_gpg_path {keyring}", "--define=_gpg_name Toys", "--define=__gpg /usr/bin/gpg"]
    subprocess.run(["rpmsign", "--addsign", *defines, *rpms], check=True, stdout=subprocess.DEVNULL)
    toys.index(bench.rpms)
    bench.forget()


def compose(bench: Bench, *options: str, workshop: str = "workshop") -> subprocess.CompletedProcess[str]:
    path = bench.treefile(KEYS)
    argv = ["tree", "compose", os.fspath(path), f"--repo={bench.repo}", f"--workdir={bench.folder}/{workshop}"]
    return guard.run(bench.folder, guard.dnf_argv(bench.folder, None, *argv, *options, checks_signatures=True))


def test_signed_packages_and_their_key(signed: Bench) -> None:
    done = compose(signed)
    assert done.returncode == 0 and "Key imported successfully" in done.stdout, done.stdout
    first = signed.content()
    signed.forget()
    done = compose(signed, "--always", workshop="elsewhere")
    assert done.returncode == 0, done.stdout
    assert signed.content() == first, "the imported key is in the rpm database, as of the same time"


def test_an_unsigned_package(signed: Bench) -> None:
    (signed.rpms / f"{APP.nevra}.rpm").write_bytes(toys.build(APP).read_bytes())
    toys.index(signed.rpms)
    done = compose(signed)
    assert done.returncode == 1, done.stdout
    assert f"Package {APP.nevra}.rpm is not signed\n" in done.stdout
    assert done.stdout.endswith(f"Error: GPG check FAILED\n{signed.repo} is as it was.\n")


def test_a_package_signed_by_somebody_else(signed: Bench, keyring: Path, folder: Path) -> None:
    (keyring / "public").write_bytes(keys.stranger(folder))
    done = compose(signed)
    assert done.returncode == 1, done.stdout
    assert f"Public key for {APP.nevra}.rpm is not installed" in done.stdout
    assert done.stdout.endswith(f"Error: GPG check FAILED\n{signed.repo} is as it was.\n")


def test_a_key_that_is_not_there(signed: Bench, keyring: Path) -> None:
    (keyring / "public").unlink()
    done = compose(signed)
    assert done.returncode == 1 and "Traceback" not in done.stdout, done.stdout
    assert f"{keyring}/public" in done.stdout and done.stdout.endswith(f"{signed.repo} is as it was.\n")
