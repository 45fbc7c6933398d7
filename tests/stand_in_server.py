"""A stand-in for TF Serving, in Python and for tests alone: its gRPC and REST interfaces over real sockets.

It reads the files that the official server reads, `serving/models.config` and the SavedModels, and runs a signature's
graph in a session as that does. It knows nothing of batching, warm-up or reloading; `.github/workflows/serving.yml`
runs the same tests against the official server.
"""

import base64
import concurrent.futures
import contextlib
import http.server
import json
import os
import re
import threading

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from export.serving import folder, model_list

DEFAULT = "serving_default"
HTTP = {"INVALID_ARGUMENT": 400, "FAILED_PRECONDITION": 412, "NOT_FOUND": 404}
PATH = re.compile(r"/v1/models/([^/:]+)(?:/versions/(\d+)|/labels/([^/:]+))?(:predict|/metadata)?")


class Refusal(Exception):
    """An error as the server's clients see it: the name of a gRPC status and a message."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status, self.message = status, message


class Loaded:
    """A SavedModel in a session."""

    def __init__(self, path):
        with tf.Graph().as_default() as graph:
            self.session = tf.compat.v1.Session(graph=graph)
            self.signatures = tf.compat.v1.saved_model.load(self.session, ["serve"], path).signature_def

    def signature(self, name):
        if name not in self.signatures:
            raise Refusal("FAILED_PRECONDITION", f'Serving signature key "{name}" not found.')
        return self.signatures[name]

    def run(self, name, inputs):
        signature = self.signature(name)
        if set(inputs) != set(signature.inputs):
            message = f"input size does not match signature: {len(inputs)}!={len(signature.inputs)}"
            raise Refusal("INVALID_ARGUMENT", message)
        feeds = {signature.inputs[key].name: values for key, values in inputs.items()}
        try:
            return self.session.run({key: end.name for key, end in signature.outputs.items()}, feeds)
        except tf.errors.OpError as error:
            # Python's words before those of the runtime, which are all that the official server gives.
            raise Refusal("INVALID_ARGUMENT", error.message.removeprefix("Graph execution error:\n\n")) from error
        except ValueError as error:
            raise Refusal("INVALID_ARGUMENT", str(error)) from error


class Models:
    """The versions that `models.config` names."""

    def __init__(self, output):
        listed = model_list.read(os.path.join(output, folder.NAME, folder.MODELS)).model_config_list.config
        self.labels = {entry.name: dict(entry.version_labels) for entry in listed}
        self.versions = {
            entry.name: {
                number: Loaded(os.path.join(entry.base_path.replace(model_list.MOUNT, str(output), 1), str(number)))
                for number in entry.model_version_policy.specific.versions
            }
            for entry in listed
        }

    def find(self, name, version=None, label=None):
        """`(version, Loaded)`."""
        if name not in self.versions:
            raise Refusal("NOT_FOUND", f"Servable not found for request: Latest({name})")
        if label:
            if label not in self.labels[name]:
                raise Refusal("INVALID_ARGUMENT", f"Unrecognized servable version label: {label}")
            version = self.labels[name][label]
        version = version or max(self.versions[name])
        if version not in self.versions[name]:
            raise Refusal("NOT_FOUND", f"Servable not found for request: Specific({name}, {version})")
        return version, self.versions[name][version]

    def of_spec(self, spec):
        return self.find(spec.name, spec.version.value, spec.version_label)

    def metadata(self, spec):
        version, loaded = self.of_spec(spec)
        answer = get_model_metadata_pb2.GetModelMetadataResponse()
        answer.model_spec.name, answer.model_spec.version.value = spec.name, version
        described = get_model_metadata_pb2.SignatureDefMap()
        for name, signature in loaded.signatures.items():
            described.signature_def[name].CopyFrom(signature)
        answer.metadata["signature_def"].Pack(described)
        return answer

    def status(self, spec):
        chosen = spec.version.value or spec.version_label
        numbers = [self.of_spec(spec)[0]] if chosen else sorted(self.versions.get(spec.name, {}), reverse=True)
        if not numbers:
            raise Refusal("NOT_FOUND", f"Could not find any versions of model {spec.name}")
        answer = get_model_status_pb2.GetModelStatusResponse()
        for number in numbers:
            answer.model_version_status.add(version=number, state="AVAILABLE").status.SetInParent()
        return answer


class Grpc(prediction_service_pb2_grpc.PredictionServiceServicer, model_service_pb2_grpc.ModelServiceServicer):
    """The services of the gRPC port."""

    def __init__(self, models):
        self.models = models

    def Predict(self, request, context):
        with _refusals(context):
            version, loaded = self.models.of_spec(request.model_spec)
            name = request.model_spec.signature_name or DEFAULT
            inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
            answer = predict_pb2.PredictResponse()
            for key, values in loaded.run(name, inputs).items():
                answer.outputs[key].CopyFrom(tf.make_tensor_proto(values))
            answer.model_spec.name, answer.model_spec.signature_name = request.model_spec.name, name
            answer.model_spec.version.value = version
            return answer

    def GetModelMetadata(self, request, context):
        with _refusals(context):
            return self.models.metadata(request.model_spec)

    def GetModelStatus(self, request, context):
        with _refusals(context):
            return self.models.status(request.model_spec)


@contextlib.contextmanager
def _refusals(context):
    try:
        yield
    except Refusal as refusal:
        context.abort(grpc.StatusCode[refusal.status], refusal.message)


class Rest(http.server.BaseHTTPRequestHandler):
    """The REST port; `models` is set by `serving`."""

    models = None

    def log_message(self, *_):
        """Says nothing of each request."""

    def do_GET(self):
        self._answer("GET", lambda spec, task: self._told(spec, task))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer("POST", lambda spec, task: self._predicted(spec, task, body))

    def _answer(self, method, answer):
        try:
            found = PATH.fullmatch(self.path)
            if not found or (method == "POST") != (found[4] == ":predict"):
                raise Refusal("INVALID_ARGUMENT", f"Malformed request: {method} {self.path}")
            spec = predict_pb2.PredictRequest().model_spec
            spec.name = found[1]
            if found[2]:
                spec.version.value = int(found[2])
            elif found[3]:
                spec.version_label = found[3]
            code, content = 200, answer(spec, found[4])
        except Refusal as refusal:
            code, content = HTTP[refusal.status], {"error": refusal.message}
        encoded = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def _told(self, spec, task):
        told = self.models.metadata(spec) if task else self.models.status(spec)
        return json_format.MessageToDict(told, preserving_proto_field_name=True)

    def _predicted(self, spec, _, body):
        loaded = self.models.of_spec(spec)[1]
        try:
            request = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Refusal("INVALID_ARGUMENT", f"JSON Parse error: {error}") from error
        if not isinstance(request, dict):
            raise Refusal("INVALID_ARGUMENT", "JSON Value is no object")
        name = request.get("signature_name", DEFAULT)
        by_row = "instances" in request
        try:
            columns = _columns(request["instances"]) if by_row else request["inputs"]
            ends = loaded.signature(name).inputs
            inputs = {key: _array(values, ends[key].dtype) for key, values in columns.items() if key in ends}
        except (LookupError, TypeError, ValueError) as error:
            raise Refusal("INVALID_ARGUMENT", f"JSON Value is not of the expected form: {error}") from error
        found = {key: values.tolist() for key, values in loaded.run(name, inputs).items()}
        if not by_row:
            return {"outputs": found}
        rows = zip(*found.values(), strict=True)
        return {"predictions": [dict(zip(found, row, strict=True)) for row in rows]}


def _columns(rows):
    """Rows of names and values to columns."""
    if not rows:
        raise ValueError("no instances")
    return {key: [row[key] for row in rows] for key in rows[0]}


def _array(values, kind):
    """JSON to an array of a signature's type."""
    dtype = tf.as_dtype(kind).as_numpy_dtype
    if dtype == np.object_ or dtype is object:
        return np.array([base64.b64decode(value["b64"]) for value in values], object)
    return np.array(values, dtype)


@contextlib.contextmanager
def serving(output):
    """Serves what an export wrote into a folder; yields `(gRPC's host:port, REST's)`."""
    models = Models(output)
    rpc = grpc.server(concurrent.futures.ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", -1)])
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Grpc(models), rpc)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(Grpc(models), rpc)
    port = rpc.add_insecure_port("127.0.0.1:0")
    rpc.start()
    handler = type("Handler", (Rest,), {"models": models})
    rest = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=rest.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{port}", f"127.0.0.1:{rest.server_port}"
    finally:
        rest.shutdown()
        rest.server_close()
        rpc.stop(None).wait()


if __name__ == "__main__":
    import sys

    with serving(sys.argv[1]) as (grpc_port, rest_port):
        print(f"stand-in for TF Serving: gRPC {grpc_port}, REST {rest_port}", flush=True)
        threading.Event().wait()
