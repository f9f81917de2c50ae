# SPDX-License-Identifier: GPL-2.0-or-later
"""libostree's remotes: what their configuration says, and the keys that they trust."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ostree_layer import keyring, origin, pull, repo, signals
from ostree_layer.errors import RepoError
from ostree_layer.failpoint import failpoint
from ostree_layer.keyring import Key
from ostree_layer.ostree_gi import Gio, GLib, OSTree, gfile, translated

# Below the root of a sysroot; libostree writes there on a booted host.
FOLDER = "etc/ostree/remotes.d"
# Of each field of Remote, how libostree calls it.
OPTIONS = {
    "url": "url",
    "contenturl": "contenturl",
    "proxy": "proxy",
    "gpg_verify": "gpg-verify",
    "verify_summary": "gpg-verify-summary",
}
TEXTS, CHOICES = ("url", "contenturl", "proxy"), ("gpg_verify", "verify_summary")


@dataclasses.dataclass(frozen=True)
class Remote:
    """What a user says of a remote; empty where nothing."""

    name: str
    url: str
    contenturl: str = ""
    proxy: str = ""
    gpg_verify: bool = True
    verify_summary: bool = False


@dataclasses.dataclass(frozen=True)
class Configured:
    """A remote with the file that has its configuration, and the keys that its commits can be signed by."""

    remote: Remote
    where: Path
    keys: tuple[Key, ...]


@dataclasses.dataclass(frozen=True)
class Place:
    """A repository and its remotes; `root` is that of the sysroot that the repository is of, None for any other."""

    store: OSTree.Repo
    root: Path | None = None

    @property
    def _path(self) -> Path:
        """By a name that a user can use: that of a sysroot's repository is a file descriptor."""
        return repo.path_of(self.store) if self.root is None else self.root / "ostree/repo"

    def read(self, name: str) -> Configured | None:
        """The remote of this name, if there is one."""
        if name not in pull.remotes(self.store):
            return None
        with translated(f"reading the settings of the remote {name}", RepoError):
            texts = {field: self.store.get_remote_option(name, OPTIONS[field], "")[1] or "" for field in TEXTS}
            by_gpg = bool(self.store.remote_get_gpg_verify(name)[1])
            summary = bool(self.store.remote_get_gpg_verify_summary(name)[1])
        remote = Remote(name, **texts, gpg_verify=by_gpg, verify_summary=summary)
        return Configured(remote, self._keyfile(name)[0], self._keys(name))

    def all(self) -> list[Configured]:
        found = map(self.read, pull.remotes(self.store))
        return [one for one in found if one is not None]

    def write(self, wanted: Remote, keys: Iterable[bytes]) -> None:
        """Add the remote, or change it, and let it trust keys from now on; one that was added without them is no more.

        What its configuration says besides stays.
        """
        is_new = wanted.name not in pull.remotes(self.store)
        doing = f"{'adding' if is_new else 'changing'} the remote {wanted.name}"
        others = {} if is_new else self._others(wanted.name)
        options: dict[str, GLib.Variant] = {key: GLib.Variant("s", value) for key, value in others.items()}
        options.update((OPTIONS[field], GLib.Variant("s", getattr(wanted, field))) for field in TEXTS[1:])
        options.update((OPTIONS[field], GLib.Variant("b", getattr(wanted, field))) for field in CHOICES)
        options = {key: value for key, value in options.items() if value.unpack() != ""}
        how = OSTree.RepoRemoteChange.ADD if is_new else OSTree.RepoRemoteChange.REPLACE
        with signals.held_off(), translated(doing, RepoError):
            self._change(how, wanted.name, wanted.url, GLib.Variant("a{sv}", options))
            try:
                failpoint("remotes::written")
                for content in keys:
                    stream = Gio.MemoryInputStream.new_from_bytes(GLib.Bytes.new(content))
                    self.store.remote_gpg_import(wanted.name, stream, None, None)
            except BaseException:
                if is_new:
                    self._change(OSTree.RepoRemoteChange.DELETE, wanted.name)
                raise

    def remove(self, name: str) -> None:
        """Remove the remote and its keyring; its refs and commits stay."""
        with translated(f"removing the remote {name}", RepoError):
            self._change(OSTree.RepoRemoteChange.DELETE, name)

    def _change(
        self, how: OSTree.RepoRemoteChange, name: str, url: str | None = None, options: GLib.Variant | None = None
    ) -> None:
        """On a host that is not booted, below its root: libostree would not find there what it has written."""
        root = gfile(self.root) if self.root == Path("/") else None
        self.store.remote_change(root, how, name, url, options, None)

    def _keyfile(self, name: str) -> tuple[Path, GLib.KeyFile]:
        """The file that has the remote's configuration, read."""
        config = self.store.get_config()
        if not config.has_group(_group(name)):
            for path in sorted(((self.root or Path("/")) / FOLDER).glob("*.conf")):
                found = GLib.KeyFile()
                with translated(f"reading {path}", RepoError):
                    found.load_from_file(str(path), GLib.KeyFileFlags.NONE)
                if found.has_group(_group(name)):
                    return path, found
        return self._path / "config", config

    def _others(self, name: str) -> dict[str, str]:
        """What a remote's configuration says that is no field of Remote."""
        keyfile, group = self._keyfile(name)[1], _group(name)
        known = keyfile.get_keys(group)[0] if keyfile.has_group(group) else []
        return {key: str(keyfile.get_string(group, key)) for key in known if key not in OPTIONS.values()}

    def _keys(self, name: str) -> tuple[Key, ...]:
        """Those that were imported, and those that the configuration names."""
        imported = self._path / f"{name}.trustedkeys.gpg"
        with translated(f"reading the settings of the remote {name}", RepoError):
            named = self.store.get_remote_option(name, "gpgkeypath", "")[1] or ""
        paths = [Path(path) for path in named.split(";") if path]
        files = [file for path in paths for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
        return tuple(key for file in (imported, *files) if file.is_file() for key in keyring.read(file))


def _group(name: str) -> str:
    return f'remote "{name}"'


def differences(old: Remote, new: Remote) -> list[str]:
    """What a change means, field by field."""
    pairs = ((OPTIONS[field], getattr(old, field), getattr(new, field)) for field in OPTIONS)
    return [f"{option} is {_shown(before)}, not {_shown(now)}" for option, before, now in pairs if before != now]


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value) or "nothing"


def followers(sysroot: OSTree.Sysroot, name: str) -> list[int]:
    """The deployments, by index, whose next base commit comes from the remote."""
    found = (origin.following(deployment) for deployment in sysroot.get_deployments())
    return [index for index, refspec in enumerate(found) if refspec and pull.parse(refspec)[0] == name]


def as_json(found: Configured) -> dict[str, Any]:
    keys = [{**dataclasses.asdict(key), "expired": key.is_expired} for key in found.keys]
    return {**dataclasses.asdict(found.remote), "where": str(found.where), "keys": keys}
