# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's RPM repository: real Debian packages, converted once and kept in the lab's cache."""

from __future__ import annotations

import concurrent.futures
import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from tests.lab import convert, debian, own, tools
from tests.lab.convert import Content, Fixup
from tests.toys import CACHE

# What the base tree is made of: a small system that has dnf, rpm and ostree.
TREE = """
    bash bsdutils coreutils dash debianutils diffutils findutils grep gzip hostname init-system-helpers libc-bin login
    ncurses-base ncurses-bin perl-base sed sysvinit-utils tar util-linux mount passwd procps less mawk libpam-runtime
    libpam-modules systemd systemd-sysv dbus linux-image-cloud-amd64 ostree ostree-boot dnf rpm python3-gi
    gir1.2-ostree-1.0
""".split()
# What the repository has besides.
OFFERED = "htop tree nano file bc dracut-core python3-yaml".split()
# Daemons and tools that need more of a tree than files: these, and what they need, bring their maintainer scripts.
REAL = """
    at avahi-daemon bind9 ca-certificates chrony cron cups-daemon exim4-daemon-light gsettings-desktop-schemas
    iputils-ping logrotate memcached nginx-light openssh-server openvpn polkitd postgresql-15 redis-server rsyslog sudo
    tcpdump uuid-runtime vim-tiny
""".split()
# A policy of SELinux, and what builds it.
POLICY = ["selinux-policy-default", "semodule-utils", "bubblewrap"]
# What the tools of the scripts need.
SCRIPT_TOOLS = ["adduser", "libmd0"]
# Scripts that stay behind, and why.
LEFT = {
    "adduser": "is itself one of the tools that scripts call",
    "libpam-systemd": "pam-auth-update needs debconf itself",
    "locales": "makes the locales that a user chose, and there is no user to ask",
}

# rpm 4.18 does not run a trigger for removed files that names several places.
LIBRARY_TRIGGERS = """%transfiletriggerin -- /usr/lib/x86_64-linux-gnu /etc/ld.so.conf.d
/usr/sbin/ldconfig
%transfiletriggerpostun -- /usr/lib/x86_64-linux-gnu
/usr/sbin/ldconfig
"""
# Debian's own triggers of libglib2.0-0.
GLIB_TRIGGERS = """%transfiletriggerin -- /usr/share/glib-2.0/schemas
/usr/lib/x86_64-linux-gnu/glib-2.0/glib-compile-schemas /usr/share/glib-2.0/schemas
%transfiletriggerpostun -- /usr/share/glib-2.0/schemas
[ ! -d /usr/share/glib-2.0/schemas ] ||
    /usr/lib/x86_64-linux-gnu/glib-2.0/glib-compile-schemas /usr/share/glib-2.0/schemas
%transfiletriggerin -- /usr/lib/x86_64-linux-gnu/gio/modules
/usr/lib/x86_64-linux-gnu/glib-2.0/gio-querymodules /usr/lib/x86_64-linux-gnu/gio/modules
%transfiletriggerpostun -- /usr/lib/x86_64-linux-gnu/gio/modules
/usr/lib/x86_64-linux-gnu/glib-2.0/gio-querymodules /usr/lib/x86_64-linux-gnu/gio/modules
"""
FIXUPS = {
    "libc6": Fixup(requires=("filesystem",)),
    "libc-bin": Fixup(raw=LIBRARY_TRIGGERS),
    "systemd": Fixup(raw="%transfiletriggerin -- /usr/lib/sysusers.d\n/usr/bin/systemd-sysusers || :\n"),
    "libglib2.0-0": Fixup(raw=GLIB_TRIGGERS),
    # Debian's script would copy it; an empty one means the defaults.
    "adduser": Fixup(files={"/etc/adduser.conf": ""}),
    # A database is made on the host, not in the tree.
    "postgresql-common": Fixup(files={"/etc/postgresql-common/createcluster.conf": "create_main_cluster = false\n"}),
    # When libostree merges /etc, it makes the policy there anew, in a sandbox; that is, from the next boot on.
    "selinux-policy-default": Fixup(requires=("bubblewrap",)),
    "dash": Fixup(provides=("/bin/sh", "/usr/bin/sh")),
    "bash": Fixup(provides=("/bin/bash", "/usr/bin/bash")),
    "mawk": Fixup(links={"/usr/bin/awk": "mawk", "/usr/bin/nawk": "mawk"}),
    "debianutils": Fixup(links={"/usr/bin/which": "which.debianutils"}),
    "libpam-runtime": Fixup(
        files={
            "/etc/pam.d/common-auth": "auth required pam_unix.so nullok\n",
            "/etc/pam.d/common-account": "account required pam_unix.so\n",
            "/etc/pam.d/common-password": "password required pam_unix.so yescrypt\n",
            "/etc/pam.d/common-session": "session required pam_unix.so\n",
            "/etc/pam.d/common-session-noninteractive": "session required pam_unix.so\n",
        }
    ),
    # Every image of RPMs says where its database is; Debian's rpm would look in the home of whoever calls it.
    "rpm-common": Fixup(files={"/usr/lib/rpm/macros.d/macros.tree": "%_dbpath /usr/lib/sysimage/rpm\n"}),
}
USERS = """root:x:0:0:root:/root:/bin/bash
daemon:x:1:1::/usr/sbin:/usr/sbin/nologin
bin:x:2:2::/bin:/usr/sbin/nologin
sys:x:3:3::/dev:/usr/sbin/nologin
man:x:6:12::/var/cache/man:/usr/sbin/nologin
mail:x:8:8::/var/mail:/usr/sbin/nologin
www-data:x:33:33::/var/www:/usr/sbin/nologin
nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin
"""
GROUPS = """root:0 daemon:1 bin:2 sys:3 adm:4 tty:5 disk:6 lp:7 mail:8 man:12 kmem:15 dialout:20 cdrom:24 tape:26
    sudo:27 audio:29 dip:30 www-data:33 shadow:42 utmp:43 video:44 sasl:45 plugdev:46 staff:50 games:60 users:100
    nogroup:65534
""".split()
OS_RELEASE = 'PRETTY_NAME="Atomic World 12"\nNAME="Atomic World"\nID=world\nID_LIKE="debian fedora"\nVERSION_ID=12\n'
STANDARD = frozenset(
    """/boot /dev /etc /home /media /mnt /opt /proc /run /srv /sys /usr /usr/bin /usr/games /usr/include /usr/lib
    /usr/lib64 /usr/lib/x86_64-linux-gnu /usr/lib/systemd /usr/lib/systemd/system /usr/lib/tmpfiles.d
    /usr/lib/sysusers.d /usr/libexec /usr/local /usr/sbin /usr/share /usr/share/doc /usr/share/man /usr/share/locale
    /usr/src /var /var/cache /var/lib /var/log /var/mail /var/spool /etc/profile.d /root /tmp /var/tmp
    /usr/lib/python3 /usr/share/bash-completion""".split()
)
SOURCES = ("convert.py", "debian.py", "scripts.py", "tools.py", "world.py", "debian-tools/*")
PRIVATE = {"/root": 0o700, "/tmp": 0o1777, "/var/tmp": 0o1777, "/var/mail": 0o2775}


def repository() -> Path:
    """The repository, made now if it is not in the cache; it is made anew when the lab's description of it changes."""
    sources = [path for pattern in SOURCES for path in sorted(Path(__file__).parent.glob(pattern))]
    key = hashlib.sha256(b"".join(path.read_bytes() for path in sources))
    folder = CACHE / f"world-{key.hexdigest()[:16]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "world.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "repo/repodata").exists():
            for former in CACHE.glob("world-*"):
                shutil.rmtree(former)
            _make(folder)
    return folder / "repo"


def is_debian() -> bool:
    return shutil.which("apt-get") is not None


def _make(folder: Path) -> None:
    debs, repo = CACHE / "debs", folder / "repo"
    for directory in (debs, repo):
        directory.mkdir(parents=True, exist_ok=True)
    if not is_debian():
        own.download(repo, [*own.TREE, *own.OFFERED])
        return
    archive = debian.Archive()
    tree = {deb.name for deb in archive.closure(TREE)}
    wanted = archive.closure([*TREE, *OFFERED, *REAL, *POLICY, *SCRIPT_TOOLS])
    dpkg = archive.closure(["dpkg"])[0]
    debian.download([*wanted, dpkg], debs)
    _make_filesystem(folder, repo)
    tools.make(dpkg, debs / dpkg.file_name, folder, repo)
    with concurrent.futures.ProcessPoolExecutor() as pool:
        jobs = [
            pool.submit(_convert, deb, debs, repo, carried=deb.name not in tree and deb.name not in LEFT)
            for deb in sorted(wanted, key=lambda deb: -deb.size)
        ]
        for job in jobs:
            job.result()
    subprocess.run(["createrepo_c", "-q", "--general-compress-type=gz", os.fspath(repo)], check=True)


def _convert(deb: debian.Deb, debs: Path, repo: Path, *, carried: bool) -> None:
    """What the tree is made of stays as it is; the packages that are installed on a host bring their scripts."""
    source, fixup = debs / deb.file_name, FIXUPS.get(deb.name, Fixup())
    convert.convert(deb, source, repo, convert.with_scripts(deb, source, fixup) if carried else fixup, STANDARD)


def _make_filesystem(folder: Path, repo: Path) -> None:
    """The package that every other one stands on."""
    work = folder / "filesystem"
    work.mkdir()
    content = Content(work / "root")
    for path in sorted(STANDARD):
        content.directory(path, PRIVATE.get(path, 0o755))
    for name in ("bin", "sbin", "lib", "lib64"):
        content.link(f"/{name}", f"usr/{name}")
    content.link("/var/run", "../run")
    content.link("/etc/os-release", "../usr/lib/os-release")
    content.file("/usr/lib/os-release", OS_RELEASE.encode())
    content.file("/etc/passwd", USERS.encode())
    content.file("/etc/shadow", b"root::19000:0:99999:7:::\n", 0o640)
    content.file("/etc/group", "".join(f"{entry.replace(':', ':x:')}:\n" for entry in GROUPS).encode())
    content.file(
        "/etc/nsswitch.conf", b"passwd: files systemd\ngroup: files systemd\nshadow: files\nhosts: files dns\n"
    )
    content.file("/etc/profile", b'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin\nexport PATH\nPS1="# "\n')
    provides = ("system-release = 12", "base-files = 12.4", "usr-is-merged = 37", "base-passwd = 3.6", "awk")
    head = [
        "Name: filesystem",
        "Version: 12",
        "Release: 1",
        "Summary: base layout",
        "License: none",
        "BuildArch: noarch",
    ]
    convert.build(work, repo, head + [f"Provides: {name}" for name in provides], content)
    shutil.rmtree(work)


if __name__ == "__main__":
    print(repository())
