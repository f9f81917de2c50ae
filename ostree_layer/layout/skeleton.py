# SPDX-License-Identifier: GPL-2.0-or-later
"""What every OSTree tree has before its first package: places to mount on, and links to what a host keeps."""

from __future__ import annotations

from pathlib import Path

from ostree_layer import tmpfiles

MOUNT_POINTS = ("boot", "dev", "proc", "run", "sys", "sysroot", "var")
LINKS = {
    "home": "var/home",
    "media": "run/media",
    "mnt": "var/mnt",
    "opt": "var/opt",
    "ostree": "sysroot/ostree",
    "root": "var/roothome",
    "srv": "var/srv",
    "usr/local": "../var/usrlocal",
}
CONF = f"{tmpfiles.FOLDER}/00-{tmpfiles.OURS}.conf"
# Where the links lead to, on a host that boots the tree for the first time.
DIRECTORIES = {
    "home": 0o755,
    "lib": 0o755,
    "log": 0o755,
    "mnt": 0o755,
    "opt": 0o755,
    "roothome": 0o700,
    "srv": 0o755,
    "usrlocal": 0o755,
    # As on any host: what is meant for them does not make them.
    **{f"usrlocal/{name}": 0o755 for name in "bin etc games include lib man sbin share src".split()},
}


def make(folder: Path, *, tmp_is_dir: bool) -> None:
    """Fill an empty folder."""
    folder.chmod(0o755)
    for name in (*MOUNT_POINTS, "usr/etc", tmpfiles.FOLDER):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name, target in LINKS.items():
        (folder / name).symlink_to(target)
    if tmp_is_dir:
        (folder / "tmp").mkdir()
        (folder / "tmp").chmod(0o1777)
    else:
        (folder / "tmp").symlink_to("sysroot/tmp")
    lines = [tmpfiles.directory(f"/var/{name}", mode, "root", "root") for name, mode in DIRECTORIES.items()]
    tmpfiles.write(folder / CONF, [*lines, tmpfiles.directory("/run/media", 0o755, "root", "root")])
