"""What every declared object shares: frozen, strict about keys and types, each hyper-parameter with its origin."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

ASSUMPTION = "assumption"


class Frozen(BaseModel):
    """A declared object: immutable, hashable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())


class Hyperparameters(Frozen):
    """A declared object each of whose plain values needs a source in ``params/`` (see :class:`Sourced`)."""


class Sourced(Frozen):
    """How ``params/`` writes a hyper-parameter: the value and where it comes from.

    Attributes:
        value: what is used.
        source: the place that states it ("paper §3.2", "GCN §4", …), or ``assumption``.
        why: the reason; an assumption needs one.
        alternative: what else would be defensible.
    """

    value: Any
    source: str = Field(min_length=1)
    why: str = ""
    alternative: str = ""

    @model_validator(mode="after")
    def _assumptions_have_reasons(self) -> "Sourced":
        if self.source == ASSUMPTION and not self.why:
            raise ValueError("an assumption needs `why`")
        return self


class LedgerEntry(Frozen):
    """A line of the ledger: a hyper-parameter of a preset or a reading of the paper, its value and its origin."""

    path: str
    value: Any
    source: str
    why: str = ""
    alternative: str = ""

    @property
    def assumed(self) -> bool:
        """Whether neither paper states the value."""
        return self.source == ASSUMPTION


def plain(declared: BaseModel) -> Any:
    """A declared object as JSON data, as it enters keys and manifests."""
    return declared.model_dump(mode="json")
