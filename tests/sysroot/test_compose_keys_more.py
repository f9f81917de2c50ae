# SPDX-License-Identifier: GPL-2.0-or-later
"""Keys of a treefile that say what is done to a tree when its packages are there."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.composing import REF, UPDATES, Bench
from tests.keys import fingerprint
from tests.sysroots import ostree
from tests.toys import APP, LIB, Toy

# What a package creates its users with; the real one is not for toys.
SYSTEMCTL = "#!/bin/sh\nshift\nfor unit; do ln -s /usr/lib/systemd/system/$unit /etc/systemd/system/$unit; done\n"
UNITS = Toy(
    "units",
    files={"/usr/bin/systemctl": SYSTEMCTL, "/etc/systemd/system/": ""},
    attributes={"/usr/bin/systemctl": "0755,root,root"},
)
NOTE = "echo {} >> /usr/share/toy/notes"


def names(lines: list[str]) -> list[str]:
    return [line.split()[4] for line in lines[1:]]


def test_files_are_added_and_removed(bench: Bench) -> None:
    bench.offer(Toy("odd", files={f"/usr/share/odd/{name}": "" for name in ("a.x", "b.x", "c.y", "d/e.x")}))
    bench.file("plain", "plain\n")
    bench.file("program", "#!/bin/sh\n", is_program=True)
    keys = {
        "packages": ["odd"],
        "add-files": [["plain", "/etc/new/plain"], ["program", "usr/bin/program"], ["plain", "/usr/share/toy/kept"]],
        "remove-files": ["usr/share/toy/gone", "/etc/toy.conf"],
        "remove-from-packages": [["odd", r"/odd/.*\.x$"]],
    }
    bench.compose(keys)
    assert bench.cat("/usr/etc/new/plain") == bench.cat("/usr/share/toy/kept") == "plain\n"
    assert [bench.ls(path)[0].split()[0] for path in ("/usr/bin/program", "/usr/etc/new/plain")] == ["-00755", "-00644"]
    assert not bench.has("/usr/share/toy/gone") and not bench.has("/usr/etc/toy.conf")
    assert names(bench.ls("/usr/share/odd")) == ["/usr/share/odd/c.y", "/usr/share/odd/d"]
    said = bench.refusal({"remove-from-packages": [["no-such", ".*"]]})
    assert "remove-from-packages: no-such is not in the tree" in said


def test_scripts_run_in_order_and_one_that_fails_is_named(bench: Bench) -> None:
    included = {"ref": "toy/other", "postprocess": [NOTE.format("first")], "packages": ["toy-base"]}
    bench.file("below.json", json.dumps({**included, "no-initramfs": True, "recommends": False}))
    bench.file("last.sh", f"#!/bin/sh\n{NOTE.format('last')}\n")
    bench.file("plain", "added\n")
    keys = {
        "include": "below.json",
        "postprocess": [NOTE.format("second"), "cat /usr/share/added >> /usr/share/toy/notes"],
        "postprocess-script": "last.sh",
        "add-files": [["plain", "/usr/share/added"]],
    }
    bench.compose(keys)
    assert bench.cat("/usr/share/toy/notes") == "first\nsecond\nadded\nlast\n"
    said = bench.refusal({"postprocess": ["true", "echo oh >&2; exit 3"]})
    assert "script 2 of the treefile (echo oh >&2; exit 3 ...) failed" in said and "status 3" in said and "oh" in said
    assert "cannot be run by /no/such" in bench.refusal({"postprocess": ["#!/no/such\n"]})


def test_units_and_the_default_target(bench: Bench) -> None:
    bench.offer(UNITS)
    bench.compose({"packages": ["units"], "units": ["a.service", "b.timer"], "default-target": "graphical.target"})
    folder = "/usr/etc/systemd/system"
    assert names(bench.ls(folder)) == [f"{folder}/{name}" for name in ("a.service", "b.timer", "default.target")]
    assert "-> /usr/lib/systemd/system/graphical.target" in bench.ls(f"{folder}/default.target")[0]
    said = bench.refusal({"units": ["a.service"]})
    assert "units: a.service cannot be enabled, for the tree has no systemctl" in said


def test_the_machine_id_is_empty_or_missing(bench: Bench) -> None:
    bench.compose({})
    assert bench.cat("/usr/etc/machine-id") == ""
    bench.compose({"machineid-compat": False, "postprocess": ["echo made > /etc/machine-id"]})
    assert not bench.has("/usr/etc/machine-id")


def test_what_a_root_is_laid_out_like(bench: Bench) -> None:
    bench.offer(Toy("program", files={"/usr/bin/program": ""}, attributes={"/usr/bin/program": "0755,root,root"}))
    bench.compose({"packages": ["program"]})
    assert bench.ls("/tmp")[0].endswith("/tmp -> sysroot/tmp")
    assert bench.ls("/usr/bin/program")[0].startswith("-00755")
    assert bench.has("/usr/lib/ostree-boot")
    bench.compose({"packages": ["program"], "edition": "2024", "readonly-executables": True})
    assert bench.ls("/tmp")[0].startswith("d01777")
    assert bench.ls("/usr/bin/program")[0].startswith("-00555")
    assert not bench.has("/usr/lib/ostree-boot")
    assert bench.has("/usr/lib/modules/6.1-toy/vmlinuz")


def test_only_a_container_has_no_kernel(bench: Bench) -> None:
    keys = {"remove-files": ["/usr/lib/modules"]}
    said = bench.refusal(keys)
    assert "has no kernel, and no host could boot it" in said
    bench.compose({**keys, "container": True, "container-cmd": ["/bin/sh", "-l"]})
    assert bench.ls("/tmp")[0].startswith("d")
    assert "ostree.bootable" not in bench.metadata()
    assert bench.metadata()["ostree.container-cmd"].unpack() == ["/bin/sh", "-l"]


def test_versions(bench: Bench) -> None:
    keys = {"automatic-version-prefix": "7", "automatic-version-suffix": "-", "mutate-os-release": "1"}
    versions, texts = [], []
    for number in range(3):
        bench.compose({**keys, "postprocess": [f"echo {number} > /usr/share/number"]})
        versions.append(bench.metadata()["version"].unpack())
        texts.append(bench.cat("/usr/lib/os-release"))
    assert versions == ["7", "7-1", "7-2"]
    assert "OSTREE_VERSION='7-2'" in texts[2] and "OSTREE_VERSION='7'" in texts[0]
    dated = {"automatic-version-prefix": "${stream}.<date:%Y%m%d>", "variables": {"stream": "x"}}
    at = {"SOURCE_DATE_EPOCH": "1700000000"}
    for wanted in ("x.20231114.0", "x.20231114.1"):
        bench.compose(dated, "--always", extra=at)
        assert bench.metadata()["version"].unpack() == wanted


def test_metadata(bench: Bench) -> None:
    values = {"text": "${basearch}", "number": 3, "share": 0.5, "flag": True, "list": ["a", 1], "map": {"a": "b"}}
    added = {f"toy.{name}": value for name, value in values.items()}
    keys = {"add-commit-metadata": added, "metadata": {"anything": [1]}, "initramfs-args": ["--no-hostonly"]}
    bench.compose(keys, "--add-metadata=toy.number=of the command")
    found = bench.metadata()
    types = {name: found[f"toy.{name}"].get_type_string() for name in values}
    assert types == {"text": "s", "number": "s", "share": "d", "flag": "b", "list": "av", "map": "a{sv}"}
    assert found["toy.text"].unpack() == "x86_64" and found["toy.list"].unpack() == ["a", 1]
    assert found["toy.number"].unpack() == "of the command"
    assert found["rpmostree.initramfs-args"].unpack() == ["--no-hostonly"]
    assert found["rpmostree.rpmmd-repos"].unpack()[0]["id"] == "toys"


def test_a_tree_for_another_architecture_is_refused(bench: Bench) -> None:
    assert "basearch: this is for aarch64, and the machine is x86_64" in bench.refusal({"basearch": "aarch64"})


def test_a_tree_stands_on_a_commit_of_other_tools(bench: Bench) -> None:
    bench.offer(APP, LIB)
    bench.compose({"ref": "toy/tree", "container": True})
    first = bench.commit().get_child_value(6).unpack()
    path = bench.file("more.json", json.dumps({"ref": "toy/tree", "base-refspec": "toy/tree", "packages": ["app"]}))
    done = bench.attempt(path)
    assert "has no kernel" not in done.stdout and done.returncode == 0, done.stdout
    assert bench.packages() == {"app", "lib"} and first
    assert bench.has("/usr/lib/modules/6.1-toy/vmlinuz")
    said = bench.refusal(bench.file("none.json", json.dumps({"ref": "toy/x", "base-refspec": "no/such"})))
    assert f"{bench.repo} has no no/such" in said


def commit_layer(bench: Bench, ref: str, **texts: str) -> None:
    """Commit files of /usr/share/toy."""
    files = bench.folder / "files"
    (files / "usr/share/toy").mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (files / "usr/share/toy" / name).write_text(text)
    ostree("commit", f"--repo={bench.repo}", f"--branch={ref}", os.fspath(files))


SEEN = "cat /usr/share/toy/new /usr/share/toy/kept > /usr/share/seen"


def test_a_layer_adds_files_as_they_are(bench: Bench) -> None:
    commit_layer(bench, "layer/new", new="layer\n")
    file = bench.folder / "files/usr/share/toy/new"
    os.chown(file, 0, 7)
    file.chmod(0o4750)
    file.with_name("link").symlink_to("/etc/passwd")
    commit_layer(bench, "layer/new")
    bench.compose({"ostree-layers": ["layer/new"], "postprocess": [SEEN]})
    assert bench.cat("/usr/share/seen") == "layer\nkept\n"
    assert bench.ls("/usr/share/toy/new")[0].split()[:3] == ["-04750", "0", "7"]
    assert bench.ls("/usr/share/toy/link")[0].endswith("-> /etc/passwd")


def test_a_layer_wins_or_is_in_conflict(bench: Bench) -> None:
    commit_layer(bench, "layer/over", new="layer\n", kept="layer\n")
    said = bench.refusal({"ostree-layers": ["layer/over"]})
    assert "/usr/share/toy/kept is in the layer layer/over and in the tree already" in said
    keys = {"ostree-override-layers": ["layer/over"], "postprocess": [SEEN]}
    bench.compose(keys)
    assert bench.cat("/usr/share/seen") == "layer\nlayer\n"
    commit_layer(bench, "layer/over", kept="newer\n", gone="no directory any more\n")
    bench.compose(keys)
    assert bench.cat("/usr/share/toy/kept") == "newer\n"
    assert bench.cat("/usr/share/toy/gone") == "no directory any more\n"


@pytest.mark.parametrize("where", ["inline", "detached"])
def test_advisories(bench: Bench, where: str) -> None:
    bench.offer(APP, LIB)
    bench.describe("updateinfo", UPDATES)
    keys = {"advisories-metadata": where, "repo-metadata": where}
    first = bench.compose(keys)
    bench.compose({**keys, "packages": ["app"]})
    wanted = ("rpmostree.advisories", "rpmostree.rpmmd-repos")
    assert [name in bench.metadata() for name in wanted] == [where == "inline"] * 2
    said = bench.run("diff", first, REF, f"--repo={bench.repo}").stdout
    assert "Advisories:\n  TOY-1 (security, important): CVE-1\n" in said
    bench.compose({**keys, "packages": ["app"], "repo-metadata": "disabled", "advisories-metadata": "disabled"})
    assert "TOY-1" not in bench.run("diff", first, REF, f"--repo={bench.repo}").stdout


def test_a_database_that_the_trees_own_rpm_cannot_read_is_refused(bench: Bench) -> None:
    own = "#!/bin/sh\ncase $2 in *backend*) echo ndb;; *) echo /var/lib/rpm;; esac\n"
    bench.offer(Toy("rpm", files={"/usr/bin/rpm": own}, attributes={"/usr/bin/rpm": "0755,root,root"}))
    said = bench.refusal({"packages": ["rpm"]})
    assert "the tree's rpm keeps its database as ndb, and could not read this one, which is sqlite" in said
    bench.compose({"packages": ["rpm"], "rpmdb": "host", "rpmdb-normalize": True})
    assert bench.cat("/usr/lib/rpm/macros.d/macros.ostree-layer") == "%_dbpath /usr/lib/sysimage/rpm\n"


def test_a_commit_is_signed(bench: Bench, keyring: Path) -> None:
    key = fingerprint(keyring)
    bench.compose({"gpg-key": key}, extra={"GNUPGHOME": os.fspath(keyring)})
    said = bench.run("verify", REF, f"--repo={bench.repo}", f"--gpg-keyring={keyring}/public", f"--certified-by={key}")
    assert said.returncode == 0 and "good" in said.stdout, said.stdout
