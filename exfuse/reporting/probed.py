"""What ``probes.json`` holds, read by Figure 1, which trusts no file."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class _Measured(_Strict):
    """All four, or none where the set shows no class often enough, or no boundary."""

    value: Share | None
    low: Share | None
    high: Share | None
    chance: Share | None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len({one is None for one in (self.value, self.low, self.high, self.chance)}) > 1:
            raise ValueError("a part of a measurement is absent")
        return self


class _Scores(_Strict):
    channels: Count
    semantics: _Measured
    detail: _Measured


class _Line(_Scores):
    run: str
    kind: str
    level: Count
    narrow: _Scores

    @model_validator(mode="after")
    def _narrowed(self) -> Self:
        for full, narrow in ((self.semantics, self.narrow.semantics), (self.detail, self.narrow.detail)):
            if full.value is not None and narrow.value is None:
                raise ValueError("the narrowed probe was not measured")
        return self


class _Class(_Strict):
    name: str
    scored: Count


class _Probes(_Strict):
    fitted_on: Count
    scored_on: Count
    classes: list[_Class]
    probes: list[_Line]


def are_probes(content: Mapping[str, Any]) -> bool:
    """Whether a file holds all that the figure reads, in the types and ranges that its job writes."""
    try:
        _Probes.model_validate(content)
    except ValidationError:
        return False
    return True
