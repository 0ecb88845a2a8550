"""The paper's claims: sentences that two or four evaluations decide, with the effect that came out here and a verdict.

The effect is the sum of a claim's ``plus`` minus the sum of its ``minus``, in percentage points, paired by seed.
"""

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from exfuse.files import write_csv
from exfuse.reporting.evaluations import (
    MEASURED,
    QUOTED,
    Evaluation,
    common_seeds,
    evaluate,
    unequal_steps,
)
from exfuse.reporting.statistics.holm import holm
from exfuse.reporting.statistics.images import ImageBootstrap
from exfuse.reporting.statistics.interval import Interval, NoInterval
from exfuse.reporting.statistics.region import claimed
from exfuse.reporting.statistics.size import beside_the_paper
from exfuse.reporting.statistics.student import t_interval, t_p_value
from exfuse.reporting.statistics.verdict import (
    NO_VERDICT,
    NOT_DISTINGUISHABLE,
    NOT_RUN,
    REPRODUCED,
    SAME_DIRECTION,
    Evidence,
    Verdict,
    decide,
)
from exfuse.reporting.statistics.words import among, signed
from exfuse.spec.graph import Graph
from exfuse.spec.paper import Claim, Measure
from exfuse.spec.spec import Spec
from exfuse.spec.statistics import Statistics

COLUMNS = (
    "claim", "kind", "metric", "source", "paper", "measured", "low", "high", "method", "margin", "seeds", "p", "p_holm",
    "among", "verdict", "why", "size", "condition", "status", "text",
)  # fmt: skip
NO_EFFECT = NoInterval("there is no effect")
NO_COMMON_SEED = "not run: no seed has all of its evaluations"


@dataclass(frozen=True)
class ReportedClaim:
    """A claim and what came out here.

    Attributes:
        name: its name in ``params/claims.yaml``.
        claim: as declared.
        status: ``measured``, ``quoted``, or why there is no effect.
        effects: measured effect by seed, points.
        evaluations: what it compares, by measure.
        interval: of the mean effect, not corrected for the number of claims; or why there is none.
        p: that of the mean effect lying on the side of the claim's bounds on which it lies; none with too few seeds.
        p_holm: the same, corrected over all claims that have one.
        among: how many claims that are, this one included; 0 where it has none.
        verdict: with its reason; of a quoted claim both empty.
        condition: what all of it is given beside the seeds; empty where there is nothing to say.
        steps: training steps of what it compares, where they differ; otherwise empty.
    """

    name: str
    claim: Claim
    status: str
    effects: Mapping[int, float] = field(default_factory=dict)
    evaluations: Mapping[Measure, Evaluation] = field(default_factory=dict)
    interval: Interval | NoInterval = NO_EFFECT
    p: float | None = None
    p_holm: float | None = None
    among: int = 0
    verdict: Verdict = NO_VERDICT
    condition: str = ""
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

    @property
    def span(self) -> Interval | None:
        """The interval where there is one."""
        return self.interval if isinstance(self.interval, Interval) else None

    @property
    def size(self) -> str:
        """On which side the interval leaves the paper's number out; empty where it does not."""
        return beside_the_paper(self.claim, self.interval)

    @property
    def lacking(self) -> str:
        """What keeps seeds of measured evaluations out; empty where all count."""
        partial = ((measure, one) for measure, one in self.evaluations.items() if one.status == MEASURED and one.detail)
        return "; ".join(f"{_subject(measure)}: {one.detail}" for measure, one in partial)

    def line(self) -> dict[str, str]:
        """The claim's line in the CSV file."""
        claim, span = self.claim, self.span
        return {
            "claim": self.name,
            "kind": claim.kind,
            "metric": self.metric,
            "source": claim.source,
            "paper": "" if claim.paper is None else str(claim.paper),
            "measured": "" if self.effect is None else f"{self.effect:.2f}",
            "low": "" if span is None else f"{span.low:.2f}",
            "high": "" if span is None else f"{span.high:.2f}",
            "method": "" if span is None else span.method,
            "margin": "" if claim.margin is None else str(claim.margin),
            "seeds": str(len(self.effects)) if self.effects else "",
            "p": "" if self.p is None else f"{self.p:.4g}",
            "p_holm": "" if self.p_holm is None else f"{self.p_holm:.4g}",
            "among": str(self.among) if self.among else "",
            "verdict": self.verdict.word,
            "why": self.verdict.why,
            "size": self.size,
            "condition": self.condition,
            "status": self.status,
            "text": claim.text,
        }


def claim_results(graph: Graph) -> list[ReportedClaim]:
    """All claims, with their verdicts, in the order in which they are declared."""
    images = ImageBootstrap(graph)
    results = [_measured(graph, name, claim, images) for name, claim in graph.spec.claims.items()]
    return judged(graph.spec.statistics, results)


def write_claims(graph: Graph) -> None:
    """Writes ``claims.csv``, one line a claim.

    Raises:
        UserError: the folder cannot be written.
    """
    write_csv(graph.layout.claims, COLUMNS, (result.line() for result in claim_results(graph)))


def judged(rule: Statistics, results: Sequence[ReportedClaim]) -> list[ReportedClaim]:
    """Claims with p-values, corrected over all that have enough seeds, and verdicts."""
    least = rule.least_seeds.value
    p_values = {
        result.name: t_p_value(list(result.effects.values()), claimed(result.claim).distance(result.effect))
        for result in results
        if result.effect is not None and len(result.effects) >= least
    }
    corrected = holm(p_values)
    found = []
    for result in results:
        if result.effect is not None:
            p, p_holm = p_values.get(result.name), corrected.get(result.name)
            evidence = Evidence(result.effect, len(result.effects), result.interval, p_holm)
            together = 0 if p is None else len(p_values)
            verdict = decide(result.claim, evidence, rule)
            found.append(replace(result, p=p, p_holm=p_holm, among=together, verdict=verdict))
        else:
            found.append(result)
    by_name = {result.name: result for result in found}
    return [_told(_given(result, by_name.get(result.claim.given))) for result in found]


def _given(result: ReportedClaim, other: ReportedClaim | None) -> ReportedClaim:
    """What a claim says where the one that it is about does not stand: nothing."""
    if other is None or result.effect is None or other.verdict.word in (REPRODUCED, SAME_DIRECTION):
        return result
    effect = "no effect" if other.effect is None else f"{signed(other.effect)}, {other.verdict.word}"
    why = f"It is about another claim's effect, which does not stand here: “{other.claim.text}” ({effect})."
    return replace(result, verdict=Verdict(NOT_DISTINGUISHABLE, why))


def _told(result: ReportedClaim) -> ReportedClaim:
    """A verdict by a corrected p-value says among how many claims: with others it may be another."""
    if not result.among:
        return result
    return replace(result, verdict=Verdict(result.verdict.word, f"{result.verdict.why} {among(result.among)}"))


def _measured(graph: Graph, name: str, claim: Claim, images: ImageBootstrap) -> ReportedClaim:
    if claim.kind == "quoted":
        return ReportedClaim(name, claim, QUOTED)
    evaluations = {measure: evaluate(graph, measure) for measure in (*claim.plus, *claim.minus)}
    unmeasured = {measure: one for measure, one in evaluations.items() if one.status != MEASURED}
    if unmeasured:
        status = next(iter(unmeasured.values())).status
        why = "; ".join(_in_the_way(measure, one) for measure, one in unmeasured.items())
        return ReportedClaim(name, claim, status, evaluations=evaluations, verdict=Verdict(NOT_RUN, f"{why}."))
    effects = {seed: _effect(claim, evaluations, seed) for seed in common_seeds(evaluations.values())}
    if not effects:
        verdict = Verdict(NOT_RUN, "No seed has all of its evaluations.")
        return ReportedClaim(name, claim, NO_COMMON_SEED, evaluations=evaluations, verdict=verdict)
    if len(effects) == 1:
        interval = images.interval(claim, evaluations, next(iter(effects)))
    else:
        interval = t_interval(list(effects.values()), graph.spec.statistics.confidence.value)
    condition, steps = _condition(graph.spec, claim), unequal_steps(graph, evaluations)
    return ReportedClaim(name, claim, MEASURED, effects, evaluations, interval, condition=condition, steps=steps)


def _effect(claim: Claim, evaluations: Mapping[Measure, Evaluation], seed: int) -> float:
    plus = sum(evaluations[measure].values[seed] for measure in claim.plus)
    minus = sum(evaluations[measure].values[seed] for measure in claim.minus)
    return round(plus - minus, 9)  # equal numbers give exactly zero, in whatever order they were added


def _condition(spec: Spec, claim: Claim) -> str:
    """Seeds repeat fine-tuning; a backbone is pretrained once, so a difference between two of them has one sample."""
    if any(measure.backbone is not None for measure in (*claim.plus, *claim.minus)):
        return "one training of each backbone, whatever the seeds"
    sides = [Counter(spec.backbone_name(str(measure.run)) for measure in side) for side in (claim.plus, claim.minus)]
    return "given one pretraining of each backbone" if sides[0] != sides[1] else ""


def _in_the_way(measure: Measure, evaluation: Evaluation) -> str:
    """Why there is no number; what is missing or stale is listed once for the whole page, other files are named."""
    detail = f" ({evaluation.told})" if evaluation.told else ""
    return f"{_subject(measure)}: {evaluation.status}{detail}"


def _subject(measure: Measure) -> str:
    return f"{measure.run or measure.backbone}{' with flip' if measure.flip else ''}"
