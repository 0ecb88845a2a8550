"""What a difference between two reproductions can mean, from what their files tell; nothing is guessed."""

from exfuse.reporting.comparison.differences import Differences
from exfuse.reporting.comparison.folder import ResultsFolder

FEW = 3
"""Seeds below which nobody can say how much a number varies between them."""

MOST = 3
"""Names in a sentence; the tables below hold all."""


def meaning(a: ResultsFolder, b: ResultsFolder, found: Differences) -> list[str]:
    """Sentences on data, settings, code and seeds, and at the end what follows from them."""
    data, settings, code = _data(found), _settings(a, b, found), _code(a, b)
    sentences = [words for words, _ in (data, settings, code)]
    if found.trained:
        sentences.append(
            f"Of {found.trained} trainings that both have, {found.same_bits} left the same files to the last bit."
        )
    sentences.append(_seeds(a, b))
    sentences.append(_conclusion(*(same for _, same in (data, settings, code))))
    return sentences


def _data(found: Differences) -> tuple[str, bool | None]:
    if any(one.archive for one in found.data):
        return f"Other data: {len(found.data)} of {len(found.data) + found.same_data} digests differ.", False
    if found.data:
        lists = ", ".join(f"{one.job}: {one.item}" for one in found.data[:MOST])
        return f"The same archives, prepared otherwise: {len(found.data)} lists of images differ ({lists}).", False
    if found.same_data:
        return f"The same data: all {found.same_data} digests of archives and lists of images are equal.", True
    return "Whether the data are the same cannot be told: there is no manifest of them on both sides.", None


def _settings(a: ResultsFolder, b: ResultsFolder, found: Differences) -> tuple[str, bool | None]:
    if a.preset != b.preset and not found.settings:
        return f"Presets of two names ({a.preset}, {b.preset}), without a setting that differs.", True
    if found.settings:
        places = len(found.settings)
        return f"Other settings: they differ in {places} {'place' if places == 1 else 'places'}.", False
    if not set(a.jobs) & set(b.jobs):
        return "Whether the settings are the same cannot be told: no job has a manifest on both sides.", None
    return "The same settings, in all jobs that both have.", True


def _code(a: ResultsFolder, b: ResultsFolder) -> tuple[str, bool | None]:
    """Compared job by job: a mixture of versions is the same code where each job was made by the same one."""
    pairs = [
        (job.provenance.get("code"), b.jobs[name].provenance.get("code"))
        for name, job in a.jobs.items()
        if name in b.jobs
    ]
    told = [(str(one), str(other)) for one, other in pairs if one and other]
    unlike = sum(one != other for one, other in told)
    if not told:
        return "Which code made them is not told on both sides.", None
    if unlike:
        sides = [_few([code for code, _ in folder.facts("code")]) for folder in (a, b)]
        return f"Other code in {unlike} of {len(told)} jobs that both have: {sides[0]} against {sides[1]}.", False
    versions = _few(list(dict.fromkeys(one for one, _ in told)))
    if any(one.endswith("+changes") for one, _ in told):
        return f"The same versions of the code ({versions}), but with changes that nobody recorded.", None
    return f"The same code ({versions}).", True


def _few(versions: list[str]) -> str:
    return ", ".join(versions) if len(versions) <= MOST else f"{len(versions)} versions"


def _seeds(a: ResultsFolder, b: ResultsFolder) -> str:
    if not (a.seeds and b.seeds):
        return "How many seeds stand behind the numbers is not told on both sides."
    counts = " and ".join(_count(folder.seeds) for folder in (a, b))
    if min(*a.seeds, *b.seeds) >= FEW:
        return f"{counts} seeds: compare a difference with the deviations beside the two numbers."
    return (
        f"{counts} {'seed' if b.seeds == (1,) else 'seeds'}: with fewer than {FEW} on a side nobody "
        "knows how much a number varies when nothing but the seed changes, so a small difference means nothing."
    )


def _count(seeds: tuple[int, ...]) -> str:
    return str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"


def _conclusion(data: bool | None, settings: bool | None, code: bool | None) -> str:
    unlike = [name for name, same in (("data", data), ("settings", settings), ("code", code)) if same is False]
    unknown = [name for name, same in (("data", data), ("settings", settings), ("code", code)) if same is None]
    if len(unlike) > 1:
        return f"A difference of numbers can come from {' or '.join(unlike)}: this page cannot tell them apart."
    if unlike:
        besides = f", or from {' or '.join(unknown)} that may differ" if unknown else ""
        return f"A difference of numbers comes from the {unlike[0]}{besides}, from the machine, or from chance."
    if unknown:
        return f"A difference of numbers may come from {' or '.join(unknown)}, from the machine, or from chance."
    return (
        "Data, settings and code are the same: what differs comes from the machine (threads, kernels) or from chance."
    )
