"""How is a fence drawn: as a matrix for the terminal, as Mermaid for a page of text, as SVG for a browser?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape

from syncd.core.fence_map import FenceMap, Move, unreachable

INSIDE = "·"
ASKS = "*"
NOBODY = ""
COLUMN, ROW, BOX_WIDTH, BOX_HEIGHT, TOP, SIDE = 300, 64, 170, 36, 84, 40
LOST = "#cf222e"
COLOURS = ("#1f6feb", "#1a7f37", "#9a6700", "#8250df", "#bc4c00", "#57606a")


def matrix(fence: FenceMap) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return header and rows: from down the side, to along the top; a cell has who may, a dot inside a team."""
    header = ("from \\ to", *fence.values)
    return header, [
        (f"{value} ({fence.team_of[value]})", *(_cell(fence, value, to) for to in fence.values)) for value in fence.values
    ]


def _cell(fence: FenceMap, before: str, after: str) -> str:
    if before == after:
        return "\\"
    by, gate = fence.between(before, after), fence.gate(before, after)
    if gate is None and by:
        return INSIDE if fence.team_of[before] == fence.team_of[after] else f"{INSIDE} {', '.join(by)}"
    asks = ASKS if gate is not None and (gate.asks or gate.owner) else ""
    return f"{', '.join(by)}{asks}" or NOBODY


def mermaid(fence: FenceMap) -> Iterator[str]:
    """Write a flowchart: a box for each team with its values, an arrow for each gate with who may pass it.

    Values that no lawful way leads to have a broken border.
    """
    names = {value: f"v{number}" for number, value in enumerate(fence.values)}
    yield "flowchart LR"
    for number, team in enumerate(fence.teams):
        yield f'  subgraph t{number}["{_quoted(team)}"]'
        for value in fence.values:
            if fence.team_of[value] == team:
                yield f'    {names[value]}["{_quoted(value)}"]'
        yield "  end"
    lost = [names[value] for value in unreachable(fence)]
    if lost:
        yield "  classDef lost stroke:#cf222e,stroke-dasharray:4 3"
        yield f"  class {','.join(lost)} lost"
    for move in _gates(fence):
        asks = ASKS if move.asks or move.owner else ""
        yield f'  {names[move.before]} -->|"{_quoted(", ".join(move.by))}{asks}"| {names[move.after]}'


def _quoted(text: str) -> str:
    return escape(text).replace('"', "&quot;")


def _gates(fence: FenceMap) -> list[Move]:
    return [move for move in fence.moves if move.rule is not None and {move.before, move.after} <= set(fence.values)]


def svg(fence: FenceMap, title: str) -> str:
    """Draw the fence as one SVG document: a column for each team, its values as boxes, an arc for each gate.

    Values that no lawful way leads to have a broken border.
    """
    places = _places(fence)
    height = max((y for _, y in places.values()), default=TOP) + BOX_HEIGHT + 60
    width = 2 * SIDE + COLUMN * max(len(fence.teams), 1) - (COLUMN - BOX_WIDTH)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'font-family="system-ui, sans-serif" font-size="13">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="{SIDE}" y="30" font-size="17" font-weight="600" fill="#1f2328">{escape(title)}</text>',
    ]
    parts += _arrows(fence, places)
    parts += _columns(fence, places)
    return "\n".join((*parts, "</svg>")) + "\n"


def _places(fence: FenceMap) -> dict[str, tuple[int, int]]:
    places: dict[str, tuple[int, int]] = {}
    for number, team in enumerate(fence.teams):
        mine = [value for value in fence.values if fence.team_of[value] == team]
        places |= {value: (SIDE + number * COLUMN, TOP + row * ROW) for row, value in enumerate(mine)}
    return places


def _columns(fence: FenceMap, places: Mapping[str, tuple[int, int]]) -> Iterator[str]:
    lost = unreachable(fence)
    for number, team in enumerate(fence.teams):
        colour = COLOURS[number % len(COLOURS)]
        yield f'<text x="{SIDE + number * COLUMN}" y="{TOP - 16}" font-weight="600" fill="{colour}">{escape(team)}</text>'
        for value, (x, y) in places.items():
            if fence.team_of[value] == team:
                yield from _box(value, x, y, colour, is_lost=value in lost)


def _box(value: str, x: int, y: int, colour: str, *, is_lost: bool) -> Iterator[str]:
    border = f'stroke="{LOST}" stroke-dasharray="4 3"' if is_lost else f'stroke="{colour}"'
    words = f"{value}: no lawful way leads here" if is_lost else value
    yield f'<rect x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6" fill="#ffffff" {border} stroke-width="1.5"/>'
    yield (
        f'<text x="{x + BOX_WIDTH // 2}" y="{y + 23}" text-anchor="middle" fill="#1f2328">'
        f"{escape(_short(value))}<title>{escape(words)}</title></text>"
    )


def _short(value: str) -> str:
    return value if len(value) <= 22 else value[:21] + "…"


def _arrows(fence: FenceMap, places: Mapping[str, tuple[int, int]]) -> Iterator[str]:
    """Draw each gate from the side of its box that faces the other; the way back hangs a little lower than the way there."""
    for number, fill in enumerate(COLOURS):
        yield (
            f'<marker id="a{number}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            f'<path d="M0 0 8 4 0 8z" fill="{fill}"/></marker>'
        )
    for move in _gates(fence):
        (x1, y1), (x2, y2) = places[move.before], places[move.after]
        is_forward = x2 > x1
        colour = fence.teams.index(fence.team_of[move.before]) % len(COLOURS)
        begin, end = (x1 + BOX_WIDTH, x2 - 2) if is_forward else (x1, x2 + BOX_WIDTH + 2)
        drop = 11 if is_forward else 25
        bend = (end - begin) // 2
        curve = f"M{begin} {y1 + drop} C{begin + bend} {y1 + drop} {end - bend} {y2 + drop} {end} {y2 + drop}"
        words = escape("; ".join((f"{move.before} → {move.after}: {', '.join(move.by)}", *move.asks)))
        yield (
            f'<path d="{curve}" fill="none" stroke="{COLOURS[colour]}" stroke-width="1.4" '
            f'stroke-dasharray="{"none" if is_forward else "5 4"}" marker-end="url(#a{colour})">'
            f"<title>{words}</title></path>"
        )
