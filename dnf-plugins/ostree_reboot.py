# SPDX-License-Identifier: GPL-2.0-or-later
"""`--reboot` and `--soft-reboot`, seen from DNF; no plugin by itself, but DNF loads what is beside plugins."""

import logging

import dnf
import dnf.exceptions
import dnf.i18n

_, P_ = dnf.i18n.translation("ostree-layer")
logger = logging.getLogger("dnf.plugin")

WORDS = ("reboot", "soft_reboot")


def wanted(opts):
    """The option that was given, if one was."""
    return next((f"--{word.replace('_', '-')}" for word in WORDS if getattr(opts, word, False)), "")


def require_sense(base, opts, target):
    """An error, before anything is done, where the reboot that is wanted cannot be, or has nothing to start."""
    option = wanted(opts)
    if not option:
        return
    from ostree_layer import rebooting

    if all(getattr(opts, word) for word in WORDS):
        raise dnf.exceptions.Error(_("--reboot and --soft-reboot are two ways: choose one"))
    for name, is_given in (
        ("--preview", opts.preview),
        ("--check", opts.check),
        ("--downloadonly", base.conf.downloadonly or opts.downloadonly),
    ):
        if is_given:
            raise dnf.exceptions.Error(_("{} has nothing to start with {}: that deploys nothing").format(option, name))
    rebooting.require_possible(target, option)


def begin(opts, target):
    """Reboot if that is wanted; all is unlocked and unmounted, and the new deployment is there whatever comes."""
    option = wanted(opts)
    if not option:
        return
    from ostree_layer import errors, rebooting

    logger.info(_("Rebooting into it."))
    try:
        rebooting.begin(target, option)
    except errors.OstreeLayerError as e:
        raise dnf.exceptions.Error(e.sentence()) from e


def end(opts, target):
    """The same at the end of the process: nobody catches what DNF says of errors, and its exit status is decided."""
    try:
        begin(opts, target)
    except dnf.exceptions.Error as e:
        logger.critical(_("Error: %s"), e)
