"""The command line, one file for each command.

A command names its options, hands them to the package and prints what comes back. What is heavy is imported
by the command that needs it, so that help is quick.
"""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line, see :func:`pyxai.cli.app.main`. Ctrl-C is one line also while it is imported."""
    try:
        from pyxai.cli.app import main as run

        run()
    except KeyboardInterrupt:
        print("pyxai: interrupted", file=sys.stderr)
        sys.exit(130)
