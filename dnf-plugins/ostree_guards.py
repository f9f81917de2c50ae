# SPDX-License-Identifier: GPL-2.0-or-later
"""What stands between the hooks of the plugins and DNF, which goes on after an exception that it does not know."""

import functools
import logging

import dnf.cli
import dnf.exceptions
import dnf.i18n

_, P_ = dnf.i18n.translation("ostree-layer")
logger = logging.getLogger("dnf.plugin")

AS_IT_WAS = _("Nothing was deployed: the host is as it was.")


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
