"""Tools for operators: learn, explain, replay, report. The serving modules never import them."""
