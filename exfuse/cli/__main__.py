"""`python -m exfuse.cli`, as `exfuse`."""

from exfuse.cli import main

main()
