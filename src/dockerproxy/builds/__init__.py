"""BuildKit's builds, read and written anew: what `docker build` sends through `/grpc` and `/session`."""
