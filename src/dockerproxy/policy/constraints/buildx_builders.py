"""`buildx_builders`: that no container is created that BuildKit's client starts for itself.

When a build finds no way to the engine's own builder, buildx falls back to a privileged container of its own, named
`buildx_buildkit_` and the builder's name (buildx driver/docker-container), without being asked to.
"""

from dockerproxy.policy.constraints.base import Choice
from dockerproxy.policy.values import Value


class _Builders(Choice):
    def describe(self, _value: Value) -> str:
        return "name is not one of a privileged builder, buildx_buildkit_..."


CONSTRAINT = _Builders(
    "buildx_builders", "the name is none of the privileged containers that buildx starts by itself", "none"
)
