"""Write metrics as text: OpenMetrics for the socket, Prometheus' older format for the file of node_exporter.

Attacks: docs/attacks.md, observe/exposition.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from itertools import accumulate
from typing import Final, Self


class Kind(StrEnum):
    """The type of a metric."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


Labels = Mapping[str, str]


class Family:
    """A metric with all of its samples: suffix of the name, labels and value of each.

    The name lacks `_total`, the suffix of a counter's samples.
    """

    def __init__(self, name: str, kind: Kind, says: str) -> None:
        self.name, self.kind, self.says = name, kind, says
        self.samples: list[tuple[str, Labels, float]] = []

    def add(self, value: float, **labels: str) -> Self:
        """Add the value of a counter or gauge; return the metric."""
        self.samples.append(("_total" if self.kind is Kind.COUNTER else "", labels, value))
        return self

    def add_histogram(self, bounds: Sequence[float], buckets: Sequence[int], total: float, **labels: str) -> None:
        """Add a histogram: the count in each bucket, and the sum of all values."""
        for bound, number in zip((*map(str, bounds), "+Inf"), accumulate(buckets), strict=True):
            self.samples.append(("_bucket", {**labels, "le": bound}, number))
        self.samples.append(("_sum", labels, total))
        self.samples.append(("_count", labels, sum(buckets)))


OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def write_metrics(families: Iterable[Family], *, openmetrics: bool) -> str:
    """Return all samples as text. The formats differ in the names of counters, and in the last line."""
    lines: list[str] = []
    for family in families:
        name = family.name if openmetrics or family.kind is not Kind.COUNTER else f"{family.name}_total"
        lines += (f"# HELP {name} {family.says}", f"# TYPE {name} {family.kind}")
        lines += (f"{family.name}{end}{_write_labels(labels)} {value}" for end, labels, value in family.samples)
    if openmetrics:
        lines.append("# EOF")
    return "".join(f"{line}\n" for line in lines)


_ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def _write_labels(labels: Labels) -> str:
    written = ",".join(f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items())
    return f"{{{written}}}" if written else ""
