# SPDX-License-Identifier: GPL-2.0-or-later
"""What is printed reads the same again; JSON is read as JSON; the schema accepts what the parser does."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ostree_layer import treefile
from ostree_layer.errors import TreefileError
from ostree_layer.treefile import keys, rendering, source

MANIFESTS = Path(__file__).parent / "manifests"
FILES = sorted([*MANIFESTS.rglob("*.yaml"), *MANIFESTS.rglob("*.json")])
WHOLE = ["coreos/manifest.yaml", "silverblue/silverblue.yaml", "centos/centos-atomic.json", "centos/bootc.yaml"]
SCHEMA = json.loads(rendering.schema())

# What no variable is in.
TEXT = st.text(st.characters(blacklist_categories=["Cs"])).filter(lambda text: "${" not in text)
WORDS = st.sampled_from(
    ["no", "yes", "010", "1e3", "0x1f", "1_000", "~", "<<", "=", "12:30", "a: b", "# a", "'", "\ta"]
)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
PLAIN = st.none() | st.booleans() | NUMBERS | TEXT | WORDS
ANYTHING = st.recursive(PLAIN, lambda some: st.lists(some, max_size=4) | st.dictionaries(TEXT, some, max_size=4))
PACKAGE = st.from_regex(r"[a-z0-9@:~.+-]+( (>=|<) [0-9]+)?", fullmatch=True)
LINES = st.lists(TEXT | WORDS, max_size=4)
TREEFILES = st.fixed_dictionaries(
    {},
    optional={
        "ref": TEXT | WORDS,
        "releasever": TEXT | WORDS | st.integers(0, 100),
        "variables": st.dictionaries(st.from_regex(r"[a-z]{3,5}", fullmatch=True), st.booleans() | NUMBERS | TEXT),
        "packages": st.lists(PACKAGE, unique=True, max_size=4),
        "recommends": st.booleans(),
        "postprocess": LINES,
        "remove-files": LINES,
        "remove-from-packages": st.lists(st.lists(TEXT, min_size=2, max_size=3), max_size=2),
        "metadata": st.dictionaries(TEXT, ANYTHING, max_size=4),
        "add-commit-metadata": st.dictionaries(TEXT | WORDS, ANYTHING, max_size=4),
    },
)


def again(text: str, name: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(text.encode())
        return dict(treefile.read(path, "x86_64").values)


@settings(deadline=None)
@given(TREEFILES)
def test_what_is_printed_reads_the_same(values: dict[str, Any]) -> None:
    first = again(rendering.as_json(values), "a.json")
    assert again(rendering.as_yaml(first), "a.yaml") == first
    assert again(rendering.as_json(first), "a.json") == first


@settings(deadline=None)
@given(ANYTHING)
def test_json_is_read_as_json(content: Any) -> None:
    for style in ({"indent": "\t"}, {"separators": (",", ":")}, {"ensure_ascii": False}):
        assert again(json.dumps({"metadata": {"x": content}}, **style), "a.json")["metadata"] == {"x": content}


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("basearch", ["x86_64", "s390x"])
def test_the_manifests_read_the_same_when_printed(name: str, basearch: str, tmp_path: Path) -> None:
    first = treefile.read(MANIFESTS / name, basearch)
    for suffix, write in (("yaml", rendering.as_yaml), ("json", rendering.as_json)):
        printed = tmp_path / f"printed.{suffix}"
        printed.write_text(write(first.values))
        assert treefile.read(printed, basearch).values == first.values
        jsonschema.validate(json.loads(rendering.as_json(first.values)), SCHEMA)


def test_the_manifests_have_every_key_that_has_an_effect() -> None:
    used = {key for path in FILES for key in source.load(path).plain()}
    # Nobody was seen to use these; other tests or the schema have them.
    rare = {
        "basearch",
        "container",
        "repo-metadata",
        "repositories",
        "ignore-devices",
        *(key.name for key in keys.TABLE if key.refused),
    }
    assert set(keys.BY_NAME) - {keys.LEGACY.get(key, key) for key in used} - rare == set()


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert all(rule["description"].endswith(".") for rule in SCHEMA["properties"].values())
    assert set(SCHEMA["properties"]) == set(keys.KNOWN)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_schema_accepts_the_manifests(path: Path) -> None:
    jsonschema.validate(source.load(path).plain(), SCHEMA)


@pytest.mark.parametrize(
    "content",
    [
        {"packags": []},
        {"packages": "bash"},
        {"recommends": "no"},
        {"edition": 2025},
        {"add-files": [["a"]]},
        {"conditional-include": [{"if": "a == 1"}]},
        {"conditional-include": [{"if": "a == 1", "include": {"packags": []}}]},
        {"packages-x86-64": []},
        {"ima": True},
        {"initramfs": {}},
        {"modules": {"enabel": []}},
    ],
    ids=str,
)
def test_the_schema_refuses_what_the_parser_refuses(content: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, SCHEMA)
    with pytest.raises(TreefileError):
        again(json.dumps(content), "a.yaml")
