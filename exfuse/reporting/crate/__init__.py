"""The reproduction as an RO-Crate: which files, made by which commands, with which settings, from which data."""

from exfuse.reporting.crate.crate import write_crate

__all__ = ["write_crate"]
