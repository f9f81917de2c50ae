# SPDX-License-Identifier: GPL-2.0-or-later
"""Which commit of a tree's history a fault came with, and which of its packages."""
