"""`showsecret`: whether Podman shows the secret's value."""

from dockerproxy.policy.constraints.base import Flag

CONSTRAINT = Flag("showsecret", "whether Podman shows the secret's value")
