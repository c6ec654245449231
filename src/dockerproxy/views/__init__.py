"""The part of an answer that a client gets: one JSON cutter serves hiding, lists, events and renaming."""
