"""The networks of the paper: §3 (ExFuse) on GCN's encoder and decoder.

The two builders are looked up on first use, so that importing the package costs no torch.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exfuse.models.segmenter import build, load_pretrained
    from exfuse.models.semantic_supervision import build_classifier

__all__ = ["build", "build_classifier", "load_pretrained"]


def __getattr__(name: str) -> Any:
    """Resolves the public functions lazily (PEP 562)."""
    if name in ("build", "load_pretrained"):
        from exfuse.models import segmenter

        return getattr(segmenter, name)
    if name == "build_classifier":
        from exfuse.models.semantic_supervision import build_classifier

        return build_classifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
