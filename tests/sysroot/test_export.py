# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf tree export`: what is composed from an export is the same tree."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from tests import toys
from tests.composing import REF, Bench, server
from tests.sysroots import Host, ostree
from tests.toys import APP, LIB, Toy


def export(bench: Bench, *arguments: str) -> Path:
    folder = bench.folder / "export"
    done = bench.run("export", *arguments, f"--repo={bench.repo}", f"--output-dir={folder}")
    assert done.returncode == 0, done.stdout
    return folder


def compose_again(bench: Bench, exported: Path) -> str:
    """Compose an export in another place, and return the checksum of what is in the tree."""
    options = [f"--lockfile={exported}/lockfile.json", "--lockfile-strict"]
    other = Bench(bench.folder / "again", rpms=bench.rpms)
    other.compose(exported / "tree.yaml", *options)
    return other.content()


LOCAL = "ostree-layer/local/toy"


@pytest.fixture
def rich(bench: Bench) -> dict[str, object]:
    """The keys of a tree with all that is hard to make again."""
    bench.offer(APP, LIB, server("mail"), server("abc"), Toy("lib", "0.5"))
    (bench.trees / "more").mkdir()
    bench.file("note", "one\n")
    bench.file("more/note", "two\n", is_program=True)
    bench.file("last.sh", "#!/bin/sh\necho last >> /usr/share/notes\n")
    return {
        "packages": ["app", "'lib >= 0.7'", "mail"],
        "postprocess": ["echo 'first: \"é\"' > /usr/share/notes", "exit 0\n"],
        "postprocess-script": "last.sh",
        "add-files": [["note", "/etc/note"], ["more/note", "/usr/bin/note"]],
        "automatic-version-prefix": "7",
        "mutate-os-release": "1",
    }


def test_an_exported_tree_is_composed_again(bench: Bench, rich: dict[str, object]) -> None:
    bench.compose(rich)
    bench.compose({**rich, "packages": ["app", "lib", "mail", "abc"]})
    assert bench.metadata()["version"].unpack() == "7.1"
    folder = export(bench, REF)
    assert sorted(os.listdir(folder / "files")) == ["2-note", "last.sh", "note"]
    bench.offer(Toy("lib", "2"), Toy("app", "3", requires=("lib",)))
    assert compose_again(bench, folder) == bench.content()


def test_passwords_of_repositories_are_not_in_a_commit(bench: Bench) -> None:
    away = {"baseurl": "https://me:hidden@example.com/", "enabled": False}
    repositories = {"here": {"baseurl": f"file://{bench.rpms}", "password": "hidden"}, "away": away}
    done = bench.attempt({"repositories": repositories, "repos": ["here"]}, with_toys=False)
    assert done.returncode == 0, done.stdout
    assert "hidden" not in str(bench.commit().unpack())
    said = bench.run("export", REF, f"--repo={bench.repo}").stdout
    assert "baseurl: https://example.com/\n" in said


def test_a_tree_of_a_family_is_exported_with_what_it_stands_on(bench: Bench, rich: dict[str, object]) -> None:
    bench.treefile({**rich, "ref": "toy/below"}, "below")
    script = "cat /etc/passwd > /usr/share/seen"
    own = {"include": "below.json", "packages": ["abc"], "postprocess": [script], "units": []}
    top = bench.file("top.json", json.dumps({"ref": REF, **own}))
    done = bench.attempt(top)
    assert done.returncode == 0, done.stdout
    folder = export(bench, REF)
    assert sorted(os.listdir(folder)) == ["base-1.yaml", "files", "lockfile.json", "tree.yaml"]
    text = (folder / "tree.yaml").read_text()
    assert "include: base-1.yaml" in text and "last.sh" not in text and script in text
    bench.offer(Toy("lib", "2"))
    assert compose_again(bench, folder) == bench.content()
    said = bench.run("export", REF, f"--repo={bench.repo}").stdout
    assert "# --output-dir=DIR writes the files and trees that this needs" in said


def test_layers_and_bases_are_exported_as_commits(bench: Bench) -> None:
    bench.offer(APP, LIB)
    first = bench.compose({})
    bench.compose(bench.file("more.json", json.dumps({"ref": REF, "base-refspec": REF, "packages": ["app"]})))
    said = bench.run("export", REF, f"--repo={bench.repo}").stdout
    assert f"base-refspec: {first}\n" in said
    assert f"# commit {first} has to be in the repository that it is composed into\n" in said


def test_what_nobody_composed_cannot_be_exported(bench: Bench) -> None:
    (bench.folder / "empty").mkdir()
    ostree("commit", f"--repo={bench.repo}", "--branch=plain", f"{bench.folder}/empty")
    done = bench.run("export", "plain", f"--repo={bench.repo}")
    assert done.returncode == 1 and "was not composed by 'dnf tree compose': it does not say how" in done.stdout
    done = bench.run("export", f"--repo={bench.repo}")
    assert done.returncode == 1 and "'dnf tree export' needs a ref or commit" in done.stdout


def test_what_was_layered_on_a_host(host: Host) -> None:
    host.offer(APP, LIB, Toy("toy-tool", "2", requires=("toy-base",)), Toy("gone"))
    local = Toy("by-hand")
    base = host.deployments()[0].split(".")[0]
    host.done("install", "app", "toy-tool-2", os.fspath(toys.build(local)))
    said = host.done("tree", "export")
    assert f"base-refspec: {base}\n" in said
    assert "packages:\n- app\n- toy-tool\n- by-hand\n" in said and "CRITICAL" not in said
    assert "# by-hand-1-1.noarch came from a file with the SHA-256 " in said


EPOCH = {"SOURCE_DATE_EPOCH": "1700000000"}
ACCOUNTS = ["  M /usr/etc/group (content)", "  M /usr/etc/passwd (content)"]


@pytest.mark.parametrize(("packages", "differ"), [(["app"], []), (["app", "mail"], ACCOUNTS)])
def test_what_was_layered_on_a_composed_tree(host: Host, bench: Bench, packages: list[str], differ: list[str]) -> None:
    bench.offer(APP, LIB, server("mail"))
    keys = {"automatic-version-prefix": "7", "postprocess": ["echo base > /usr/share/script"]}
    base = bench.compose(keys, extra=EPOCH)
    ostree("pull-local", host.repo, os.fspath(bench.repo), base)
    ostree("admin", "deploy", f"--sysroot={host.sysroot}", "--os=toy", base)
    shutil.rmtree(host.repository)
    shutil.copytree(bench.rpms, host.repository)
    done = host.dnf("-y", "install", *packages, extra=EPOCH)
    assert done.returncode == 0, done.stdout
    other = Bench(bench.folder / "again", rpms=bench.rpms)
    exported = other.folder / "export"
    made = bench.folder / "made"
    ostree("init", f"--repo={made}", "--mode=bare")
    ostree("pull-local", f"--repo={made}", f"{host.sysroot}/ostree/repo", LOCAL, base)
    done = other.run("export", LOCAL, f"--repo={made}", f"--output-dir={exported}")
    assert done.returncode == 0, done.stdout
    text = (exported / "tree.yaml").read_text()
    assert "include: base-1.yaml" in text and "script" not in text
    options = [f"--lockfile={exported}/lockfile.json", "--lockfile-strict", f"--branch={REF}"]
    other.compose(exported / "tree.yaml", *options, extra=EPOCH)
    ostree("pull-local", f"--repo={made}", os.fspath(other.repo), REF)
    said = bench.run("diff", LOCAL, REF, "--files", f"--repo={made}").stdout
    assert [line for line in said.splitlines() if line.startswith("  ")] == differ, said


def test_what_was_replaced_or_removed_in_a_composed_tree(host: Host, bench: Bench) -> None:
    bench.offer(APP, LIB, Toy("gone"))
    base = bench.compose({"packages": ["gone", "app"]})
    ostree("pull-local", host.repo, os.fspath(bench.repo), base)
    ostree("admin", "deploy", f"--sysroot={host.sysroot}", "--os=toy", base)
    host.offer(Toy("app", "2", requires=("lib",)))
    host.done("upgrade", "app")
    host.done("remove", "gone")
    said = host.done("tree", "export", "--output-dir", f"{host.folder}/export")
    text = (host.folder / "export/tree.yaml").read_text()
    assert "packages:\n- toy-base\n- app\nexclude-packages:\n- gone\n" in text and "include" not in text
    locks = json.loads((host.folder / "export/lockfile.json").read_text())["packages"]
    assert locks["app"]["evra"] == "2-1.noarch" and "gone" not in locks
    assert "it is composed anew, and not on its base: gone was removed, and app-2-1.noarch replaced" in said
