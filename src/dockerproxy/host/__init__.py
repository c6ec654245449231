"""Everything that the proxy asks of the operating system."""
