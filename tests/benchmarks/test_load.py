"""The load program against a server that is made up here: no network, no TensorFlow."""

import functools
import http.server
import json
import os
import threading
import types

import numpy as np
import pytest

from benchmarks.load import __main__ as load
from benchmarks.load import clients, requests
from data_pipeline.common.errors import UserError


class Server(http.server.BaseHTTPRequestHandler):
    """Answers boxes with joints, refuses what is not in its list, and fails as it is told."""

    protocol_version = "HTTP/1.1"
    known: set = set()
    fault = None

    def log_message(self, *_):
        """Says nothing."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, answer = 400, {"error": "no"}
        if body in self.known:
            people = len(json.loads(body)["inputs"]["boxes"])
            status, answer = 200, {"outputs": {"joints": [[[1.0, 2.0]] * 16] * people, "scores": [[0.5] * 16] * people}}
            if self.fault == "wrong":
                answer["outputs"]["joints"][0][3] = [1.0, 3.0]
            if self.fault == "lost":
                status, answer = 503, {"error": "busy"}
        elif self.fault == "taken":
            status, answer = 200, {"outputs": {}}
        encoded = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)


@pytest.fixture(scope="module")
def good():
    return requests.good()


@pytest.fixture
def server(good):
    made = type("Made", (Server,), {"known": {request.body for request in good}})
    serving = http.server.ThreadingHTTPServer(("127.0.0.1", 0), made)
    serving.daemon_threads = True
    threading.Thread(target=serving.serve_forever, daemon=True).start()
    yield made, f"127.0.0.1:{serving.server_port}"
    serving.shutdown()
    serving.server_close()


@pytest.fixture
def run(server, tmp_path, monkeypatch, good):
    monkeypatch.setattr(requests, "good", lambda seed: good)
    flags = {"name": "any", "clients": 3, "seconds": 0.5, "bad": 0.3, "timeout": 5.0, "model": None, "seed": 0}

    def call(**given):
        values = {**flags, "url": f"http://{server[1]}", "pid": None, "json": str(tmp_path / "load.json"), **given}
        code = load.main(types.SimpleNamespace(**values))
        return code, json.loads((tmp_path / "load.json").read_text())

    return call


def test_a_server_that_does_well(run):
    code, told = run(pid=os.getpid())
    assert code is None
    assert told["good"]["requests"] > 10
    assert told["bad"]["requests"] > 5
    assert told["good"]["mistakes"] == told["bad"]["mistakes"] == 0
    assert told["memory_mb"][0] > 10


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [("wrong", "good", "other joints"), ("lost", "good", "not answered: 503"), ("taken", "bad", "not refused: 200")],
)
def test_what_a_server_does_wrong_is_seen(run, server, good, fault, kind, said):
    first = functools.partial(setattr, server[0], "fault", fault)
    # It is well when the right answers are asked for.
    code, told = _with_fault(run, first)
    assert code == load.WRONG
    assert told[kind]["mistakes"] > 0
    assert any(said in words for words in told[kind]["what"])


def _with_fault(run, begin):
    original = clients.run

    def faulty(*given):
        begin()
        return original(*given)

    clients.run = faulty
    try:
        return run()
    finally:
        clients.run = original


def test_nobody_there_is_one_line(run):
    with pytest.raises(UserError, match="does not answer a good request"):
        run(url="http://127.0.0.1:9")
    with pytest.raises(UserError, match="--url must be as http"):
        run(url="localhost:8501")


def test_bad_requests_are_those_that_were_found():
    found = {request.name: request for request in requests.bad()}
    assert all(request.people is None for request in found.values())
    assert {"300 scans of 134 million pixels", "empty segments", "no JSON", "crops: scalar"} <= set(found)


@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [
        (200, {"outputs": {"scores": [[0.5, 0.5]]}}, None),
        (200, {"outputs": {"scores": [[0.5, float("nan")]]}}, "other scores"),
        (200, {"outputs": {"scores": [[0.5]]}}, "other scores"),
        (200, {"outputs": {}}, "gives []"),
        (0, "ConnectionResetError", "not answered: 0 ConnectionResetError"),
    ],
)
def test_answers_are_compared(status, answer, said):
    expected = {"scores": np.array([[0.5, 0.5]])}
    assert clients.mistake(requests.Request("any", b""), status, answer, expected) == said
