"""ExFuse (Zhang et al., ECCV 2018): an open reproduction, from the publishers' archives to the paper's tables."""

__version__ = "0.1.0"
