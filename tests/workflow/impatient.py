"""Snakemake whose plugin for Slurm asks every second how its jobs are; by itself it asks ever less often."""

import sys

from snakemake.cli import main
from snakemake_executor_plugin_slurm import Executor

SECONDS = 1.0

if __name__ == "__main__":
    Executor.next_seconds_between_status_checks = property(lambda executor: SECONDS, lambda executor, value: None)
    sys.exit(main())
