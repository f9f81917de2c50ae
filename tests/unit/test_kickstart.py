# SPDX-License-Identifier: GPL-2.0-or-later
"""Kickstarts as treefiles: what they say of a tree is taken, and the rest is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ostree_layer import treefile
from ostree_layer.errors import TreefileError
from ostree_layer.treefile import rendering

SERVER = """#version=RHEL9
lang de_DE.UTF-8 --addsupport=fr_FR
keyboard de
services --enabled=sshd,backup.timer --disabled=cups,avahi-daemon.socket
selinux --permissive
xconfig --startxonboot
url --metalink=https://mirrors/metalink?repo=fedora-$releasever&arch=$basearch
repo --name=updates
repo --name=own --baseurl=http://own/$basearch --cost=5 --includepkgs=a,b --proxy=http://p --noverifyssl
module --name=perl --stream=5
%include parts/disks.ks
rootpw --lock
%packages --exclude-weakdeps --excludedocs --inst-langs=de,fr
@^server-product-environment
@games
@nodejs:18/common
podman >= 4.1
htop  # and what it needs
-nano
%include parts/packages
%end
%post --interpreter=/usr/bin/python3
print("%include x")
%end
"""
KEYS = {
    "basearch": "x86_64",
    "repos": ["url", "updates", "own"],
    "repositories": {
        "url": {"metalink": "https://mirrors/metalink?repo=fedora-$releasever&arch=$basearch", "gpgcheck": "0"},
        "own": {
            "baseurl": "http://own/$basearch",
            "cost": "5",
            "includepkgs": "a,b",
            "proxy": "http://p",
            "sslverify": "0",
            "gpgcheck": "0",
        },
    },
    "packages": ["htop", "podman >= 4.1", "tree"],
    "groups": ["server-product-environment", "core", "games"],
    "modules": {"enable": ["perl:5"], "install": ["nodejs:18/common"]},
    "exclude-packages": ["nano", "vim"],
    "recommends": False,
    "documentation": False,
    "install-langs": ["de", "fr"],
    "postprocess": [
        "#!/bin/sh\necho LANG=de_DE.UTF-8 > /etc/locale.conf\n",
        "#!/bin/sh\nsystemctl disable cups.service avahi-daemon.socket\n",
        "#!/bin/sh\n[ ! -e /etc/selinux/config ] || sed -i 's/^SELINUX=.*/SELINUX=permissive/' /etc/selinux/config\n",
        '#!/usr/bin/python3\nprint("%include x")\n',
    ],
    "units": ["sshd.service", "backup.timer"],
    "default-target": "graphical.target",
}
INSTALLED = "has no effect: it says how a host is installed, not what a tree is made of"
LEFT = """text
lang C --addsupport=de
repo --name=updates --cost=5
%certificate --filename=a --dir=/etc
x
%end
%packages --default --ignoremissing --multilib --timeout=5
@games --optional
@core --nodefaults
-@printing
%end
%pre
x
%end
%post --nochroot
x
%end
%post --log=/root/log
x
%end
%addon x
%end
"""


def written(folder: Path, **files: str) -> Path:
    """Files NAME.ks, the first of which is the one to read."""
    for name, text in files.items():
        (folder / f"{name}.ks").write_text(text)
    return folder / f"{next(iter(files))}.ks"


def values(path: Path) -> dict[str, Any]:
    return dict(treefile.read(path, "x86_64").values)


def refusal(path: Path) -> str:
    with pytest.raises(TreefileError) as caught:
        treefile.read(path, "x86_64")
    return caught.value.sentence()


@pytest.fixture
def server(tmp_path: Path) -> Path:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/disks.ks").write_text("timezone UTC\n%ksappend more.ks\nclearpart --all\n")
    (tmp_path / "parts/more.ks").write_text("\nfirewall --enabled\n")
    (tmp_path / "parts/packages").write_text("tree\n-vim\n")
    return written(tmp_path, server=SERVER)


def test_what_a_kickstart_says_of_a_tree(server: Path) -> None:
    assert values(server) == KEYS


def test_what_it_says_of_a_host_is_named_with_its_line(server: Path) -> None:
    parts = server.parent / "parts"
    assert treefile.read(server, "x86_64").ignored == (
        f"{server}:3: keyboard {INSTALLED}",
        f"{parts}/disks.ks:1: timezone {INSTALLED}",
        f"{parts}/more.ks:2: firewall {INSTALLED}",
        f"{parts}/disks.ks:3: clearpart {INSTALLED}",
        f"{server}:12: rootpw {INSTALLED}",
        f"{server}:2: lang --addsupport has no effect: %packages names the packages of languages, as in langpacks-de",
    )


def test_each_part_that_cannot_be_honoured_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, a=LEFT)
    of_a_group = "has no effect: of a group come its mandatory and its default packages"
    assert [sentence.removeprefix(f"{path}:") for sentence in treefile.read(path, "x86_64").ignored] == [
        f"1: text {INSTALLED}",
        "2: lang --addsupport has no effect: %packages names the packages of languages, as in langpacks-de",
        "3: repo --name=updates with other options has no effect: its *.repo file has them",
        f"4: %certificate {INSTALLED}",
        f"12: %pre {INSTALLED}",
        f"21: %addon {INSTALLED}",
        "7: %packages --default has no effect: a tree has no default environment; name one, with @^",
        "7: %packages --ignoremissing has no effect: a package that is missing is an error",
        "7: %packages --multilib has no effect: a package of another architecture has it in its name, as in glibc.i686",
        "7: %packages --timeout has no effect: it is an option of repositories",
        f"7: @games --optional {of_a_group}",
        f"7: @core --nodefaults {of_a_group}",
        "7: -@printing has no effect: it takes back an @printing before it, and excludes no packages",
        "15: %post --nochroot has no effect: scripts run in the tree",
        "18: %post --logfile has no effect: what a script prints is shown",
    ]


def test_no_desktop_means_a_target_without_one(tmp_path: Path) -> None:
    path = written(tmp_path, server="skipx\n%packages --nocore\nbash\n%end\n")
    assert values(path)["default-target"] == "multi-user.target"
    assert treefile.read(path, "x86_64").ignored == ()


def test_what_is_printed_reads_the_same(server: Path) -> None:
    again = server.with_suffix(".yaml")
    again.write_text(rendering.as_yaml(values(server)))
    assert values(again) == KEYS
    jsonschema.validate(json.loads(rendering.as_json(KEYS)), json.loads(rendering.schema()))


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("%packages\na\n%end", ["core"]),
        ("%packages --nocore\na\n%end", []),
        ("%packages\n@a\n-@core\n%end", ["a"]),
        ("%packages\n@a\n@core\n-@a\n%end", ["core"]),
        ("lang C", []),
    ],
)
def test_the_group_core_comes_as_in_an_installation(text: str, groups: list[str], tmp_path: Path) -> None:
    assert treefile.read(written(tmp_path, a=text), "x86_64")["groups"] == groups


def test_a_treefile_that_includes_a_kickstart_gets_what_is_listed(tmp_path: Path) -> None:
    written(tmp_path, a="%packages\na\n@b\n-c\n%end\n%post\nx\n%end\nreboot\n")
    (tmp_path / "t.yaml").write_text("ref: r\ninclude: a.ks\npackages: [z]\npostprocess: [y]\n")
    read = treefile.read(tmp_path / "t.yaml", "x86_64")
    assert (read["packages"], read["groups"], read["exclude-packages"]) == (["a", "z"], ["b"], ["c"])
    assert read["postprocess"] == ["#!/bin/sh\nx\n", "y"]
    assert read.ignored == (f"{tmp_path}/a.ks:9: reboot {INSTALLED}",)


def test_a_repository_can_be_for_the_host_too(tmp_path: Path) -> None:
    path = written(tmp_path, a="repo --name=own --mirrorlist=http://m --install\n")
    assert values(path)["postprocess"] == [
        "#!/bin/sh\ncat > /etc/yum.repos.d/own.repo << 'EOF'\n[own]\nname=own\nmirrorlist=http://m\ngpgcheck=0\nEOF\n"
    ]


def test_a_tree_without_selinux_has_no_labels(tmp_path: Path) -> None:
    read = values(written(tmp_path, a="selinux --enforcing\nselinux --disabled\n"))
    assert (read["selinux"], ["disabled" in line for line in read["postprocess"]]) == (False, [True])


def test_the_kickstart_of_an_installed_host_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "anaconda-ks.cfg"
    path.write_text("# Generated by Anaconda 34\n#version=RHEL8\nauth --enableshadow\n%packages\n@^minimal\n%end\n")
    assert values(path)["groups"] == ["minimal", "core"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("text\nfoo", ":2: unknown command: foo"),
        ("repo --baseurl=x", ":1: the following arguments are required: --name"),
        ("repo --name=a --cost=x", ":1: argument --cost: invalid int value: 'x'"),
        ("%packages\nfoo\n", ":2: section %packages does not end with %end"),
        ("%packages --foo\n%end", ":1: unrecognized arguments: --foo"),
        ("%packages\n-\n%end", ":2: this line cannot be read"),
        ("%packages\n@\n%end", ":1: %packages: a group has no name"),
        ("%packages\n\n%include no\n%end", ":3: %include: {folder}/no: no such file"),
        ("\n%include", ":2: this line cannot be read"),
        ("%include http://x/y", ":1: %include: http://x/y is not a file\n(get it, and name the file)"),
        ("%include a.ks", ":1: %include: {folder}/a.ks includes itself"),
        ("%ksappend a.ks", ":1: %ksappend: {folder}/a.ks appends itself"),
        ("%ksappend\tno.ks", ":1: %ksappend: {folder}/no.ks: no such file"),
        ('lang "a', ":1: no closing quotation"),
        ("%foo\n%end", ":1: unknown kickstart section: %foo"),
        ("services", ":1: one of --disabled or --enabled must be provided"),
        ("install", ":1: install: kickstarts have this command no more\n"
         "(as its first line, #version=RHEL8 or #version=F28 has the file read as it was meant)"),
        ("#version=F99", ": unsupported version specified: F99\n(#version= names it; without it, the newest is read)"),
        ("repo --name='a b' --baseurl=x",
         ":1: repositories.a b: the name of a repository has letters, digits and -_.: only"),
        ("repo --name=a --baseurl=x\nrepo --name=a --baseurl=y", ":2: repo: a is here already, in line 1"),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_their_line(text: str, sentence: str, tmp_path: Path) -> None:
    path = written(tmp_path, a=text)
    assert refusal(path) == f"{path}{sentence.format(folder=tmp_path)}"


def test_a_mistake_in_an_included_file_is_named_there(tmp_path: Path) -> None:
    path = written(tmp_path, a="%packages\n%include b.ks\n%end\n", b="a\n@a --optional --nodefaults\n")
    assert refusal(path) == f"{tmp_path}/b.ks:2: group cannot specify both --nodefaults and --optional"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert refusal(tmp_path / "no.ks") == f"{tmp_path}/no.ks: no such file or directory"
    (tmp_path / "a.ks").write_bytes(b"lang \xff\n")
    assert refusal(tmp_path / "a.ks") == f"{tmp_path}/a.ks: this is not UTF-8: invalid start byte at byte 5"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("repositories:\n  a: {cost: 5}", "2: repositories.a: baseurl, metalink, mirrorlist: one of them is missing"),
        ("repositories:\n  a:\n    basurl: x", "3: repositories.a.basurl: no such key\n(did you mean baseurl?)"),
        ("repositories: {a: {baseurl: [x]}}",
         "1: repositories.a.baseurl: must be a string, a whole number, true or false, not a list"),
        ("repositories: {a/b: {baseurl: x}}",
         "1: repositories.a/b: the name of a repository has letters, digits and -_.: only"),
    ],
)  # fmt: skip
def test_repositories_of_treefiles(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(text)
    assert refusal(tmp_path / "a.yaml") == f"{tmp_path}/a.yaml:{sentence}"


def test_options_of_repositories_are_text(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("include: b.yaml\nrepositories: {a: {baseurl: x, gpgcheck: true, cost: 5}}\n")
    (tmp_path / "b.yaml").write_text("repositories: {a: {baseurl: y}, b: {mirrorlist: z}}\n")
    assert values(tmp_path / "a.yaml")["repositories"] == {
        "a": {"baseurl": "x", "gpgcheck": "1", "cost": "5"},
        "b": {"mirrorlist": "z"},
    }
