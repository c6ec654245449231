"""What of an answer a client gets: one cutter of JSON, for what is hidden, listed, told in events, and spelled anew."""
