# SPDX-License-Identifier: GPL-2.0-or-later
"""`dnf upgrade --automatic`, seen from DNF; no plugin by itself, but DNF loads what is beside plugins."""

import atexit
import contextlib
import dataclasses
import functools
import logging
import time

import dnf
import dnf.exceptions
import dnf.i18n
import dnf.util

from .ostree_reboot import WORDS

_, P_ = dnf.i18n.translation("ostree-layer")
logger = logging.getLogger("dnf.plugin")


def require_sense(base, command, target):
    """DNF's error where --automatic is given to what it is not for."""
    from ostree_layer import journey

    opts = command.opts
    limits = (
        opts.preview
        or opts.check
        or base.conf.downloadonly
        or any(getattr(opts, x, None) for x in (*journey.NAMED, *WORDS))
    )
    if command.aliases[0] != "upgrade" or limits:
        raise dnf.exceptions.Error(_("--automatic is for 'dnf upgrade' alone; ostree.conf says what it does"))
    if target is None:
        raise dnf.exceptions.Error(_("--automatic is for OSTree hosts"))


class Automatic:
    """A run that does what ostree.conf wants, asks nobody, and keeps how it ended.

    `is_idle`: there is nothing for DNF to do.
    """

    def __init__(self, plugin, target, settings):
        self.plugin, self.base, self.cli = plugin, plugin.base, plugin.cli
        self.target, self.settings = target, settings
        self.is_idle = False
        self.ended, self.failed, self.deployed, self.available = _("it was interrupted"), True, "", None

    def begin(self):
        from ostree_layer import updates

        if self.settings.automatic == updates.NONE:
            self.be_idle(_("Automatic updates are off; automatic= in ostree.conf turns them on."))
        elif dnf.util.am_i_root():  # or DNF has a sentence of its own
            self.base.conf.assumeyes = True
            atexit.register(self.end)
            if dnf.util.on_metered_connection():
                self.end_idly(_("the connection is metered"))

    def be_idle(self, *lines):
        """Let DNF say these lines, and do nothing else."""
        self.is_idle = True
        self.cli.command.configure = lambda: None
        self.cli.command.run = lambda: self.plugin.tell(lines)

    def end_idly(self, reason):
        self.ended, self.failed = reason, False
        self.be_idle(_("Nothing is done: {}.").format(reason))

    @contextlib.contextmanager
    def watched(self):
        """Keep why the body fails; that somebody else is at work is no failure."""
        from ostree_layer import errors

        try:
            yield
        except (dnf.exceptions.Error, errors.OstreeLayerError, OSError) as e:
            causes, cause = [], e
            while cause is not None and cause not in causes:
                causes.append(cause)
                cause = cause.__cause__
            busy = next((one for one in causes if isinstance(one, errors.BusyError)), None)
            if busy is None:
                self.ended = next(filter(None, map(str.strip, str(e).splitlines())), type(e).__name__)
                raise
            self.end_idly(str(busy))

    def look(self, wish):
        """By the policy to check: look for a newer tree, so that DNF looks for packages only where there is none."""
        from ostree_layer import automatic, terminal, updates

        if self.settings.automatic != updates.CHECK or wish is None:
            return
        choose = functools.partial(dataclasses.replace(wish, only_looks=True).choose, progress=terminal.not_pulling)
        self.available = automatic.look(self.target, choose)
        if self.available is not None:
            self.be_idle(*self.found())

    def found(self):
        """What to say of what is available, or that nothing is."""
        from ostree_layer import status_words

        self.ended, self.failed = _("an upgrade is available"), False
        if self.available is None:
            self.ended = _("no upgrade available")
            return [_("No upgrade is available.")]
        return list(status_words.available(self.available))

    def watch(self):
        """DNF begins to work: keep why it fails; by the policy to check it only resolves."""
        from ostree_layer import updates

        if self.settings.automatic == updates.CHECK:
            self.base.do_transaction = self.look_at_packages
        for owner, name in ((self.cli, "run"), (self.base, "resolve"), (self.base, "do_transaction")):
            setattr(owner, name, self.watched()(getattr(owner, name)))

    def look_at_packages(self, display=()):
        from ostree_layer import automatic

        self.available = automatic.packages(self.base, self.plugin.place.start.get_csum())
        self.plugin.tell(self.found())

    def has_made(self, deployed):
        """DNF is done, and this is the new deployment, if there is one."""
        from ostree_layer import terminal

        self.ended, self.failed = _("no upgrade available"), False
        if deployed is not None:
            self.ended = ("staged deployment {}" if deployed.is_staged else "new deployment {}").format(
                terminal.name(deployed)
            )
            self.deployed = deployed.checksum

    def end(self):
        """At the end of the process, when all is unlocked and unmounted: keep how it ended, and maybe reboot."""
        from ostree_layer import automatic, errors, updates

        ended = (self.ended, self.failed, self.deployed, self.available)
        run = updates.Run(self.settings.automatic, int(time.time()), *ended)
        try:
            self.plugin.tell(automatic.end(self.target, self.settings, run))
        except (errors.OstreeLayerError, OSError) as e:
            logger.error(_("How the automatic update ended could not be kept: %s"), e)
