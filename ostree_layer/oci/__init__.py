# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees as OCI images, in the form that rpm-ostree and bootc write and read: a commit's objects in tar layers."""
