# SPDX-License-Identifier: GPL-2.0-or-later
"""What a caged process sees and may do, on this machine's real kernel."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ostree_layer import cage, mounts, privileges, process
from ostree_layer.cage import Channel
from ostree_layer.errors import CommandError, TransactionFailed
from tests import guard

SH = "/usr/bin/busybox"


@pytest.fixture
def root(folder: Path) -> Iterator[Path]:
    root = folder / "root"
    for name in ("proc", "dev", "usr/bin", "etc"):
        (root / name).mkdir(parents=True)
    shutil.copy("/bin/busybox", root / "usr/bin/busybox")
    mounts.devices(root / "dev")
    yield root
    mounts.unmount(root / "dev")


def sh(script: str) -> Callable[[], tuple[int, str]]:
    def run() -> tuple[int, str]:
        done = subprocess.run([SH, "sh", "-c", script], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    return run


def test_it_sees_its_root_and_itself(root: Path) -> None:
    assert cage.call(root, lambda: sorted(os.listdir("/"))) == ["dev", "etc", "proc", "usr"]
    assert cage.call(root, os.getpid) == 1
    processes = cage.call(root, lambda: [name for name in os.listdir("/proc") if name.isdecimal()])
    assert processes == ["1"]
    assert cage.call(root, lambda: sorted(os.listdir("/dev"))) == sorted(os.listdir(root / "dev"))


def test_it_has_few_capabilities(root: Path) -> None:
    kept = sum(1 << number for number in privileges.KEPT.values())
    status = cage.call(root, sh(f"{SH} cat /proc/self/status"))[1]
    found = {line.split(":")[0]: int(line.split()[1], 16) for line in status.splitlines() if line.startswith("Cap")}
    assert found == {"CapInh": 0, "CapPrm": kept, "CapEff": kept, "CapBnd": kept, "CapAmb": 0}


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("mount -t tmpfs none /etc", "permission denied"),
        ("mknod /etc/disk b 8 0", "Operation not permitted"),
        ("reboot -f", "Operation not permitted"),
        ("ls /proc/1/root/", "Permission denied"),
        ("cat /proc/1/fd/0", "Permission denied"),
        ("echo 1 > /proc/sys/kernel/panic", "can't create"),
        ("echo b > /proc/sysrq-trigger", "can't create"),
        ("hostname other", "Operation not permitted"),
        ("ls /sys/kernel", "No such file"),
    ],
)
def test_what_it_may_not_do(root: Path, script: str, why: str) -> None:
    status, printed = cage.call(root, sh(f"{SH} --install -s /usr/bin; PATH=/usr/bin; {script}"))
    assert status != 0 and why in printed


def test_nothing_in_it_can_end_it(root: Path) -> None:
    assert cage.call(root, sh("kill -9 1; kill -9 -1; kill -TERM 1; echo alive"))[1].startswith("alive\n")


def test_it_cannot_chroot_its_way_out(root: Path) -> None:
    def escape() -> list[str]:
        os.mkdir("/jail")
        os.chroot("/jail")
        for _step in range(20):
            os.chdir("..")
        os.chroot(".")
        return sorted(os.listdir("/"))

    assert "home" not in cage.call(root, escape) and "boot" not in cage.call(root, lambda: os.listdir("/"))


def test_it_has_none_of_our_open_directories(root: Path) -> None:
    def targets() -> list[str]:
        links = (Path("/proc/self/fd", name) for name in os.listdir("/proc/self/fd"))
        return sorted(os.readlink(link) for link in links if os.path.lexists(link))

    ours = os.open("/", os.O_RDONLY)
    try:
        found = cage.call(root, targets)
    finally:
        os.close(ours)
    assert [target for target in found if target.endswith(os.devnull)]
    assert not [target for target in found if target.startswith("/") and os.path.isdir(target)]


def test_it_has_no_network_but_its_own(root: Path) -> None:
    interfaces = cage.call(root, lambda: Path("/proc/net/dev").read_text().splitlines()[2:])
    assert [line.split(":")[0].strip() for line in interfaces] == ["lo"]


def test_it_has_the_network_where_that_is_asked_for(root: Path) -> None:
    def work(channel: Channel) -> None:
        channel.send(os.readlink(f"{root}/proc/self/ns/net").encode())

    with cage.started(root, work, network=True) as channel:
        assert channel.receive()[0].decode() == os.readlink("/proc/self/ns/net")


def test_only_so_many_processes(root: Path) -> None:
    def bomb() -> int:
        number = 0
        try:
            while os.fork():
                number += 1
        except OSError:
            return number
        time.sleep(600)
        os._exit(0)

    assert cage.call(root, bomb) == cage.PROCESSES - 1


def test_what_is_raised_in_it_is_raised_here(root: Path) -> None:
    with pytest.raises(FileNotFoundError, match="/nowhere"):
        cage.call(root, lambda: os.listdir("/nowhere"))


def test_a_command_that_fails_in_it_fails_here(root: Path) -> None:
    with pytest.raises(CommandError, match="^/usr/bin/busybox false exited with status 1$") as failed:
        cage.call(root, lambda: process.run([SH, "false"]))
    assert failed.value.returncode == 1


def test_a_process_that_is_killed_from_outside(root: Path) -> None:
    with pytest.raises(TransactionFailed, match="^a caged process was killed before it was done$"):
        cage.call(root, lambda: os._exit(0))


def test_it_ends_with_its_parent(root: Path) -> None:
    script = f"""if True:
        import time
        from pathlib import Path
        from ostree_layer import cage, mounts
        mounts.enter_private_namespace()
        cage.call(Path({os.fspath(root)!r}), lambda: (Path("/etc/reached").touch(), time.sleep(600)))
    """
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=guard.CHECKOUT)
    for _attempt in range(600):
        if (root / "etc/reached").exists():
            break
        time.sleep(0.02)
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    assert children, "the cage never came up"
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    for _attempt in range(600):
        if not Path("/proc", children[0]).exists():
            return
        time.sleep(0.02)
    raise AssertionError("the caged process outlived its parent")


def test_its_environment_is_its_own(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/user/0/bus")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1")
    seen = cage.call(root, lambda: dict(os.environ))
    assert "DBUS_SESSION_BUS_ADDRESS" not in seen
    assert (seen["SYSTEMD_OFFLINE"], seen["SOURCE_DATE_EPOCH"], seen["HOME"]) == ("1", "1", "/root")
