"""A suite for any proxy of the Docker socket: which requests reach the engine, and which must not."""
