"""Docker's and Podman's API as data: the catalog of operations, and the canonical request."""
