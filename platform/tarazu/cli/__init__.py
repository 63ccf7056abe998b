"""The command line: the composition root for people and for cron. Commands stand one noun a module."""

from tarazu.cli.main import main

__all__ = ["main"]
