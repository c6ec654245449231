"""A capability is the same in all its spellings."""

import pytest
from policy.inspecting import admits

from dockerproxy.policy.vocabulary import CONSTRAINTS
from dockerproxy.policy.words.capabilities import capability_name


@pytest.mark.parametrize("text", ["NET_RAW", "net_raw", "CAP_NET_RAW", "cap_net_raw", "Cap_Net_Raw"])
def test_a_capability_is_known_in_all_its_spellings(text: str) -> None:
    assert capability_name(text) == "NET_RAW"
    assert admits("add_capabilities", ("SYS_TIME", text), "NET_RAW")
    assert not admits("add_capabilities", ("SYS_TIME",), capability_name(text))
    assert CONSTRAINTS["add_capabilities"].within((text,), ("NET_RAW",))
    assert not CONSTRAINTS["add_capabilities"].within(("SYS_TIME",), (text,))


def test_all_is_a_word_like_another() -> None:
    assert not admits("add_capabilities", ("ALL",), "NET_RAW")
    assert CONSTRAINTS["add_capabilities"].least("ALL") == ("ALL",)
    assert CONSTRAINTS["add_capabilities"].least(None) is None


@pytest.mark.parametrize("item", ["NET_BIND_SERVICE", "cap_chown", "ALL"])
def test_a_capability_has_no_fault(item: str) -> None:
    assert CONSTRAINTS["add_capabilities"].fault(item) == ""


@pytest.mark.parametrize("item", ["", "NET-ADMIN", "7", "*"])
def test_what_is_no_capability_is_told(item: str) -> None:
    assert CONSTRAINTS["add_capabilities"].fault(item) == "not a capability, like NET_BIND_SERVICE"
