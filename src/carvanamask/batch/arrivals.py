"""Which files of a watched folder have arrived whole, told from one look to the next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class Arrivals:
    """What each file looked like at the last look, and which of them are finished as they were then.

    A file that is still being copied changes from look to look. A file that is gone is forgotten, so memory goes with
    what is in the folder, not with the hours.
    """

    def __init__(self) -> None:
        self._marks: dict[str, str] = {}
        self._finished: set[str] = set()

    def look(self, marks: Mapping[str, str]) -> list[str]:
        """The names that have the mark (size and time, say) of the last look and are not finished with it."""
        still = {name for name, mark in marks.items() if self._marks.get(name) == mark}
        self._finished &= still
        self._marks = dict(marks)
        return [name for name in marks if name in still and name not in self._finished]

    def finish(self, names: Iterable[str]) -> None:
        """They are done with until they change."""
        self._finished.update(names)

    def forget(self, names: Iterable[str]) -> None:
        """They are not done with after all."""
        self._finished.difference_update(names)

    def is_as_seen(self, name: str, mark: str) -> bool:
        """Whether it still has the mark of the last look."""
        return self._marks.get(name) == mark

    def is_finished(self, name: str) -> bool:
        return name in self._finished

    @property
    def is_through(self) -> bool:
        """Whether every file of the last look is finished."""
        return len(self._finished) >= len(self._marks)
