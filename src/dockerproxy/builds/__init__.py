"""BuildKit builds: parse and rewrite what `docker build` sends over `/grpc` and `/session`."""
