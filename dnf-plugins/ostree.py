# SPDX-License-Identifier: GPL-2.0-or-later
"""DNF plugin: on an OSTree host, each DNF transaction becomes one new deployment."""

# DNF goes on without a plugin that it cannot import, and so with the running root: at the top only what is always
# there. The library is imported in guarded hooks.
import atexit
import contextlib
import functools
import logging
import os
import pathlib

import dnf
import dnf.cli
import dnf.exceptions
import dnf.i18n
import dnf.util

from . import ostree_reboot
from .ostree_automatic import Automatic, require_sense
from .ostree_finish import finish, require_sense_of, transact
from .ostree_guards import guarded, harmless
from .ostree_program import Program, around_session

_, P_ = dnf.i18n.translation("ostree-layer")
logger = logging.getLogger("dnf.plugin")

# These change what DNF knows of the system without a transaction.
WRITE_HISTORY = ("mark",)
# They work by a reboot into another root, for which a tree has `rebase`.
REFUSED = ("system-upgrade", "offline-upgrade", "offline-distrosync")


class OstreePlugin(dnf.Plugin):
    name = "ostree"

    @guarded
    def __init__(self, base, cli):
        from ostree_layer import host, host_options

        super().__init__(base, cli)
        self.layering = self.wish = self.place = self.automatic = self.target = None
        self.has_deployed = False
        self.program = Program(cli)
        self.begin_dnf_automatic = lambda: None
        self.resources = contextlib.ExitStack()
        if getattr(cli, "optparser", None) is not None and host.may_be_meant(self.read_config(base.conf), os.environ):
            host_options.add(cli.optparser)

    @guarded
    def pre_config(self):
        """Where this is an OSTree host: let DNF read the right tree, and stage before anything that writes."""
        command = self.program.command
        if command is None and not self.program.is_dnf_automatic:
            return
        from ostree_layer import dnf_base, host, settings

        options = settings.parse(self.read_config(self.base.conf))
        target = None if dnf_base.is_users_own_root(self.base.conf) else host.find_target(options, os.environ)
        if getattr(self.program.opts, "automatic", False):
            require_sense(self.base, command, target)
            self.automatic = Automatic(self, target, options)
            self.automatic.begin()
        ostree_reboot.require_sense(self.base, self.program.opts, target)
        if target is None or getattr(command, "is_about_deployments", False) or self.has_nothing_to_do:
            return
        self.target = target
        atexit.register(self.close)
        dbpath = self.look(target)
        if command is None:
            if dnf.util.am_i_root():
                self.begin_dnf_automatic = functools.partial(self.stage, target, options, dbpath)
            return
        # A command that only reads does not wait for libostree to be imported.
        if dnf.util.am_i_root() and (hasattr(command, "wish") or command.aliases[0] == "upgrade"):
            with self.automatic.watched() if self.automatic else contextlib.nullcontext():
                self.leave(target, options)
        if not self.has_nothing_to_do:
            command.configure = self.around_configure(command, target, options, dbpath)

    @property
    def has_nothing_to_do(self):
        return self.automatic is not None and self.automatic.is_idle

    def around_configure(self, command, target, options, dbpath):
        original = command.configure

        @guarded
        def configure():
            original()
            if self.changes_the_system(command):
                self.stage(target, options, dbpath)
                if self.automatic is not None:
                    self.automatic.watch()

        return configure

    @guarded
    def config(self):
        """The repositories are read: dnf-automatic is about to work."""
        self.begin_dnf_automatic()

    def look(self, target):
        from ostree_layer import looking

        root, shared_var = "/", "/var"
        if not target.is_booted_host:
            from ostree_layer import sysroot

            root, shared_var = sysroot.newest_tree(target)
        dbpath = looking.look(self.base, pathlib.Path(root), pathlib.Path(shared_var), self.resources)
        if dbpath or root != "/":
            self.take_release(pathlib.Path(root))
        return dbpath

    def take_release(self, root):
        from ostree_layer import dnf_base

        if self.program.opts.releasever is None:
            self.base.conf.releasever = dnf_base.releasever(root) or self.base.conf.releasever

    @harmless
    def leave(self, target, options):
        """Find the tree that the command goes to, if it goes to any, before the repositories are set up for it."""
        command = self.cli.command
        self.wish = command.wish(options) if hasattr(command, "wish") else self.upgrade(options)
        if self.automatic is not None:
            self.automatic.look(self.wish)
        if self.has_nothing_to_do or (self.wish is None and self.automatic is None):
            return
        from ostree_layer import dnf_base, taking, terminal

        choose = functools.partial(self.wish.choose, progress=terminal.pulling) if self.wish else taking.stay
        into = self.wish.into if self.wish else ""
        self.take(target, choose=choose, into=into)
        if self.place.destination is not None:
            dnf_base.use_rpmdb_of(self.place.staged.lower)
            self.take_release(self.place.staged.lower)

    def upgrade(self, options):
        from ostree_layer import journey, network

        return journey.upgrade(self.cli.command.opts, options, network.of(self.base.conf))

    def changes_the_system(self, command):
        name = command.aliases[0]
        if name in REFUSED:
            hint = _("use 'dnf --releasever=N distro-sync' or 'dnf system-switch'")
            raise dnf.exceptions.Error(_("'{}' does not work on an OSTree host; {}").format(name, hint))
        demands = self.cli.demands
        return dnf.util.am_i_root() and (demands.resolving or name in WRITE_HISTORY)

    def stage(self, target, options, dbpath):
        """From here on DNF works in the staged root; leaving the process undoes everything."""
        from ostree_layer import layering, move

        opts = self.program.opts
        if self.place is None:
            self.take(target)
        where = self.place
        require_sense_of(opts, where)
        wanted = move.Move(self.base, where, options, self.wish.forgotten if self.wish else ())
        self.tell(wanted.opening())
        self.layering = layering.stage(wanted, dbpath, self.resources)
        self.program.is_staged(self)
        if where.starts_elsewhere and opts.releasever is None:
            wanted.require_same_release(self.base.conf.releasever)
        if opts.preview or opts.check:
            self.base.conf.assumeyes = True  # nothing is at stake but a commit that nobody has yet
        if not self.program.is_dnf_automatic:
            self.layering.move.show_below_table()
        self.base.do_transaction = self.around_transaction(self.base.do_transaction)
        if self.wish is not None:
            self.go()
        if self.in_session:
            around_session(self.cli.command, self.finish)

    def take(self, target, **where):
        from ostree_layer import taking

        lasts = getattr(self.program.command, "outlasts_lock", False)
        taken = taking.take(target, from_booted=self.program.opts.from_booted, outlasts_lock=lasts, **where)
        self.place = self.resources.enter_context(taken)

    def go(self):
        """Let what was asked for before be asked for again where this run goes, or be forgotten."""
        if self.wish.starts_anew:
            self.layering.move.start_anew()
        else:
            self.cli.command.run = self.around_run(self.cli.command.run)

    @property
    def in_session(self):
        """Whether the change is complete only when the command is, and not after one transaction."""
        return self.program.name in ("shell", *WRITE_HISTORY)

    def around_run(self, original):
        @harmless
        def run():
            demands, opts = self.cli.demands, self.cli.command.opts
            mark = self.layering.move.mark
            self.tell(mark(original, erasing=demands.allow_erasing, skip_broken=opts.skip_broken))

        return run

    def around_transaction(self, original):
        def do_transaction(display=()):
            tid = transact(self, original, display)
            if not self.in_session and not self.base.conf.downloadonly and "test" not in self.base.conf.tsflags:
                self.finish()
            return tid

        return do_transaction

    @harmless
    def sack(self):
        if self.layering is not None:
            self.layering.move.sack_is_filled(list(getattr(self.program.opts, "pkg_specs", ())))

    @guarded
    def pre_transaction(self):
        if self.layering is not None:
            self.layering.rpm_begins()

    def finish(self):
        finish(self)

    @staticmethod
    def tell(lines):
        for line in lines:
            logger.info(line)

    def close(self):
        try:
            self.resources.close()
        except Exception:  # noqa: BLE001 - at the end of the process nobody else would log it
            logger.error(_("The ostree plugin could not clean up after itself; the next run will."))
            logger.debug("", exc_info=True)
        if self.has_deployed:
            ostree_reboot.end(self.program.opts, self.target)
