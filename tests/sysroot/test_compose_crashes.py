# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever ends a compose, wherever: the repository is sound, says what became of it, and the next compose works."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from ostree_layer import repo
from tests import guard
from tests.composing import REF, Bench
from tests.sysroots import ostree
from tests.toys import APP, LIB, Toy

BEFORE = ["staged", "installed", "customised", "normalised", "committed", "copied"]
TREE = {"packages": ["app"], "postprocess": ["echo it > /usr/share/it"]}
SLOW = Toy("slow", files={"/usr/bin/slow": ""}, scripts="%post\necho > /usr/share/reached\nsleep 20\n")
ENDS = {"raise": 1, "nospace": 1, "kill": -9, "term": 143, "int": 1}


def says(act: str, point: str) -> str:
    """What a user reads before the state of the repository."""
    errors = {
        "raise": f"Error: RuntimeError in the ostree-tree plugin: failpoint compose::{point}\n",
        "nospace": f"Error: compose::{point}: No space left on device\n",
    }
    return errors.get(act, "")


def is_sound(bench: Bench) -> None:
    """Nothing is half there, and nothing that was mounted or ran is left."""
    ostree("fsck", f"--repo={bench.repo}", "--quiet")
    assert os.fspath(bench.folder) not in Path("/proc/self/mounts").read_text()


def leftovers(bench: Bench) -> list[Path]:
    return list((bench.folder / "workshop/staging").iterdir())


def refs(bench: Bench) -> dict[str, str]:
    return repo.refs(repo.open_repo(bench.repo))


@pytest.mark.parametrize("point", BEFORE)
def test_before_the_ref_moves(bench: Bench, point: str) -> None:
    bench.offer(APP, LIB)
    bench.compose(TREE)
    content, before = bench.content(), refs(bench)
    for act, status in ENDS.items():
        done = bench.attempt(TREE, "--always", extra={"OSTREE_LAYER_FAILPOINT": f"compose::{point}={act}"})
        assert done.returncode == status and "Traceback" not in done.stdout, done.stdout
        if act != "kill":
            assert f"{says(act, point)}{bench.repo} is as it was.\n" in done.stdout
            assert leftovers(bench) == []
        assert refs(bench) == before
        is_sound(bench)
    bench.compose(TREE, "--always")
    assert bench.content() == content and refs(bench) != before
    assert leftovers(bench) == []
    is_sound(bench)


def test_after_the_ref_has_moved(bench: Bench) -> None:
    bench.compose({})
    content = bench.content()
    for act, status in ENDS.items():
        before = refs(bench)
        done = bench.attempt({}, "--always", extra={"OSTREE_LAYER_FAILPOINT": f"compose::published={act}"})
        assert done.returncode == status and "Traceback" not in done.stdout, done.stdout
        if act != "kill":
            assert f"{says(act, 'published')}Published before: {REF}.\n" in done.stdout
        assert refs(bench) != before and bench.content() == content
        is_sound(bench)
    assert "nothing changed since" in bench.attempt({}).stdout


def test_what_was_published_before_is_named(bench: Bench) -> None:
    bench.offer(APP, LIB)
    one, two = bench.treefile({"ref": "toy/one"}, "one"), bench.treefile({"ref": "toy/two", "packages": ["no"]}, "two")
    done = bench.attempt(one, os.fspath(two))
    assert done.returncode == 1 and done.stdout.endswith("Published before: toy/one.\n"), done.stdout
    assert list(refs(bench)) == ["toy/one"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 1), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_while_a_scriptlet_runs(bench: Bench, number: int, code: int) -> None:
    run = start(bench)
    os.killpg(run.pid, number)
    printed, _ = run.communicate(timeout=60)
    assert run.returncode == code and f"{bench.repo} is as it was.\n" in printed
    assert leftovers(bench) == [] and refs(bench) == {}
    is_sound(bench)
    bench.compose({})


def test_a_kill_while_a_scriptlet_runs(bench: Bench) -> None:
    run = start(bench)
    processes = children(run.pid)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate(timeout=60)
    wait_for_end_of(processes)
    assert refs(bench) == {}
    bench.compose({})
    assert leftovers(bench) == []
    is_sound(bench)


def test_two_at_once(bench: Bench) -> None:
    run = start(bench)
    done = bench.attempt({})
    assert done.returncode == 1 and done.stdout.endswith(
        f"Error: somebody else is composing in {bench.folder}/workshop\n"
        f"(--workdir names another folder)\n{bench.repo} is as it was.\n"
    )
    elsewhere = bench.attempt({}, f"--workdir={bench.folder}/elsewhere")
    assert elsewhere.returncode == 0, elsewhere.stdout
    os.killpg(run.pid, signal.SIGTERM)
    run.communicate(timeout=60)
    assert list(refs(bench)) == [REF]


def start(bench: Bench) -> subprocess.Popen[str]:
    """Start a compose, as a terminal does, and return it when a scriptlet of it sleeps."""
    bench.offer(SLOW)
    path = bench.treefile({"packages": ["slow"]}, "slow")
    options = [f"--repo={bench.repo}", f"--workdir={bench.folder}/workshop"]
    argv = guard.dnf_argv(bench.folder, bench.rpms, "tree", "compose", os.fspath(path), *options)
    run = subprocess.Popen(
        guard.sealed(bench.folder, argv),
        env=guard.environment(bench.folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    for _attempt in range(1500):
        if list(bench.folder.glob("workshop/staging/*/upper/usr/share/reached")):
            return run
        time.sleep(0.02)
    raise AssertionError("the scriptlet never came")


def children(pid: int) -> list[int]:
    """The processes below one, by number."""
    found = [pid]
    for parent in found:
        for listed in Path(f"/proc/{parent}/task").glob("*/children"):
            found += map(int, listed.read_text().split())
    return found[1:]


def wait_for_end_of(processes: Sequence[int]) -> None:
    assert processes
    for _attempt in range(500):
        if not any(Path(f"/proc/{pid}").exists() for pid in processes):
            return
        time.sleep(0.02)
    raise AssertionError(f"of {processes} some still run")
