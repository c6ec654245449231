"""`force`: whether what is in use goes too; for images and volumes, Podman then deletes the containers that use it."""

from dockerproxy.policy.constraints.base import Flag

CONSTRAINT = Flag(
    "force", "whether what is in use goes too; for images and volumes, Podman then deletes the containers that use it"
)
