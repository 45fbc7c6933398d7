"""Drawn people in annotated poses: the synthetic scenes around joints that somebody marked in a photograph.

Annotations come without their photographs; here each becomes a clothed figure whose joints lie where they were
marked. What was marked as occluded is hidden, by the body or by a thing before it, and nothing stands before what was
marked as visible. Where the annotation does not know occlusion, the drawing decides it: nothing stands before the
person, their own body hides what it hides, and the sample's `visible` is what the picture shows, so that its occlusion
is known. Every sample follows from the seed and the person's image and index alone.
"""

import dataclasses
import zlib

import numpy as np

from data_pipeline.geometry import PATCH_RATIO
from data_pipeline.readers.person import Person
from data_pipeline.skeleton import INDEX, MPII16, Skeleton
from data_pipeline.synthetic import scenes
from data_pipeline.synthetic.anatomy import body as bodies
from data_pipeline.synthetic.anatomy import bones, completion, lifting, visibility
from data_pipeline.synthetic.anatomy.rig import rig, sits
from data_pipeline.synthetic.rendering import canvas, figure, occluder, sweep

# Pixels of the crop's side, or, where a person has no crop, of the picture's longer side.
_SIDES = (200, 240)
# Numbers of the person's parts from the first on, and of things.
_FIRST = 1
_THING = 2000
# Things drawn before a joint until it is hidden, at most.
_TRIES = 3
# MPII and LSP call a midpoint visible where both of its ends are. One hidden hip says nothing about the pelvis itself.
_MIDPOINTS = {"pelvis": "hip", "thorax": "shoulder"}
_LEGS = [INDEX[f"{side}_{joint}"] for side in bodies.SIDES for joint in ("knee", "ankle")]


def hidden(person: Person) -> np.ndarray:
    """(16,) bool, the joints that must not be seen: the occluded ones, pelvis and thorax only if both ends are too."""
    occluded = person.occluded.copy()
    for middle, joint in _MIDPOINTS.items():
        ends = [INDEX[f"{side}_{joint}"] for side in bodies.SIDES]
        occluded[INDEX[middle]] &= person.occluded[ends].all()
    return occluded


def _window(rng, person, joints_image):
    """(2,) lowest and (2,) highest image pixel to draw, and how many pixels of the picture one of them becomes.

    The photograph's upper left corner is known; where legs were not annotated, it ended above them.
    """
    known, side = joints_image[person.annotated], person.side_image
    if side is None:
        low, high = known.min(0), known.max(0)
        extent = max((high - low).max(), 4 * person.head_size)
        low, high = low - extent * rng.uniform(0.05, 0.25, 2), high + extent * rng.uniform(0.05, 0.25, 2)
        side = (high - low).max()
    else:
        reach = PATCH_RATIO / 2 * side
        low, high = person.center_image - reach, person.center_image + reach
    floor, lost = known[:, 1].max(), joints_image[_LEGS][~person.annotated[_LEGS], 1]
    lost = lost[lost > floor]
    if lost.size:
        high[1] = min(high[1], floor + rng.uniform(0.2, 0.9) * (lost.min() - floor))
    low = np.maximum(low, -0.5)
    return low, np.maximum(high, low + 0.3 * side), rng.uniform(*_SIDES) / side


def _framed(person, low, scale):
    """The person in the picture's pixels; `low` is the image's place of its upper left corner."""

    def place(points):
        return ((points - low) * scale - 0.5).astype(np.float32)

    return dataclasses.replace(
        person,
        joints_image=np.where(person.annotated[:, None], place(person.joints_image), np.float32(0)),
        head_size=float(person.head_size * scale),
        center_image=None if person.center_image is None else place(person.center_image),
        side_image=None if person.side_image is None else float(person.side_image * scale),
    )


def _unit(joints, annotated, head_size):
    """Pixels of the head size that suits the three longest limbs: a body is as large as its limbs, not its head."""
    children = bones.LONG[annotated[bones.LONG] & annotated[bones.PARENT[bones.LONG]]]
    if not children.size:
        return head_size
    ratios = np.linalg.norm(joints[children] - joints[bones.PARENT[children]], axis=1) / bones.LENGTH[children]
    return float(np.clip(np.sort(ratios)[-3:].mean(), 0.8 * head_size, 1.7 * head_size))


def _body(rng, head_metres, skull):
    """A body of which 0.115 of the stature is one head size; `skull` (metres) from the neck to the top."""
    stature = head_metres / bones.HEAD_SHARE
    lengths = {name: share * stature for name, share in bodies.SHARES.items()}
    lengths["head"] = float(skull)
    girth = stature / 1.72 * np.clip(rng.lognormal(0, 0.1), 0.82, 1.25)
    return bodies.Body(stature, lengths, float(girth))


def _pose(rng, person, joints_image, unit, size):
    """A `scenes.Subject` in the pose, and its `canvas.Camera`; `unit` is a head size of the body in pixels."""
    # What says nothing must not ask the body to turn every joint to the camera.
    show = person.visible & person.occlusion_known
    lifted = lifting.lift(joints_image / unit, show, hidden(person))
    stature, distance = rng.uniform(1.55, 1.9), rng.uniform(5, 9)
    metres = stature * bones.HEAD_SHARE
    camera = canvas.Camera(distance * unit / metres, ((size[0] - 1) / 2, (size[1] - 1) / 2))
    depth = distance + lifted.joints[:, 2:] * metres
    joints = np.concatenate([(joints_image - camera.centre) * depth / camera.focal, depth], 1)
    skull = np.linalg.norm(joints[INDEX["head_top"]] - joints[INDEX["upper_neck"]])
    body = _body(rng, metres, np.clip(skull, 0.9 * metres, 1.8 * metres))
    points, frames = rig(rng, body, joints, lifted.torso_left, lifted.hips_left)
    front = frames["pelvis"][:, 2]
    upright = bodies.seen_from(np.degrees(np.arctan2(front[0], -front[2])), np.clip(rng.normal(7, 8), -8, 30))
    posture = "sitting" if sits(points, frames) else "free"
    return scenes.Subject(body, posture, upright, points, frames), camera


def _surroundings(rng, size, camera, subject, light):
    """A `canvas.Canvas` of all that is behind the person, as flat and far as a photograph of it."""
    picture, scene = scenes.backdrop(rng, size, camera, subject), scenes.Scene([], [])
    scenes.surround(rng, scene, subject, ahead=0)
    sweep.draw(picture, scene.parts, camera, light, scene.owners)
    return canvas.Canvas(picture.image())


def _cover(rng, picture, camera, light, drawn, person, head):
    """Puts things before the joints that must be hidden and are not."""
    pixels = np.round(camera.project(drawn.joints_camera))
    _, seen = visibility.visible(drawn, picture, camera, _FIRST)
    for joint in np.repeat(rng.permutation(np.flatnonzero(hidden(person))), _TRIES):
        if seen[joint]:
            spared = pixels[person.visible]
            occluder.hide(rng, picture, camera, light, drawn.joints_camera[joint], spared, head, _THING)
            _, seen = visibility.visible(drawn, picture, camera, _FIRST)


def _as_seen(framed, picture, drawn, camera):
    """The person with what the picture shows as `visible`. Outside the picture nothing hides a joint."""
    inside, seen = visibility.visible(drawn, picture, camera, _FIRST)
    return dataclasses.replace(framed, visible=framed.annotated & (seen | ~inside), occlusion_known=True)


def draw(rng: np.random.Generator, person: Person) -> tuple[Person, canvas.Canvas, figure.Figure, canvas.Camera]:
    """Draws a person in their pose.

    Args:
        rng: a numpy generator.
        person: a `person.Person`, as the readers give it.

    Returns:
        `(person, picture, drawn, camera)`: the person in the picture's pixels, a `canvas.Canvas` in which the parts of
        the `figure.Figure` are numbered from 1 on, and the `canvas.Camera` that projects onto the picture.
    """
    unit = _unit(person.joints_image, person.annotated, person.head_size)
    whole = completion.complete(person.joints_image / unit, person.annotated) * unit
    low, high, scale = _window(rng, person, whole)
    framed = _framed(person, low, scale)
    size = np.round((high - low) * scale).astype(int).tolist()
    joints_image = np.where(person.annotated[:, None], framed.joints_image, (whole - low) * scale - 0.5)
    subject, camera = _pose(rng, person, joints_image, unit * scale, size)
    light, drawn = scenes.light(rng), subject.dressed(rng)
    picture = _surroundings(rng, size, camera, subject, light)
    sweep.draw(picture, list(drawn.parts.values()), camera, light, list(drawn.numbers(_FIRST).values()))
    if person.occlusion_known:
        _cover(rng, picture, camera, light, drawn, person, framed.head_size)
    else:
        framed = _as_seen(framed, picture, drawn, camera)
    return framed, picture, drawn, camera


def sample(person: Person, seed: int, skeleton: Skeleton = MPII16) -> tuple[Person, np.ndarray]:
    """Draws an annotated person and the picture of them.

    Args:
        person: a `person.Person`, as the readers give it.
        seed: at least 0; clothes, surroundings and the places of what is not annotated follow from it.
        skeleton: whose joints the drawn person has, of MPII's and the face's by their names.

    Returns:
        `(person, image)`: the person in the picture's pixels, moved and scaled and otherwise the same, but with
        `visible` as drawn where the annotation does not know occlusion; and (H, W, 3) uint8 RGB. The crop's side is 200
        to 240 pixels, and the picture has room for `geometry.PATCH_RATIO` of it where the photograph had; without a
        crop the picture's longer side is about that.
    """
    rng = np.random.default_rng([seed, zlib.crc32(person.image.encode()), person.person_index])
    framed, picture, drawn, camera = draw(rng, person)
    image = scenes.develop(rng, picture)
    return (framed if skeleton == MPII16 else scenes.with_joints(framed, skeleton, drawn, picture, camera)), image
