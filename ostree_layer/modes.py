# SPDX-License-Identifier: GPL-2.0-or-later
"""The modes of what is made."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def usual() -> Iterator[None]:
    """For the body, give what is made the modes that everybody can read, and not those that the caller wants."""
    own = os.umask(0o022)
    try:
        yield
    finally:
        os.umask(own)
