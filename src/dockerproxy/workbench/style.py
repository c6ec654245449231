"""The style sheet of the report: light and dark as the reader's system has it."""

from typing import Final

STYLE: Final = """
:root {
  color-scheme: light dark;
  --ground: #fbfaf8; --ink: #1d2126; --faint: #5d6672; --line: #dfe1e4; --accent: #1b5fa8;
}
@media (prefers-color-scheme: dark) {
  :root { --ground: #14171a; --ink: #e4e6e8; --faint: #9aa4af; --line: #30363d; --accent: #79b4f2; }
}
body { margin: 0 auto; padding: 2rem; max-width: 78rem; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: 1rem; }
header p, footer, td span { color: var(--faint); }
.scroll { overflow-x: auto; margin: 0 0 1.3rem; }
table { border-collapse: collapse; }
caption { text-align: left; font-weight: 600; white-space: nowrap; }
th, td { padding: 0.3rem 0.7rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
.n { text-align: right; font-variant-numeric: tabular-nums; }
.when { white-space: nowrap; }
.long, .name { overflow-wrap: anywhere; min-width: 9rem; max-width: 34rem; }
"""
