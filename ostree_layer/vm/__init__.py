# SPDX-License-Identifier: GPL-2.0-or-later
"""Virtual machines that boot a commit as it is, kernel and all, and nothing of it on the machine that they run on."""
