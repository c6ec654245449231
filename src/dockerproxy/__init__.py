"""A filtering proxy for the Docker and Podman socket, over unix sockets only."""
