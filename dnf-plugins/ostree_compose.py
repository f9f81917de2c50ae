# SPDX-License-Identifier: GPL-2.0-or-later
"""The acts of `dnf tree` that need a treefile; no plugin by itself, but DNF loads it."""

import contextlib
import functools
import logging
import pathlib
import sys

import dnf
import dnf.exceptions
import dnf.i18n
import dnf.util

from .ostree_acts import Act

_, P_ = dnf.i18n.translation("ostree-layer")
logger = logging.getLogger("dnf.plugin")


class Compose(Act):
    summary = _("compose trees from treefiles and kickstarts, and publish them in a repository")
    only_prints = False

    @staticmethod
    def set_argparser(parser):
        from ostree_layer import compose_options

        compose_options.set_argparser(parser)

    def run(self):
        from ostree_layer import treefile

        where = None if self.opts.print else self.require_right_use()
        given = self.base.conf.substitutions["basearch"], self.opts.releasever or ""
        trees = [treefile.read(pathlib.Path(path), *given) for path in self.opts.treefiles]
        for sentence in (sentence for tree in trees for sentence in tree.ignored):
            logger.info(sentence)
        return self.print(trees) if where is None else self.compose(trees, where)

    def print(self, trees):
        from ostree_layer.treefile import rendering

        write = rendering.as_json if self.opts.json else rendering.as_yaml
        sys.stdout.write("".join(write(tree.values) for tree in trees))

    def require_right_use(self):
        """The repository to compose for, if this can be done at all."""
        from ostree_layer import compose_options

        if not dnf.util.am_i_root():
            raise dnf.exceptions.Error(_("only root can compose trees"))
        compose_options.require_sense(self.opts)
        return self.require_repo()

    def compose(self, trees, where):
        from ostree_layer import dnf_base, signals, terminal
        from ostree_layer.compose import planning, selection

        signals.end_by_exit()
        chosen = selection.Selection(self.base, self.read_repos)
        session = planning.Session(trees, where, chosen, terminal.progress)
        try:
            lines = contextlib.closing(self.answer(session, chosen))
            with terminal.hushed(wanted=self.opts.quiet) as results, lines as found:
                for line in found:
                    print(line, file=results)
        except (KeyboardInterrupt, SystemExit):
            logger.critical(session.state())
            raise
        except Exception as e:
            raise dnf.exceptions.Error(f"{dnf_base.sentence(e)}\n{session.state()}") from e

    def answer(self, session, chosen):
        """Do what the options want, and say what came of it, line by line."""
        from ostree_layer import compose, terminal
        from ostree_layer.compose import order, report, workshop

        opts, wanted, is_changed = self.opts, order.from_options(self.opts), False
        with workshop.opened(pathlib.Path(opts.workdir)) as shop:
            if opts.dry_run or opts.download_only:
                yield from session.preview(shop, wanted, only_download=opts.download_only)
                return
            announce = functools.partial(logger.info, _("Composing %s."))
            composer = functools.partial(compose.Composer, shop, chosen, announce, terminal.progress)
            for outcome in session.compose(shop, wanted, composer):
                yield from report.lines(outcome)
                report.write(session.where, outcome, opts)
                is_changed = is_changed or outcome.is_new
        if opts.unchanged_exit_77 and not is_changed:
            self.command.cli.demands.success_exit_status = 77

    def read_repos(self):
        """Anew, for another treefile; what --repofrompath added DNF has said the first time."""
        logging.disable(logging.INFO)
        try:
            self.command.cli._configure_repos(self.opts)
        finally:
            logging.disable(logging.NOTSET)


class Schema(Act):
    summary = _("print the JSON Schema of treefiles")

    def run(self):
        from ostree_layer.treefile import rendering

        sys.stdout.write(rendering.schema())
