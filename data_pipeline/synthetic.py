"""Synthetic annotated people: the data set that needs no download.

Every sample follows from `(seed, index)` alone, whatever is built before it or beside it.
"""

import dataclasses

import cv2
import numpy as np

from data_pipeline import body as bodies
from data_pipeline import canvas, figure, posture, scenery, skeleton, sweep, texture, wardrobe
from data_pipeline.person import Person

_SIZES = ((320, 320), (360, 320), (400, 320), (300, 360), (440, 330), (480, 360))
# Camera frame (x right, y down, z away) of someone who faces the camera (x to their left, y up, z to the front).
_FACING = np.diag([1.0, -1.0, -1.0])
_FIRST = 1
_STRANGERS = 100
_THINGS = 1000


@dataclasses.dataclass(frozen=True)
class View:
    """How a person is seen: `rotation` (3, 3) from the upright world to the camera's frame, and metres away."""

    rotation: np.ndarray
    distance: float


def _view(rng):
    """Mostly from the front, a little from above, 2.5 to 8 metres away."""
    yaw = rng.normal(0, 45) if rng.random() < 0.6 else rng.uniform(-180, 180)
    pitch, roll = np.clip(rng.normal(7, 11), -15, 45), rng.normal(0, 4)
    rotation = bodies.turn(2, roll) @ bodies.turn(0, pitch) @ _FACING @ bodies.turn(1, yaw)
    return View(rotation, float(rng.uniform(2.5, 8)))


def _pose(rng, view, place=None):
    """A body, its posture's name, and its points and frames in the camera's frame, the pelvis at `place`."""
    body = bodies.sample(rng)
    name, angles, root = posture.sample(rng, body)
    points, frames = bodies.forward(body, angles, root)
    place = np.array([0, 0, view.distance]) if place is None else place
    points = {key: view.rotation @ point + place for key, point in points.items()}
    return body, name, points, {key: view.rotation @ frame for key, frame in frames.items()}


def _frame(rng, points, focal):
    """Size of the picture, and the pixel that the camera points at: all in view, or the legs cut by the lower edge."""
    width, height = _SIZES[rng.integers(len(_SIZES))]
    flat = canvas.Camera(focal, (0.0, 0.0)).project(np.stack(list(points.values())))
    pelvis = canvas.Camera(focal, (0.0, 0.0)).project(points["pelvis"])
    low, high = flat.min(0) - 8, flat.max(0) + 8
    if rng.random() < 0.35:
        high[1] = rng.uniform(min(pelvis[1] + 12, high[1]), high[1])
        slack = np.array([width, height]) - (high - low)
        return (width, height), (-low[0] + rng.uniform(0.1, 0.9) * slack[0], height - high[1])
    slack = np.array([width, height]) - (high - low)
    return (width, height), tuple(-low + rng.uniform(0.1, 0.9, 2) * slack)


def _light(rng):
    toward = np.array([rng.normal(0, 0.6), -rng.uniform(0.3, 1.0), -rng.uniform(0.4, 1.0)])
    return toward / np.linalg.norm(toward)


def _stranger(rng, picture, camera, view, light, place, first):
    other = _view(rng)
    body, _, points, frames = _pose(rng, View(other.rotation, view.distance), place)
    figure.build(points, frames, body, wardrobe.sample(rng)).draw(picture, camera, light, first)


def _around(rng, distance, sideways, nearer):
    """(3,) a place beside the person, camera metres; `nearer` metres before, or behind if negative."""
    return np.array([rng.choice([-1, 1]) * rng.uniform(*sideways), rng.normal(0, 0.15), distance - nearer])


def _behind(rng, picture, camera, view, light):
    for i in range(rng.choice(4, p=(0.5, 0.3, 0.15, 0.05))):
        place = _around(rng, view.distance, (0.2, 1.3), -rng.uniform(0.4, 2.5))
        _stranger(rng, picture, camera, view, light, place, _STRANGERS * (1 + i))
    strays = []
    for _ in range(rng.integers(0, 4)):
        place = _around(rng, view.distance, (0, 1.2), -rng.uniform(0.5, 1.5)) + (0, rng.uniform(-0.9, 0.9), 0)
        strays += scenery.limb(rng, place)
    sweep.draw(picture, strays, camera, light, [_THINGS] * len(strays))


def _before(rng, picture, camera, view, light, joints_camera):
    if rng.random() < 0.12:
        place = _around(rng, view.distance, (0.3, 0.7), rng.uniform(0.3, 0.6))
        _stranger(rng, picture, camera, view, light, place, _STRANGERS * 9)
    for _ in range(rng.choice(4, p=(0.45, 0.35, 0.15, 0.05))):
        joint = joints_camera[rng.integers(len(joints_camera))]
        place = joint * (1 - rng.uniform(0.3, 0.6) / joint[2]) + rng.normal(0, 0.08, 3)
        scenery.occlude(rng, picture, camera, place, light, _THINGS + 1)


def _develop(rng, picture):
    """Colour cast, contrast, blur, grain and, for some, compression: (H, W, 3) uint8 of a canvas."""
    if rng.random() < 0.3:
        picture.colour *= rng.uniform(0.8, 1.1, 3).astype(np.float32)
    image = picture.image()
    if rng.random() < 0.6:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.1))
    image = texture.add_noise(rng, image, "grain", rng.uniform(0, 8), rng.uniform(0.75, 1.25), rng.normal(0, 14))
    if rng.random() < 0.3:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 95))]
        image = cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR)
    return image


def _annotate(rng, drawn, picture, camera, body, distance, name, split):
    inside, visible = figure.visible(drawn, picture, camera, _FIRST)
    joints = camera.project(drawn.joints_camera)
    head_size = body.head_size * camera.focal / distance
    known = joints[inside]
    trunk = (joints[skeleton.INDEX["pelvis"]] + joints[skeleton.INDEX["thorax"]]) / 2
    centre = ((known.min(0) + known.max(0)) / 2 + trunk) / 2 + (0, 0.8 * head_size)
    side = 10 * head_size * np.clip(rng.normal(1, 0.04), 0.9, 1.1)
    return Person(
        image=name,
        person_index=0,
        split=split,
        joints_image=np.where(inside[:, None], joints, 0).astype(np.float32),
        annotated=inside,
        visible=visible,
        head_size=float(head_size),
        center_image=(centre + rng.uniform(-0.05, 0.05, 2) * side).astype(np.float32),
        side_image=float(side),
    )


def sample(seed, index, split="train"):
    """Draws one annotated person and the picture of them.

    Args:
        seed: of the data set, at least 0.
        index: of the sample, at least 0.
        split: one of `person.SPLITS`; it does not change what is drawn.

    Returns:
        `(person, image)`: a `person.Person`, and (H, W, 3) uint8 RGB of 300 to 480 by 320 to 360 pixels. As on MPII,
        joints outside the picture are not annotated, and a joint that something hides is annotated but not visible.
    """
    rng = np.random.default_rng([seed, index])
    view = _view(rng)
    body, name, points, frames = _pose(rng, view)
    focal = rng.uniform(150, 260) * view.distance / body.stature
    (width, height), centre = _frame(rng, points, focal)
    camera, light = canvas.Camera(focal, centre), _light(rng)
    floor = camera.project(max(points.values(), key=lambda point: point[1]))[1]
    horizon = floor - rng.uniform(0.02, 0.5) * height if rng.random() < 0.7 else height
    picture = canvas.Canvas(scenery.background(rng, width, height, horizon))
    _behind(rng, picture, camera, view, light)
    if name == "sitting" and rng.random() < 0.75:
        scenery.chair(rng, picture, camera, points["pelvis"], view.rotation, body.girth, _THINGS + 2)
    drawn = figure.build(points, frames, body, wardrobe.sample(rng))
    drawn.draw(picture, camera, light, _FIRST)
    _before(rng, picture, camera, view, light, drawn.joints_camera)
    title = f"synthetic-{seed}-{index:07d}"
    person = _annotate(rng, drawn, picture, camera, body, view.distance, title, split)
    return person, _develop(rng, picture)
