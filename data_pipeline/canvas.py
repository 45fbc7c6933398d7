"""A picture with depth: what is drawn into it hides what is farther away, pixel by pixel.

The camera frame is x right, y down, z away from the camera, metres. Colours are RGB in 0 to 255, float32, planes first.
"""

import dataclasses

import cv2
import numpy as np

from data_pipeline import texture

# Nothing nearer to the camera is drawn, metres.
NEAREST = 0.2


@dataclasses.dataclass(frozen=True)
class Camera:
    """A pinhole: `focal` in pixels, `centre` the (x, y) pixel that it points at."""

    focal: float
    centre: tuple

    def project(self, points):
        """(..., 3) camera metres, z above 0, to (..., 2) image pixels."""
        points = np.asarray(points)
        return points[..., :2] * (self.focal / points[..., 2:]) + self.centre


class Canvas:
    """Colour, depth and owner of each pixel.

    Attributes:
        colour: (H, W, 3) float32.
        depth: (H, W) float32, metres; infinite on the background.
        owner: (H, W) int16, the number that the front-most thing was drawn with; 0 on the background.
    """

    def __init__(self, background):
        """Starts from a background, (H, W, 3) uint8 RGB."""
        self.colour = background.astype(np.float32)
        self.depth = np.full(background.shape[:2], np.inf, np.float32)
        self.owner = np.zeros(background.shape[:2], np.int16)

    def image(self):
        """(H, W, 3) uint8 RGB."""
        return cv2.convertScaleAbs(self.colour)

    def blend(self, place, colour, alpha, depth, owner):
        """Draws where nothing nearer is.

        Args:
            place: (n,) flat numbers of distinct pixels.
            colour: (n, 3).
            alpha: (n,) in 0 to 1; it owns the pixel above a half.
            depth: (n,) metres.
            owner: number.
        """
        depths, colours = self.depth.reshape(-1), self.colour.reshape(-1, 3)
        ahead = np.flatnonzero(depth < depths[place])
        place, alpha = place[ahead], alpha[ahead]
        under = colours[place]
        colours[place] = under + (colour[ahead] - under) * alpha[:, None]
        taken = alpha > 0.5
        owned = place[taken]
        depths[owned] = depth[ahead[taken]]
        self.owner.reshape(-1)[owned] = owner

    def panel(self, corners, camera, cloth, owner, brightness=1.0):
        """Draws a flat convex polygon.

        Args:
            corners: (N, 3) in one plane, camera metres; one that comes nearer than `NEAREST` is left out.
            camera: a `Camera`.
            cloth: a `texture.Cloth`, its pattern parallel to the picture.
            owner: number to leave where it is front-most.
            brightness: factor of its colours.
        """
        near, far = corners[:, 2].min(), corners[:, 2].max()
        if near < NEAREST:
            return
        alpha = np.zeros(self.depth.shape, np.uint8)
        outline = np.round(camera.project(corners) * 16).astype(np.int32)
        cv2.fillConvexPoly(alpha, outline, 255, cv2.LINE_AA, 4)
        place = np.flatnonzero(alpha)
        y, x = np.divmod(place, self.depth.shape[1])
        across = ((x - camera.centre[0]) / camera.focal).astype(np.float32)
        down = ((y - camera.centre[1]) / camera.focal).astype(np.float32)
        depth = np.clip(_plane_depth(corners, across, down), near, far)
        tiles = np.float32(texture.TILE / cloth.size * far)
        mix = texture.patterns()[cloth.pattern][
            (down * tiles).astype(np.intp) % texture.TILE, (across * tiles).astype(np.intp) % texture.TILE
        ]
        base, second = np.float32(brightness) * np.array([cloth.base, cloth.second], np.float32)
        colour = base + (second - base) * mix[:, None]
        self.blend(place, colour, alpha.reshape(-1)[place] * np.float32(1 / 255), depth, owner)


def _plane_depth(corners, x, y):
    """(n,) depth along the rays (x, y, 1) of the plane through the first three corners."""
    normal = np.cross(corners[1] - corners[0], corners[2] - corners[0]).astype(np.float32)
    slope = normal[0] * x + (normal[1] * y + normal[2])
    # A plane seen edge-on has no depth; its polygon then covers next to nothing.
    slope[np.abs(slope) < 1e-9] = 1e-9
    return np.float32(normal @ corners[0]) / slope
