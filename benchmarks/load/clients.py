"""Clients that ask a server at once for some time, and what became of their requests."""

import dataclasses
import http.client
import json
import random
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.load.requests import Request

# Crop pixels and shares: answers of one model differ by less, however its requests are put together.
EQUAL = {"joints": 0.1, "scores": 1e-3, "occluded": 1e-2, "plausible": 1e-2}
REFUSED = range(400, 500)
HEADERS = {"Content-Type": "application/json"}


@dataclasses.dataclass
class Outcome:
    """What became of one request.

    Attributes:
        name: the request's.
        good: whether it was to be answered.
        seconds: until the answer.
        mistake: what was wrong with the answer; None where a good one was right, or a bad one was refused.
    """

    name: str
    good: bool
    seconds: float
    mistake: str | None


class Client:
    """One client with a connection of its own, which is opened again where it breaks.

    Args:
        server: `host:port`.
        path: of the model's `:predict`.
        timeout: seconds.
    """

    def __init__(self, server: str, path: str, timeout: float) -> None:
        self.connection, self.path = http.client.HTTPConnection(server, timeout=timeout), path

    def ask(self, request: Request) -> tuple[int, Any]:
        """`(status, answer)`: 0 and the error's name where nobody answers."""
        try:
            self.connection.request("POST", self.path, request.body, HEADERS)
            answer = self.connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.connection.close()
            return 0, type(error).__name__


def mistake(request: Request, status: int, answer: Any, expected: dict[str, np.ndarray] | None) -> str | None:
    """What is wrong with an answer; None where nothing is.

    Args:
        request: that was sent.
        status, answer: of `Client.ask`.
        expected: the outputs of a good request; None of a bad one.
    """
    if expected is None:
        return None if status in REFUSED else f"not refused: {status} {str(answer)[:80]}"
    if status != http.client.OK:
        return f"not answered: {status} {str(answer)[:160]}"
    outputs = answer.get("outputs", {})
    if set(outputs) != set(expected):
        return f"gives {sorted(outputs)}"
    off = [
        name
        for name, values in expected.items()
        if np.shape(outputs[name]) != values.shape
        or not np.abs(np.asarray(outputs[name]) - values).max() <= EQUAL[name]
    ]
    return f"other {', '.join(off)}" if off else None


def run(
    clients: Sequence[Client],
    good: Sequence[tuple[Request, dict[str, np.ndarray]]],
    bad: Sequence[Request],
    seconds: float,
    share: float,
    seed: int = 0,
) -> list[Outcome]:
    """Lets clients ask one request after the other until the time is over.

    Args:
        clients: each in a thread of its own.
        good: requests with the outputs that they must get.
        bad: requests that must be refused; each client begins at another.
        seconds: for how long.
        share: of bad ones.
        seed: of the choice.

    Returns:
        All outcomes, in the order of their answers.
    """
    outcomes: list[Outcome] = []
    end = time.monotonic() + seconds

    def work(number, client):
        chosen, next_bad = random.Random(f"{seed} {number}"), number
        while time.monotonic() < end:
            request, expected = chosen.choice(good)
            if bad and chosen.random() < share:
                request, expected = bad[next_bad % len(bad)], None
                next_bad += 1
            before = time.monotonic()
            status, answer = client.ask(request)
            told = mistake(request, status, answer, expected)
            outcomes.append(Outcome(request.name, expected is not None, time.monotonic() - before, told))

    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Counts, times and mistakes: a dict that goes into JSON, of `good` and `bad` ones."""
    told = {}
    for name, kind in (("good", True), ("bad", False)):
        own = [outcome for outcome in outcomes if outcome.good is kind]
        seconds = [outcome.seconds for outcome in own]
        told[name] = {
            "requests": len(own),
            "mistakes": sum(outcome.mistake is not None for outcome in own),
            "seconds": {f"p{n}": float(np.percentile(seconds, n)) for n in (50, 95, 100)} if own else None,
            "what": sorted({f"{outcome.name}: {outcome.mistake}" for outcome in own if outcome.mistake}),
        }
    return told
