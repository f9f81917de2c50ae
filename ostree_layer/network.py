# SPDX-License-Identifier: GPL-2.0-or-later
"""The network as DNF's configuration sees it."""

from __future__ import annotations

import urllib.parse
from typing import Any

from ostree_layer.errors import RepoError
from ostree_layer.model import Network


def of(conf: Any) -> Network:
    """What DNF's configuration says of downloads."""
    proxy = conf.proxy or ""
    if proxy and conf.proxy_username:
        scheme, _, address = proxy.rpartition("://")
        who = ":".join(urllib.parse.quote(word, safe="") for word in (conf.proxy_username, conf.proxy_password or ""))
        proxy = f"{scheme or 'http'}://{who}@{address}"
    # As DNF does it: up to 1, a part of the bandwidth.
    throttle = conf.throttle * conf.bandwidth if conf.throttle <= 1 else conf.throttle
    return Network(proxy, int(conf.retries), int(conf.timeout), int(conf.minrate), int(throttle))


def fetch(base: Any, url: str) -> bytes:
    """What is at an address, by DNF's settings for downloads; RepoError where nothing is."""
    try:
        with base.urlopen(url) as found:
            return bytes(found.read())
    except OSError as e:
        raise RepoError(f"{url} cannot be fetched: {e}") from e
