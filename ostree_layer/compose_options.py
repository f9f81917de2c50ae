# SPDX-License-Identifier: GPL-2.0-or-later
"""The options of `dnf tree compose`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ostree_layer.errors import ComposeError

WORKDIR = "/var/cache/ostree-layer"
# Files, of which the first three are for one commit, and so are the other options.
WRITTEN = ("write_lockfile_to", "write_commitid_to", "write_composejson_to", "touch_if_changed")
SINGLE = ("branch", "parent", *WRITTEN[:3])


def set_argparser(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("treefiles", metavar="TREEFILE", nargs="+", help="a treefile, in YAML or JSON, or a kickstart")
    add("--print", action="store_true", help="only print the treefile merged with its includes")
    add("--json", action="store_true", help="with --print, print JSON, not YAML")
    add("--dry-run", action="store_true", help="only show the packages")
    add("--download-only", action="store_true", help="only download the packages")
    add("--workdir", default=WORKDIR, metavar="DIR", help=f"where trees are made ({WORKDIR})")
    add("--branch", default="", metavar="REF", help="the ref of the commit, in the place of the treefile's")
    add("--parent", default="", metavar="REV", help="the parent of the commit, in the place of the ref's")
    add("--no-parent", action="store_true", help="a commit without a parent")
    add("--always", action="store_true", help="a new commit, though nothing has changed")
    add("--unchanged-exit-77", action="store_true", help="exit with status 77 if nothing has changed")
    add("--touch-if-changed", metavar="FILE", help="touch FILE if there is a new commit")
    add("--lockfile", action="append", default=[], metavar="FILE", help="take packages in the versions of FILE")
    add("--lockfile-strict", action="store_true", help="take no packages but those of the lockfiles")
    add("--write-lockfile-to", metavar="FILE", help="write the versions of the packages")
    add("--add-metadata", action="append", default=[], metavar="KEY=VALUE", help="a string in the commit's metadata")
    add("--add-metadata-from-json", action="append", default=[], metavar="FILE", help="a mapping of metadata")
    add("--write-commitid-to", metavar="FILE", help="write the commit's checksum, and do not move the ref")
    add("--write-composejson-to", metavar="FILE", help="write what there is to say of the commit")


def require_sense(opts: argparse.Namespace) -> None:
    """ComposeError where options do not fit together."""
    given = [f"--{name.replace('_', '-')}" for name in SINGLE if getattr(opts, name)]
    if len(opts.treefiles) > 1 and given:
        raise ComposeError(f"{', '.join(given)} is for one treefile, not for several")
    for name in WRITTEN:
        folder = Path(getattr(opts, name) or ".").parent
        if not folder.is_dir():
            raise ComposeError(f"--{name.replace('_', '-')}: {folder} is no directory")
    if opts.lockfile_strict and not opts.lockfile:
        raise ComposeError("--lockfile-strict needs a --lockfile")


def metadata(opts: argparse.Namespace) -> dict[str, Any]:
    """What the user adds to the metadata of commits: mappings in JSON files, then KEY=VALUE, each a string."""
    found: dict[str, Any] = {}
    for path in map(Path, opts.add_metadata_from_json):
        try:
            values = json.loads(path.read_text())
        except OSError as e:
            raise ComposeError(f"{path} cannot be read: {e.strerror}") from e
        except ValueError as e:
            raise ComposeError(f"{path} is not JSON: {e}") from e
        if not isinstance(values, dict):
            raise ComposeError(f"{path} has no mapping of metadata")
        found.update(values)
    for pair in opts.add_metadata:
        key, equals, value = pair.partition("=")
        if not key or not equals:
            raise ComposeError(f"metadata is added as KEY=VALUE, not as {pair}")
        found[key] = value
    return found
