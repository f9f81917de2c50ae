# SPDX-License-Identifier: GPL-2.0-or-later
"""A host that really boots, in a virtual machine: kernel, initramfs, systemd and OSTree; driven as soft ones are.

A boot loader is played from outside: it reads the entries of the disk's /boot, and starts the one that is chosen.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Callable, NamedTuple

from ostree_layer.vm import disk, emulator, machine, supplement
from ostree_layer.vm.machine import Boot, Machine, Running
from tests import cached, netns
from tests.lab import host
from tests.lab.host import ENVIRONMENT, network

# Seconds under emulation: to boot, to answer a command, and to shut down.
BOOTS, ANSWERS, STOPS = 240, 900, 120
SAVED = "ready"
AGENT = Path(__file__).parent / "agent.py"
LINE = "/dev/ttyS1"
UNIT = f"""[Unit]
Description=The tests' agent
[Service]
ExecStart=/usr/bin/python3 /run/lab-agent.py {LINE}
"""
CONSOLES = "console=tty0 console=ttyS0 systemd.show_status=1"
FAST_LINK = re.compile(r'Fast link dest: "([^"]+)"')
ENTRY = re.compile(r"ostree-\S+?\.conf")


class Disk(NamedTuple):
    """What begins a machine: an image, and a disk on top of it that has the state of a machine which has booted."""

    folder: Path

    @property
    def image(self) -> Path:
        return self.folder / "disk.img"

    @property
    def state(self) -> Path:
        return self.folder / "state.qcow2"


class VmHost:
    """A virtual machine, connected to the network of a namespace."""

    def __init__(self, folder: Path, namespace: str, number: int) -> None:
        self.folder, self._namespace, self._number = folder, namespace, number
        self._disk = folder / "disk.qcow2"
        self._resources = contextlib.ExitStack()
        self._running: Running | None = None
        self._heard = b""

    def begin(self, name: str, description: bytes, install: Callable[[Path], None]) -> None:
        """Go on where a machine has booted what `install` makes, a sysroot in a folder; the first time, boot that."""
        self.folder.mkdir(parents=True, exist_ok=True)
        _connect(self._namespace)
        sources = b"".join(Path(path).read_bytes() for path in (__file__, supplement.__file__, disk.__file__))
        what = description + sources + AGENT.read_bytes() + bytes([self._number])
        kept = Disk(cached.folder(name, what, lambda work, made: self._prepare(work, Disk(made), install)))
        shutil.copyfile(kept.state, self._disk)
        _qemu_img("rebase", "-u", "-F", "raw", "-b", os.fspath(kept.image), os.fspath(self._disk))
        self._start(
            Boot(kept.folder / "kernel", kept.folder / "initramfs", (kept.folder / "options").read_text()), SAVED
        )
        self._ask(time=time.time())

    def _prepare(self, work: Path, made: Disk, install: Callable[[Path], None]) -> None:
        install(work / "sysroot")
        disk.image(work / "sysroot", made.image)
        host.remove(work / "sysroot")
        _qemu_img("create", "-q", "-f", "qcow2", "-F", "raw", "-b", os.fspath(made.image), os.fspath(self._disk))
        self.boot()
        assert self._running is not None
        self._running.monitor.save(SAVED)
        self.power_off()
        shutil.copyfile(self.folder / "kernel", made.folder / "kernel")
        shutil.copyfile(self.folder / "initramfs", made.folder / "initramfs")
        (made.folder / "options").write_text(self._options)
        self._disk.rename(made.state)

    def boot(self, entry: int = 0) -> None:
        """Start an entry of /boot, the newest by default, and wait until all has started that belongs to its target."""
        boot = self._load(entry)
        self._start(boot)
        self._hear(BOOTS)
        self.run("systemctl", "is-system-running", "--wait")

    def _load(self, entry: int) -> Boot:
        view = self.folder / "view.img"
        _qemu_img("convert", "-O", "raw", os.fspath(self._disk), os.fspath(view))
        chosen = entries(view)[entry]
        for name in ("linux", "initrd"):
            _debugfs(view, f"dump /boot{chosen[name]} {self.folder / name}")
        view.unlink()
        content = supplement.enabled("lab-agent.service", UNIT, "basic.target")
        content["lab-agent.py"] = AGENT.read_text()
        content.update(network(netns.address(self._number)))
        (self.folder / "linux").rename(self.folder / "kernel")
        made = supplement.supplemented((self.folder / "initrd").read_bytes(), content)
        (self.folder / "initramfs").write_bytes(made)
        self._options = f"{chosen['options']} {CONSOLES}"
        return Boot(self.folder / "kernel", self.folder / "initramfs", self._options)

    def _start(self, boot: Boot, state: str = "") -> None:
        link = ("-netdev", "tap,id=net,ifname=tap,script=no,downscript=no")
        card = ("-device", f"virtio-net-pci,netdev=net,mac=52:54:00:77:00:{self._number:02x}")
        made = Machine(boot, self._disk, "qcow2", keeps=True, memory=1024, network=(*link, *card), state=state)
        made = dataclasses.replace(made, inside=("ip", "netns", "exec", self._namespace))
        running = machine.running(made, emulator.find(), self.folder, is_talking=True)
        self._running = self._resources.enter_context(running)
        self._heard = b""

    def run(self, *command: str, answer: str = "") -> subprocess.CompletedProcess[str]:
        """Run command on the booted host; stdout has what it prints, errors included."""
        done = self._ask(argv=command, environment=ENVIRONMENT, input=answer)
        return subprocess.CompletedProcess(command, done["status"], done["said"])

    def write(self, path: str, content: bytes) -> None:
        self._ask(write=path, content=base64.b64encode(content).decode())

    def read(self, path: str) -> bytes:
        return base64.b64decode(self._ask(read=path)["content"])

    def _ask(self, **request: Any) -> dict[str, Any]:
        assert self._running is not None, "the host is not up"
        self._running.line.sendall(json.dumps(request).encode() + b"\n")
        return self._hear(ANSWERS)

    def _hear(self, seconds: float) -> dict[str, Any]:
        """The next answer; a machine that does not give one is ended, and what its console has shown is told."""
        assert self._running is not None
        self._running.line.settimeout(seconds)
        try:
            while b"\n" not in self._heard:
                more = self._running.line.recv(1 << 16)
                assert more, f"the machine has ended: {self._running.complaint()}\n{self._running.shown()[-3000:]}"
                self._heard += more
        except socket.timeout:
            shown = self._running.shown()
            self.power_off()
            raise AssertionError(f"the machine has not answered within {seconds} s:\n{shown[-3000:]}") from None
        line, _newline, self._heard = self._heard.partition(b"\n")
        return dict(json.loads(line))

    def shut_down(self) -> None:
        """Let systemd stop everything, which finalizes a staged deployment, and end."""
        assert self._running is not None, "the host is not up"
        self.run("systemctl", "poweroff", "--no-block")
        end = time.monotonic() + STOPS
        while not self._running.has_ended():
            assert time.monotonic() < end, f"the machine does not shut down:\n{self._running.shown()[-3000:]}"
            time.sleep(0.1)
        self.power_off()

    def power_off(self) -> None:
        """End everything at once, as pulling the plug does."""
        self._resources.close()
        self._running = None

    def reboot(self) -> None:
        self.shut_down()
        self.boot()

    def remove(self) -> None:
        self.power_off()
        shutil.rmtree(self.folder)


def _connect(namespace: str) -> None:
    """Let a machine in a namespace be where a soft-booted host would be."""
    steps = (
        "link add plug type bridge",
        "link set eth master plug",
        "tuntap add dev tap mode tap",
        "link set tap master plug",
        "link set tap up",
        "link set plug up",
    )
    for step in steps:
        subprocess.run(["ip", "-n", namespace, *step.split()], check=True)


def entries(image: Path) -> list[dict[str, str]]:
    """What a boot loader would offer of an image, the newest first."""
    loader = "/boot/loader"
    if link := FAST_LINK.search(_debugfs(image, f"stat {loader}")):
        loader = f"/boot/{link[1]}"
    names = sorted(set(ENTRY.findall(_debugfs(image, f"ls -p {loader}/entries"))))
    found = [_debugfs(image, f"cat {loader}/entries/{name}").splitlines() for name in names]
    parsed = [dict(line.split(maxsplit=1) for line in lines if " " in line) for lines in found]
    return sorted(parsed, key=lambda entry: -int(entry["version"]))


def _debugfs(image: Path, command: str) -> str:
    argv = ["debugfs", "-R", command, os.fspath(image)]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def _qemu_img(*arguments: str) -> None:
    subprocess.run(["qemu-img", *arguments], check=True, stdout=subprocess.DEVNULL)
