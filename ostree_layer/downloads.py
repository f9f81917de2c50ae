# SPDX-License-Identifier: GPL-2.0-or-later
"""What libostree downloads, downloaded as DNF's configuration wants it."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import re
import secrets
import time
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any, Callable, TypeVar

from ostree_layer import forwarding, loopback
from ostree_layer.errors import RepoError
from ostree_layer.model import Network
from ostree_layer.ostree_gi import GLib, OSTree

log = logging.getLogger("dnf.plugin")
# What is shown of a pull: done, of how many, and bytes.
Progress = Callable[[int, int, int], None]
T = TypeVar("T")
LIBOSTREE = OSTree.YEAR_VERSION, OSTree.RELEASE_VERSION
# As far as is known, the last that fetches the objects of a static delta, too, while it unpacks it.
FETCHES_TWICE = 2022, 7
# DNF's word for ever.
FOR_EVER = 2**31 - 1
# A publisher replaces the summary and its signature within moments; pauses are in seconds.
SWAPS, PAUSE = 5, 0.3
# In the words of libostree, with the numbers of libcurl, for a connection that ended before its time.
BROKEN = re.compile(r": \[(18|52|55|56|92)\] ")
# Those that libcurl reads; the others are for all schemes or for certain hosts.
PROXIES = ("http_proxy", "https_proxy")


def pull(
    store: OSTree.Repo, remote: str, wanted: Mapping[str, GLib.Variant], progress: Progress, network: Network
) -> None:
    """Pull by libostree's options; GLib.Error where it fails, for which a moment between two summaries is none."""
    is_signed = bool(store.remote_get_gpg_verify_summary(remote)[1])
    with going_through(store, remote, network):
        again(lambda: pull_once(store, remote, wanted, progress, network), network, is_signed=is_signed)


def pull_once(
    store: OSTree.Repo, remote: str, wanted: Mapping[str, GLib.Variant], progress: Progress, network: Network
) -> None:
    values = GLib.Variant("a{sv}", {**options(network), **wanted})
    with _watched(progress) as watched:
        store.pull_with_options(remote, values, watched, None)


def options(network: Network) -> dict[str, GLib.Variant]:
    """What libostree can be told of it; it passes over what it does not know yet."""
    numbers = {
        "n-network-retries": network.retries or FOR_EVER,
        "low-speed-limit-bytes": network.minrate,
        "low-speed-time-seconds": network.timeout,
    }
    values = {name: GLib.Variant("u", number) for name, number in numbers.items()}
    return {**values, "disable-static-deltas": GLib.Variant("b", LIBOSTREE <= FETCHES_TWICE)}


def again(act: Callable[[], T], network: Network, *, is_signed: bool) -> T:
    """What act returns; tried again after a connection broke, which libostree does not do, and where a signed summary
    does not fit its signature: it may be being replaced."""
    swaps, breaks = SWAPS, network.retries or FOR_EVER
    while True:
        try:
            return act()
        except GLib.Error as e:
            if breaks and BROKEN.search(e.message):
                breaks -= 1
            elif swaps and is_signed and e.matches(OSTree.gpg_error_quark(), OSTree.GpgError.INVALID_SIGNATURE):
                swaps -= 1
            else:
                raise
        time.sleep(PAUSE)


@contextlib.contextmanager
def going_through(store: OSTree.Repo, remote: str, network: Network) -> Iterator[None]:
    """For the body, let what is downloaded of the remote take the way that the network's settings say."""
    if store.get_remote_option(remote, "proxy", None)[1]:
        if network.throttle:
            log.warning("throttle= does not hold for the remote %s, which has a proxy of its own.", remote)
        yield
        return
    with contextlib.ExitStack() as way:
        proxy, changed = network.proxy, {}
        if network.throttle:
            proxy = way.enter_context(_throttled(network))
            changed = {"no_proxy": "", "NO_PROXY": ""}
        way.enter_context(_environment({**changed, **dict.fromkeys(PROXIES, proxy)} if proxy else {}))
        yield


@contextlib.contextmanager
def _throttled(network: Network) -> Iterator[str]:
    """libostree knows no limit: a proxy that has one, which nobody else can use; yield its address."""
    word = secrets.token_hex(16)
    rules = forwarding.Rules.of(network.throttle, route(network.proxy), word)
    with loopback.serving(functools.partial(forwarding.meet, rules)) as port:
        yield f"http://{word}:@127.0.0.1:{port}"


def route(proxy: str) -> forwarding.Route:
    """The way from here to a server: through the proxy, or else as the environment says now."""
    known = urllib.request.getproxies_environment()

    def found(scheme: str, host: str) -> str:
        # By the key `no` of `known`: libcurl minds it whoever has named the proxy.
        if urllib.request.proxy_bypass_environment(host, known):  # type: ignore[attr-defined] # not in its stubs
            return ""
        named = proxy or known.get(scheme, known.get("all", ""))
        return named if "://" in named or not named else f"http://{named}"

    for named in {found("http", ""), found("https", "")} - {""}:
        if not named.startswith(("http://", "https://")):
            raise RepoError(f"throttle= cannot go through the proxy {named}: it knows HTTP only")
    return found


@contextlib.contextmanager
def _environment(changed: Mapping[str, str]) -> Iterator[None]:
    """Change this process's environment for the body: libcurl reads it, and libostree has no other word for it."""
    former = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _watched(progress: Progress) -> Iterator[OSTree.AsyncProgress]:
    """Tell of what libostree says while it pulls."""
    watched = OSTree.AsyncProgress.new()

    def changed(now: Any) -> None:
        progress(now.get_uint("fetched"), now.get_uint("requested"), now.get_uint64("bytes-transferred"))

    watched.connect("changed", changed)
    try:
        yield watched
    finally:
        watched.finish()
