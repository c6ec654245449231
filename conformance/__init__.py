"""A suite for anyone's proxy of the Docker socket: which requests reach the engine, and which must not."""
