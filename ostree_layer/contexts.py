# SPDX-License-Identifier: GPL-2.0-or-later
"""The file contexts of SELinux policies, as text: of which paths a change of them can change the label.

To ask a policy for a label takes up to half a millisecond, which for each path of a tree is a long time; to find out
that a path is not concerned takes a hundredth of it.
"""

from __future__ import annotations

import collections
import fnmatch
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

# A line is a regular expression of paths, perhaps a kind of file, and a label; of the lines that match the last counts.
RULES = tuple(f"*/contexts/files/file_contexts{suffix}" for suffix in ("", ".homedirs", ".local"))
# A line is an alias of a directory, and the directory.
ALIASES = "*/contexts/files/file_contexts.subs*"


class Change:
    """A change of the regular expressions `rules`; None where it is more than that, and may concern each path."""

    def __init__(self, rules: set[bytes] | None, aliases: Sequence[tuple[bytes, bytes]] = ()) -> None:
        self._pattern = _compile(rules) if rules is not None else None
        self._aliases = aliases

    def concerns(self, path: bytes) -> bool:
        """Whether path may have another label since the change."""
        if self._pattern is None:
            return True
        names = {path}
        for alias, directory in self._aliases:
            names |= {directory + name[len(alias) :] for name in names if (name + b"/").startswith(alias + b"/")}
        return any(self._pattern.fullmatch(name) for name in names)


def find_change(old: Path, new: Path) -> Change | None:
    """What differs between two folders of the kind of /etc/selinux; None where no label can be another."""
    was, now = _read(old), _read(new)
    if was == now:
        return None
    if any(was.get(name) != now.get(name) for name in {**was, **now} if not _has_rules(name)):
        return Change(None)
    before, after = _rules(was), _rules(now)
    common = collections.Counter(before) & collections.Counter(after)
    if [rule for rule in before if rule in common] != [rule for rule in after if rule in common]:
        return Change(None)
    changed = (collections.Counter(before) - common) + (collections.Counter(after) - common)
    return Change({rule.split()[0] for rule in changed}, list(_aliases(now)))


def _read(folder: Path) -> dict[str, bytes]:
    """All that labels depend on; of what is there as text and compiled, the text."""
    paths = [folder / "config", *folder.glob("*/contexts/files/file_contexts*")]
    files = {str(path.relative_to(folder)): path for path in paths if path.is_file()}
    texts = [name for name in files if not (name.endswith(".bin") and name[: -len(".bin")] in files)]
    return {name: files[name].read_bytes() for name in texts}


def _has_rules(name: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in RULES)


def _rules(files: Mapping[str, bytes]) -> list[bytes]:
    return [line for name in sorted(files) if _has_rules(name) for line in _lines(files[name])]


def _aliases(files: Mapping[str, bytes]) -> Iterator[tuple[bytes, bytes]]:
    for name in sorted(files):
        if fnmatch.fnmatchcase(name, ALIASES):
            yield from ((words[0], words[1]) for words in map(bytes.split, _lines(files[name])) if len(words) > 1)


def _lines(content: bytes) -> Iterator[bytes]:
    return (line.strip() for line in content.splitlines() if line.strip() and not line.strip().startswith(b"#"))


def _compile(rules: set[bytes]) -> re.Pattern[bytes] | None:
    """One pattern for all rules; None where one of them means something else to Python than to SELinux."""
    if any(b"[:" in rule or b"(?" in rule for rule in rules):
        return None
    try:
        return re.compile(b"|".join(b"(?:" + rule + b")" for rule in sorted(rules)), re.DOTALL)
    except re.error:
        return None
