"""How is the next thing made ready while this one is put into the store?"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator
from contextvars import copy_context
from queue import Full, Queue
from threading import Event, Thread
from typing import TypeAlias, TypeVar

AHEAD_MAX = 10
_LOOK_S = 0.05
_SWITCH_S = 0.0005  # the store comes back from each statement and waits its turn: with Python's usual 5 ms for half of the time
_T = TypeVar("_T")
# A thing and whether it stops; what making one raised; or None behind the last of all.
_Waiting: TypeAlias = "Queue[tuple[_T, bool] | BaseException | None]"


def made_ahead(things: Iterator[_T], is_stop: Callable[[_T], bool]) -> Iterator[_T]:
    """Give things in their order, made by a thread that stays a few of them ahead.

    Shapes: behind a thing for which `is_stop` holds, as soon as it is made, nothing is made before it is asked for: it may not be
            wanted.
    Units:  at most AHEAD_MAX things wait in memory.
    Errors: what making one raises is raised in its place.
    """
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        while (yield from _up_to_stop(things, is_stop)):
            pass
    finally:
        sys.setswitchinterval(usual_s)


def _up_to_stop(things: Iterator[_T], is_stop: Callable[[_T], bool]) -> Generator[_T, None, bool]:
    """Give things up to one that stops, and tell whether there may be more."""
    waiting: _Waiting[_T] = Queue(AHEAD_MAX)
    is_left = Event()
    Thread(target=copy_context().run, args=(_make, things, waiting, is_stop, is_left), name="made ahead", daemon=True).start()
    try:
        while isinstance(made := waiting.get(), tuple):
            thing, is_last = made
            yield thing
            if is_last:
                return True
        if made is not None:
            raise made
        return False
    finally:
        is_left.set()


def _make(things: Iterator[_T], waiting: _Waiting[_T], is_stop: Callable[[_T], bool], is_left: Event) -> None:
    is_last = False
    while not is_last and not is_left.is_set():
        made: tuple[_T, bool] | BaseException | None
        try:
            thing = next(things)
            is_last = is_stop(thing)
            made = (thing, is_last)
        except StopIteration:
            made, is_last = None, True
        except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to whoever asked
            made, is_last = error, True
        while not is_left.is_set():
            try:
                waiting.put(made, timeout=_LOOK_S)
                break
            except Full:
                continue
