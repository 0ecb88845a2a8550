"""Work on groups of images that several processes share out, with the results in the groups' order on each of them.

The groups are those of one process, so that each goes through the network with the same neighbours, and no image is
padded or counted twice. All wait for each other after every round of a group each: an error in one ends all at once.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from exfuse.errors import UserError

G = TypeVar("G")
R = TypeVar("R")


class Crew(Protocol):
    """The processes that evaluate together, seen from one of them."""

    @property
    def rank(self) -> int:
        """Its number from 0."""
        ...

    @property
    def size(self) -> int:
        """How many they are."""
        ...

    def gathered(self, own: R) -> list[R]:
        """What each has, in their order."""
        ...


@dataclass(frozen=True, slots=True)
class Alone:
    """One process."""

    rank: int = 0
    size: int = 1

    def gathered(self, own: R) -> list[R]:
        """Its own."""
        return [own]


ALONE = Alone()


@dataclass(frozen=True, slots=True)
class _Failure:
    """What ended the work of a process, in words."""

    message: str


def shared_out(
    groups: Sequence[G], work: Callable[[Sequence[G]], Iterator[R]], crew: Crew = ALONE
) -> Iterator[tuple[G, R]]:
    """Each group with its result, in order, in every process; process r of n works on groups r, r + n, r + 2n ….

    Args:
        groups: all of them, the same in every process.
        work: gives the result of each of the groups that it is given, in their order.
        crew: the processes; all have to take all results.

    Raises:
        UserError: the work failed, in whichever process.
    """
    own = work(groups[crew.rank :: crew.size])
    for first in range(0, len(groups), crew.size):
        of_round = groups[first : first + crew.size]
        found = crew.gathered(_next(own) if crew.rank < len(of_round) else None)
        for result in found:
            if isinstance(result, _Failure):
                raise UserError(result.message)
        for group, result in zip(of_round, found, strict=False):  # in the last round some have none
            assert result is not None and not isinstance(result, _Failure)
            yield group, result


def _next(results: Iterator[R]) -> R | _Failure:
    """The next result, or what the others have to be told before this process ends too."""
    try:
        return next(results)
    except UserError as error:
        return _Failure(str(error))
