# SPDX-License-Identifier: GPL-2.0-or-later
"""What a treefile wants done to a tree when its packages are there: units, files, scripts."""

from __future__ import annotations

import dataclasses
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ostree_layer import process, rpmdb
from ostree_layer.errors import CommandError, CommitError
from ostree_layer.layout import os_release, paths, rpm_home
from ostree_layer.report import Report

SYSTEMCTL = "usr/bin/systemctl"
UNITS = "usr/lib/systemd/system"
DEFAULT_TARGET = "etc/systemd/system/default.target"
MACHINE_ID = "etc/machine-id"
SHELL = b"#!/bin/sh\n"


@dataclasses.dataclass(frozen=True)
class Added:
    """A file to be added: its place, its content, and whether it is a program."""

    place: str
    content: bytes
    is_program: bool


@dataclasses.dataclass(frozen=True)
class Customs:
    """All of it, with the content of the files beside the treefile, which the cage does not see.

    In os-release `version` takes the place of `mutated`, or of `base_version` where that has taken it already;
    `scripts` are in the order in which they run.
    """

    units: Sequence[str]
    default_target: str
    removed: Sequence[str]
    removed_from: Sequence[Sequence[str]]
    added: Sequence[Added]
    scripts: Sequence[bytes]
    has_machine_id: bool
    is_read_only: bool
    needs_own_rpm: bool
    mutated: str = ""
    version: str = ""
    base_version: str = ""


def read(tree: Any) -> Customs:
    """What a treefile wants; its files are read now."""
    scripts = [text.encode() for text in tree["postprocess"]]
    if tree["postprocess-script"]:
        scripts.append(Path(tree["postprocess-script"]).read_bytes())
    return Customs(
        tree["units"],
        tree["default-target"],
        tree["remove-files"],
        tree["remove-from-packages"],
        [Added(place, Path(file).read_bytes(), os.access(file, os.X_OK)) for file, place in tree["add-files"]],
        scripts,
        tree["machineid-compat"],
        tree["readonly-executables"],
        tree["rpmdb"] != "host",
        tree["mutate-os-release"],
    )


def follow(root: Path, customs: Customs, report: Report) -> None:
    """Do it; called in the cage, where root is /."""
    rpm_home.tell(root, needs_own_rpm=customs.needs_own_rpm)
    _enable(root, customs.units)
    if customs.default_target:
        _replace_by_link(root / DEFAULT_TARGET, f"/{UNITS}/{customs.default_target}")
    for package, *expressions in customs.removed_from:
        _remove_from(root, package, expressions)
    for path in customs.removed:
        paths.remove(root / path.lstrip("/"))
    for added in customs.added:
        _add(root, added)
    _settle_machine_id(root, wanted=customs.has_machine_id)
    if customs.mutated and customs.version:
        is_done = bool(customs.base_version) and os_release.names_version(root)
        os_release.name_version(root, customs.version, customs.base_version if is_done else customs.mutated)
    for number, script in enumerate(customs.scripts, 1):
        with report(f"Running script {number} of {len(customs.scripts)}"):
            _run(root, number, script)
    _settle_machine_id(root, wanted=customs.has_machine_id)
    if customs.is_read_only:
        _make_programs_read_only(root / "usr")


def _enable(root: Path, units: Sequence[str]) -> None:
    if not units:
        return
    if not (root / SYSTEMCTL).exists():
        raise CommitError(f"units: {', '.join(units)} cannot be enabled, for the tree has no systemctl")
    process.run([f"/{SYSTEMCTL}", "enable", *units], root=root)


def _replace_by_link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def _remove_from(root: Path, package: str, expressions: Sequence[str]) -> None:
    packaged = list(rpmdb.paths(root, package))
    if not packaged:
        raise CommitError(f"remove-from-packages: {package} is not in the tree")
    found = [path for path in packaged if any(re.search(expression, path) for expression in expressions)]
    for path in reversed(found):  # what is in a directory comes after it
        file = root / path.lstrip("/")
        if not file.is_dir() or file.is_symlink():
            paths.remove(file)
        elif not any(file.iterdir()):
            file.rmdir()


def _add(root: Path, added: Added) -> None:
    path = root / added.place.lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    paths.remove(path)
    path.write_bytes(added.content)
    path.chmod(0o755 if added.is_program else 0o644)


def _settle_machine_id(root: Path, *, wanted: bool) -> None:
    """An empty one is filled at each boot; without one, the first boot counts as the first one."""
    (root / MACHINE_ID).unlink(missing_ok=True)
    if wanted:
        (root / MACHINE_ID).touch(0o444)


def _run(root: Path, number: int, script: bytes) -> None:
    name, lines = f"run/postprocess-{number}", script.decode(errors="replace").splitlines()
    is_program = script.startswith(b"#!") or b"\0" in script
    (root / name).write_bytes(script if is_program else SHELL + script)
    (root / name).chmod(0o700)
    try:
        process.run([f"/{name}"], root=root, is_script=True)
    except CommandError as e:
        first = next((line for line in lines if line and not line.startswith("#")), "")
        raise CommitError(f"script {number} of the treefile ({first} ...) failed: {e}") from e
    except OSError as e:
        shebang = lines[0] if is_program else SHELL.decode().strip()
        by = f" by {shebang[2:]}" if shebang.startswith("#!") else ""
        raise CommitError(f"script {number} of the treefile cannot be run{by}: {e.strerror}") from e
    (root / name).unlink(missing_ok=True)


def _make_programs_read_only(usr: Path) -> None:
    for folder, _directories, files in os.walk(usr):
        for name in files:
            path = os.path.join(folder, name)
            mode = os.lstat(path).st_mode
            if stat.S_ISREG(mode) and mode & 0o111 and mode & 0o222:
                os.chmod(path, stat.S_IMODE(mode) & ~0o222)
