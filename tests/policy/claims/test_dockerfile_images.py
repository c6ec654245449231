"""No image of the host is named by variables, however many there are and whatever they hold."""

import re

from hypothesis import given
from hypothesis import strategies as st

from dockerproxy.policy.claims.dockerfiles import find_reach


def test_a_long_chain_of_variables_has_an_end() -> None:
    for links in (330, 1000):
        chain = b"".join(b"ARG a%d=$a%d\n" % (number, number + 1) for number in range(links))
        assert find_reach(chain + b"FROM $a0/x\n", {}) == ""
        assert "may be read from the host" in find_reach(chain + b"ARG a%d=dir:\nFROM $a0\n" % links, {})
    ring = b"".join(b"ARG a%d=$a%d\n" % (number, (number + 1) % 1000) for number in range(1000))
    assert find_reach(ring + b"FROM $a0/x\n", {}) == ""
    assert find_reach(b"ARG VERSION=${VERSION:-1.2}\nFROM ${VERSION}", {}) == ""


@given(
    st.lists(st.sampled_from(["${a}", "${b}", "${a:-d}", "c", "di", "r:", "/", "", "${b:+i}"]), max_size=6), st.data()
)
def test_an_image_that_is_let_through_is_none_of_the_host_whatever_its_variables_hold(
    image: list[str], data: st.DataObject
) -> None:
    values = st.lists(st.sampled_from(["d", "i", "r", "r:", "oci", ":", "/", "x", "${b}"]), max_size=3).map("".join)
    held = {"a": data.draw(values), "b": data.draw(values).replace("${b}", "")}
    text = "".join(image)
    content = "".join(f"ARG {name}={value}\n" for name, value in held.items()) + f"FROM {text}"
    if not find_reach(content.encode(), {}):
        meant = expand(text, {**held, "a": expand(held["a"], held)})
        assert not meant.startswith(("dir:", "oci:"))
        assert "$" not in text or not re.fullmatch("[0-9a-f]{1,11}", meant)


def expand(text: str, held: dict[str, str]) -> str:
    """Put values in place of the variables of a text, as a builder does."""
    for name, value in held.items():
        for spelled, stands in (
            (f"${{{name}}}", value),
            (f"${{{name}:-d}}", value or "d"),
            (f"${{{name}:+i}}", value and "i"),
        ):
            text = text.replace(spelled, stands)
    return text
