"""The bodies of requests: for each operation, a table of every field that the engine knows."""
