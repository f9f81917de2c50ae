# SPDX-License-Identifier: GPL-2.0-or-later
"""Results of tests, in files that other tools wrote."""

from __future__ import annotations

import dataclasses
import json
import xml.etree.ElementTree as ET
from pathlib import Path

from ostree_layer.errors import RepoError


@dataclasses.dataclass(frozen=True)
class Result:
    """A file that says that all went well; `tests` is how many of them ran, None where it does not say."""

    name: str
    content: bytes
    tests: int | None


def read(path: Path) -> Result:
    """The result in a file: JUnit XML, or a JSON object with "passed". RepoError where it is none, or says that
    something failed."""
    try:
        content = path.read_bytes()
    except OSError as e:
        raise RepoError(f"the result {path} cannot be read: {e.strerror}") from e
    is_xml = content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    return Result(path.name, content, _junit(path, content) if is_xml else _json(path, content))


def _json(path: Path, content: bytes) -> int | None:
    try:
        found = json.loads(content)
    except ValueError as e:
        raise RepoError(f"the result {path} is neither JUnit XML nor JSON: {e}") from e
    passed = found.get("passed") if isinstance(found, dict) else None
    if not isinstance(passed, bool):
        raise RepoError(f'the result {path} does not say "passed": true or false')
    if not passed:
        raise RepoError(f"the result {path} says that something failed", hint="it certifies nothing")
    tests = found.get("tests")
    return tests if isinstance(tests, int) and not isinstance(tests, bool) else None


def _junit(path: Path, content: bytes) -> int:
    try:
        root = ET.fromstring(content)
    except (ET.ParseError, ValueError) as e:
        raise RepoError(f"the result {path} is XML that cannot be read: {e}") from e
    if root.tag not in ("testsuite", "testsuites"):
        raise RepoError(f"the result {path} is no JUnit XML: it begins with {root.tag}")
    cases = list(root.iter("testcase"))
    failed = [case for case in cases if case.find("failure") is not None or case.find("error") is not None]
    counted = [suite.get(kind, "0") for suite in root.iter() for kind in ("failures", "errors")]
    if failed or any(count.strip() not in ("", "0") for count in counted):
        first = f": {failed[0].get('name', '')}" if failed else ""
        raise RepoError(f"the result {path} says that something failed{first}", hint="it certifies nothing")
    ran = [case for case in cases if case.find("skipped") is None]
    if not ran:
        raise RepoError(f"the result {path} has no test that ran", hint="it certifies nothing")
    return len(ran)
