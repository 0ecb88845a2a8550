"""Processes for tests: forked from one that has torch loaded already, which saves seconds each time."""

import multiprocessing

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.training.killed", "tests.training.teamed"])
