# SPDX-License-Identifier: GPL-2.0-or-later
"""Which paths may have another label after a change of the policy's files."""

from __future__ import annotations

from pathlib import Path

import pytest

from ostree_layer import contexts

FILES = "default/contexts/files"
BASE = {
    "config": "SELINUX=enforcing\nSELINUXTYPE=default\n",
    f"{FILES}/file_contexts": "/.*\tu:r:default_t\n/usr/.*\tu:r:usr_t\n/usr/bin(/.*)?\tu:r:bin_t\n",
    f"{FILES}/file_contexts.bin": "compiled",
    f"{FILES}/file_contexts.homedirs": "/home/.*\tu:r:home_t\n",
    f"{FILES}/file_contexts.subs_dist": "# aliases\n/bin /usr/bin\n/sbin /usr/bin\n",
    f"{FILES}/media": "cdrom u:r:cd_t\n",
}
PATHS = ("/", "/usr", "/usr/bin", "/usr/bin/x", "/usr/share/x", "/home/x", "/bin/x", "/sbin", "/bins")
ALL = set(PATHS)
OF_BIN = {"/usr/bin", "/usr/bin/x", "/bin/x", "/sbin"}


def rules(text: str) -> dict[str, str]:
    return {f"{FILES}/file_contexts": text}


def more(line: str) -> dict[str, str]:
    return rules(f"{BASE[f'{FILES}/file_contexts']}{line}\n")


def fill(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def concerned(old: Path, new: Path) -> set[str]:
    change = contexts.find_change(old, new)
    return {path for path in PATHS if change is not None and change.concerns(path.encode())}


@pytest.mark.parametrize(
    "changed, expected",
    [
        ({}, set()),
        ({f"{FILES}/file_contexts.bin": "compiled anew", f"{FILES}/media": ""}, set()),
        (more("# a remark\n"), set()),
        (more("/usr/share/.* -- u:r:share_t"), {"/usr/share/x"}),
        (more("/usr/bin -d u:r:special_t"), {"/usr/bin", "/sbin"}),
        (
            rules(BASE[f"{FILES}/file_contexts"].replace("bin_t", "exec_t")),
            OF_BIN,
        ),
        (rules("/.*\tu:r:default_t\n/usr/.*\tu:r:usr_t\n"), OF_BIN),
        ({f"{FILES}/file_contexts.homedirs": ""}, {"/home/x"}),
        ({f"{FILES}/file_contexts.local": "/usr/share/x u:r:x_t\n"}, {"/usr/share/x"}),
        (rules("".join(reversed(BASE[f"{FILES}/file_contexts"].splitlines(keepends=True)))), ALL),
        (more("/usr/share/[[:digit:]] u:r:x_t"), ALL),
        (more("/usr/share/( u:r:x_t"), ALL),
        ({f"{FILES}/file_contexts.subs_dist": "/bin /usr/bin\n"}, ALL),
        ({"config": "SELINUX=enforcing\nSELINUXTYPE=other\n"}, ALL),
    ],
)
def test_what_a_change_concerns(tmp_path: Path, changed: dict[str, str], expected: set[str]) -> None:
    old, new = fill(tmp_path / "old", BASE), fill(tmp_path / "new", {**BASE, **changed})
    assert concerned(old, new) == expected
    assert bool(concerned(new, old)) == bool(expected)


def test_a_first_policy_and_its_end_concern_all(tmp_path: Path) -> None:
    none, some = tmp_path / "none", fill(tmp_path / "some", BASE)
    assert concerned(none, none) == set()
    assert concerned(none, some) == concerned(some, none) == ALL


def test_a_policy_that_is_compiled_only(tmp_path: Path) -> None:
    files = {name: text for name, text in BASE.items() if name != f"{FILES}/file_contexts"}
    old = fill(tmp_path / "old", files)
    new = fill(tmp_path / "new", {**files, f"{FILES}/file_contexts.bin": "other"})
    assert concerned(old, new) == ALL
