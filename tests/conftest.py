"""How hard the properties are tried: few examples by default, many with `--hypothesis-profile=deep`."""

from hypothesis import HealthCheck, settings

# No deadline: on a busy machine the time of one example says nothing about the code.
settings.register_profile("fast", max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("deep", parent=settings.get_profile("fast"), max_examples=5_000)
settings.load_profile("fast")
