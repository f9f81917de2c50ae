# SPDX-License-Identifier: GPL-2.0-or-later
"""What the zygote forks is what a process of its own would be, and is sealed as that is."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests import guard, sysroots
from tests.sysroots import Host
from tests.toys import APP, LIB

# A plugin that prints what a process can see of itself.
PORTRAIT = """
import gc, json, locale, logging, os, random, resource, signal, sys, tempfile, threading
import dnf, rpm
from gi.repository import Gio, GLib

def refusal(path):
    try:
        open(path, "w").close()
    except OSError as e:
        return e.strerror

def stream(file):
    return [file.encoding, file.errors, file.line_buffering, file.write_through, file.seekable(), file.isatty()]

def descriptors():
    found = {}
    for name in os.listdir("/proc/self/fd"):
        if os.path.lexists(f"/proc/self/fd/{name}"):
            found[name] = os.readlink(f"/proc/self/fd/{name}").split(":")[0]
    return found

class Portrait(dnf.Plugin):
    name = "portrait"
    def __init__(self, base, cli):
        mounts = [line.split() for line in open("/proc/self/mountinfo")]
        status = dict(line.split(":", 1) for line in open("/proc/self/status"))
        main = sys.modules["__main__"]
        print("PORTRAIT" + json.dumps({
            "words": [sys.argv, sys.path, sys.executable, main.__file__, main.__name__, main.__spec__, sys.flags],
            "variables": dict(os.environ),
            "place": [os.getcwd(), os.listdir("/tmp"), os.listdir("/var/tmp")],
            "temporary": [tempfile.gettempdir(), GLib.get_tmp_dir()],
            "home": [GLib.get_home_dir(), os.path.expanduser("~"), rpm.expandMacro("%{?own}"), locale.getlocale()],
            "rpm": [rpm.expandMacro(f"%{name}") for name in ("_dbpath", "_tmppath", "_arch", "_host_cpu", "_topdir")],
            "streams": [stream(file) for file in (sys.stdin, sys.stdout, sys.stderr)],
            "descriptors": descriptors(),
            "signals": [str(signal.getsignal(number)) for number in sorted(signal.valid_signals())],
            "status": [status[name] for name in status if name.startswith(("Sig", "Shd", "Cap", "Umask", "Uid", "Gid",
                       "Groups", "NoNewPrivs", "Seccomp", "Threads", "Cpus_"))],
            "mounts": [[line[3], line[4], *line[6:]] for line in mounts],
            "limits": [resource.getrlimit(number) for number in range(16)] + [os.getpriority(os.PRIO_PROCESS, 0)],
            "parents": [os.getsid(0), os.getpgrp(), threading.active_count(), threading.current_thread().name],
            "handlers": [str(type(handler)) for handler in logging.getLogger("dnf").handlers + logging.root.handlers],
            "hooks": [sys.excepthook.__name__, str(sys.gettrace()), gc.isenabled(), gc.get_threshold()],
            "refusals": [refusal(f"{os.environ['HOME']}/file"), refusal("/var/lib/file"), refusal(__file__ + ".new")],
            "random": random.random(),
        }))
"""
OWN = {"PYTHONHASHSEED": "random"}  # what Python does anyway, but said when it starts


@pytest.fixture
def seen(folder: Path, host: Host) -> Path:
    """A folder of plugins with the one that looks, outside of what the host can write to."""
    (folder / "plugins").mkdir()
    (folder / "plugins/portrait.py").write_text(PORTRAIT)
    (host.folder / "home/.rpmmacros").write_text("%own here\n")
    return folder / "plugins"


def portrait(host: Host, plugins: Path, extra: dict[str, str]) -> dict[str, Any]:
    said = host.dnf(f"--setopt=pluginpath={plugins}", "repolist", extra={"OTHER": "1", **extra}).stdout
    found: dict[str, Any] = json.loads(re.findall("^PORTRAIT(.*)$", said, re.MULTILINE)[0])
    for name in extra:
        del found["variables"][name]
    return found


def test_a_run_is_what_a_process_of_its_own_would_be(host: Host, seen: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(host.folder)
    former = os.umask(0o027)
    try:
        forked, own = (portrait(host, seen, extra) for extra in ({}, OWN))
    finally:
        os.umask(former)
    assert forked["random"] != own.pop("random") != portrait(host, seen, {})["random"] != forked.pop("random")
    assert own["place"][0] == os.fspath(host.folder) and own["home"][2] == "here"
    assert own["refusals"] == [None, "Read-only file system", "Read-only file system"]
    for part, value in own.items():
        assert forked[part] == value, part


def test_the_zygote_itself_is_not_sealed(host: Host, seen: Path) -> None:
    portrait(host, seen, {})
    mounts = Path(f"/proc/{guard.ZYGOTE.process.pid}/mountinfo").read_text().splitlines()
    (root,) = (line.split() for line in mounts if line.split()[4] == "/")
    assert root[5].split(",")[0] == "rw" and not [line for line in mounts if str(host.folder) in line]


MOUNTS = """
import subprocess, sys
from pathlib import Path
from ostree_layer import mounts
from tests import guard
first, second = map(Path, sys.argv[1:])
guard.run(first, guard.dnf_argv(first, None, "repolist"))
mounts.enter_private_namespace()
subprocess.run(["mount", "-t", "tmpfs", "tmpfs", second], check=True)
done = guard.run(second, guard.dnf_argv(second, None, "repolist"))
print(done.returncode, (first / "log/dnf.log").exists(), (second / "log/dnf.log").exists())
"""


def test_a_run_sees_the_mounts_of_its_test(folder: Path) -> None:
    places = [folder / "first", folder / "second"]
    for place in places:
        place.mkdir()
    argv = [sys.executable, "-c", MOUNTS, *map(str, places)]
    assert subprocess.check_output(argv, cwd=guard.CHECKOUT, text=True) == "0 True True\n"
    assert list(places[1].iterdir()) == []


@pytest.mark.parametrize(
    ("words", "variables"),
    [
        (("status",), {}),
        (("-y", "install", "app"), {}),
        (("-y", "install", "none"), {}),
        (("status", "--none"), {}),
        (("install", "app"), {}),  # the answer is no
        *((("-y", "install", "app"), {"OSTREE_LAYER_FAILPOINT": f"commit::written={act}"}) for act in ("kill", "term")),
        (("-y", "install", "app"), {"OSTREE_LAYER_FAILPOINT": "layering::resolved=int"}),
    ],
    ids=" ".join,
)
def test_a_run_prints_and_ends_the_same(host: Host, words: tuple[str, ...], variables: dict[str, str]) -> None:
    host.offer(APP, LIB)
    other = sysroots.deploy_from(host, host.folder.parent / "also")
    shutil.copytree(host.repository, other.repository)
    forked = host.dnf(*words, extra=variables, answer="n\n", apart=True)
    own = other.dnf(*words, extra={**variables, **OWN}, answer="n\n", apart=True)
    other.wait_for_cleaner()
    assert forked.returncode == own.returncode
    assert (plain(host, forked.stdout), plain(host, forked.stderr)) == (
        plain(other, own.stdout),
        plain(other, own.stderr),
    )
    assert len(host.deployments()) == len(other.deployments())


def plain(host: Host, text: str) -> str:
    """Without what is of the place, of the moment or of the commit."""
    text = re.sub(r"[\d.]+ [kM]?B/s|\b[0-9a-f]{12,64}\b|\d\d:\d\d|pid \d+", "*", text.replace(str(host.folder), "HOST"))
    return re.sub(" +", " ", re.sub("Last metadata expiration check: .*\n", "", text))


def test_who_takes_too_long_is_killed(host: Host) -> None:
    host.offer(APP, LIB)
    hang = host.environment({"OSTREE_LAYER_FAILPOINT": "layering::locked=hang"})
    with pytest.raises(subprocess.TimeoutExpired):
        guard.run(host.folder, host.dnf_argv("-y", "install", "app"), hang, timeout=1)
    host.done("install", "app")  # nobody holds the lock any more


def test_it_ends_with_whoever_started_it(host: Host) -> None:
    words = f"Path({str(host.folder)!r}), guard.dnf_argv(Path({str(host.folder)!r}), None, 'repolist')"
    script = f"import os, time\nfrom pathlib import Path\nfrom tests import guard\nguard.run({words})\n"
    script += "child = os.fork()\nif not child: os.close(1), time.sleep(1), os._exit(0)\n"  # it has the same pipes
    script += "print(guard.ZYGOTE.process.pid, flush=True); os.kill(os.getpid(), 9)\n"
    done = subprocess.run([sys.executable, "-c", script], cwd=guard.CHECKOUT, stdout=subprocess.PIPE, check=False)
    assert done.returncode == -9
    zygote = Path(f"/proc/{int(done.stdout)}/cmdline")
    ends = time.monotonic() + 5
    while zygote.exists() and b"zygote" in zygote.read_bytes():
        assert time.monotonic() < ends
        time.sleep(0.01)
