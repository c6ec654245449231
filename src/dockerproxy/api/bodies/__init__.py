"""What the bodies of requests are made of: for each operation a table of every field that the engine knows."""
