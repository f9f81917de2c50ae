# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees that stand on others: composed by the real command, of toys."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import guard, sysroots, toys
from tests.sysroots import ostree
from tests.toys import APP, LIB, Toy

BASE = """ref: base
container: true
no-initramfs: true
packages: [toy-base]
automatic-version-prefix: '1'
mutate-os-release: '1'
"""
TREE = "include: base.yaml\nref: tree\npackages: [app]\n"
FURTHER = "include: tree.yaml\nref: further\npackages: [more]\npostprocess: ['echo further >> /etc/more.conf']\n"
MORE = Toy(
    "more",
    files={"/etc/more.conf": "more\n", "/var/lib/more/": "", "/opt/more/more": "more\n"},
    scripts="%post\nadd-user more More /var/lib/more /bin/sh\n",
    requires=("toy-base",),
)


class Place:
    """Treefiles, a repository of toys, one of trees, and a workshop."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.repo = folder, folder / "repo"
        toys.repository(folder / "rpms", [sysroots.BASE, LIB, APP, MORE])
        for name, text in {"base": BASE, "tree": TREE, "further": FURTHER}.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        (self.folder / f"{name}.yaml").write_text(text)

    def compose(self, *names: str, repo: str = "repo", workshop: str = "work") -> str:
        files = [os.fspath(self.folder / f"{name}.yaml") for name in names]
        own = ["tree", "compose", f"--repo={self.folder / repo}", f"--workdir={self.folder / workshop}"]
        argv = guard.dnf_argv(self.folder, self.folder / "rpms", "--releasever=1", *own, *files)
        done = guard.run(self.folder, argv)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def content(self, ref: str, repo: str = "repo") -> str:
        shown = ostree("show", f"--repo={self.folder / repo}", ref).splitlines()
        return next(line.split()[1] for line in shown if line.startswith("ContentChecksum:"))

    def refs(self, repo: str = "repo") -> list[str]:
        return sorted(ostree("refs", f"--repo={self.folder / repo}").split())

    def installed(self, printed: str) -> list[str]:
        return [line.split()[2] for line in printed.splitlines() if line.startswith("  Installing")]


@pytest.fixture
def place(folder: Path) -> Place:
    return Place(folder)


def test_each_tree_alone_is_what_it_is_with_its_family(place: Place) -> None:
    place.compose("further", "base", "tree")
    assert place.refs() == ["base", "further", "tree"]
    for name in ("base", "tree", "further"):
        place.compose(name, repo=f"alone-{name}", workshop=f"work-{name}")
        assert place.refs(f"alone-{name}") == [name]
        assert place.content(name, f"alone-{name}") == place.content(name)
    ostree("fsck", f"--repo={place.repo}", "--quiet")


def test_each_package_is_installed_once(place: Place) -> None:
    printed = place.compose("further", "base", "tree")
    assert sorted(place.installed(printed)) == [APP.nevra, LIB.nevra, MORE.nevra, sysroots.BASE.nevra], printed
    assert ostree("cat", f"--repo={place.repo}", "further", "/usr/etc/more.conf") == "more\nfurther\n"
    assert place.installed(place.compose("further", "base", "tree")) == []


def test_a_base_that_nobody_named_is_kept_for_the_next_time(place: Place) -> None:
    assert sysroots.BASE.nevra in place.installed(place.compose("tree"))
    assert place.installed(place.compose("further")) == [MORE.nevra]
    assert place.refs() == ["further", "tree"]


def test_a_base_that_is_published_is_taken_from_there(place: Place) -> None:
    place.compose("base")
    assert sorted(place.installed(place.compose("tree", workshop="another"))) == [APP.nevra, LIB.nevra]


def test_a_change_of_the_base_is_one_of_all(place: Place) -> None:
    place.compose("base", "further")
    former = place.content("further")
    place.write("base", BASE + "postprocess: ['echo changed > /usr/share/changed']\n")
    printed = place.compose("further")
    assert place.content("further") != former
    assert sorted(place.installed(printed)) == [APP.nevra, LIB.nevra, MORE.nevra, sysroots.BASE.nevra]
    assert ostree("cat", f"--repo={place.repo}", "further", "/usr/share/changed") == "changed\n"


def test_each_tree_names_its_own_version(place: Place) -> None:
    place.compose("base")
    place.write("base", BASE + "units: []\npostprocess: ['true']\n")
    place.compose("base", "tree")
    assert "OSTREE_VERSION='1.1'" in ostree("cat", f"--repo={place.repo}", "base", "/usr/lib/os-release")
    assert "OSTREE_VERSION='1'" in ostree("cat", f"--repo={place.repo}", "tree", "/usr/lib/os-release")


def test_a_tree_that_takes_away_from_its_base_is_composed_from_nothing(place: Place) -> None:
    place.compose("base")
    place.write("tree", TREE + "documentation: false\n")
    assert sysroots.BASE.nevra in place.installed(place.compose("tree"))


def test_a_machine_that_went_down_in_the_middle_begins_anew(place: Place) -> None:
    place.compose("tree")
    (place.folder / "work/unsynced").write_text("of another boot\n")
    for commit in (place.folder / "work/repo/objects").glob("*/*.commit"):
        commit.unlink()  # the target may have the same file
        commit.touch()
    place.write("tree", TREE + "units: []\nmetadata: {a: 1}\n")
    assert sysroots.BASE.nevra in place.installed(place.compose("tree"))
    assert not (place.folder / "work/unsynced").exists()


def test_any_commit_can_be_the_base(place: Place) -> None:
    place.compose("base")
    place.write("derived", "ref: derived\nbase-refspec: base\ncontainer: true\nno-initramfs: true\npackages: [app]\n")
    printed = place.compose("derived")
    assert sorted(place.installed(printed)) == [APP.nevra, LIB.nevra]
    assert "derived: nothing changed" in place.compose("derived")
    assert ostree("cat", f"--repo={place.repo}", "derived", "/usr/bin/app") == "1\n"
