# SPDX-License-Identifier: GPL-2.0-or-later
"""DNF transactions as OSTree deployments."""

__version__ = "0.1.0"
