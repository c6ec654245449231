"""The style sheet of the report: light and dark as the reader's system has it, and for paper."""

from typing import Final

STYLE: Final = """
:root {
  color-scheme: light dark;
  --ground: #fbfaf8; --card: #fff; --ink: #1d2126; --faint: #5d6672; --line: #dfe1e4; --head: #f2f2ef;
  --accent: #1b5fa8; --good: #1d6b3a; --bad: #a92020; --doubtful: #8a5a00;
  --heat: 27 95 168; --badge-good: #e4f2e8; --badge-bad: #fbe6e4; --badge-doubtful: #fbf0d9;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171a; --card: #1b1f23; --ink: #e4e6e8; --faint: #9aa4af; --line: #30363d; --head: #22272c;
    --accent: #79b4f2; --good: #7fcf9a; --bad: #ff9a92; --doubtful: #e7bd63;
    --heat: 86 150 220; --badge-good: #1d3325; --badge-bad: #442220; --badge-doubtful: #3c2f12;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; padding: 2.5rem 2rem 4rem; max-width: 78rem; background: var(--ground); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
}
h1 { font-size: 1.9rem; line-height: 1.2; letter-spacing: -0.02em; margin: 0 0 0.35rem; }
h2 { font-size: 1.35rem; letter-spacing: -0.01em; margin: 0 0 0.9rem; }
h3 { font-size: 1.05rem; margin: 1.8rem 0 0.6rem; }
h4 { font-size: 0.87rem; margin: 0 0 0.4rem; }
p { margin: 0 0 0.8rem; max-width: 48rem; }
a { color: var(--accent); text-underline-offset: 0.15em; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: -999rem; padding: 0.5rem 1rem; background: var(--card); }
.skip:focus { left: 1rem; top: 1rem; }
.faint { color: var(--faint); }
header p { color: var(--faint); }
nav ul { display: flex; flex-wrap: wrap; gap: 0.3rem 1.2rem; margin: 1.1rem 0 0; padding: 0; list-style: none; }
section {
  margin-top: 1.6rem; padding: 1.5rem 1.6rem 1.6rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 10px;
}
dl.figures { display: flex; flex-wrap: wrap; gap: 0.9rem 2.6rem; margin: 0 0 1.4rem; }
dl.figures div { display: flex; flex-direction: column-reverse; }
dl.figures dt { color: var(--faint); font-size: 0.87rem; }
dl.figures dd { margin: 0; font-size: 1.75rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; margin: 0 0 1.3rem; }
table { border-collapse: collapse; font-size: 0.87rem; line-height: 1.4; }
caption { text-align: left; font-weight: 600; padding: 0 0 0.5rem; white-space: nowrap; }
th, td { padding: 0.32rem 0.7rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th {
  background: var(--head); color: var(--faint); font-weight: 600; white-space: nowrap; vertical-align: bottom;
}
tbody th { font-weight: 500; }
tbody tr:last-child > * { border-bottom: 0; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.n small { display: block; color: var(--bad); }
.when { white-space: nowrap; font-variant-numeric: tabular-nums; }
.zero { color: var(--faint); }
.long { overflow-wrap: anywhere; min-width: 15rem; max-width: 34rem; }
.name { overflow-wrap: anywhere; min-width: 9rem; max-width: 26rem; }
code { font: 0.93em/1.45 ui-monospace, "SFMono-Regular", "Cascadia Mono", "DejaVu Sans Mono", monospace; }
code.long { display: block; }
.h1 { background: rgb(var(--heat) / 0.06); }
.h2 { background: rgb(var(--heat) / 0.13); }
.h3 { background: rgb(var(--heat) / 0.21); }
.h4 { background: rgb(var(--heat) / 0.3); }
.badge { display: inline-block; min-width: 3.6em; padding: 0.05em 0.6em; border-radius: 1em; text-align: center;
  font-weight: 600; }
.good { color: var(--good); background: var(--badge-good); }
.bad { color: var(--bad); background: var(--badge-bad); }
.doubtful { color: var(--doubtful); background: var(--badge-doubtful); }
svg.bar { display: block; width: 14rem; height: 0.8rem; margin-top: 0.2rem; }
svg.bar .all { fill: rgb(var(--heat) / 0.55); }
svg.bar .part { fill: var(--bad); }
ul.plain { margin: 0 0 1rem; padding-left: 1.2rem; max-width: 62rem; }
td ul.plain { margin: 0; }
ul.plain li { margin: 0.25rem 0; overflow-wrap: anywhere; }
footer { margin-top: 1.6rem; color: var(--faint); font-size: 0.87rem; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  body { padding: 1.2rem 0.8rem 3rem; }
  section { padding: 1.1rem 0.9rem; }
}
@media print {
  @page { size: A4 landscape; margin: 12mm; }
  :root {
    --ground: #fff; --card: #fff; --ink: #000; --faint: #444; --line: #bbb; --head: #eee;
    --accent: #000; --good: #000; --bad: #000; --doubtful: #000;
    --heat: 90 90 90; --badge-good: #fff; --badge-bad: #fff; --badge-doubtful: #fff;
  }
  body { padding: 0; max-width: none; font-size: 9.5pt; }
  nav, .skip { display: none; }
  section { border: 0; border-top: 1px solid #000; border-radius: 0; padding: 0.8rem 0 0; margin-top: 1rem; }
  .badge { border: 1px solid #000; }
  .scroll { overflow: visible; }
  h2, h3, caption { break-after: avoid; }
  tr { break-inside: avoid; }
  thead { display: table-header-group; }
  .h1, .h2, .h3, .h4, svg.bar, thead th { print-color-adjust: exact; }
}
"""
