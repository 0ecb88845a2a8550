"""The paper's claims: sentences that two or four evaluations decide, with the effect that came out here.

The effect is the sum of a claim's ``plus`` minus the sum of its ``minus``, in percentage points, paired by seed. The
outcome only says where it lies; it is no verdict, since one training a side does not show how much seeds vary.
"""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from exfuse.files import write_csv
from exfuse.reporting.evaluations import MEASURED, QUOTED, Evaluation, common_seeds, evaluate, unequal_steps
from exfuse.spec.graph import Graph
from exfuse.spec.paper import Claim, Measure

COLUMNS = ("claim", "kind", "metric", "source", "paper", "measured", "margin", "seeds", "outcome", "status", "text")
NO_COMMON_SEED = "not run: no seed has all of its evaluations"


@dataclass(frozen=True)
class ReportedClaim:
    """A claim and what came out here.

    Attributes:
        name: its name in ``params/claims.yaml``.
        claim: as declared.
        effects: measured effect by seed, points.
        evaluations: what it compares, by measure.
        status: ``measured``, ``quoted``, or why there is no effect.
        outcome: where the effect lies; empty without one.
        steps: training steps of what it compares, where they differ; otherwise empty.
    """

    name: str
    claim: Claim
    effects: Mapping[int, float]
    evaluations: Mapping[Measure, Evaluation]
    status: str
    outcome: str
    steps: str = ""

    @property
    def effect(self) -> float | None:
        """Mean over the seeds, points."""
        return statistics.fmean(self.effects.values()) if self.effects else None

    @property
    def std(self) -> float | None:
        """Sample standard deviation over two or more seeds, points."""
        return statistics.stdev(self.effects.values()) if len(self.effects) > 1 else None

    @property
    def metric(self) -> str:
        """The metric that it is about; empty for a quoted one."""
        return self.claim.plus[0].metric if self.claim.plus else ""

    def line(self) -> dict[str, str]:
        """The claim's line in the CSV file."""
        claim = self.claim
        return {
            "claim": self.name,
            "kind": claim.kind,
            "metric": self.metric,
            "source": claim.source,
            "paper": "" if claim.paper is None else str(claim.paper),
            "measured": "" if self.effect is None else f"{self.effect:.2f}",
            "margin": "" if claim.margin is None else str(claim.margin),
            "seeds": str(len(self.effects)) if self.effects else "",
            "outcome": self.outcome,
            "status": self.status,
            "text": claim.text,
        }


def claim_results(graph: Graph) -> list[ReportedClaim]:
    """All claims in the order in which they are declared."""
    return [_result(graph, name, claim) for name, claim in graph.spec.claims.items()]


def write_claims(graph: Graph) -> None:
    """Writes ``claims.csv``, one line a claim.

    Raises:
        UserError: the folder cannot be written.
    """
    write_csv(graph.layout.claims, COLUMNS, (result.line() for result in claim_results(graph)))


def outcome(claim: Claim, effect: float) -> str:
    """Where an effect lies: its sign against the claimed one, or its size against the margin."""
    if claim.margin is not None:
        excess = -effect if claim.kind == "not-less" else abs(effect)
        return "within the margin" if excess <= claim.margin else "outside the margin"
    if effect == 0:
        return "no difference"
    return "same sign" if (effect > 0) == (claim.kind == "greater") else "opposite sign"


def _result(graph: Graph, name: str, claim: Claim) -> ReportedClaim:
    if claim.kind == "quoted":
        return ReportedClaim(name, claim, {}, {}, QUOTED, "")
    evaluations = {measure: evaluate(graph, measure) for measure in (*claim.plus, *claim.minus)}
    unmeasured = [e.status for e in evaluations.values() if e.status != MEASURED]
    if unmeasured:
        return ReportedClaim(name, claim, {}, evaluations, unmeasured[0], "")
    effects = {seed: _effect(claim, evaluations, seed) for seed in common_seeds(evaluations.values())}
    if not effects:
        return ReportedClaim(name, claim, {}, evaluations, NO_COMMON_SEED, "")
    mean = statistics.fmean(effects.values())
    steps = unequal_steps(graph, evaluations)
    return ReportedClaim(name, claim, effects, evaluations, MEASURED, outcome(claim, mean), steps)


def _effect(claim: Claim, evaluations: Mapping[Measure, Evaluation], seed: int) -> float:
    plus = sum(evaluations[measure].values[seed] for measure in claim.plus)
    minus = sum(evaluations[measure].values[seed] for measure in claim.minus)
    return round(plus - minus, 9)  # equal numbers give exactly zero, in whatever order they were added
