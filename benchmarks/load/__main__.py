"""Puts a server under load: `python -m benchmarks.load --url=http://localhost:8501 --clients=8 --seconds=180`.

Any server with TensorFlow Serving's REST interface. Each client asks again as soon as it is answered: photographs with
boxes, and among them a share (`--bad`) of requests that must be refused. Good answers are compared with those that the
server gave before, alone, or with a SavedModel's (`--model`). With `--pid`, of a process on this machine, the server's
memory is told every ten seconds. Exit code 1 where a good request was not answered right, or a bad one not refused.
"""

import threading
import urllib.parse

import numpy as np
from absl import flags

from benchmarks import memory
from benchmarks.load import clients, requests
from data_pipeline.common import program
from data_pipeline.common.errors import UserError
from data_pipeline.common.files import write_json

WRONG = 1
EVERY = 10.0


def define_flags() -> None:
    """The program's flags."""
    flags.DEFINE_string("url", None, "of the REST port, as http://localhost:8501", required=True)
    flags.DEFINE_string("name", "adversarial_posenet", "what the model is served as")
    flags.DEFINE_integer("clients", 8, "that ask at once", lower_bound=1)
    flags.DEFINE_float("seconds", 180.0, "for how long", lower_bound=0.0)
    flags.DEFINE_float("bad", 0.05, "share of requests that must be refused", lower_bound=0.0, upper_bound=1.0)
    flags.DEFINE_float("timeout", 60.0, "seconds to wait for an answer", lower_bound=0.001)
    flags.DEFINE_string("model", None, "a SavedModel whose answers are the right ones; the server's first if not")
    flags.DEFINE_integer("pid", None, "of the server's process here, whose memory is told")
    flags.DEFINE_integer("seed", 0, "of requests and their order")
    flags.DEFINE_string("json", None, "a file to write all numbers to")


def answers(client: clients.Client, request: requests.Request) -> dict[str, np.ndarray]:
    """What the server says to a good request when nobody else asks.

    Raises:
        UserError: nobody answers, or it is a refusal.
    """
    status, answer = client.ask(request)
    if status != 200 or "outputs" not in (answer or {}):
        said = f"{status} {str(answer)[:200]}"
        raise UserError(f"The server does not answer a good request ({said}); is --url its REST port?")
    return {name: np.asarray(values) for name, values in answer["outputs"].items()}


def of_model(path: str, request: requests.Request) -> dict[str, np.ndarray]:
    """What a SavedModel says to it in this process."""
    import base64
    import json

    import tensorflow as tf

    columns = json.loads(request.body)["inputs"]
    images = tf.constant([base64.b64decode(image["b64"]) for image in columns["image_bytes"]])
    served = tf.saved_model.load(path).signatures["serving_default"]
    found = served(image_bytes=images, boxes=tf.constant(columns["boxes"], tf.float32))
    return {name: values.numpy() for name, values in found.items()}


def watched(pid: int, every: float, stop: threading.Event) -> list[float]:
    """The memory of a process in MB, now and every so many seconds, by a thread that fills the list until it stops."""
    told = [memory.resident(pid)]

    def look():
        while not stop.wait(every):
            told.append(memory.resident(pid))

    threading.Thread(target=look, daemon=True).start()
    return told


def main(values: flags.FlagValues) -> int | None:
    """Asks, prints and writes."""
    address = urllib.parse.urlsplit(values.url)
    if address.scheme != "http" or not address.netloc:
        raise UserError(f"--url must be as http://localhost:8501. Received: {values.url}")
    path = f"/v1/models/{values.name}:predict"
    asking = [clients.Client(address.netloc, path, values.timeout) for _ in range(values.clients)]
    of_server = [(request, answers(asking[0], request)) for request in requests.good(values.seed)]
    expected = [(request, of_model(values.model, request) if values.model else found) for request, found in of_server]
    stop = threading.Event()
    held = watched(values.pid, EVERY, stop) if values.pid else []
    outcomes = clients.run(asking, expected, requests.bad(values.seed), values.seconds, values.bad, values.seed)
    stop.set()
    told = {**clients.summary(outcomes), "clients": values.clients, "seconds": values.seconds, "memory_mb": held}
    for kind in ("good", "bad"):
        own = told[kind]
        times = " ".join(f"{name} {1e3 * value:.0f}" for name, value in (own["seconds"] or {}).items())
        print(f"{kind}: {own['requests']} requests, {own['mistakes']} wrong; ms: {times}")
        print("".join(f"  {words}\n" for words in own["what"]), end="")
    if held:
        print("MB: " + " ".join(f"{value:.0f}" for value in held))
    if values.json:
        write_json(values.json, told)
    return WRONG if told["good"]["mistakes"] or told["bad"]["mistakes"] else None


if __name__ == "__main__":
    program.run(main, define_flags)
