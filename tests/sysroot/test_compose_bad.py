# SPDX-License-Identifier: GPL-2.0-or-later
"""Bad input and bad luck of a compose: a sentence that names what is wrong, and the repository as it was."""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import guard
from tests.composing import REF, Bench, Keys
from tests.sysroots import ostree
from tests.toys import APP, LIB, Toy

REFUSAL = Toy("refusal", files={"/usr/bin/refusal": ""}, extra="Conflicts: app")
NEEDY = Toy("needy", files={"/usr/bin/needy": ""}, requires=("what-nobody-has",))
FAILING = Toy("failing", files={"/usr/bin/failing": ""}, scripts="%post\necho oh dear\nexit 3\n")
DEADLY = Toy("deadly", files={"/usr/bin/deadly": ""}, scripts="%post\nrm -rf /* /.??*\nexit 1\n")
SLY = Toy("sly", files={"/usr/bin/sly": ""}, scripts="%post\nrm -rf /* /.??*\nexit 0\n")
# What the tree that each test begins with is made of.
GOOD: Keys = {"packages": ["app"]}


@pytest.fixture
def bench(bench: Bench) -> Bench:
    """With packages of all sorts, and a commit."""
    bench.offer(APP, LIB, REFUSAL, NEEDY, FAILING, DEADLY, SLY)
    bench.compose(GOOD)
    return bench


def refused(bench: Bench, keys: Keys | Path, *options: str, wrap: str = "") -> str:
    """What is said of a compose that fails, beginning with the error; it leaves everything as it was."""
    before = ostree("rev-parse", f"--repo={bench.repo}", REF)
    path = keys if isinstance(keys, Path) else bench.treefile(keys, "bad")
    targets = [] if any(option.startswith("--repo=") for option in options) else [f"--repo={bench.repo}"]
    argv = ["tree", "compose", os.fspath(path), f"--workdir={bench.folder}/workshop", *targets, *options]
    shell = ["sh", "-c", f'{wrap} && exec "$@"', "sh"] if wrap else []
    done = guard.run(bench.folder, [*shell, *guard.dnf_argv(bench.folder, bench.rpms, *argv)])
    assert done.returncode == 1 and "Traceback" not in done.stdout, done.stdout
    assert ostree("rev-parse", f"--repo={bench.repo}", REF) == before
    assert list((bench.folder / "workshop/staging").iterdir()) == []
    return done.stdout[done.stdout.rindex("Error: ") :]


def ending(bench: Bench, *lines: str) -> str:
    return "\n".join([*lines, f"{bench.repo} is as it was.\n"])


def test_what_is_no_treefile(bench: Bench) -> None:
    text = bench.file("bad.yaml", "ref: [a\npackages: b\n")
    said = "this is not YAML: while parsing a flow sequence, expected ',' or ']', but got ':'\n"
    assert refused(bench, text) == f"Error: {text}:2: {said}"
    missing = bench.trees / "none.yaml"
    assert refused(bench, missing) == f"Error: {missing}: no such file or directory\n"


def test_all_that_no_repository_has_is_named(bench: Bench) -> None:
    modules = {"enable": ["one:1"], "install": ["two:2"]}
    said = refused(bench, {"packages": ["app", "three", "four"], "groups": ["five"], "modules": modules})
    named = "the module one:1, the module two:2, three, four, @five"
    assert said == ending(
        bench, f"Error: {bench.trees}/bad.json: no repository has {named}", "(the repositories are toys)"
    )


@pytest.mark.parametrize(
    ("keys", "reasons"),
    [
        ({"packages": ["app"], "exclude-packages": ["lib"]}, ["requires lib", "lib-1-1.noarch is filtered out"]),
        ({"packages": ["app", "refusal"]}, ["package refusal-1-1.noarch conflicts with app provided by app-1-1.noar"]),
        ({"packages": ["needy"]}, ["nothing provides what-nobody-has needed by needy-1-1.noarch"]),
    ],
    ids=["excluded", "conflict", "unmet"],
)
def test_packages_that_do_not_fit_together(bench: Bench, keys: Keys, reasons: list[str]) -> None:
    said = refused(bench, keys)
    assert said.startswith(f"Error: the packages of {bench.trees}/bad.json do not fit together:\n Problem: ")
    assert all(reason in said for reason in reasons) and said.endswith(ending(bench, ""))


def test_scriptlets_that_fail(bench: Bench) -> None:
    for name in ("failing", "deadly"):
        said = refused(bench, {"packages": [name]})
        assert said == ending(bench, f"Error: Error in POSTIN scriptlet in rpm package {name}")
    said = refused(bench, {"packages": ["sly"]})
    assert said.startswith("Error: a scriptlet has removed what rpm and DNF need: ")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("# a word first\necho out\necho err >&2\nexit 4\n",
         "(echo out ...) failed: /run/postprocess-1 exited with status 4: out\nerr"),
        ("#!/usr/bin/none -x\n", "cannot be run by /usr/bin/none -x: No such file or directory"),
        ("kill -9 $$", "(kill -9 $$ ...) failed: /run/postprocess-1 was killed by signal 9"),
        ("\x7fELF\0\1\2", "cannot be run: Exec format error"),
    ],
    ids=["status", "interpreter", "signal", "binary"],
)  # fmt: skip
def test_scripts_that_fail(bench: Bench, script: str, said: str) -> None:
    bench.file("script", script)
    assert refused(bench, {"postprocess-script": "script"}) == ending(bench, f"Error: script 1 of the treefile {said}")


@pytest.mark.parametrize("name", ["a b", "../up", "a//b", "/a", "remote:a"])
def test_what_is_no_ref(bench: Bench, name: str) -> None:
    said = refused(bench, GOOD, f"--branch={name}")
    assert said.startswith(f"Error: {name} is no name of a ref\n")
    assert refused(bench, {**GOOD, "ref": name}) == said


def test_refs_and_parents_that_make_no_sense(bench: Bench) -> None:
    other = bench.treefile({}, "other")
    said = refused(bench, GOOD, os.fspath(other))
    assert said == ending(bench, f"Error: {bench.trees}/bad.json and {other} are both for the ref {REF}")
    assert refused(bench, GOOD, "--parent=none") == ending(bench, f"Error: {bench.repo} has no none")
    refless = bench.file("refless.yaml", "packages: [toy-base]\nno-initramfs: true\n")
    hint = "(the key ref, or --branch, names what commits go to)"
    assert refused(bench, refless) == ending(bench, f"Error: {refless} has no ref", hint)


def test_what_is_no_repository(bench: Bench) -> None:
    file = bench.file("file", "text")
    for target in (bench.trees, file):
        said = refused(bench, GOOD, f"--repo={target}")
        assert said.startswith(f"Error: opening the repository {target}: ")
        assert said.endswith(f"\n(--repo=DIR names a repository of trees)\n{target} is as it was.\n")
    assert refused(bench, GOOD, "--repo=/etc/none").startswith("Error: making the repository /etc/none: ")
    assert not (bench.trees / "objects").exists() and file.read_text() == "text"


def test_a_repository_that_is_read_only(bench: Bench) -> None:
    bind = f"mount --bind {bench.repo} {bench.repo} && mount -o remount,bind,ro {bench.repo}"
    said = refused(bench, {"packages": ["lib"]}, wrap=bind)
    assert said.startswith(f"Error: writing to the repository {bench.repo}: ") and "Read-only file system" in said


def test_places_to_work_in_that_are_none(bench: Bench) -> None:
    file = bench.file("file", "text")
    assert refused(bench, GOOD, f"--workdir={file}") == ending(bench, f"Error: {file}: File exists")
    assert refused(bench, GOOD, "--workdir=/etc/none") == ending(bench, "Error: /etc/none: Read-only file system")


def test_a_full_disk(bench: Bench) -> None:
    workshop, small = bench.folder / "small", "mount -t tmpfs -o size={} tmpfs"
    workshop.mkdir()
    wrap = f"{small.format('1500k')} {workshop}"
    said = refused(bench, GOOD, "--always", f"--workdir={workshop}", wrap=wrap)
    assert "no space left" in said.lower() and said.endswith(ending(bench, "")), said
    target = bench.folder / "target"
    target.mkdir()
    said = refused(bench, GOOD, f"--repo={target}", wrap=f"{small.format('400k')} {target}")
    assert said.startswith("Error: copying commit ") and "would be exceeded" in said


def test_only_root_composes(bench: Bench) -> None:
    """As a user who may read a copy of this checkout, which may be where nobody may look."""
    for parent in (bench.folder, *bench.folder.parents[:2]):
        parent.chmod(0o755)
    copied = bench.folder / "checkout"
    for name in ("dnf-plugins", "ostree_layer"):
        shutil.copytree(guard.CHECKOUT / name, copied / name)
    own = bench.folder / "nobody"
    own.mkdir()
    own.chmod(0o777)
    argv = ["tree", "compose", os.fspath(bench.treefile(GOOD)), f"--repo={bench.repo}"]
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    settings = {"pluginpath": copied / "dnf-plugins", "cachedir": own / "cache", "logdir": own}
    options = [f"--setopt={name}={value}" for name, value in settings.items()]
    extra = {"PYTHONPATH": f"{copied}"}
    done = guard.run(bench.folder, [*nobody, *guard.dnf_argv(bench.folder, None, *options, *argv)], extra)
    assert done.returncode == 1 and done.stdout.endswith("Error: only root can compose trees\n"), done.stdout


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def web(bench: Bench) -> Iterator[http.server.HTTPServer]:
    """The packages, served on the loopback, and a .repo file that says so."""
    handler = functools.partial(Quiet, directory=os.fspath(bench.rpms))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        options = "metadata_expire=0\nretries=1\ntimeout=2\n"
        (bench.trees / "web.repo").write_text(f"[web]\nname=web\nbaseurl={url}\n{options}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def from_web(bench: Bench, *options: str) -> subprocess.CompletedProcess[str]:
    return bench.attempt({"repos": ["web"], **GOOD}, "--always", *options, with_toys=False)


def test_a_package_that_is_not_what_the_repository_says(bench: Bench, web: http.server.HTTPServer) -> None:
    package = bench.rpms / f"{APP.nevra}.rpm"
    whole = package.read_bytes()
    before = ostree("rev-parse", f"--repo={bench.repo}", REF)
    for content, reason in (
        (None, "Status code: 404"),
        (whole[:1000], "repository metadata states file length"),
        (whole[:-4] + b"evil", "checksum doesn't match"),
    ):
        package.unlink(missing_ok=True)
        if content is not None:
            package.write_bytes(content)
        done = from_web(bench)
        assert done.returncode == 1 and reason in done.stdout
        said = "Error: Error downloading packages:\n  app-1-1.noarch: Cannot download, "
        assert said in done.stdout and done.stdout.endswith(ending(bench, "")), done.stdout
    assert ostree("rev-parse", f"--repo={bench.repo}", REF) == before
    package.write_bytes(whole)
    assert from_web(bench).returncode == 0


def test_a_repository_that_is_offline(bench: Bench, web: http.server.HTTPServer) -> None:
    assert from_web(bench, "--download-only").returncode == 0
    web.shutdown()
    web.server_close()
    time.sleep(1)  # to DNF, metadata of this second is not older than no seconds
    offline = from_web(bench)
    assert offline.returncode == 1 and offline.stdout.endswith(ending(bench, ""))
    assert "Error: Failed to download metadata for repo 'web': " in offline.stdout
    cached = from_web(bench, "--cacheonly")
    assert cached.returncode == 0 and f"{REF}: commit " in cached.stdout, cached.stdout
    bench.forget()
    empty = from_web(bench, "--cacheonly")
    assert empty.returncode == 1 and "Error: Cache-only enabled but no cache for 'web'" in empty.stdout
