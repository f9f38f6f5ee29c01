"""The page of a results file: page.py gpu-DEVICE.json writes gpu-DEVICE.html beside it, with the device's roofline and
a table of attention and one of layers."""

import html
import itertools
import json
import math
import pathlib
import sys

import figures

WIDTH, HEIGHT, LEFT, BOTTOM = 720, 420, 60, 46
COLOURS = ("#1f6fb2", "#c2571a", "#3a8a3f", "#8a3a84", "#9a7b12", "#4a4a4a", "#b23a48", "#2a8c8c")
GB, TERA = 1e9, 1e12


def plot(lines, bandwidth):
    """Gives an SVG of Tflop/s over operations a byte, both by powers, under the roof of the bandwidth (bytes a second)
    and of the best point."""
    points = [point for _, line in lines for point in line]
    best = max(rate for _, rate in points)
    low, high = 0.5, 10 ** math.ceil(math.log10(max(at for at, _ in points)))
    least = 10 ** math.floor(math.log10(min(rate for _, rate in points)))
    top = 10 ** math.ceil(math.log10(best))

    def x(at):
        return LEFT + (WIDTH - LEFT - 20) * math.log(at / low) / math.log(high / low)

    def y(rate):
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - 20) * math.log(max(rate, least) / least) / math.log(top / least)

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Roofline: Tflop/s over operations a byte">']
    for power in range(round(math.log10(least)), round(math.log10(top)) + 1):
        at = y(10.0 ** power)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{at:.1f}" y2="{at:.1f}" stroke="#8884"/><text x="{LEFT - 6}" y="{at + 4:.1f}" '
                     f'text-anchor="end">{10.0 ** power:g}</text>')
    for power in range(0, round(math.log10(high)) + 1):
        at = x(10.0 ** power)
        parts.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="20" y2="{HEIGHT - BOTTOM}" stroke="#8884"/><text x="{at:.1f}" y="{HEIGHT - BOTTOM + 16}" '
                     f'text-anchor="middle">{10.0 ** power:g}</text>')
    if bandwidth:
        knee = best * TERA / bandwidth
        roof = [(low, low * bandwidth / TERA), (max(knee, low), best), (high, best)]
        parts.append(f'<polyline fill="none" stroke="currentColor" stroke-dasharray="6 4" points="{" ".join(f"{x(a):.1f},{y(r):.1f}" for a, r in roof)}"/>')
    coloured = list(zip(lines, itertools.cycle(COLOURS)))
    for (name, line), colour in coloured:
        parts.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{" ".join(f"{x(a):.1f},{y(r):.1f}" for a, r in line)}"/>')
        parts += [f'<circle cx="{x(a):.1f}" cy="{y(r):.1f}" r="3" fill="{colour}"><title>{html.escape(name)}: {r:.3g} Tflop/s</title></circle>'
                  for a, r in line]
    parts.append(f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 8}" text-anchor="middle">operations a byte</text>'
                 f'<text x="14" y="{HEIGHT / 2}" text-anchor="middle" transform="rotate(-90 14 {HEIGHT / 2})">Tflop/s</text></svg>')
    key = "".join(f'<li style="color:{colour}">{html.escape(name)}</li>' for (name, _), colour in coloured)
    return "".join(parts) + f"<ul>{key}</ul>"


def table(head, rows):
    """Gives a table; cells are texts."""
    def line(cells, tag):
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    return f"<table>{line(head, 'th')}{''.join(line(row, 'td') for row in rows)}</table>"


def page(results):
    """Gives the page of results as check.py writes them."""
    parts = results["parts"]
    lines = figures.curves(parts)
    ended = [(name, part["ended"], f"{part['seconds']:.0f}") for name, part in parts.items()]
    sections = [table(("part", "ended", "seconds"), ended), "<h2>Roofline</h2>",
                plot(lines, results.get("bytes_per_second")) if lines else "<p>No rate was measured.</p>"]
    for title, head, rows in (("Attention", figures.ATTENTION, figures.attention(parts)), ("Layers", figures.LAYERS, figures.layers(parts))):
        sections += [f"<h2>{title}</h2>", table(head, rows)] if rows else []
    return (f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            f"<title>{html.escape(results['device'])}</title>"
            "<style>:root{color-scheme:light dark}body{font:16px/1.5 system-ui;max-width:760px;margin:2em auto;padding:0 1em}"
            "svg{width:100%}svg text{font-size:12px;fill:currentColor}td,th{padding:.2em 1em .2em 0;text-align:left}ul{columns:2}"
            "table{display:block;overflow-x:auto}</style>"
            f"<h1>{html.escape(results['device'])}</h1><p>Commit {html.escape(results['commit'])}.</p>{''.join(sections)}"
            f"<h2>All figures</h2><pre>{html.escape(json.dumps(parts, indent=1))}</pre></html>\n")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    source = pathlib.Path(sys.argv[1])
    source.with_suffix(".html").write_text(page(json.loads(source.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
