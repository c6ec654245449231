"""`registries`: that no registry is asked but the one that the engine is configured for."""

from dockerproxy.policy.constraints.base import Choice
from dockerproxy.policy.values import Value


class _Registries(Choice):
    def describe(self, _value: Value) -> str:
        return "no registry host is named"


CONSTRAINT = _Registries("registries", "only the registry that the engine is configured for is asked", "default")
