"""Tools for operators: learn, explain, replay, report. Nothing that serves imports them."""
