"""How claims are decided: ``params/statistics.yaml``. The paper states none of it, so each value has a reason."""

from typing import Annotated, Generic, TypeVar

from pydantic import Field

from exfuse.spec.base import Frozen

T = TypeVar("T")


class Assumed(Frozen, Generic[T]):
    """A value that this project chose, and why."""

    value: T
    why: str = Field(min_length=1)


class Statistics(Frozen):
    """The numbers of the rule in ``docs/statistics.md``."""

    confidence: Assumed[Annotated[float, Field(gt=0, lt=1)]]
    """Of the intervals; verdicts are decided at the level of one minus it."""
    least_share: Assumed[Annotated[float, Field(ge=0, le=1)]]
    """Share of the paper's effect that a *reproduced* one reaches."""
    least_seeds: Assumed[Annotated[int, Field(ge=3)]]
    """Seeds without which nothing is *reproduced* or *contradicted*."""
    resamples: Assumed[Annotated[int, Field(ge=1000)]]
    """Sets of images that a bootstrap draws."""

    @property
    def level(self) -> float:
        """Largest adjusted p-value that decides a claim."""
        return round(1.0 - self.confidence.value, 12)
