"""The command line, one file for each command.

A command names its options, hands them to the package and prints what comes back. What is heavy is imported
by the command that needs it, so that help is quick.
"""

from pyxai.cli.app import main

__all__ = ["main"]
