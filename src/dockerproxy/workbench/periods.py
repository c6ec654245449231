"""Columns for days: each day of two weeks, or else weeks, which begin on Monday."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Final

from dockerproxy.workbench.activity import EARLIER

MOST: Final = 14
"""Columns that fit on a page."""


class Periods:
    """The last days or weeks that had requests, and what was before."""

    def __init__(self, days: Iterable[date]) -> None:
        every = set(days)
        known = every - {EARLIER}
        self.unit = "day" if len(known) <= MOST else "week"
        begins = sorted({self._begin(day) for day in known})
        self._columns = begins[-MOST:]
        self._has_earlier = len(begins) > MOST or EARLIER in every
        form = "%b %Y" if len({begin.year for begin in self._columns}) > 1 else "%b"
        self.labels = ["earlier"] if self._has_earlier else []
        self.labels += [f"{begin.day} {begin.strftime(form)}" for begin in self._columns]

    def _begin(self, day: date) -> date:
        return day if self.unit == "day" else day - timedelta(days=day.weekday())

    def spread(self, days: Mapping[date, int]) -> list[int]:
        """Return the sums of counts, in the order of the labels."""
        sums = dict.fromkeys(self._columns, 0)
        earlier = 0
        for day, count in days.items():
            begin = EARLIER if day == EARLIER else self._begin(day)
            if begin in sums:
                sums[begin] += count
            else:
                earlier += count
        return [*([earlier] if self._has_earlier else []), *sums.values()]
