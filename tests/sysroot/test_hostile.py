# SPDX-License-Identifier: GPL-2.0-or-later
"""Packages that mean harm, or do it: the host and the base commit are as they were."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sysroot.test_failpoints import start, wait_until_exists
from tests.sysroots import Host
from tests.toys import Toy

AS_IT_WAS = "Nothing was deployed: the host is as it was.\n"
LUA = "%post -p <lua>\n"


@pytest.fixture
def victim(folder: Path) -> Iterator[Path]:
    """A file of the host that nothing may touch."""
    file = folder / "victim"
    file.write_text("whole\n")
    yield file
    assert file.read_text() == "whole\n"


def install(host: Host, scripts: str) -> str:
    host.offer(Toy("evil", scripts=scripts))
    return host.dnf("-y", "install", "evil").stdout


@pytest.mark.parametrize("when", ["%pre", "%post", "%posttrans"])
def test_rm_rf(host: Host, victim: Path, when: str) -> None:
    before = host.deployments()
    printed = install(host, f"{when}\nrm -rf /usr/[!b]* /* /.??* {victim}\nexit 1\n")
    assert printed.endswith(AS_IT_WAS), printed
    assert host.deployments() == before
    assert (host.tree / "usr/share/toy/kept").exists() and (host.tree / "usr/bin/busybox").exists()
    host.fsck()


def test_writing_in_place_into_files_of_the_base(host: Host) -> None:
    base = host.tree
    script = "for f in /usr/share/toy/kept /etc/toy.conf /usr/lib/os-release; do echo evil >> $f; chmod 0 $f; done\n"
    install(host, "%post\n" + script)
    assert (host.tree / "usr/share/toy/kept").read_text() == "kept\nevil\n"
    assert (base / "usr/share/toy/kept").read_text() == "kept\n"
    assert (base / "usr/share/toy/kept").stat().st_mode & 0o777 == 0o644
    host.fsck()


def test_what_a_scriptlet_may_not_do(host: Host, victim: Path) -> None:
    attempts = [
        f"echo evil > {victim}",
        f"echo evil > /proc/1/root{victim}",
        f"echo evil > /proc/1/cwd{victim}",
        f"for fd in /proc/1/fd/*; do echo evil > $fd{victim}; done",
        "mknod /usr/share/disk b 8 0",
        "mount -t tmpfs none /usr",
        "mount -o remount,rw /proc",
        "reboot -f",
        "echo 1 > /proc/sys/kernel/panic",
    ]
    script = "".join(f"( {attempt} ) 2>/dev/null && echo '{attempt}' >> /usr/share/broke\n" for attempt in attempts)
    printed = install(host, f"%post\n{script}true\n")
    assert "Complete!" in printed, printed
    broke = host.tree / "usr/share/broke"
    assert not broke.exists(), broke.read_text()
    assert not (host.tree / "usr/share/disk").exists()


def test_killing_dnf(host: Host) -> None:
    before = host.deployments()
    printed = install(host, "%post\nkill -9 $PPID\nkill -9 1\nkill -9 -1\necho alive > /usr/share/alive\n")
    assert "Complete!" in printed, printed
    assert (host.tree / "usr/share/alive").read_text() == "alive\n"
    assert host.deployments()[1:] == before


def test_lua_is_in_the_cage_too(host: Host, victim: Path) -> None:
    lua = f"""
        local function try(what, ok) if ok then
            local f = io.open("/usr/share/broke", "a"); f:write(what .. "\\n"); f:close() end end
        posix.kill({os.getpid()}, 9)
        posix.kill(-1, 9)
        for fd = 0, 64 do
            local f = io.open("/proc/self/fd/" .. fd .. "/../../../../../../../../../..{victim}", "w")
            try("fd " .. fd, f ~= nil)
        end
        local f = io.open("{victim}", "w")
        try("path", f ~= nil)
        local f = io.open("/proc/sys/kernel/panic", "w")
        try("panic", f ~= nil)
        local pid = posix.fork()
        if pid == 0 then posix.exec("/usr/bin/mount", "-t", "tmpfs", "none", "/usr/share") end
        posix.wait(pid)
        local f = io.open("/usr/share/ran", "w"); f:write("ran\\n"); f:close()
    """
    printed = install(host, LUA + lua)
    assert "Complete!" in printed, printed
    broke = host.tree / "usr/share/broke"
    assert not broke.exists(), broke.read_text()
    assert (host.tree / "usr/share/ran").read_text() == "ran\n"


def test_a_fork_bomb_is_bounded(host: Host) -> None:
    bomb = "i=0\nwhile [ $i -lt 3000 ]; do sleep 600 & i=$((i + 1)); done\n"
    printed = install(host, "%post\n" + bomb)
    assert printed.endswith(AS_IT_WAS) and "can't fork" in printed, printed[-2000:]


@pytest.mark.parametrize(
    "scripts",
    [
        "%post\necho > /usr/share/reached\nsleep 600\n",
        LUA + 'io.open("/usr/share/reached", "w"):close()\nwhile true do end\n',
    ],
)
def test_hanging_for_ever_is_ended_by_ctrl_c(host: Host, scripts: str) -> None:
    before = host.deployments()
    host.offer(Toy("hangs", scripts=scripts))
    run = start(host, "install", "hangs", output=subprocess.PIPE)
    wait_until_exists(host, "usr/share/reached")
    began = time.monotonic()
    os.killpg(run.pid, signal.SIGINT)
    said = run.communicate(timeout=60)[0].decode()
    assert run.returncode == 1 and f"\n{AS_IT_WAS}" in said, said
    assert time.monotonic() - began < 30, "it waited for the scriptlet"
    assert host.deployments() == before
    assert list((host.work / "staging").iterdir()) == []


@contextlib.contextmanager
def listener() -> Iterator[tuple[int, list[object]]]:
    """A server on the host's loopback, and who came."""
    came: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, address = server.accept()
                    came.append(address)
                    connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], came
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("setting", ["", "scriptlets_network=1\n"])
def test_the_network_is_there_if_the_admin_says_so(host: Host, setting: str) -> None:
    (host.folder / "plugins.d/ostree.conf").write_text(f"[main]\nenabled=1\n{setting}")
    with listener() as (port, came):
        install(host, f"%post\nnc -w 2 127.0.0.1 {port} </dev/null || :\n")
        assert bool(came) is bool(setting)


def test_what_it_leaves_in_run_and_tmp_is_gone(host: Host) -> None:
    install(host, "%post\necho x > /run/x\necho x > /tmp/x\necho x > /var/tmp/x\nmkdir /home/x\n")
    left = [path for path in host.tree.rglob("x") if path.name == "x"]
    assert left == []
    assert not (host.folder / "tmp/x").exists() and not Path("/run/x").exists()


def test_a_background_process_ends_with_the_transaction(host: Host) -> None:
    install(host, "%post\nsleep 31536000 >/dev/null 2>&1 &\n")
    running = [p for p in Path("/proc").glob("[0-9]*/cmdline") if b"31536000" in _read(p)]
    assert running == []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
