"""Metrics are written as Prometheus' own parsers read them."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from dockerproxy.observe.exposition import Family, Kind, write_metrics


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_value_of_a_label_ends_early(name: str) -> None:
    gauge = Family("x", Kind.GAUGE, "What it is.")
    gauge.add(1, socket=name, other="y")
    for parse, is_new in ((openmetrics.text_string_to_metric_families, True), (text_string_to_metric_families, False)):
        text = write_metrics([gauge], openmetrics=is_new)
        if "\r" in name or set(name) & set("\v\f\x1c\x1d\x1e\x85\u2028\u2029"):
            assert text.count("\n") == 3 + is_new  # These parsers split lines as Python does.
            continue
        [family] = parse(text)
        [sample] = family.samples
        assert sample.labels == {"socket": name, "other": "y"}


def test_a_counter_and_a_histogram_are_what_both_formats_call_so() -> None:
    counter, histogram = Family("x", Kind.COUNTER, "Some."), Family("y_seconds", Kind.HISTOGRAM, "Others.")
    counter.add(3, a="b")
    histogram.add_histogram((0.1, 1.0), (2, 0, 1), 7.5, a="b")
    for parse, is_new in ((openmetrics.text_string_to_metric_families, True), (text_string_to_metric_families, False)):
        one, other = parse(write_metrics([counter, histogram], openmetrics=is_new))
        assert (one.name, one.type, one.documentation) == ("x", "counter", "Some.")
        assert [(sample.name, sample.value) for sample in one.samples] == [("x_total", 3)]
        assert (other.name, other.type) == ("y_seconds", "histogram")
        assert [(sample.name, sample.labels.get("le"), sample.value) for sample in other.samples] == [
            ("y_seconds_bucket", "0.1", 2),
            ("y_seconds_bucket", "1.0", 2),
            ("y_seconds_bucket", "+Inf", 3),
            ("y_seconds_sum", None, 7.5),
            ("y_seconds_count", None, 3),
        ]
