"""The command line: a thin layer over the library, and the only place that prints or exits."""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys

_OPENBLAS_SPIN = "4"
"""NumPy's threads sleep after 2 to the power of this many cycles; by default each spins for 0.1 s when NumPy is
imported, on a core where workers start, and after each product of large matrices."""


def main() -> None:
    """Run the `tuner` command."""
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", _OPENBLAS_SPIN)
    atexit.register(gc.freeze)  # else the collector goes through all objects again: 0.2 s after a run
    import click

    from tuner.cli.echo import echo, echo_lines
    from tuner.cli.group import tuner
    from tuner.cli.remembered_interrupt import remember_interrupts
    from tuner.cli.standard_streams import OutputClosedError, prepare_standard_streams
    from tuner.errors import StudyFailedError, TunerError

    remember_interrupts()
    prepare_standard_streams()
    try:
        code = tuner.main(standalone_mode=False)
        sys.stdout.flush()  # at its end Python would print the traceback of what fails
        sys.exit(code if isinstance(code, int) else 0)
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(file=shown)
        echo_lines(shown.getvalue().rstrip("\n"), err=True)
        sys.exit(error.exit_code)
    except TunerError as error:
        (echo_lines if error.multiline else echo)(f"tuner: {error}", err=True)
        if isinstance(error, StudyFailedError) and error.details:
            hint = "The same command with --traceback shows every frame."
            echo_lines(error.details.rstrip() if os.environ.get("TUNER_TRACEBACK") else hint, err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt) as error:  # click raises Abort in place of the other one
        echo(f"tuner: {str(error.__cause__ or error) or 'interrupted'}", err=True)
        sys.exit(130)
    except OutputClosedError:
        sys.exit(0)
    except Exception as error:
        if os.environ.get("TUNER_TRACEBACK"):
            raise
        from tuner.storage import redacted

        echo(
            f"tuner: internal error: {type(error).__name__}: {redacted(str(error))}. "
            "Finished work is kept. Please report this, with the traceback that TUNER_TRACEBACK=1 shows.",
            err=True,
        )
        sys.exit(1)
