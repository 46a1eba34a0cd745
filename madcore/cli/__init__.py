"""The launcher: commands that are imported when they are used, one-line errors, exit codes.

Exit codes: 0 done, 1 done but something failed, 2 wrong usage or unknown name, 3 a metric or plugin is at fault,
130 interrupted.  The standard output is for data, the standard error for talk.
"""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from madcore import __version__
from madcore.cli.lazy import Command, LazyGroup
from madcore.cli.session import Session, shared_options, talk
from madcore.errors import MadcoreError, is_exhaustion

__all__ = ["COMMANDS", "launcher", "main", "run"]

INTERRUPTED = 130
COMMANDS = {
    "quartet": Command("synthesis", "The four MAD images of two metrics.", "Make MAD images"),
    "synth": Command("synthesis", "One MAD image: one metric optimized, another held.", "Make MAD images"),
    "verify": Command("verify", "Whether files are what their record says.", "Make MAD images"),
    "init": Command("plan", "Write an example plan, to begin with.", "Tournaments"),
    "tournament": Command("tournament", "Play every match of a plan.", "Tournaments"),
    "score": Command("tournament", "Let another metric judge the matches of a store.", "Tournaments"),
    "status": Command("store", "How far a tournament is.", "Tournaments"),
    "matches": Command("store", "List what a store holds, a line for each MAD image.", "Tournaments"),
    "export": Command("store", "Write that list as CSV, JSON or Parquet.", "Tournaments"),
    "pack": Command("store", "Put matches into few large files.", "Tournaments"),
    "report": Command("report", "A page about a tournament or a match, to look at and to send.", "Tournaments"),
    "audit": Command("audit", "Blind spots and over-sensitivities of one metric.", "Tournaments"),
    "new": Command("new", "Write the files of a new plugin.", "Write plugins"),
    "check": Command("check", "Whether metrics keep their contract, and are fit for MAD.", "Write plugins"),
    "metrics": Command("listing", "List metrics.", "Look around"),
    "penalties": Command("listing", "List penalties.", "Look around"),
    "engines": Command("listing", "List engines: where tournaments are played.", "Look around"),
    "observers": Command("listing", "List observers: what watches a tournament.", "Look around"),
    "show": Command("listing", "Everything about one metric, penalty, engine or observer.", "Look around"),
    "fetch": Command("fetch", "Get the weights of metrics beforehand.", "Look around"),
    "plugins": Command("listing", "List plugins, and what is wrong with those that fail.", "Look around"),
    "env": Command("environment", "Versions and devices, for bug reports.", "Look around"),
}


@click.group(
    cls=LazyGroup,
    commands_by_name=COMMANDS,
    invoke_without_command=True,
    params=shared_options(),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="madcore", message="%(prog)s %(version)s")
@click.pass_context
def launcher(context: click.Context) -> None:
    """Maximum differentiation (MAD) competition between perceptual metrics.

    \b
    Examples:
      madcore metrics                                 what can be compared
      madcore show ssim                               its options and limits
      madcore quartet ssim mse camera -o mad          the four MAD images
      madcore quartet ssim,window=uniform ./mine.py:metric photo.png -o mad

    A metric is a NAME or NAME,OPTION=VALUE; plugins bring PLUGIN.NAME; code that no plugin packages is
    ./file.py:attribute or package.module:attribute.
    """  # noqa: D301
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the launcher and exit."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the launcher and return its exit code; an exception that escapes is a bug of ours."""
    # torch's threads spin while they wait for each other, which on a busy machine costs many times what they gain
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with _terminated_as_interrupted(), _one_line_warnings():
        try:
            code = launcher.main(arguments, prog_name="madcore", standalone_mode=False, obj=Session())
            sys.stdout.flush()
        except click.ClickException as error:
            return _fail(_with_help(error), error.exit_code)
        except MadcoreError as error:
            for problem in getattr(error, "problems", (str(error),)):
                _fail(problem, error.exit_code)
            return error.exit_code
        except (click.Abort, KeyboardInterrupt) as error:
            # click makes an Abort of what ended a command
            talk(str(error.__cause__ or error) or "interrupted")
            return INTERRUPTED
        except (MemoryError, RuntimeError) as error:
            if not is_exhaustion(error):
                raise
            return _fail("the memory does not suffice; make the picture smaller, with --size or --crop", 1)
        except BrokenPipeError:
            # Whoever read our output has seen enough; without this, Python complains when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
    return code if isinstance(code, int) else 0


def _fail(message: str, code: int) -> int:
    talk(f"error: {' '.join(message.split())}")
    return code


def _with_help(error: click.ClickException) -> str:
    message, context = error.format_message(), getattr(error, "ctx", None)
    return f"{message.removesuffix('.')}.  See `{context.command_path} --help`." if context else message


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM, which schedulers send, do what Ctrl-C does."""

    def interrupt(*_: Any) -> NoReturn:
        raise KeyboardInterrupt

    try:
        previous = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not in the main thread: whoever runs us there handles signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


@contextmanager
def _one_line_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: talk(f"warning: {' '.join(str(message).split())}")
        yield
