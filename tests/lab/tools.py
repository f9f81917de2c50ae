# SPDX-License-Identifier: GPL-2.0-or-later
"""The package debian-tools: what Debian's maintainer scripts call, of dpkg itself or as small as a lab needs it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.lab.convert import TEMPLATES, Content, build, rpm_evr
from tests.lab.debian import Deb
from tests.lab.scripts import TOOLS

SOURCE = Path(__file__).parent / "debian-tools"
# What these do is done by nobody here: nothing runs, dpkg keeps no books, and RPM has triggers of its own.
IDLE = (
    "deb-systemd-invoke dpkg-maintscript-helper dpkg-trigger pam-auth-update py3clean py3compile start-stop-daemon ucfr"
    " update-inetd"
).split()
# Programs of dpkg that work alone.
REAL = {"./usr/bin/dpkg": f"{TOOLS}/dpkg", "./usr/bin/update-alternatives": "/usr/bin/update-alternatives"}
# adduser is Debian's own program, too; its script makes its configuration, where an empty one means the defaults.
REQUIRES = ("adduser", "libmd0", "passwd", "perl-base", "systemd", "sed", "mawk")
DIRECTORIES = (
    TOOLS,
    "/usr/share/debian-tools",
    TEMPLATES,
    "/usr/share/debconf",
    "/etc/alternatives",
    "/var/lib/dpkg",
    "/var/lib/dpkg/alternatives",
)


def make(dpkg: Deb, source: Path, folder: Path, repo: Path) -> None:
    """Write the RPM into repo; source is the .deb of dpkg, folder is for temporary files."""
    work = folder / "debian-tools"
    work.mkdir()
    content = Content(work / "root")
    for path in DIRECTORIES:
        content.directory(path)
    for tool in sorted(SOURCE.iterdir()):
        content.file(f"{TOOLS}/{tool.name}", tool.read_bytes(), 0o755)
    for name in IDLE:
        content.link(f"{TOOLS}/{name}", "nothing")
    content.link("/usr/share/debconf/confmodule", os.path.relpath(f"{TOOLS}/confmodule", "/usr/share/debconf"))
    for path, data in _read(source).items():
        content.file(path, data, 0o755)
    _epoch, version, _release = rpm_evr(dpkg.version)
    head = ["Name: debian-tools", f"Version: {version}", "Release: 1", "Summary: what maintainer scripts call"]
    head += ["License: GPL", *(f"Requires: {name}" for name in REQUIRES)]
    build(work, repo, head, content)
    shutil.rmtree(work)


def _read(source: Path) -> dict[str, bytes]:
    from debian import debfile  # noqa: PLC0415 - Debian has it, and other machines that import this module have not

    with debfile.DebFile(os.fspath(source)) as package:
        return {path: package.data.get_content(name) for name, path in REAL.items()}
