"""How a signal stops a stage: after the update at hand, with a checkpoint; a second one at once."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from types import FrameType
from typing import Self

from tlrun.core.errors import STOPPED
from tlrun.core.signals import Handler, handled_by

PATIENCE = 5.0  # seconds that a signal waits for the end of a step


@dataclass
class Held:
    """Within it the first signal that would end this process is noted, and waits for `go_on`.

    Until the end of a step (`reached`) it waits no longer than PATIENCE, for that may hang (longer
    on Windows, which has no alarm). A second one does at once what it does elsewhere. In other
    threads than the main one, where Python handles no signal, it does nothing.
    """

    caught: int | None = None
    _between: bool = False  # two steps, while a checkpoint is made
    _before: dict[int, Handler] = field(default_factory=dict)

    def __enter__(self) -> Self:
        handled_by(self._note, self._before)
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self._let_go()
        if isinstance(error, STOPPED):  # a second one has stopped it
            self.caught = None
            self._alarm(0.0)
        self.go_on()

    def reached(self) -> bool:
        """Whether a signal waits, now that a step is over; what it waits for then takes its time.

        So does what is begun until `go_on`. A second one still acts at once.
        """
        self._between = True
        if self.caught is not None:
            self._alarm(0.0)
        return self.caught is not None

    def go_on(self) -> None:
        """Do what the signal that was noted does, if one was: as a rule, it raises."""
        self._between = False
        if self.caught is not None:
            number, self.caught = self.caught, None
            self._alarm(0.0)
            self._before[number](number, None)

    def _note(self, number: int, _: FrameType | None) -> None:
        self._let_go()
        self.caught = number
        if not self._between:
            self._alarm(PATIENCE)

    def _alarm(self, seconds: float) -> None:
        """Act in so many seconds, whatever is at hand; 0: not any more."""
        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGALRM, (lambda *_: self.go_on()) if seconds else signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, seconds)

    def _let_go(self) -> None:
        """Put the handlers back that were there."""
        for number, handler in self._before.items():
            if signal.getsignal(number) == self._note:
                signal.signal(number, handler)
