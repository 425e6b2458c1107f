"""A warm fork server: torch is imported once, and every job is a process forked from here.

It reads a list of jobs, (function, arguments), and answers with the list of what they gave. A job
may fork processes of its own: `harness_trial.py` does, one a command.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

Job = tuple[Callable[..., Any], tuple[Any, ...]]
TESTS = Path(__file__).parents[1]


class JobError(AssertionError):
    """A job raised. The message is its traceback."""


class Server:
    """The server as the tests see it.

    at_once: jobs at a time; as many as there are processors, but two at least, for some wait.
    """

    def __init__(self, at_once: int = 0) -> None:
        self.at_once = at_once or max(2, len(os.sched_getaffinity(0)))
        paths = [str(TESTS), str(TESTS.parent / "src"), os.environ.get("PYTHONPATH", "")]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "reliability.harness_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        )

    def run(self, jobs: Sequence[Job]) -> list[Any]:
        """What the jobs give, in their order. Raises JobError where one raises."""
        assert self._process.stdin
        assert self._process.stdout
        pickle.dump((self.at_once, list(jobs)), self._process.stdin)
        self._process.stdin.flush()
        results = pickle.load(self._process.stdout)
        for ok, value in results:
            if not ok:
                raise JobError(value)
        return [value for _, value in results]

    def close(self) -> None:
        """End the server."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def _fork(job: Job) -> tuple[int, int]:
    """Start a job. Its process, and what it will write its result to."""
    reading, writing = os.pipe()
    process = os.fork()
    if process:
        os.close(writing)
        return process, reading
    try:
        os.close(reading)
        function, arguments = job
        try:
            result = (True, function(*arguments))
        except BaseException:  # noqa: BLE001  # the tests are to see it, whatever it is
            result = (False, traceback.format_exc())
        with os.fdopen(writing, "wb") as out:
            pickle.dump(result, out)
    finally:
        os._exit(0)


def _carried_out(jobs: Sequence[Job], at_once: int) -> list[tuple[bool, Any]]:
    import selectors

    results: dict[int, tuple[bool, Any]] = {}
    waiting = deque(enumerate(jobs))
    with selectors.DefaultSelector() as running:
        while waiting or running.get_map():
            while waiting and len(running.get_map()) < at_once:
                number, job = waiting.popleft()
                process, reading = _fork(job)
                running.register(reading, selectors.EVENT_READ, (number, process))
            for key, _ in running.select():
                number, process = key.data
                running.unregister(key.fd)
                with os.fdopen(key.fd, "rb") as answer:
                    content = answer.read()
                os.waitpid(process, 0)
                results[number] = pickle.loads(content) if content else (False, "it died")
    return [results[number] for number in range(len(jobs))]


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer until nobody asks any more."""
    while True:
        try:
            at_once, jobs = pickle.load(requests)
        except EOFError:
            return
        pickle.dump(_carried_out(jobs, at_once), answers)
        answers.flush()


if __name__ == "__main__":
    from reliability.harness_trial import warm

    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not be taken for an answer
    warm()
    serve(sys.stdin.buffer, answers)
