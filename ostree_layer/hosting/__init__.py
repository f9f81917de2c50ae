# SPDX-License-Identifier: GPL-2.0-or-later
"""Hosting: stores of trees, filled, signed, copied, thinned out and served."""
