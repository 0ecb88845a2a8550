"""`exfuse data prepare own`: a user's own images and masks."""

from exfuse.commands.jobs import running
from exfuse.errors import UserError
from exfuse.spec.datasets import OWN
from exfuse.spec.graph import Graph


def prepare(graph: Graph, workers: int) -> None:
    """Checks and converts the images and masks of the preset's own data.

    Raises:
        UserError: the preset reads the publishers' archives, or the data do not fit their entry.
    """
    own = graph.spec.folder.own
    if own is None:
        raise UserError(
            f"data folder '{graph.spec.preset.data}' holds publishers' archives. Own data need a folder with `own` in "
            "params/datasets.yaml; see docs/own-data.md."
        )
    from exfuse.data.own import prepare_own

    with running(graph, f"data/{OWN}") as (job, about):
        target = graph.layout.publisher(OWN)
        about["counts"] = prepare_own(own, graph.spec.archive_folder, target, workers, job.key)
