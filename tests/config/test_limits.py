"""Every limit has one name of its own wherever operators write it."""

from dockerproxy.config.values import LIMITS, with_limits
from dockerproxy.settings import DEFAULTS, Limits


def test_every_limit_is_said_by_one_variable_and_one_key() -> None:
    assert [limit.name for limit in LIMITS] == list(Limits._fields)
    assert len({limit.variable for limit in LIMITS}) == len(LIMITS)


def test_some_limits_are_as_is_said_and_the_others_as_they_were() -> None:
    assert with_limits(DEFAULTS, {}) == DEFAULTS
    assert with_limits(DEFAULTS, {"rate": 9, "body_timeout": 0.5}) == DEFAULTS._replace(rate=9, body_timeout=0.5)
