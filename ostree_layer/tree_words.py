# SPDX-License-Identifier: GPL-2.0-or-later
"""What `dnf tree list`, `show`, `log`, `diff` and `verify` say: to people line by line, and to programs as JSON."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Iterator
from typing import Any

from ostree_layer import diff
from ostree_layer.fields import field, listed, moment, printable
from ostree_layer.model import Advisory
from ostree_layer.rpm_model import Change
from ostree_layer.tree_model import (
    Certification,
    Comparison,
    Details,
    FileChange,
    Finding,
    Signature,
    Step,
    Tree,
    Verification,
)

VERSION = 1
HEADINGS = ("REF", "VERSION", "DATE", "SIZE", "PACKAGES", "COMMIT")
LETTERS = {"added": "A", "removed": "D", "changed": "M"}


def document(name: str, value: Any) -> dict[str, Any]:
    """What --json writes: `version` is raised when what is there changes its meaning, not when something is added."""
    return {"version": VERSION, name: value}


def trees(found: Iterable[Tree]) -> Iterator[str]:
    """The table of `dnf tree list`."""
    rows = [HEADINGS, *map(_row, found)]
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths)).rstrip()


def _row(tree: Tree) -> tuple[str, ...]:
    count = "-" if tree.packages is None else str(len(tree.packages))
    return tree.ref, tree.version or "-", moment(tree.timestamp), _size(tree.size) or "-", count, tree.checksum[:12]


def _size(size: int | None) -> str:
    return "" if size is None else f"{size / 1e6:.1f} MB"


def tree_as_json(tree: Tree) -> dict[str, Any]:
    packages = None if tree.packages is None else [package.nevra for package in tree.packages]
    return {**dataclasses.asdict(tree), "packages": packages}


def details(found: Details, *, with_packages: bool) -> Iterator[str]:
    """The lines of `dnf tree show`."""
    for name, value in _fields(found):
        if value:
            yield field(name, value)
    yield from listed("Signatures", map(signature, found.signatures))
    yield from certifications(found.certifications)
    yield from listed("Metadata", (f"{key}: {text}" for key, text in found.others.items()))
    if with_packages:
        yield from listed("Packages", (package.nevra for package in found.tree.packages or ()))


def _fields(found: Details) -> Iterator[tuple[str, str]]:
    tree, local = found.tree, found.local
    yield "Ref", tree.ref
    yield "Commit", tree.checksum
    yield "Content", found.content_checksum
    yield "Parent", found.parent
    yield "Version", tree.version
    yield "Date", moment(tree.timestamp)
    yield "Subject", "" if local else found.subject
    yield "Size", _size(tree.size)
    yield "Package count", "not known" if tree.packages is None else str(len(tree.packages))
    yield "Partial", "only the metadata of this commit, or a part of its content, is here" if tree.is_partial else ""
    if local is not None:
        yield "Base", local.base
        yield "Base ref", local.base_refspec
        yield "Made from", local.previous
        yield "Made by", local.transaction.command
        for field in dataclasses.fields(local.requests):
            yield f"Requested {field.name}", " ".join(getattr(local.requests, field.name))


def signature(found: Signature) -> str:
    """One line for a signature."""
    words = " ".join(filter(None, [found.kind, found.key, found.user]))
    return f"{words}: {found.verdict}" + (f", {found.reason}" if found.reason else "")


def certifications(found: Iterable[Certification]) -> Iterator[str]:
    """The lines of good records, and then those of others, each with the reason."""
    records = list(found)
    yield from listed("Certified", (_certification(record) for record in records if record.is_good))
    yield from listed(
        "Not certified", (f"{_certification(record)}: {record.reason}" for record in records if not record.is_good)
    )


def _certification(record: Certification) -> str:
    key = record.signature
    user = f"{key.user} ({key.key[-16:]})" if key.user else f"key {key.key[-16:] or '(none)'}"
    tests = f" ({record.tests} tests)" if record.tests is not None else ""
    return printable(f"{record.time} by {user}: {record.file}{tests}")


def details_as_json(found: Details) -> dict[str, Any]:
    return {**dataclasses.asdict(found), "tree": tree_as_json(found.tree)}


def step(one: Step) -> Iterator[str]:
    """The lines of one commit in `dnf tree log`."""
    version = f"{one.version}, " if one.version else ""
    yield f"{one.checksum} ({version}{moment(one.timestamp)})"
    if one.command:
        yield f"  Made by     {one.command}"
    if one.changes is not None:
        yield from (f"  {line}" for line in diff.render(one.changes))
    elif one.before and not one.missing:
        yield "  What changed is not known: the packages of one of the two commits are not here."
    if one.missing:
        rest = "the log goes on with its base." if one.before else "the log ends here."
        yield f"  The commit before it, {one.missing}, is not in this repository: {rest}"


def step_as_json(one: Step) -> dict[str, Any]:
    changes = None if one.changes is None else diff.as_json(one.changes)
    return {**dataclasses.asdict(one), "changes": changes}


def comparison(found: Comparison) -> Iterator[str]:
    """The lines of `dnf tree diff`."""
    yield from diff.render(found.packages) if found.packages else ["The packages are the same."]
    yield from _section("Advisories:", map(_advisory, found.advisories))
    if found.files is not None:
        yield from _section("Files:", map(file_change, found.files)) if found.files else ["The files are the same."]
    for package, changes in found.changelogs or ():
        yield from _section(f"Changes in {package.nevra}:", (line for change in changes for line in _change(change)))


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    for index, line in enumerate(lines):
        if not index:
            yield from ("", title)
        yield f"  {line}"


def _advisory(advisory: Advisory) -> str:
    severity = f", {advisory.severity}" if advisory.severity != "none" else ""
    names = ", ".join(name for name, _address in advisory.references)
    return f"{advisory.name} ({advisory.kind}{severity})" + (f": {names}" if names else "")


def file_change(change: FileChange) -> str:
    """One line, with the letter that `ostree diff` has for it."""
    return f"{LETTERS[change.kind]} {printable(change.path)}" + (f" ({', '.join(change.what)})" if change.what else "")


def _change(change: Change) -> Iterator[str]:
    day = datetime.datetime.fromtimestamp(change.timestamp, datetime.timezone.utc)
    yield f"{day:%Y-%m-%d} {change.author}"
    yield from (f"  {line}" for line in change.text.splitlines())


def comparison_as_json(found: Comparison) -> dict[str, Any]:
    logs = None
    if found.changelogs is not None:
        changes = [(package.nevra, list(map(dataclasses.asdict, entries))) for package, entries in found.changelogs]
        logs = [{"package": nevra, "changes": entries} for nevra, entries in changes]
    return {**dataclasses.asdict(found), "packages": diff.as_json(found.packages), "changelogs": logs}


def verification(found: Verification) -> Iterator[str]:
    """The lines of `dnf tree verify`."""
    yield field("Commit", found.checksum)
    yield from listed("Objects", [f"{found.objects} read, {len(found.damaged) or 'none'} damaged", *found.damaged])
    yield from _signatures(found)
    yield from _packages(found)


def _signatures(found: Verification) -> Iterator[str]:
    lines = list(map(signature, found.signed.signatures))
    lines += [f"not signed by {key}" for key in found.signed.absent]
    yield from listed("Signatures", lines or ["none"])
    yield from certifications(found.signed.certifications)


def _packages(found: Verification) -> Iterator[str]:
    check = found.packages
    if check is None:
        reason = "not compared: objects are damaged" if found.damaged else "not compared: there is no rpm database"
        yield field("Packages", reason)
        return
    errors, notes = (list(group) for group in (check.errors, check.notes))
    rest = f"; {check.elsewhere} belong outside the commit" if check.elsewhere else ""
    summary = f"{check.compared} files compared, {len(errors) or 'none'} not as packaged{rest}"
    yield from listed("Packages", [summary, *map(_finding, errors)])
    yield from listed("Allowed changes", map(_finding, notes))


def _finding(finding: Finding) -> str:
    return f"{finding.package} {printable(finding.path)}: {', '.join(finding.what)}"


def verification_as_json(found: Verification) -> dict[str, Any]:
    return {**dataclasses.asdict(found), "good": found.is_good}
