"""The client against a server: the stand-in, or the one that APN_SERVER_GRPC and APN_SERVER_REST name.

`.github/workflows/serving.yml` sets these for the official TF Serving with what `served.py` writes.
"""

import http.client
import io
import json
import os
import socket
import types

import cv2
import grpc
import numpy as np
import PIL.Image
import pytest
import served
import stand_in_server
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from data_pipeline.common.errors import UserError
from data_pipeline.synthetic import scenes
from export import client
from export.serving import connection
from keras_apn import predict
from keras_apn.people import model
from keras_apn.sources import pictures

WHOLE = [0.0, 0.0, 0.0, 0.0]
MODEL = connection.Model(served.NAME)
BOX = [30.0, 20.0, 150.0, 260.0]


@pytest.fixture(scope="module")
def ports(tmp_path_factory):
    """`(gRPC's host:port, REST's)` of a server of what `served` writes."""
    named = os.environ.get("APN_SERVER_GRPC"), os.environ.get("APN_SERVER_REST")
    if all(named):
        yield named
        return
    output = tmp_path_factory.mktemp("exports")
    served.write(str(output))
    with stand_in_server.serving(str(output)) as addresses:
        yield addresses


@pytest.fixture(params=["grpc", "rest"])
def server(request, ports):
    return connection.Grpc(ports[0], 60.0) if request.param == "grpc" else connection.Rest(ports[1], 60.0)


@pytest.fixture(scope="module")
def stub(ports):
    with grpc.insecure_channel(ports[0]) as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(scope="module")
def newest():
    """What the highest version was exported from."""
    return served.estimator(served.VERSIONS[-1])


def _encoded(seed, height, width, kind, **options):
    image = PIL.Image.fromarray(scenes.sample(0, seed)[1]).resize((width, height))
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Paths of a JPEG, a PNG and a progressive JPEG, each of another size."""
    folder = tmp_path_factory.mktemp("photographs")
    paths = []
    for name, *arguments, options in [
        ("a.jpg", 0, 360, 300, "JPEG", {}),
        ("b.png", 1, 301, 477, "PNG", {}),
        ("c.jpg", 2, 64, 48, "JPEG", {"progressive": True}),
    ]:
        paths.append(folder / name)
        paths[-1].write_bytes(_encoded(*arguments, **options))
    return paths


def _predicted(estimator, path, box):
    """What `keras_apn.predict` finds for one person of a file."""
    picture = pictures.Picture({}, pictures.read(str(path)), {0: box})
    finder = model.Model(estimator.joints_in_crop, estimator.crop_size)
    ((_, (person,)),) = predict.find_people(finder, [picture], 1, find=False)
    return {name: getattr(person, name) for name in ("joints", "scores", "occluded")}


def _assert_equal(found, row, expected):
    for name, values in expected.items():
        np.testing.assert_allclose(found[name][row], values, atol=2e-3)


@pytest.mark.parametrize("boxes", [[None] * 3, [BOX, None, [5.0, 5.0, 30.0, 40.0]]], ids=["whole", "boxes"])
def test_a_batch_of_photographs_gives_what_predict_gives_for_each(server, newest, photographs, boxes):
    found = server.ask(MODEL, [path.read_bytes() for path in photographs], [box or WHOLE for box in boxes])
    assert set(found) == {"joints", "scores", "occluded"}
    for row, (path, box) in enumerate(zip(photographs, boxes, strict=True)):
        _assert_equal(found, row, _predicted(newest, path, box))


def test_one_photograph_is_asked_for_all_its_people(server, newest, photographs):
    boxes = [BOX, WHOLE, [5.0, 5.0, 30.0, 40.0]]
    found = server.ask(MODEL, [photographs[0].read_bytes()], boxes)
    for row, box in enumerate(boxes):
        _assert_equal(found, row, _predicted(newest, photographs[0], None if box is WHOLE else box))


@pytest.mark.parametrize("held", range(1, 9))
def test_a_server_turns_photographs_as_predict_does(ports, newest, tmp_path, held):
    note = PIL.Image.Exif()
    note[0x0112] = held
    (tmp_path / "a.jpg").write_bytes(_encoded(3, 120, 90, "JPEG", exif=note))
    found = connection.Grpc(ports[0], 60.0).ask(MODEL, [(tmp_path / "a.jpg").read_bytes()], [BOX])
    _assert_equal(found, 0, _predicted(newest, tmp_path / "a.jpg", BOX))


class _Recorded(connection._Server):
    """Answers people with their boxes, a server that puts requests together or not."""

    def __init__(self, batching=False):
        self.asked, self.batching = [], batching

    def _ask(self, model, images, boxes):
        self.asked.append((len(images), len(boxes)))
        if self.batching and len(images) != len(boxes):
            raise UserError("refused the request: Batching Run() input tensors must have equal 0th-dimension size")
        return {"joints": np.array(boxes)}


@pytest.mark.parametrize("joints", [5, 16, 17])
def test_answers_have_as_many_joints_as_the_model(joints):
    found = {"joints": np.zeros((2, joints, 2)), "scores": np.zeros((2, joints)), "plausible": np.zeros((2, joints))}
    assert set(connection._checked(found, 2, "here:1", MODEL)) == set(found)
    for name, shape in [("scores", (2, 4)), ("joints", (2, joints, 3)), ("joints", (2,)), ("joints", (2, 0, 2))]:
        with pytest.raises(UserError, match="answers as no pose model does"):
            connection._checked({**found, name: np.zeros(shape)}, 2, "here:1", MODEL)


@pytest.mark.parametrize(
    ("images", "people", "batching", "asked"),
    [
        (1, 80, False, [(1, 80)]),
        (1, 300, False, [(1, 128), (1, 128), (1, 44)]),
        (130, 130, False, [(128, 128), (2, 2)]),
        (1, 3, True, [(1, 3), (1, 1), (1, 1), (1, 1)]),
        (3, 3, True, [(3, 3)]),
    ],
)
def test_requests_are_as_large_as_a_server_answers(images, people, batching, asked):
    server, boxes = _Recorded(batching), [[float(n)] * 4 for n in range(people)]
    found = server.ask(MODEL, [JPEG] * images, boxes)
    assert server.asked == asked
    assert found["joints"].tolist() == boxes


@pytest.mark.parametrize(
    ("chosen", "version"),
    [({"version": 1}, 1), ({"version": 2}, 2), ({"label": "stable"}, 1), ({"label": "canary"}, 2), ({}, 2)],
    ids=["1", "2", "stable", "canary", "neither"],
)
def test_the_version_that_is_asked_for_answers(server, photographs, chosen, version):
    model = connection.Model(served.NAME, **chosen)
    found = server.ask(model, [photographs[0].read_bytes()], [BOX])
    _assert_equal(found, 0, _predicted(served.estimator(version), photographs[0], BOX))


JPEG, PNG = _encoded(0, 480, 640, "JPEG"), _encoded(0, 480, 640, "PNG")
BAD = {
    "no image": ([JPEG, b"hello"], [WHOLE, WHOLE], "image 1 is no JPEG or PNG file"),
    "no bytes": ([b""], [WHOLE], "image 0 is no JPEG or PNG file"),
    "GIF": ([_encoded(0, 40, 40, "GIF")], [WHOLE], "image 0 is no JPEG or PNG file"),
    "cut JPEG": ([PNG, JPEG, JPEG[:-2000]], [WHOLE] * 3, "image 2 is cut short or damaged"),
    "cut PNG": ([PNG[:-2000]], [WHOLE], "image 0 is cut short or damaged"),
    "wide PNG": (
        [JPEG, _encoded(0, 10, 20000, "PNG")],
        [WHOLE, WHOLE],
        "image 1 has 20000 x 10 pixels, more than the 16384 a side or 134217728 in all that are decoded",
    ),
    "wide JPEG": (
        [_encoded(0, 10, 20000, "JPEG")],
        [WHOLE],
        "image 0 has 20000 x 10 pixels, more than the 16384 a side or 134217728 in all that are decoded",
    ),
    "outside": (
        [JPEG, JPEG],
        [[700.0, 0.0, 50.0, 50.0], WHOLE],
        "the box 700,0,50,50 lies outside image 0 of 640 x 480 pixels",
    ),
    "left of it": (
        [JPEG, JPEG],
        [WHOLE, [-50.0, 0.0, 50.0, 50.0]],
        "the box -50,0,50,50 lies outside image 1 of 640 x 480 pixels",
    ),
    "negative": (
        [PNG],
        [[10.0, 10.0, -5.0, 50.0]],
        "the box 10,10,-5,50 of image 0 must have finite numbers, a width and a height above 0; zeros alone mean the "
        "whole image",
    ),
}


@pytest.mark.parametrize(("images", "boxes", "said"), BAD.values(), ids=BAD)
def test_a_bad_request_is_told_what_is_wrong_and_the_next_is_served(server, images, boxes, said):
    with pytest.raises(UserError) as caught:
        server.ask(MODEL, images, boxes)
    assert str(caught.value) == f"{server.server} refused the request: {said}"
    assert server.ask(MODEL, [JPEG], [WHOLE])["joints"].shape == (1, 16, 2)


def _request(images, boxes):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = served.NAME
    request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto(images, tf.string, [len(images)]))
    request.inputs["boxes"].CopyFrom(tf.make_tensor_proto(boxes, tf.float32, [len(boxes), 4]))
    return request


@pytest.mark.parametrize(
    ("images", "boxes", "said"),
    [
        ([], [], "the batch is empty"),
        ([JPEG, JPEG], [WHOLE], "images: 2, boxes: 1; each image needs one, of zeros for the whole image"),
        ([JPEG], [WHOLE] * 129, "images: 1, boxes: 129; a request may have 128"),
        ([JPEG], [[float("nan"), 0.0, 5.0, 5.0]], "the box nan,0,5,5 of image 0 must have finite numbers"),
        ([JPEG], [[0.0, 0.0, float("inf"), 5.0]], "the box 0,0,inf,5 of image 0 must have finite numbers"),
    ],
    ids=["empty", "counts", "many", "nan", "infinite"],
)
def test_what_the_client_never_sends_is_refused_too(stub, images, boxes, said):
    with pytest.raises(grpc.RpcError) as caught:
        stub.Predict(_request(images, boxes), timeout=60)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert connection.reason(caught.value.details()).startswith(said)
    assert stub.Predict(_request([JPEG], [WHOLE]), timeout=60).model_spec.version.value == 2


def _rest(ports, method, path, content=None):
    link = http.client.HTTPConnection(ports[1], timeout=60)
    link.request(method, f"/v1/models/{served.NAME}{path}", None if content is None else json.dumps(content))
    answer = link.getresponse()
    status, body = answer.status, json.loads(answer.read())
    link.close()
    return status, body


def test_rest_takes_columns_too(ports):
    crops = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).tolist()
    by_column = _rest(ports, "POST", ":predict", {"signature_name": "crops", "inputs": {"crops": crops}})
    rows = [{"crops": crop} for crop in crops]
    by_row = _rest(ports, "POST", ":predict", {"signature_name": "crops", "instances": rows})
    assert by_column[0] == by_row[0] == 200
    assert np.shape(by_column[1]["outputs"]["joints"]) == (2, 16, 2)
    for row in range(2):
        np.testing.assert_allclose(by_row[1]["predictions"][row]["joints"], by_column[1]["outputs"]["joints"][row])


@pytest.mark.parametrize("content", [{"instances": []}, [1]])
def test_rest_without_instances_is_refused_and_the_next_is_served(ports, photographs, content):
    status, body = _rest(ports, "POST", ":predict", content)
    assert (status, set(body)) == (400, {"error"})
    found = connection.Rest(ports[1], 60.0).ask(MODEL, [photographs[0].read_bytes()], [WHOLE])
    assert found["scores"].shape == (1, 16)


def test_status_and_metadata_tell_versions_and_signatures(ports, stub):
    status, body = _rest(ports, "GET", "")
    assert status == 200
    assert {entry["version"]: entry["state"] for entry in body["model_version_status"]} == {
        "1": "AVAILABLE",
        "2": "AVAILABLE",
    }
    described = _rest(ports, "GET", "/metadata")[1]["metadata"]["signature_def"]["signature_def"]
    assert {"serving_default", "crops", "heatmaps"} <= set(described)
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = served.NAME
    answer = stub.GetModelMetadata(request, timeout=60)
    found = get_model_metadata_pb2.SignatureDefMap()
    answer.metadata["signature_def"].Unpack(found)
    taken = found.signature_def["serving_default"].inputs["image_bytes"]
    assert [dimension.size for dimension in taken.tensor_shape.dim] == [-1]


def test_grpc_tells_a_versions_state(ports):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name, request.model_spec.version.value = served.NAME, 1
    with grpc.insecure_channel(ports[0]) as channel:
        (status,) = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(request).model_version_status
    assert (status.version, status.state) == (1, get_model_status_pb2.ModelVersionStatus.AVAILABLE)


@pytest.fixture(params=["grpc", "rest"])
def call(request, ports, photographs, capsys):
    """Runs the client; returns what it prints."""
    address = ports[request.param == "rest"]

    def run(**given):
        values = {"server": address, "grpc": False, "rest": False, request.param: True, "image": str(photographs[0])}
        values |= {
            "box": None,
            "box_format": None,
            "box_units": None,
            "name": served.NAME,
            "version": None,
            "label": None,
            "output": None,
            "timeout": 60.0,
        }
        values["skeleton"] = "mpii16"
        client.main(types.SimpleNamespace(**(values | given)))
        return capsys.readouterr().out

    return run


def test_the_client_names_no_joints_that_the_model_does_not_find(call, newest):
    with pytest.raises(UserError, match=r"finds 16 joints, and coco17 has 17; give --skeleton the metadata\.json"):
        call(skeleton="coco17")


def test_the_client_prints_a_table_a_person(call, newest, photographs):
    lines = call(box=["30,20,150,260;0,0,100,100"]).splitlines()
    assert [line for line in lines if line.startswith("person")] == [
        "person 0: x,y,w,h = 30,20,150,260",
        "person 1: x,y,w,h = 0,0,100,100",
    ]
    joint, *numbers = lines[2].split()
    expected = _predicted(newest, photographs[0], BOX)
    assert joint == "right_ankle"
    np.testing.assert_allclose([float(n) for n in numbers[:2]], expected["joints"][0], atol=0.06)
    np.testing.assert_allclose(float(numbers[2]), expected["scores"][0], atol=0.006)


def test_the_client_draws_the_answer_into_a_copy(call, photographs, tmp_path):
    before = photographs[0].read_bytes()
    call(box=["30,20,150,260"], output=str(tmp_path / "made" / "answer.png"))
    drawn = cv2.imread(str(tmp_path / "made" / "answer.png"))[..., ::-1]
    image = pictures.read(str(photographs[0]))
    assert drawn.shape == image.shape
    # The box's corner is white; far from everybody the picture is as it was.
    assert (drawn[20, 30] == 255).all()
    assert (drawn != image).any(-1).mean() < 0.5
    assert photographs[0].read_bytes() == before


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "nobody"}, "does not serve nobody"),
        ({"version": 7}, "does not serve version 7 of"),
        ({"label": "none"}, "refused the request: Unrecognized servable version label: none"),
        ({"box": ["5000,0,10,10"]}, "refused the request: the box 5000,0,10,10 lies outside image 0 of 300 x 360"),
        ({"image": "nowhere.jpg"}, "nowhere.jpg cannot be read"),
        ({"server": "localhost"}, "--server must be host:port"),
        ({"version": 1, "label": "stable"}, "Give either --version or --label"),
        ({"grpc": True, "rest": True}, "Give either --grpc or --rest"),
        ({"output": "answer.txt"}, "--output must end in"),
        ({"timeout": 1e-3}, "gave no answer within 0.001 seconds"),
    ],
    ids=["model", "version", "label", "box", "image", "server", "both versions", "both ports", "output", "timeout"],
)
def test_a_mistake_is_one_line(call, given, said):
    with pytest.raises(UserError, match=said) as caught:
        call(**given)
    assert "\n" not in str(caught.value)


def test_the_photograph_is_never_written_over(call, photographs):
    with pytest.raises(UserError, match="would be written over"):
        call(output=str(photographs[0]))


@pytest.mark.parametrize("kind", [connection.Grpc, connection.Rest], ids=["grpc", "rest"])
def test_a_port_where_nobody_listens(kind):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(UserError, match=rf"server answers at {address} \(.*Connection refused"):
        kind(address, 5.0).ask(MODEL, [JPEG], [WHOLE])


def test_rest_asked_of_the_grpc_port(ports):
    with pytest.raises(UserError, match="broke off or does not speak REST"):
        connection.Rest(ports[0], 5.0).ask(MODEL, [JPEG], [WHOLE])


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            "assertion failed: [image 1 is no JPEG or PNG file]\n\t [[{{node Assert}}]]",
            "image 1 is no JPEG or PNG file",
        ),
        ("Invalid PNG data, size 20738\n\t [[{{node DecodeJpeg}}]]", "Invalid PNG data, size 20738"),
        ("", "it gives no reason"),
    ],
)
def test_the_reason_is_what_a_person_can_read(message, said):
    assert connection.reason(message) == said
