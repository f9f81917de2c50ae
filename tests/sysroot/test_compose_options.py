# SPDX-License-Identifier: GPL-2.0-or-later
"""The options of `dnf tree compose`, and what is said and written of a tree."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from ostree_layer import repo
from ostree_layer.ostree_gi import OSTree
from tests import guard
from tests.composing import REF, Bench, Keys
from tests.sysroots import ostree
from tests.toys import APP, LIB, Toy

NEW_APP = Toy("app", "2", {"/usr/bin/app": "2\n"}, requires=("lib",))
EXTRA = Toy("extra", files={"/usr/bin/extra": ""})
KEYS: Keys = {"packages": ["app"]}


@pytest.fixture
def bench(bench: Bench) -> Bench:
    bench.offer(APP, LIB)
    return bench


def refs(bench: Bench) -> dict[str, str]:
    return repo.refs(repo.open_repo(bench.repo))


def results(bench: Bench, keys: Keys, *options: str) -> list[str]:
    """The lines of a compose that succeeds, without DNF's own."""
    done = bench.attempt(keys, "-q", "--releasever=1", *options)
    assert done.returncode == 0, done.stdout
    return [line for line in done.stdout.splitlines() if "CRITICAL" not in line and line]


def test_several_are_printed(bench: Bench) -> None:
    one, two = bench.treefile(KEYS, "one"), bench.file("two.yaml", "ref: toy/two\n")
    done = bench.run("compose", os.fspath(one), "--print", os.fspath(two))
    assert done.returncode == 0 and done.stdout.index(f"ref: {REF}") < done.stdout.index("ref: toy/two")


def test_only_looking_or_downloading_makes_nothing(bench: Bench) -> None:
    target = f"--repo={bench.folder}/none"
    path = os.fspath(bench.treefile(KEYS))
    work = f"--workdir={bench.folder}/workshop"
    shown = bench.run("compose", path, target, work, "--dry-run", "-q")
    assert shown.returncode == 0 and "Install  3 Packages" in shown.stdout and "lib" in shown.stdout
    loaded = bench.run("compose", path, target, work, "--download-only")
    assert loaded.returncode == 0 and "DNF will only download packages" in loaded.stdout
    assert "Running transaction" not in loaded.stdout and not (bench.folder / "none").exists()
    assert bench.attempt(KEYS, "--dry-run").returncode == 0 and refs(bench) == {}


def test_what_is_said(bench: Bench) -> None:
    keys = {**KEYS, "automatic-version-prefix": "1"}
    first = bench.attempt(keys)
    assert first.stdout.count("Added toys repo") == 1 and first.stdout.count(f"Composing {REF}.\n") == 1
    assert "done\n" not in first.stdout, "no progress where nobody watches"
    bench.offer(NEW_APP, EXTRA)
    lines = results(bench, {**keys, "packages": ["app", "extra"]})
    made = f"{REF}: commit {refs(bench)[REF][:12]} (1.1), 4 packages."
    assert lines == ["Since the commit before:", "  Upgraded    app 1-1 -> 2-1", "  Added       extra-1-1.noarch", made]
    changes = [("app.noarch", "1-1", "2-1"), ("extra.noarch", "", "1-1")]
    assert bench.metadata()["ostree-layer.package-diff"].unpack() == changes
    same = f"{REF}: nothing changed since {refs(bench)[REF][:12]} (1.1)."
    assert results(bench, {**keys, "packages": ["app", "extra"]}) == [same]
    more = {**keys, "packages": ["app", "extra"], "postprocess": ["true"]}
    assert results(bench, more)[0] == "Its packages are those of the commit before."


def test_a_family(bench: Bench) -> None:
    paths = [os.fspath(bench.treefile({"ref": "toy/0", "packages": []}, "tree-0"))]
    for number, package in enumerate(("app", "lib", "extra"), 1):
        keys = {"include": Path(paths[-1]).name, "ref": f"toy/{number}", "packages": [package]}
        paths.append(os.fspath(bench.file(f"tree-{number}.json", json.dumps(keys))))
    bench.offer(EXTRA)
    lock = bench.folder / "lock"
    argv = [f"--repo={bench.repo}", f"--workdir={bench.folder}/workshop"]
    done = bench.run("compose", *argv, *reversed(paths))
    assert done.returncode == 0, done.stdout
    composed = [line for line in done.stdout.splitlines() if line.startswith("Composing ")]
    assert composed == [f"Composing toy/{number}." for number in range(4)]
    said = [line.partition(":")[0] for line in done.stdout.splitlines() if ": commit " in line]
    assert said == ["toy/3", "toy/2", "toy/1", "toy/0"]
    again = bench.run("compose", *argv, *paths, "-q", "--unchanged-exit-77")
    assert again.returncode == 77 and again.stdout.count("nothing changed since") == 4
    bench.run("compose", *argv, paths[3], f"--write-lockfile-to={lock}")
    assert sorted(json.loads(lock.read_text())["packages"]) == ["app", "extra", "lib", "toy-base"]


def test_where_nothing_has_changed(bench: Bench) -> None:
    touched, options = bench.folder / "touched", ("--unchanged-exit-77",)
    touch = f"--touch-if-changed={touched}"
    assert bench.attempt(KEYS, *options, touch).returncode == 0 and touched.exists()
    touched.unlink()
    first = refs(bench)
    assert bench.attempt(KEYS, *options, touch).returncode == 77
    assert bench.attempt(KEYS, touch).returncode == 0 and refs(bench) == first and not touched.exists()
    content = bench.content()
    assert bench.attempt(KEYS, *options, "--always").returncode == 0
    assert refs(bench) != first and bench.content() == content


def test_what_counts_as_a_change(bench: Bench) -> None:
    script, added = bench.file("script", "echo 1 > /usr/share/one"), bench.file("added", "1")
    base = bench.file("base.yaml", "documentation: true\n")
    keys = {**KEYS, "include": "base.yaml", "postprocess-script": "script", "add-files": [["added", "/usr/added"]]}
    known = {bench.compose(keys)}
    for change in (
        lambda: script.write_text("echo 2 > /usr/share/one"),
        lambda: added.write_text("2"),
        lambda: added.chmod(0o755),
        lambda: base.write_text("documentation: true\nadd-commit-metadata: {a: b}\n"),
    ):
        change()
        checksum = bench.compose(keys)
        assert checksum not in known
        known.add(checksum)
    elsewhere = bench.folder / "elsewhere"
    shutil.copytree(bench.trees, elsewhere)
    assert bench.attempt(elsewhere / "tree.json", "--unchanged-exit-77").returncode == 77


def test_branch_and_parent(bench: Bench) -> None:
    versions = {**KEYS, "automatic-version-prefix": "7"}
    first = bench.compose(versions)
    second = bench.compose(versions, "--always")
    assert parent(bench, second) == first and repo.version(bench.commit(second)) == "7.1"
    bench.attempt(versions, "--branch=toy/other", f"--parent={first}", "--always")
    other = refs(bench)["toy/other"]
    assert parent(bench, other) == first and refs(bench)[REF] == second
    assert repo.version(bench.commit("toy/other")) == "7.1"
    assert parent(bench, bench.compose(versions, "--always", "--no-parent")) is None


def parent(bench: Bench, rev: str) -> str | None:
    found = OSTree.commit_get_parent(bench.commit(rev))
    return None if found is None else str(found)


def test_what_is_written_of_a_commit(bench: Bench) -> None:
    first = bench.compose(KEYS)
    named, described = bench.folder / "id", bench.folder / "compose.json"
    more = {"packages": ["app"], "automatic-version-prefix": "3"}
    done = bench.attempt(more, f"--write-commitid-to={named}", f"--write-composejson-to={described}")
    assert done.returncode == 0, done.stdout
    made = named.read_text().strip()
    assert refs(bench) == {REF: first} and made != first
    ostree("fsck", f"--repo={bench.repo}", "--quiet")
    told = json.loads(described.read_text())
    assert told["ostree-commit"] == made and told["ref"] == REF and told["ostree-version"] == "3"
    assert told["ostree-parent-commit"] == first and told["pkgdiff"] == []
    assert told["ostree-content-checksum"] == bench.content(made) and len(told["rpm-ostree-inputhash"]) == 64
    said = bench.refusal(KEYS, "--write-commitid-to=/none/id")
    assert said.endswith("Error: --write-commitid-to: /none is no directory\n")


def test_metadata_is_added(bench: Bench) -> None:
    file = bench.file("more.json", '{"number": 7, "list": ["a", true], "text": "from the file"}')
    bench.compose(KEYS, f"--add-metadata-from-json={file}", "--add-metadata=text=from=here", "--add-metadata=version=9")
    values = {name: value.unpack() for name, value in bench.metadata().items()}
    assert values["number"] == 7 and values["list"] == ["a", True] and values["text"] == "from=here"
    assert values["version"] == "9"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1]", "{file} has no mapping of metadata\n"),
        ("{", "{file} is not JSON: "),
        ('{"a": null}', "the metadata a has a value that a commit cannot hold: None\n"),
    ],
)
def test_what_is_no_metadata(bench: Bench, text: str, said: str) -> None:
    file = bench.file("more.json", text)
    assert f"Error: {said.format(file=file)}" in bench.refusal(KEYS, f"--add-metadata-from-json={file}")
    file.unlink()
    said = f"Error: {file} cannot be read: No such file or directory\n"
    assert said in bench.refusal(KEYS, f"--add-metadata-from-json={file}")
    assert "Error: metadata is added as KEY=VALUE, not as a\n" in bench.refusal(KEYS, "--add-metadata=a")


SET = {"SOURCE_DATE_EPOCH": "1600000000"}


def test_the_time_of_a_commit(bench: Bench) -> None:
    bench.compose(KEYS, extra=SET)
    assert repo.timestamp(bench.commit()) == 1600000000
    first = bench.compose(KEYS, "--always", "--no-parent", extra=SET)
    assert bench.compose(KEYS, "--always", "--no-parent", extra=SET) == first
    assert "which is not a number of seconds since 1970" in bench.attempt(KEYS, extra={"SOURCE_DATE_EPOCH": "x"}).stdout


def test_whoever_composes_wherever_makes_the_same(bench: Bench) -> None:
    scripts = "%pre\nadd-user web '' / /bin/sh\n%post\nmkdir /var/lib/user/by-script; umask > /etc/umask\n"
    bench.offer(Toy("user", files={"/var/lib/user/": ""}, scripts=scripts))
    script = "umask > /usr/umask; mkdir /usr/made; echo $LC_ALL $TZ > /usr/made/file"
    bench.compose({"packages": ["app", "user"], "postprocess": [script]})
    content = bench.content()
    places = [f"--repo={bench.folder}/a/repo", f"--workdir={bench.folder}/b"]
    argv = ["tree", "compose", f"{bench.trees}/tree.json", *places]
    shell = ["unshare", "--uts", "sh", "-c", 'hostname elsewhere; umask 077; sleep 1.1; exec "$@"', "sh"]
    (bench.folder / "locale").mkdir()
    shutil.copytree("/usr/lib/locale/C.utf8", bench.folder / "locale/de_DE.utf8")
    odd = {"LOCPATH": f"{bench.folder}/locale", "LC_ALL": "de_DE.UTF-8", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7"}
    done = guard.run(bench.folder, [*shell, *guard.dnf_argv(bench.folder, bench.rpms, *argv)], odd)
    assert done.returncode == 0, done.stdout
    other = repo.open_repo(bench.folder / "a/repo")
    one, two = (ostree("ls", f"--repo={store}", "-RCX", REF) for store in (bench.repo, bench.folder / "a/repo"))
    assert one == two
    assert repo.content_of(repo.load_commit(other, repo.refs(other)[REF])) == content
