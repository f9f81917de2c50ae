# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian maintainer scripts as RPM scriptlets."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

TOOLS = "/usr/libexec/debian-tools"
NAMES = ("preinst", "config", "postinst", "prerm", "postrm")
# A unit that systemctl does not like is not worth a failed transaction; no distribution's macros think so either.
QUIETLY = ">/dev/null 2>&1 || :"
FIELD = re.compile(r"(Template|Default|Choices): ")


class Scriptlet(NamedTuple):
    """The scripts that an RPM scriptlet runs, and for what actions; `others` is $1 where another version stays."""

    scripts: tuple[str, ...]
    others: int
    alone: str
    beside: str


SCRIPTLETS = {
    "pre": Scriptlet(("preinst",), 1, "install", "'upgrade {0} {0}'"),
    "post": Scriptlet(("config", "postinst"), 1, "configure", "'configure {0}'"),
    "preun": Scriptlet(("prerm",), 0, "remove", "'upgrade {0}'"),
    # RPM takes a package's configuration with it, as Debian's purge does.
    "postun": Scriptlet(("postrm",), 0, "remove purge", "'upgrade {0}'"),
}


def read(deb: Path) -> dict[str, str]:
    """The maintainer scripts of a .deb by name; and `templates`, debconf's questions, without the words for people."""
    from debian import debfile  # noqa: PLC0415 - Debian has it, and other machines that import this module have not

    with debfile.DebFile(os.fspath(deb)) as package:
        control = package.control
        names = [name for name in (*NAMES, "templates") if control.has_file(name)]
        found = {name: control.get_content(name).decode(errors="replace") for name in names}
    if "templates" in found:
        lines = found["templates"].splitlines(keepends=True)
        found["templates"] = "".join(line for line in lines if FIELD.match(line))
    return found


def render(name: str, version: str, scripts: Mapping[str, str], units: Sequence[str]) -> str:
    """The scriptlets of a package, as spec text.

    Without scripts, `units` are enabled as the tree's presets say, which is what Debian's scripts do by themselves.
    """
    sections = {kind: _calls(name, version, scripts, scriptlet) for kind, scriptlet in SCRIPTLETS.items()}
    if units and not scripts:
        sections["post"] += f"systemctl --no-reload preset {' '.join(units)} {QUIETLY}\n"
    if units:
        sections["preun"] += f'[ "$installed" -gt 0 ] || systemctl --no-reload disable {" ".join(units)} {QUIETLY}\n'
    return "".join(f"%{kind}\nset -e\ninstalled=$1\n{text}" for kind, text in sections.items() if text)


def _calls(name: str, version: str, scripts: Mapping[str, str], scriptlet: Scriptlet) -> str:
    present = [script for script in scriptlet.scripts if script in scripts]
    if scriptlet.scripts[-1] not in present:
        return ""
    beside = scriptlet.beside.format(version)
    actions = f'if [ "$installed" -gt {scriptlet.others} ]; then set -- {beside}; else set -- {scriptlet.alone}; fi\n'
    return actions + "".join(_call(name, script, scripts[script]) for script in present)


def _call(name: str, script: str, text: str) -> str:
    end = f"END OF {script}"
    # rpm expands macros in scriptlets.
    quoted = text.replace("%", "%%").rstrip("\n")
    return f"{TOOLS}/maintscript {name} {script} \"$@\" <<'{end}'\n{quoted}\n{end}\n"
