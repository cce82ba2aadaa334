"""Tables: drawn by rich where a person looks, aligned columns of plain text everywhere else."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from dfcli.cli import terminal

PLAIN_ROWS_BUFFERED = 200
"""How many rows decide the widths of a plain table; later ones are streamed with those widths."""


class Cell(NamedTuple):
    """A text and how to paint it; the text says all the colour says."""

    text: str
    style: tuple[str, ...] = ()


class Column(NamedTuple):
    title: str
    fold: bool = False
    """Whether long text may be broken over lines on a terminal; ids never are."""
    right: bool = False


Row = Sequence[Cell | str]


def draw(columns: Sequence[Column], rows: Iterable[Row]) -> int:
    """Print a table of rows as they come; how many there were. No rows: nothing is printed."""
    shown = ([cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows)
    if terminal.is_terminal(sys.stdout):
        return _draw_rich(columns, shown)
    return _draw_plain(columns, shown)


def _draw_plain(columns: Sequence[Column], rows: Iterator[list[Cell]]) -> int:
    head: list[list[str]] = []
    for row in rows:
        head.append([terminal.visible(cell.text) for cell in row])
        if len(head) == PLAIN_ROWS_BUFFERED:
            break
    if not head:
        return 0
    titles = [column.title for column in columns]
    widths = [max(map(terminal.cells, texts)) for texts in zip(titles, *head, strict=True)]
    for texts in (titles, *head):
        terminal.answer(_aligned(columns, texts, widths))
    count = len(head)
    for row in rows:
        terminal.answer(_aligned(columns, [terminal.visible(cell.text) for cell in row], widths))
        count += 1
    return count


def _aligned(columns: Sequence[Column], texts: Sequence[str], widths: Sequence[int]) -> str:
    parts = []
    for column, text, size in zip(columns, texts, widths, strict=True):
        padding = " " * (size - terminal.cells(text))
        parts.append(padding + text if column.right else text + padding)
    return "  ".join(parts).rstrip()


def _draw_rich(columns: Sequence[Column], rows: Iterator[list[Cell]]) -> int:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(
            column.title,
            justify="right" if column.right else "left",
            overflow="fold" if column.fold else "ellipsis",
            no_wrap=not column.fold,
            min_width=min(len(column.title), 8),
        )
    count = 0
    for row in rows:
        table.add_row(*(Text(terminal.visible(cell.text), style=" ".join(cell.style)) for cell in row))
        count += 1
    if count:
        Console(file=sys.stdout, no_color=not terminal.colours(sys.stdout), highlight=False).print(table)
    return count
