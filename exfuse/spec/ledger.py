"""The ledger of a preset as its runs use it: beside weights from elsewhere, mean and deviation are theirs."""

from exfuse.spec.base import LedgerEntry
from exfuse.spec.settings import Normalization
from exfuse.spec.spec import Spec

GROUP = "normalization."


def used_ledger(spec: Spec) -> tuple[LedgerEntry, ...]:
    """The declared ledger with the mean and deviation that images are normalised with.

    Args:
        spec: with the ledger that the preset declares, or inherits.

    Returns:
        The same where backbones have the preset's normalization; else one line for each that their weights tell.
    """
    told = {} if spec.preset.backbone_weights == "random" or spec.pretrains else _told(spec)
    if not told:
        return spec.ledger
    given = "public weights" if spec.preset.backbone_weights == "public" else spec.preset.backbone_weights
    instead = [
        LedgerEntry(path=f"{GROUP}{name}", value=list(value), source=f"{given}: {', '.join(backbones)}")
        for name in Normalization.model_fields
        for value, backbones in told[name].items()
    ]
    place = next((index for index, entry in enumerate(spec.ledger) if entry.path.startswith(GROUP)), 0)
    others = [entry for entry in spec.ledger if not entry.path.startswith(GROUP)]
    return (*others[:place], *instead, *others[place:])


def _told(spec: Spec) -> dict[str, dict[tuple[float, ...], list[str]]]:
    """The backbones by value, for each of mean and deviation; empty where no weights tell."""
    found: dict[str, dict[tuple[float, ...], list[str]]] = {}
    for backbone, normalization in spec.told_normalizations().items():
        for name, value in normalization:
            found.setdefault(name, {}).setdefault(value, []).append(backbone)
    return found
