# SPDX-License-Identifier: GPL-2.0-or-later
"""tmpfiles.d lines, read back by systemd's own program."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ostree_layer import tmpfiles
from ostree_layer.errors import CommitError

ODD = [
    "plain",
    "two words",
    'quote"d',
    "it's",
    "back\\slash",
    "100%h",
    "ta\tb",
    os.fsdecode(b"\xff\xfe"),
    "ü",
    "#x",
]


def test_systemd_makes_what_the_lines_say(tmp_path: Path) -> None:
    lines = [tmpfiles.directory(f"/var/{name}", 0o750, "root", "root") for name in ODD]
    targets = [f"to {name}" for name in ODD] + ["ends in a space ", "in two\nlines", " begins"]
    lines += [tmpfiles.link(f"/var/link {index}", target) for index, target in enumerate(targets)]
    (tmp_path / "etc").mkdir()
    (tmp_path / "var").mkdir()
    (tmp_path / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\n")
    (tmp_path / "etc/group").write_text("root:x:0:\n")
    (tmp_path / "odd.conf").write_bytes(os.fsencode("".join(line + "\n" for line in lines)))
    subprocess.run(["systemd-tmpfiles", f"--root={tmp_path}", "--create", tmp_path / "odd.conf"], check=True)
    made = sorted(os.listdir(tmp_path / "var"))
    assert made == sorted([*ODD, *(f"link {index}" for index in range(len(targets)))])
    assert {os.stat(tmp_path / "var" / name).st_mode & 0o7777 for name in ODD} == {0o750}
    assert [os.readlink(tmp_path / f"var/link {index}") for index in range(len(targets))] == targets


def test_a_copied_source_is_found_again() -> None:
    for name in [*ODD, " spaces ", "a - - - - b"]:
        assert tmpfiles.source_of(tmpfiles.copy(f"/var/{name}", f"/usr/{name}")) == f"/usr/{name}"
    assert tmpfiles.source_of(tmpfiles.link("/var/x", "y")) is None


def test_a_line_break_in_a_name_is_refused() -> None:
    with pytest.raises(CommitError, match="tmpfiles.d has no way to write a line break"):
        tmpfiles.directory("/var/new\nline", 0o755, "root", "root")
