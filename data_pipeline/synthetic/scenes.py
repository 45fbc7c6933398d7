"""Synthetic annotated people: the data set that needs no download.

Every sample follows from `(seed, index)` alone, whatever is built before it or beside it.
"""

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np

from data_pipeline import skeleton as skeletons
from data_pipeline.readers import conversion
from data_pipeline.readers.person import Person
from data_pipeline.skeleton import MPII16, Skeleton
from data_pipeline.synthetic.anatomy import body as bodies
from data_pipeline.synthetic.anatomy import face, posture, visibility
from data_pipeline.synthetic.rendering import canvas, figure, part, scenery, sweep, texture, wardrobe

_SIZES = ((320, 320), (360, 320), (400, 320), (300, 360), (440, 330), (480, 360))
# Owners' numbers: the person's parts from the first on, other people, and things.
_FIRST = 1
_STRANGER = 1000
_THING = 2000


@dataclasses.dataclass(frozen=True)
class Subject:
    """A posed body before a camera.

    Attributes:
        body: its `body.Body`.
        posture: a name in `posture.POSTURES`.
        rotation: (3, 3) from the upright body's frame to the camera's.
        points, frames: as `body.forward` gives them, in the camera's frame.
    """

    body: bodies.Body
    posture: str
    rotation: np.ndarray
    points: dict
    frames: dict

    def dressed(self, rng: np.random.Generator) -> figure.Figure:
        """A `figure.Figure` of it in random clothes."""
        return figure.build(self.points, self.frames, self.body, wardrobe.sample(rng))


@dataclasses.dataclass
class Scene:
    """Parts that wait to be drawn at once, and the owner's number of each."""

    parts: list
    owners: list

    def add(self, parts: Sequence[part.Part], owner: int) -> None:
        """Adds parts that all carry one number."""
        self.parts += parts
        self.owners += [owner] * len(parts)


def _view(rng, posture_name):
    """Mostly from the front, a little from above; from higher up where somebody lies."""
    yaw = rng.normal(0, 45) if rng.random() < 0.6 else rng.uniform(-180, 180)
    pitch = rng.normal(25, 15) if posture_name == "lying" else rng.normal(7, 11)
    return bodies.seen_from(yaw, np.clip(pitch, -15, 55), rng.normal(0, 4))


def pose(rng: np.random.Generator, place: np.ndarray) -> Subject:
    """Draws a `Subject` whose pelvis is at (3,) `place`, camera metres."""
    body = bodies.sample(rng)
    name, angles, root = posture.sample(rng, body)
    points, frames = bodies.forward(body, angles, root)
    rotation = _view(rng, name)
    points = {key: rotation @ point + place for key, point in points.items()}
    return Subject(body, name, rotation, points, {key: rotation @ frame for key, frame in frames.items()})


def _frame(rng, points, focal):
    """Size of the picture, and the pixel that the camera points at: all in view, or the legs cut by the lower edge."""
    size = np.array(_SIZES[rng.integers(len(_SIZES))])
    camera = canvas.Camera(focal, (0.0, 0.0))
    flat, pelvis = camera.project(np.stack(list(points.values()))), camera.project(points["pelvis"])
    low, high = flat.min(0) - 8, flat.max(0) + 8
    cut = rng.random() < 0.38
    if cut:
        high[1] = rng.uniform(min(pelvis[1] + 12, high[1]), high[1])
    centre = -low + rng.uniform(0.1, 0.9, 2) * (size - (high - low))
    return size.tolist(), (float(centre[0]), float(size[1] - high[1] if cut else centre[1]))


def light(rng: np.random.Generator) -> np.ndarray:
    """(3,) unit vector to where the light comes from, camera frame."""
    toward = np.array([rng.normal(0, 0.6), -rng.uniform(0.3, 1.0), -rng.uniform(0.4, 1.0)])
    return toward / np.linalg.norm(toward)


def backdrop(rng: np.random.Generator, size: tuple[int, int], camera: canvas.Camera, subject: Subject) -> canvas.Canvas:
    """A `canvas.Canvas` with wall, floor, shadow and furniture behind the subject."""
    lowest = max(subject.points.values(), key=lambda point: point[1])
    x, floor = camera.project(lowest)
    grounded = rng.random() < 0.7
    horizon = floor - rng.uniform(0.02, 0.5) * size[1] if grounded else size[1]
    background = scenery.background(rng, *size, horizon)
    for _ in range(rng.integers(0, 3)):
        place = _beside(rng, subject, (0.2, 1.6), -rng.uniform(0.9, 2.5), 0.5)
        scenery.furniture(rng, background, camera, place, subject.rotation)
    if grounded:
        scenery.shadow(background, x, floor, rng.uniform(0.2, 0.4) * camera.focal / lowest[2])
    picture = canvas.Canvas(scenery.weather(rng, background))
    if subject.posture == "sitting" and rng.random() < 0.85:
        pelvis, girth = subject.points["pelvis"], subject.body.girth
        scenery.chair(rng, picture, camera, pelvis, subject.rotation, girth, _THING)
    return picture


def _beside(rng, subject, sideways, nearer, lower=0.0):
    """(3,) a place beside the subject, camera metres; `nearer` metres before it, or behind if negative."""
    x = rng.choice([-1, 1]) * rng.uniform(*sideways)
    return subject.points["pelvis"] + (x, lower + rng.normal(0, 0.15), -nearer)


def surround(rng: np.random.Generator, scene: Scene, subject: Subject, ahead: float = 0.1) -> None:
    """Adds other people and stray limbs behind, and with the probability `ahead` somebody before the subject."""
    places = [
        _beside(rng, subject, (0.2, 1.3), -rng.uniform(0.4, 2.5)) for _ in range(rng.choice(3, p=(0.58, 0.3, 0.12)))
    ]
    if rng.random() < ahead:
        places.append(_beside(rng, subject, (0.3, 0.7), rng.uniform(0.3, 0.6)))
    for place in places:
        scene.add(list(pose(rng, place).dressed(rng).parts.values()), _STRANGER)
    for _ in range(rng.integers(0, 4)):
        place = _beside(rng, subject, (0, 1.2), -rng.uniform(0.5, 1.5), rng.uniform(-0.9, 0.9))
        scene.add(scenery.limb(rng, place), _THING)


def _obstruct(rng, scene, picture, camera, joints_camera):
    """Puts up to three things in front of joints."""
    for _ in range(rng.choice(4, p=(0.48, 0.34, 0.14, 0.04))):
        joint = joints_camera[rng.integers(len(joints_camera))]
        place = joint * (1 - rng.uniform(0.3, 0.6) / joint[2]) + rng.normal(0, 0.08, 3)
        if rng.random() < 0.45:
            scenery.board(rng, picture, camera, place, _THING)
        else:
            scene.add(scenery.obstacle(rng, place), _THING)


def develop(rng: np.random.Generator, picture: canvas.Canvas) -> np.ndarray:
    """Colour cast, contrast, blur, grain and, for some, compression: (H, W, 3) uint8 of a canvas."""
    if rng.random() < 0.3:
        picture.colour *= rng.uniform(0.8, 1.1, 3).astype(np.float32)
    image = picture.image()
    if rng.random() < 0.6:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.1))
    image = texture.add_noise(rng, image, "grain", rng.uniform(0, 8), rng.uniform(0.75, 1.25), rng.normal(4, 14))
    if rng.random() < 0.3:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 95))]
        image = cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR)
    return image


def _crop(rng, joints_image, inside, head_size):
    """Centre and side of the crop, with an annotator's inaccuracy."""
    known = joints_image[inside]
    trunk = joints_image[[skeletons.INDEX["pelvis"], skeletons.INDEX["thorax"]]].mean(0)
    side = 10 * head_size * np.clip(rng.normal(1, 0.04), 0.9, 1.1)
    # Between the middle of all joints and the trunk's, and a little lower, as MPII's centres after their shift.
    centre = ((known.min(0) + known.max(0)) / 2 + trunk) / 2 + (0, 0.8 * head_size)
    return (centre + rng.uniform(-0.05, 0.05, 2) * side).astype(np.float32), float(side)


def sample(seed: int, index: int, split: str = "train", skeleton: Skeleton = MPII16) -> tuple[Person, np.ndarray]:
    """Draws one annotated person and the picture of them.

    Args:
        seed: of the data set, at least 0.
        index: of the sample, at least 0.
        split: one of `person.SPLITS`; it does not change what is drawn.
        skeleton: whose joints the person has, of MPII's and the face's by their names.

    Returns:
        `(person, image)`: a `person.Person`, and (H, W, 3) uint8 RGB, 300 to 480 pixels wide and 320 to 360 high. As
        on MPII, a joint outside the picture is not annotated, a hidden one is annotated and not visible, and the
        crop's side is about ten head sizes.
    """
    rng = np.random.default_rng([seed, index])
    distance = rng.uniform(2.5, 8)
    subject = pose(rng, np.array([0, 0, distance]))
    focal = rng.uniform(150, 260) * distance / subject.body.stature
    size, centre = _frame(rng, subject.points, focal)
    camera = canvas.Camera(focal, centre)
    picture, drawn = backdrop(rng, size, camera, subject), subject.dressed(rng)
    scene = Scene(list(drawn.parts.values()), list(drawn.numbers(_FIRST).values()))
    surround(rng, scene, subject)
    _obstruct(rng, scene, picture, camera, drawn.joints_camera)
    sweep.draw(picture, scene.parts, camera, light(rng), scene.owners)
    inside, visible = visibility.visible(drawn, picture, camera, _FIRST)
    joints_image, head_size = camera.project(drawn.joints_camera), subject.body.head_size * focal / distance
    center_image, side_image = _crop(rng, joints_image, inside, head_size)
    person = Person(
        image=f"synthetic-{seed}-{index:07d}",
        person_index=0,
        split=split,
        joints_image=np.where(inside[:, None], joints_image, 0).astype(np.float32),
        annotated=inside,
        visible=visible,
        head_size=float(head_size),
        center_image=center_image,
        side_image=side_image,
    )
    image = develop(rng, picture)
    return (person if skeleton == MPII16 else with_joints(person, skeleton, drawn, picture, camera)), image


def with_joints(
    person: Person, wanted: Skeleton, drawn: figure.Figure, picture: canvas.Canvas, camera: canvas.Camera
) -> Person:
    """A drawn person with the joints of another skeleton.

    Args:
        person: with MPII's joints, in the picture's pixels.
        wanted: the skeleton.
        drawn: the person's figure, drawn into `picture` with numbers from 1 on.
        picture: all of it.
        camera: what it was drawn with.

    Raises:
        UserError: the skeleton has none of MPII's and the face's joints.
    """
    names = (*skeletons.JOINTS, *face.PLACES)
    places = camera.project(drawn.places(names))
    inside, seen = visibility.visible(drawn, picture, camera, _FIRST, tuple(face.PLACES))
    # A face is annotated where the head is.
    inside = inside & person.annotated[[skeletons.INDEX["upper_neck"], skeletons.INDEX["head_top"]]].all()
    whole = dataclasses.replace(
        person,
        joints_image=np.concatenate([person.joints_image, places[len(skeletons.JOINTS) :]]).astype(np.float32),
        annotated=np.concatenate([person.annotated, inside]),
        visible=np.concatenate([person.visible, inside & seen]),
    )
    return conversion.in_skeleton(whole, names, wanted, places)
