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

_, P_ = dnf.i18n.translation("ostree-layer")
logger = logging.getLogger("dnf.plugin")

AS_IT_WAS = _("Nothing was deployed: the host is as it was.")
# These change what DNF knows of the system without a transaction.
WRITE_HISTORY = ("mark",)
# They work by a reboot into another root, for which a tree has `rebase`.
REFUSED = ("system-upgrade", "offline-upgrade", "offline-distrosync")


def guarded(function):
    """Let nothing but DNF's own errors out of a hook.

    DNF logs any other exception and goes on with the transaction, which here would be one on the running root.
    """

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except (dnf.exceptions.Error, KeyboardInterrupt, SystemExit):
            raise
        except Exception as e:
            logger.debug("in the ostree plugin:", exc_info=True)
            sentence = e.sentence() if hasattr(e, "sentence") else f"{type(e).__name__} in the ostree plugin: {e}"
            raise dnf.exceptions.Error(sentence) from e

    return wrapper


def harmless(function):
    """Say of whatever fails in it, but for the user's own no, that nothing was deployed."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        try:
            return guarded(function)(*args, **kwargs)
        except dnf.cli.CliError:
            raise
        except KeyboardInterrupt:
            logger.critical(AS_IT_WAS)
            raise
        except dnf.exceptions.Error as e:
            raise dnf.exceptions.Error(f"{e}\n{AS_IT_WAS}") from e

    return wrapper


class OstreePlugin(dnf.Plugin):
    name = "ostree"

    def __init__(self, base, cli):
        super().__init__(base, cli)
        self.layering = None
        self.resources = contextlib.ExitStack()
        if cli is not None and os.path.exists("/run/ostree-booted"):
            text = _("start from the booted deployment, not from one that waits for a reboot")
            cli.optparser.add_argument("--from-booted", action="store_true", help=text)

    @guarded
    def pre_config(self):
        """Where this is an OSTree host: let DNF read the right tree, and stage before anything that writes."""
        if self.cli is None or self.cli.command is None:
            return
        from ostree_layer import dnf_base, host, settings

        options = settings.parse(self.read_config(self.base.conf))
        target = None if dnf_base.is_users_own_root(self.base.conf) else host.find_target(options, os.environ)
        command = self.cli.command
        if target is None or getattr(command, "is_about_deployments", False):
            return
        atexit.register(self.close)
        dbpath = self.look(target)
        original = command.configure

        @guarded
        def configure():
            original()
            if self.changes_the_system(command):
                self.stage(target, options, dbpath)

        command.configure = configure

    def look(self, target):
        from ostree_layer import dnf_base, looking

        root, shared_var = "/", "/var"
        if not target.is_booted_host:
            from ostree_layer import sysroot

            root, shared_var = sysroot.newest_tree(target)
        dbpath = looking.look(self.base, pathlib.Path(root), pathlib.Path(shared_var), self.resources)
        if self.cli.command.opts.releasever is None and (dbpath or root != "/"):
            self.base.conf.releasever = dnf_base.releasever(pathlib.Path(root)) or self.base.conf.releasever
        return dbpath

    def changes_the_system(self, command):
        name = command.aliases[0]
        if name in REFUSED:
            hint = _("use 'dnf --releasever=N distro-sync' or 'dnf rebase'")
            raise dnf.exceptions.Error(_("'{}' does not work on an OSTree host; {}").format(name, hint))
        demands = self.cli.demands
        return dnf.util.am_i_root() and (demands.resolving or name in WRITE_HISTORY)

    def stage(self, target, options, dbpath):
        """From here on DNF works in the staged root; leaving the process undoes everything."""
        from ostree_layer import layering

        opts = self.cli.command.opts
        where = self.resources.enter_context(layering.place(target, from_booted=getattr(opts, "from_booted", False)))
        if where.starts_elsewhere:
            logger.info(_("Adding to deployment %s, which has not been booted yet."), where.start.get_csum()[:12])
        self.layering = layering.stage(self.base, where, options, dbpath, self.resources)
        if where.starts_elsewhere and opts.releasever is None:
            self.require_same_release(where.staged.root)
        self.base.do_transaction = self.around_transaction(self.base.do_transaction)
        if self.in_session:
            self.around_session(self.cli.command)

    def require_same_release(self, root):
        """The repositories were set up for the booted tree; what waits for the reboot may be of another release."""
        from ostree_layer import dnf_base

        release = dnf_base.releasever(root)
        if release is not None and release != self.base.conf.releasever:
            message = _("The deployment to add to is of release {}, the booted one of {}; add --releasever={}.")
            raise dnf.exceptions.Error(message.format(release, self.base.conf.releasever, release))

    @property
    def in_session(self):
        """Whether the change is complete only when the command is, and not after one transaction."""
        return self.cli.command.aliases[0] in ("shell", *WRITE_HISTORY)

    def around_transaction(self, original):
        @harmless
        def transact(display):
            from ostree_layer import dnf_base

            complaints = dnf_base.Complaints()
            shown = list(display) if isinstance(display, (list, tuple)) else [display]
            try:
                tid = original([*shown, complaints])
            except dnf.cli.CliError:
                raise
            except dnf.exceptions.Error as e:
                reasons = [str(e).rstrip(), str(complaints), *self.layering.reasons()]
                raise dnf.exceptions.Error(": ".join(filter(None, reasons))) from e
            self.layering.rpm_ended(str(complaints))
            return tid

        def do_transaction(display=()):
            tid = transact(display)
            if not self.in_session:
                self.finish()
            return tid

        return do_transaction

    def around_session(self, command):
        run, run_transaction = command.run, command.run_transaction

        def run_session():
            try:
                run()
            except SystemExit as e:
                if not e.code:
                    self.finish()
                raise

        def end_session():
            run_transaction()
            self.finish()

        command.run, command.run_transaction = run_session, end_session

    @guarded
    def sack(self):
        from ostree_layer import dnf_base

        if self.layering is not None and not dnf_base.has_installed_packages(self.base):
            raise dnf.exceptions.Error(
                _("The rpm database of the tree cannot be read, or is empty.") + "\n" + AS_IT_WAS
            )

    @guarded
    def pre_transaction(self):
        if self.layering is not None:
            self.layering.rpm_begins()

    def finish(self):
        from ostree_layer import host, model, terminal

        made_by = model.Transaction(command=" ".join(["dnf", *self.base.args]), user=host.calling_user())
        deployed = harmless(self.layering.finish)(made_by, terminal.progress)
        if deployed is not None:
            for line in terminal.installed(deployed):
                logger.info(line)

    def close(self):
        try:
            self.resources.close()
        except Exception:  # noqa: BLE001 - at the end of the process nobody else would log it
            logger.error(_("The ostree plugin could not clean up after itself; the next run will."))
            logger.debug("", exc_info=True)
