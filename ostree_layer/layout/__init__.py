# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules of an OSTree tree, applied to what a transaction wrote."""
