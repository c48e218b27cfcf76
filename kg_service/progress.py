"""Tells a person how far long work is: the rate, and the time that remains."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

Progress = Callable[[int, int | None], None]
"""Takes the work done, and all of it where that is known."""


class PhasedProgress(Protocol):
    """Takes the work done, all of it where that is known, and what is counted if it is not the usual."""

    def __call__(self, done: int, total: int | None, unit: str = ..., /) -> None:
        """Tell it."""


def untold(_done: int, _total: int | None, _unit: str = "", /) -> None:
    """Tell nobody."""


@contextmanager
def counting(what: str) -> Iterator[PhasedProgress]:
    """Show a bar on standard error, if a person watches it; yield what takes the work done and all of it.

    Parameters
    ----------
    what : str
        What is counted, unless it is told that something else is: the bar then begins again.
    """
    from rich import progress
    from rich.console import Console

    columns = (
        progress.BarColumn(),
        progress.TextColumn("{task.completed:,.0f} {task.description}"),
        progress.TextColumn("{task.fields[rate]}"),
        progress.TimeElapsedColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=None, rate="")

        def tell(done: int, total: int | None, unit: str = what, /) -> None:
            if unit != shown.tasks[0].description:
                shown.reset(task, description=unit)
            speed = shown.tasks[0].finished_speed or shown.tasks[0].speed
            rate = f"{speed:,.0f}/s" if speed else ""
            shown.update(task, completed=done, total=total, rate=rate)

        yield tell
