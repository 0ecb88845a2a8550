"""How a person gets an archive without this program."""

from pathlib import Path

from exfuse.spec.datasets import Archive


def by_hand(archive: Archive, target: Path) -> str:
    """Where an archive comes from, where it belongs, and how to recognise it."""
    place = archive.obtain or " or ".join(archive.urls) or "its publisher"
    facts = [f"{archive.size:,} bytes"] if archive.size is not None else []
    facts += [f"md5 {archive.md5}"] if archive.md5 is not None else []
    return f"Get {archive.file} from {place} and put it at {target}" + (f" ({', '.join(facts)})." if facts else ".")
