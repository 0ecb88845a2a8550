"""What the jobs of each rule take of a machine, or ask of a cluster; no result depends on it, and so no key."""

from typing import Self

from pydantic import Field, model_validator

from exfuse.spec.base import Frozen

TRAINING = ("pretrain", "finetune")
"""The rules whose jobs several processes can share."""


class Resources(Frozen):
    """What one job takes."""

    gpus: int = Field(0, ge=0)
    """Of each node. Several share one training: they have to divide the micro-batches of its batch."""
    processes: int = Field(1, ge=1)
    """That share a training on each node where there is no GPU in play; with GPUs it is one for each."""
    nodes: int = Field(1, ge=1)
    memory_gb: float = Field(4.0, gt=0)
    """Of each node: what Slurm is asked for, and ends the job beyond. It limits nothing where there is no Slurm."""
    hours: float = Field(1.0, ge=0.1)
    """Slurm's time limit. A training that needs more is warned before, saves its state and goes on in a next job."""
    partition: str | None = Field(None, pattern=r"^\S+$")
    """Slurm's; none: the cluster's default."""

    @property
    def processes_per_node(self) -> int:
        """How many of a node share a training."""
        return self.gpus or self.processes

    @property
    def team(self) -> int:
        """How many processes share a training."""
        return self.nodes * self.processes_per_node


class ResourcesByRule(Frozen):
    """A preset's resources: those of all rules, and what single rules change; ``finetune`` is every stage of a run."""

    common: Resources = Resources()
    archives: Resources = Resources()
    prepare: Resources = Resources()
    set: Resources = Resources()
    pretrain: Resources = Resources()
    finetune: Resources = Resources()
    evaluate: Resources = Resources()
    submit: Resources = Resources()
    trace: Resources = Resources()
    cost: Resources = Resources()
    probe: Resources = Resources()
    table: Resources = Resources()
    figure: Resources = Resources()
    chart: Resources = Resources()
    gallery: Resources = Resources()
    claims: Resources = Resources()
    html: Resources = Resources()
    crate: Resources = Resources()

    @model_validator(mode="after")
    def _only_trainings_are_shared(self) -> Self:
        for rule in type(self).model_fields:
            taken = self.of(rule)
            if rule not in TRAINING and rule != "common" and (taken.team > 1 or taken.processes > 1):
                raise ValueError(
                    f"{rule} takes one process (gpus 0 or 1, processes 1, nodes 1); only trainings can be shared out"
                )
        return self

    def of(self, rule: str) -> Resources:
        """Those of a rule, as Snakemake knows it.

        Raises:
            KeyError: there is no such rule.
        """
        name = "finetune" if rule == "finetune_chain" else rule
        if name not in type(self).model_fields:
            raise KeyError(rule)
        changes: Resources = getattr(self, name)
        return self.common.model_copy(update=changes.model_dump(exclude_unset=True))


def require_shareable(rule: str, taken: Resources, stage: str, batch_size: int, micro_batch: int | None) -> None:
    """Whether the micro-batches of a training's batch can be shared out evenly.

    Args:
        rule: that trains.
        taken: its resources.
        stage: the group of settings that holds the batch.
        batch_size: images of a batch.
        micro_batch: images that go through the network at once; none: the whole batch.

    Raises:
        ValueError: they cannot.
    """
    parts = batch_size // (micro_batch or batch_size)
    if parts % taken.team:
        raise ValueError(
            f"resources.{rule} gives {taken.team} processes (nodes {taken.nodes} × {taken.processes_per_node}), which "
            f"cannot share the {parts} micro-batches of {stage} (batch_size {batch_size}, micro_batch {micro_batch}); "
            f"take as many as divide {parts}, or a smaller micro_batch"
        )
