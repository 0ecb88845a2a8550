"""The graph as DVC reads it: stages, the entries of ``params/`` that each depends on, and `dvc.yaml` with both."""
