# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf tree remote`: the remotes of a host, or of a repository, and their keys."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ostree_layer import keyring, pull, remotes, repo, sysroot
from ostree_layer.answer import Answer
from ostree_layer.errors import HostError, RepoError
from ostree_layer.fields import field, listed, moment
from ostree_layer.hosting.act import Act
from ostree_layer.hosting.means import Means
from ostree_layer.hosting.store import PUBLIC_KEY
from ostree_layer.keyring import Key
from ostree_layer.ostree_gi import OSTree
from ostree_layer.remotes import Configured, Place

log = logging.getLogger("dnf.plugin")
MIRRORLIST = "mirrorlist="


class Remote(Act):
    """`dnf tree remote add|list|remove`."""

    @staticmethod
    def set_argparser(parser: argparse.ArgumentParser) -> None:
        add = parser.add_argument
        add("what", choices=WHAT, metavar="|".join(WHAT), help="what to do")
        add("name", metavar="NAME", nargs="?", help="the remote")
        add("url", metavar="URL", nargs="?", help="where its trees are")
        text = "a key that its commits can be signed by; can be repeated"
        add("--gpgkey", action="append", default=[], metavar="FILE|URL", help=text)
        add("--contenturl", default="", metavar="URL", help="where all but its summary and refs is")
        add("--proxy", default="", metavar="URL", help="the proxy that leads to it")
        add("--verify-summary", action="store_true", help="its summary has to be signed, too")
        add("--no-verify", action="store_true", help="its commits need not be signed")
        add("--anyway", action="store_true", help="change what is there; remove what deployments follow")

    @staticmethod
    def answer(means: Means, opts: argparse.Namespace) -> Answer:
        wanted = {"add": ("name", "url"), "list": (), "remove": ("name",)}[opts.what]
        words = [word for word in ("name", "url") if getattr(opts, word) is not None]
        if tuple(words) != wanted:
            usage = " ".join(["dnf tree remote", opts.what, *map(str.upper, wanted)])
            raise RepoError("that is not all, or too much", hint=usage)
        return WHAT[opts.what](means, opts)


class Fetched(NamedTuple):
    """A file of keys: where it comes from, what is in it, and the keys in it that the remote does not trust yet."""

    url: str
    content: bytes
    new: tuple[Key, ...]


def _list(means: Means, _opts: argparse.Namespace) -> Answer:
    with _reading(means) as place:
        found = place.all()
    lines = (line for one in found for line in _lines(one))
    return Answer("remotes", lambda: list(map(remotes.as_json, found)), lines if found else ["There are no remotes."])


def _add(means: Means, opts: argparse.Namespace) -> Answer:
    with _reading(means) as place:
        former = place.read(opts.name)
    fetched = _fetched(means, opts, former)
    wanted = _wanted(means, opts, former)
    different = remotes.differences(former.remote, wanted) if former else []
    if different and not opts.anyway:
        hint = "--anyway changes it"
        raise RepoError(f"there is a remote {opts.name} already: {'; '.join(different)}", hint=hint)
    if former and not different and not fetched:
        return _told(means, opts.name, "The remote {0} is there already, and the same.", is_changed=False)
    _warn(means, wanted)
    for one in fetched:
        _approve(means, one)
    with _changing(means) as (place, _opened):
        place.write(wanted, [one.content for one in fetched])
    done = "Added the remote {0}, in {1}." if former is None else "Changed the remote {0}, in {1}."
    return _told(means, opts.name, done, is_changed=True)


def _told(means: Means, name: str, sentence: str, *, is_changed: bool) -> Answer:
    with _reading(means) as place:
        found = place.read(name)
    if found is None:
        raise RepoError(f"the remote {name} has gone")
    value = {**remotes.as_json(found), "changed": is_changed}
    return Answer("remote", lambda: value, [sentence.format(name, found.where)])


def _remove(means: Means, opts: argparse.Namespace) -> Answer:
    with _changing(means) as (place, opened):
        pull.require_remote(place.store, opts.name)
        found = remotes.followers(opened, opts.name) if opened is not None else []
        if found and not opts.anyway:
            which = ", ".join(map(str, found))
            hint = "--anyway removes it all the same; they have no newer commit then"
            raise HostError(f"the remote {opts.name} is followed: deployment {which}", hint=hint)
        place.remove(opts.name)
    value = {"name": opts.name, "followers": found}
    return Answer("removed", lambda: value, [f"Removed the remote {opts.name} and its keys."])


WHAT = {"add": _add, "list": _list, "remove": _remove}


@contextlib.contextmanager
def _reading(means: Means) -> Iterator[Place]:
    """Where the remotes are, to look at them."""
    if means.host is None:
        yield Place(repo.open_repo(_repo(means)))
    else:
        opened = sysroot.open_sysroot(means.host)
        yield Place(sysroot.repository(opened), Path(means.host.sysroot))


@contextlib.contextmanager
def _changing(means: Means) -> Iterator[tuple[Place, OSTree.Sysroot | None]]:
    """The same, to change them; with the host's deployments, if it is one."""
    if means.host is None:
        opened = repo.open_repo(_repo(means))
        repo.require_writable(opened)
        yield Place(opened), None
        return
    with sysroot.changing(means.host) as locked:
        yield Place(sysroot.repository(locked), Path(means.host.sysroot)), locked


def _repo(means: Means) -> Path:
    if means.repo is None:
        hint = "--repo=DIR names a repository, OSTREE_SYSROOT or sysroot= in ostree.conf a host that is not booted"
        raise HostError("this machine is not an OSTree host", hint=hint)
    return means.repo


def _wanted(means: Means, opts: argparse.Namespace, former: Configured | None) -> remotes.Remote:
    """The remote that the options say; RepoError where nobody says what signs its commits."""
    has_keys = bool(opts.gpgkey or (former and former.keys))
    is_verified = not opts.no_verify and (has_keys or opts.gpgcheck is not False)
    url = _address(opts.url)
    if (is_verified or opts.verify_summary) and not has_keys:
        key = f"{url.rstrip('/')}/{PUBLIC_KEY}"
        offered = f"it offers one: --gpgkey={key} takes it" if _is_there(means, key) else "--gpgkey=FILE|URL names it"
        message = f"no key is known that signs the commits of {opts.name}"
        raise RepoError(message, hint=f"{offered}; --no-verify takes commits that nobody has signed")
    content = _address(opts.contenturl) if opts.contenturl else ""
    return remotes.Remote(opts.name, url, content, opts.proxy, is_verified, opts.verify_summary)


def _fetched(means: Means, opts: argparse.Namespace, former: Configured | None) -> list[Fetched]:
    """The keys that the options name, without what the remote has already; RepoError where all have expired."""
    known = {dataclasses.replace(key, user="") for key in (former.keys if former else ())}
    found = []
    for name in opts.gpgkey:
        url = _address(name)
        content = means.fetch(url)
        try:
            keys = keyring.parse(content)
        except RepoError as e:
            raise RepoError(f"there are no GPG keys in {name}") from e
        if all(key.is_expired for key in keys):
            raise RepoError(f"the key {keys[0].fingerprint} in {name} expired on {moment(keys[0].expires)}")
        new = tuple(key for key in keys if dataclasses.replace(key, user="") not in known)
        found += [Fetched(url, content, new)] if new else []
    return found


def _approve(means: Means, fetched: Fetched) -> None:
    """Show the keys as DNF shows those of its repositories, and ask; RepoError if the user does not trust them."""
    for key in fetched.new:
        printable = " ".join(key.fingerprint[at : at + 4] for at in range(0, len(key.fingerprint), 4))
        user, where = f' Userid     : "{key.user}"', fetched.url.replace("file://", "")
        lines = [f"Importing GPG key 0x{key.fingerprint[-8:]}:", user, f" Fingerprint: {printable}"]
        log.critical("%s", "\n".join([*lines, f" From       : {where}"]))
    if not means.confirm():
        raise RepoError("the key is not trusted; no remote was added or changed")


def _warn(means: Means, wanted: remotes.Remote) -> None:
    if not wanted.gpg_verify:
        log.warning("Warning: commits of %s are taken whoever made them.", wanted.name)
    if wanted.url.startswith(MIRRORLIST):
        return
    if not any(_is_there(means, f"{wanted.url.rstrip('/')}/{name}") for name in ("summary", "config")):
        log.warning("Warning: there is no repository of trees at %s now.", wanted.url)


def _is_there(means: Means, url: str) -> bool:
    try:
        means.fetch(url)
    except RepoError:
        return False
    return True


def _address(word: str) -> str:
    """A path as an address, an address as it is."""
    return word if "://" in word else f"file://{os.path.abspath(word)}"


def _lines(found: Configured) -> Iterator[str]:
    one = found.remote
    yield one.name
    yield field("URL", one.url)
    if one.contenturl:
        yield field("Content", one.contenturl)
    if one.proxy:
        yield field("Proxy", one.proxy)
    yield field("Configured in", str(found.where))
    checked = [word for word, holds in (("commits", one.gpg_verify), ("summary", one.verify_summary)) if holds]
    yield field("Verified", " and ".join(checked) or "nothing")
    yield from listed("Keys", map(_key, found.keys))


def _key(key: Key) -> str:
    ending = ""
    if key.expires:
        ending = f", {'EXPIRED on' if key.is_expired else 'expires on'} {moment(key.expires)}"
    return f"{key.user} {key.fingerprint}{ending}"
