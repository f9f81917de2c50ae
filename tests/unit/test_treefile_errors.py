# SPDX-License-Identifier: GPL-2.0-or-later
"""Treefiles that say what no treefile can: file, line and key are named, and what was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from ostree_layer import treefile
from ostree_layer.errors import TreefileError

SCHEMA = "('dnf tree schema' has all keys)"
# Text of a.yaml, or of a.json where it begins with {, and what is said of it.
WRONG_KINDS = [
    ("\npackags: [a]", "2: packags: no such key\n(did you mean packages?)"),
    ("tmp_is_dir: true", "1: tmp_is_dir: no such key\n(did you mean tmp-is-dir?)"),
    ("qqq: 1", f"1: qqq: no such key\n{SCHEMA}"),
    ("packages-x86-64: [a]", "1: packages-x86-64: no such key\n(did you mean packages-x86_64?)"),
    ("packages: bash", "1: packages: must be a list of strings, not the string 'bash'"),
    ("packages:\n- a\n- 5", "3: packages: must be a string, not the number 5"),
    ("packages:\n- a\n-", "3: packages: must be a string, not empty"),
    ("packages: [\"a 'b >= 1\"]", "1: packages: a single quote is not closed in the string \"a 'b >= 1\""),
    ("packages-x86_64: {a: 1}", "1: packages-x86_64: must be a list of strings, not a mapping"),
    ("recommends: 'no'", "1: recommends: must be true or false, not the string 'no'"),
    ("recommends: no", "1: recommends: must be true or false, not the string 'no'"),
    ("ref: [a]", "1: ref: must be a string, not a list"),
    ("ref: true", "1: ref: must be a string, not true"),
    ("releasever: 4.5", "1: releasever: must be a string or a whole number, not the number 4.5"),
    ("boot-location: both", "1: boot-location: must be one of new, modules, kernel-install, not the string 'both'"),
    ("edition: 2025", "1: edition: must be 2014 or 2024, not the number 2025"),
    ("metadata: x", "1: metadata: must be a mapping, not the string 'x'"),
    ("variables:\n  a: [1]", "2: variables.a: must be a string, a number, true or false, not a list"),
    ("modules:\n  enabel: [a]", "2: modules.enabel: no such key\n(did you mean enable?)"),
    ("modules:\n  qqq: [a]", "2: modules.qqq: no such key\n(known are: enable, install)"),
    ("modules: [a]", "1: modules: must be a mapping with enable, install, not a list"),
    ("repo-packages:\n- repo: a", "2: repo-packages: packages is missing"),
    ("add-files: [[a]]", "1: add-files: must be a list of two strings, not a list of 1"),
    ("remove-from-packages: [[a]]",
     "1: remove-from-packages: must be a list of a package and expressions, not a list of 1"),
    ("remove-from-packages: [a]",
     "1: remove-from-packages: must be a list of a package and expressions, not the string 'a'"),
    ("arch-include: {x86: a}", "1: arch-include.x86: no such key\n(did you mean x86_64?)"),
    ("include: {a: b}", "1: include: must be a string or a list of strings, not a mapping"),
    ("comment: a\ninitramfs: {}", "2: initramfs: it says what a host is, not what a tree is made of"),
    ("ima: true", "1: ima: signatures of single files are not kept"),
    ("opt-usrlocal: root", "1: opt-usrlocal: /opt and /usr/local are links into /usr, beside what the admin has there"),
    ("gpg-key: a\ngpg_key: b", "2: gpg_key: gpg-key is here already, in line 1"),
    ("ref: a\n\nref: b", "3: ref: this key is here already, in line 1"),
]  # fmt: skip
WRONG_VALUES = [
    ("packages: [a, b]\nexclude-packages: [b]", "2: exclude-packages: b: in packages, too"),
    ("check-groups: {type: file}", "1: check-groups: type file needs filename"),
    ("check-passwd: {type: data}", "1: check-passwd: type data needs entries"),
    ("check-passwd: {filename: a}", "1: check-passwd: type is missing"),
    ("check-passwd: {type: file, filename: no}", "1: check-passwd: {folder}/no: no such file"),
    ("postprocess-script: no.sh", "1: postprocess-script: {folder}/no.sh: no such file"),
    ("add-files: [[no, /usr/a]]", "1: add-files: {folder}/no: no such file"),
    ("add-files: [[a.yaml, /var/a]]", "1: add-files: /var/a is not a place for files of a tree\n"
     "(files can be added to /usr, without /usr/local, and to /etc)"),
    ("automatic-version-suffix: '--'", "1: automatic-version-suffix: must be one ASCII character, not the string '--'"),
    ("repovars: {releasever: '1'}", "1: repovars.releasever: this variable cannot be set here\n(releasever: sets it)"),
    ("variables: {basearch: a}", "1: variables.basearch: this name is taken\n(basearch: sets it)"),
    ("basearch: aarch64", "1: basearch: this is for aarch64, and the machine is x86_64"),
    ("ref: a/${releasever}", "1: ref: there is no variable 'releasever'\n(releasever: defines it)"),
    ("variables: {stream: a}\nref: a/${steam}", "2: ref: there is no variable 'steam'\n(did you mean stream?)"),
    ("metadata: {a: '${x}'}", "1: metadata.a: there is no variable 'x'\n(variables: defines it)"),
]  # fmt: skip
WRONG_CONDITIONS = [
    ("stream = 1", "'stream = 1' is not a condition\n(as in: if: stream == \"stable\"; or !=, <, <=, >, >=)"),
    ("stream == next", "'next' is neither a number nor true, false or a string in quotes"),
    ("steam == 'a'", "there is no variable 'steam'\n(did you mean stream?)"),
    ("stream > 3", 'stream is "next", a string, and cannot be compared with 3'),
    ("on == 1", "on is true, true or false, and cannot be compared with 1"),
]


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder / "a.yaml"


def refusal(path: Path) -> str:
    with pytest.raises(TreefileError) as caught:
        treefile.read(path, "x86_64")
    return caught.value.sentence()


@pytest.mark.parametrize(("text", "sentence"), [*WRONG_KINDS, *WRONG_VALUES])
def test_what_is_wrong_is_named(text: str, sentence: str, tmp_path: Path) -> None:
    path = written(tmp_path, a=text)
    assert refusal(path) == f"{path}:{sentence}".replace("{folder}", str(tmp_path))


@pytest.mark.parametrize(("condition", "sentence"), WRONG_CONDITIONS)
def test_a_wrong_condition_is_found_even_if_another_does_not_hold(
    condition: str, sentence: str, tmp_path: Path
) -> None:
    text = "variables: {stream: next, on: true}\nconditional-include:\n- include: b\n  if:\n  - on == false\n"
    path = written(tmp_path, a=f"{text}  - {condition}")
    assert refusal(path) == f"{path}:6: conditional-include: {sentence}"


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("include", "packages: [a]\ninclude: b.yaml"),
        ("include", "packages: [a]\ninclude: [b.yaml]"),
        ("arch-include", "arch-include:\n  x86_64: b.yaml"),
        ("conditional-include", "conditional-include:\n- {if: basearch == 'x86_64', include: [b.yaml]}"),
    ],
)
def test_what_includes_a_missing_file_is_named(key: str, text: str, tmp_path: Path) -> None:
    path = written(tmp_path, a=text)
    assert refusal(path) == f"{path}:2: {key}: {tmp_path}/b.yaml: no such file or directory"


def test_a_mistake_in_an_included_file_is_found_there(tmp_path: Path) -> None:
    path = written(tmp_path, a="include: b.yaml", b="# here\nref: 5")
    assert refusal(path) == f"{tmp_path}/b.yaml:2: ref: must be a string, not the number 5"


def test_loops(tmp_path: Path) -> None:
    path = written(tmp_path, a="include: b.yaml", b="packages: []\ninclude: c.yaml", c="include: ./b.yaml")
    b, c = tmp_path / "b.yaml", tmp_path / "c.yaml"
    assert refusal(path) == f"{c}:1: include: {b} includes itself: {b} -> {c} -> {b}"
    assert (
        refusal(written(tmp_path, a="include: a.yaml"))
        == f"{path}:1: include: {path} includes itself: {path} -> {path}"
    )


def test_a_file_is_included_once_by_whatever_name(tmp_path: Path) -> None:
    path = written(tmp_path, a="include:\n- b.yaml\n- c.yaml", b="packages: [b]")
    (tmp_path / "c.yaml").symlink_to("b.yaml")
    twice = f"{path}:3: include: {tmp_path}/c.yaml is included already, in {path}:2\n(a treefile is included once)"
    assert refusal(path) == twice


def test_a_chain_of_includes_ends(tmp_path: Path) -> None:
    files = {f"f{number}": f"include: f{number + 1}.yaml" for number in range(60)}
    path = written(tmp_path, a="include: f0.yaml", **files)
    assert refusal(path) == f"{tmp_path}/f49.yaml:1: include: more than 50 treefiles include one another"


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.yaml", "", ": the file is empty"),
        ("a.yaml", "# nothing\n", ": the file is empty"),
        ("a.yaml", "- a\n", ":1: a treefile is a mapping of keys, not a list"),
        ("a.yaml", "null", ":1: a treefile is a mapping of keys, not empty"),
        ("a.yaml", "ref: a\n\tb: c", ":2: this is not YAML: while scanning for the next token, "
         "found character '\\t' that cannot start any token"),
        ("a.yaml", "ref: a\n--- \nref: b", ":2: this is not YAML: expected a single document in the stream, "
         "but found another document"),
        ("a.yaml", "ref: !!python/object:os.system x", ":1: the tag tag:yaml.org,2002:python/object:os.system"
         " means nothing in a treefile"),
        ("a.yaml", "? [a]\n: b", ":1: the name of a key must be a string"),
        ("a.yaml", "ref: a\n<<: b", ":2: <<: must be a mapping or several, not the string 'b'"),
        ("a.yaml", "ref: \0", ": this is not YAML: unacceptable character #x0000: special characters are not allowed"),
        ("a.yaml", "[" * 10000, ": what is in it is nested too deeply"),
        ("a.yaml", "metadata: &a\n  b: *a", ":2: what is in it is nested more than 64 deep"),
        ("a.json", "", ":1: the file is empty"),
        ("a.json", '{"ref":\n"a",}', ":2: this is not JSON: expecting property name enclosed in double quotes"),
        ("a.json", '{"ref": "a",\n\t"ref": "b"}', ":2: ref: this key is here already, in line 1"),
        ("a.json", '{"ref": "\\ud800"}', ":1: '\\ud800' is not text"),
        ("a.json", "[" * 100000, ": what is in it is nested too deeply"),
    ],
)  # fmt: skip
def test_what_is_no_treefile(name: str, text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    assert refusal(tmp_path / name) == f"{tmp_path}/{name}{sentence}"


def test_a_few_lines_cannot_fill_the_memory(tmp_path: Path) -> None:
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"  l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 10)}]" for level in range(1, 9)]
    path = written(tmp_path, a="metadata:\n  " + "\n".join(lines))
    assert refusal(path).endswith(": the file holds more than 100000 values")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert refusal(tmp_path / "no.yaml") == f"{tmp_path}/no.yaml: no such file or directory"
    assert refusal(tmp_path) == f"{tmp_path}: is a directory"
    (tmp_path / "a.yaml").write_bytes(b"ref: \xff")
    assert refusal(tmp_path / "a.yaml") == f"{tmp_path}/a.yaml: this is not UTF-8: invalid start byte at byte 5"


def test_programs_beside_a_treefile_are_not_passed_over(tmp_path: Path) -> None:
    path = written(tmp_path, a="edition: '2024'")
    (tmp_path / "finalize.d").mkdir()
    (tmp_path / "finalize.d/README").write_text("no program")
    assert treefile.read(path, "x86_64")["edition"] == "2024"
    (tmp_path / "finalize.d/10-x").touch(mode=0o755)
    assert refusal(path) == f"{path}: programs in finalize.d are not run\n(postprocess: runs in the tree)"
