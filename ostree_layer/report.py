# SPDX-License-Identifier: GPL-2.0-or-later
"""How work that takes a while tells what it does."""

from __future__ import annotations

import contextlib
from typing import Callable

# Called with what is being done, it says so for as long as its context lasts.
Report = Callable[[str], "contextlib.AbstractContextManager[None]"]
