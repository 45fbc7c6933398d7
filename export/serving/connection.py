"""A running TF Serving as a Python function, over gRPC or over REST."""

import abc
import base64
import dataclasses
import http.client
import json
import re
from collections.abc import Sequence

import numpy as np

from data_pipeline.common.errors import UserError
from keras_apn.inference.arrays import MOST_PEOPLE

ANSWERS = ("joints", "scores", "occluded", "plausible")
# What TF Serving says where it puts requests together and an image is sent once for all boxes.
BATCHED = "0th-dimension"


@dataclasses.dataclass(frozen=True)
class Model:
    """Which model is asked: its name, and its version or a version's label; neither for the highest version."""

    name: str
    version: int | None = None
    label: str | None = None

    def __str__(self) -> str:
        if self.version:
            return f"version {self.version} of {self.name}"
        return f"version '{self.label}' of {self.name}" if self.label else self.name


class _Server(abc.ABC):
    """What both ports are asked."""

    def ask(self, model: Model, images: Sequence[bytes], boxes: Sequence[Sequence[float]]) -> dict[str, np.ndarray]:
        """Joints of people, in requests that are as large as a server answers.

        Args:
            model: a `Model`.
            images: of each person the JPEG or PNG file, bytes; or one file for all, which is sent once.
            boxes: of each person x, y, width and height in pixels; zeros for the whole image.

        Returns:
            A dict of `joints` [P, J, 2] float32 image pixels, `scores` [P, J] and, where the model gives them,
            `occluded` and `plausible` [P, J].

        Raises:
            UserError: nobody answers, or the answer is a refusal or none of a pose model's.
        """
        one = len(images) == 1
        try:
            parts = [
                self._ask(
                    model, images if one else images[first : first + MOST_PEOPLE], boxes[first : first + MOST_PEOPLE]
                )
                for first in range(0, len(boxes), MOST_PEOPLE)
            ]
        except UserError as error:
            if not one or len(boxes) == 1 or BATCHED not in str(error):
                raise
            parts = [self._ask(model, images, [box]) for box in boxes]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    @abc.abstractmethod
    def _ask(self, model, images, boxes):
        """One request."""


class Rest(_Server):
    """A server's REST port.

    Args:
        server: `host:port`.
        timeout: seconds.
    """

    def __init__(self, server: str, timeout: float) -> None:
        self.server, self.timeout = server, timeout

    def _ask(self, model, images, boxes):
        encoded = [{"b64": base64.b64encode(image).decode()} for image in images]
        inputs = {"image_bytes": encoded, "boxes": [[float(value) for value in box] for box in boxes]}
        status, body = self._post(_path(model), json.dumps({"inputs": inputs}))
        if status != http.client.OK:
            raise _refused(self.server, model, _error(body), missing=status == http.client.NOT_FOUND)
        try:
            outputs = json.loads(body)["outputs"]
            found = {name: outputs[name] for name in ANSWERS if name in outputs}
        except (ValueError, LookupError, TypeError) as error:
            raise _no_pose_model(self.server, model) from error
        return _checked(found, len(boxes), self.server, model)

    def _post(self, path, body):
        connection = http.client.HTTPConnection(self.server, timeout=self.timeout)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        except TimeoutError as error:
            raise _late(self.server, self.timeout) from error
        except (ConnectionResetError, BrokenPipeError, http.client.HTTPException) as error:
            raise UserError(f"{self.server} broke off or does not speak REST; is it the port of --grpc?") from error
        except OSError as error:
            raise _nobody(self.server, "REST", error.strerror or str(error)) from error
        finally:
            connection.close()


class Grpc(_Server):
    """A server's gRPC port; arguments and use are those of `Rest`."""

    def __init__(self, server: str, timeout: float) -> None:
        # The messages' classes bring TensorFlow with them; REST does without its start-up time.
        from data_pipeline.common import tensorflow_setup  # noqa: F401  # isort: skip

        import grpc
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

        self.server, self.timeout, self.grpc, self.tf = server, timeout, grpc, tf
        self.request = predict_pb2.PredictRequest
        # No limit on what an answer may have; a proxy for the web is none for a port of one's own.
        self.options = [("grpc.max_receive_message_length", -1), ("grpc.enable_http_proxy", 0)]
        self.stub = prediction_service_pb2_grpc.PredictionServiceStub

    def _ask(self, model, images, boxes):
        request = self.request()
        request.model_spec.name = model.name
        if model.version:
            request.model_spec.version.value = model.version
        elif model.label:
            request.model_spec.version_label = model.label
        request.inputs["image_bytes"].CopyFrom(self.tf.make_tensor_proto(list(images)))
        request.inputs["boxes"].CopyFrom(self.tf.make_tensor_proto(np.asarray(boxes, np.float32)))
        try:
            with self.grpc.insecure_channel(self.server, self.options) as channel:
                outputs = self.stub(channel).Predict(request, timeout=self.timeout).outputs
        except self.grpc.RpcError as error:
            raise self._mistake(error, model) from error
        found = {name: self.tf.make_ndarray(outputs[name]) for name in ANSWERS if name in outputs}
        return _checked(found, len(boxes), self.server, model)

    def _mistake(self, error, model):
        code, codes = error.code(), self.grpc.StatusCode
        if code == codes.UNAVAILABLE:
            return _nobody(self.server, "gRPC", error.details().split(": ")[-1].strip("[]"))
        if code == codes.DEADLINE_EXCEEDED:
            return _late(self.server, self.timeout)
        return _refused(self.server, model, error.details(), missing=code == codes.NOT_FOUND)


def _path(model):
    """Of a prediction, in the REST interface."""
    version = f"/versions/{model.version}" if model.version else f"/labels/{model.label}" if model.label else ""
    return f"/v1/models/{model.name}{version}:predict"


def _error(body):
    """The error in an answer; the server does not always escape it as JSON has it."""
    try:
        return json.loads(body)["error"]
    except (ValueError, LookupError, TypeError):
        return body


def reason(message: str) -> str:
    """What a server's error says to a person: the sentence of an assertion in the graph, or the first line."""
    said = re.search(r"assertion failed: \[(.*?)\]", message, re.DOTALL)
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    return said[1] if said else lines[0] if lines else "it gives no reason"


def _refused(server, model, message, missing):
    if missing:
        return UserError(f"{server} does not serve {model} ({reason(message)})")
    return UserError(f"{server} refused the request: {reason(message)}")


def _late(server, timeout):
    return UserError(f"{server} gave no answer within {timeout:g} seconds; give it a longer --timeout")


def _nobody(server, kind, why):
    return UserError(f"No {kind} server answers at {server} ({why}); start one, as serving/README.md of an export says")


def _no_pose_model(server, model):
    return UserError(f"{model} at {server} answers as no pose model does; it must give joints and scores")


def _checked(found, people, server, model):
    """Arrays of the shapes that a pose model gives."""
    try:
        found = {name: np.asarray(values, np.float32) for name, values in found.items()}
    except (ValueError, TypeError) as error:
        raise _no_pose_model(server, model) from error
    if not {"joints", "scores"} <= set(found) or found["joints"].shape[1:2] in ((), (0,)):
        raise _no_pose_model(server, model)
    joints = found["joints"].shape[1]
    if any(
        values.shape != ((people, joints, 2) if name == "joints" else (people, joints))
        for name, values in found.items()
    ):
        raise _no_pose_model(server, model)
    return found
