"""A picture with depth: what is drawn into it hides what is farther away, pixel by pixel.

The camera frame is x right, y down, z away from the camera, metres. Colours are RGB in 0 to 255, float32, planes first.
"""

import dataclasses

import cv2
import numpy as np

from data_pipeline.synthetic.rendering import texture

# Nothing nearer to the camera is drawn, metres.
NEAREST = 0.2


@dataclasses.dataclass(frozen=True)
class Camera:
    """A pinhole: `focal` in pixels, `centre` the (x, y) pixel that it points at."""

    focal: float
    centre: tuple

    def project(self, points: np.ndarray) -> np.ndarray:
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

    def __init__(self, background: np.ndarray) -> None:
        """Starts from a background, (H, W, 3) uint8 RGB."""
        self.colour = background.astype(np.float32)
        self.depth: np.ndarray = np.full(background.shape[:2], np.inf, np.float32)
        self.owner = np.zeros(background.shape[:2], np.int16)

    def image(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB."""
        return cv2.convertScaleAbs(self.colour)

    def blend(
        self, place: np.ndarray, colour: np.ndarray, alpha: np.ndarray, depth: np.ndarray, owner: int | np.ndarray
    ) -> None:
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

    def panel(
        self, corners: np.ndarray, camera: Camera, cloth: texture.Cloth, owner: int, brightness: float = 1.0
    ) -> None:
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
        x, y, alpha = self._polygon(camera.project(corners))
        across = ((x - camera.centre[0]) / camera.focal).astype(np.float32)
        down = ((y - camera.centre[1]) / camera.focal).astype(np.float32)
        depth = np.clip(_plane_depth(corners, across, down), near, far)
        tiles, last = texture.TILE / cloth.size * far, texture.TILE - 1
        row, column = (down * tiles).astype(np.intp) & last, (across * tiles).astype(np.intp) & last
        base, second = np.float32(brightness) * np.array([cloth.base, cloth.second], np.float32)
        colour = base + (second - base) * texture.patterns()[cloth.pattern][row, column][:, None]
        self.blend(y * self.depth.shape[1] + x, colour, alpha, depth, owner)

    def _polygon(self, outline):
        """(n,) columns and rows of the pixels that a convex polygon of (N, 2) corners touches, and their alpha."""
        height, width = self.depth.shape
        left, top = np.clip(np.floor(outline.min(0)), 0, (width, height)).astype(int)
        right, bottom = np.clip(np.ceil(outline.max(0)) + 1, 0, (width, height)).astype(int)
        alpha = np.zeros((max(bottom - top, 0), max(right - left, 0)), np.uint8)
        if alpha.size:
            corners = np.round((outline - (left, top)) * 16).astype(np.int32)
            cv2.fillConvexPoly(alpha, corners, 255, cv2.LINE_AA, 4)
        y, x = np.nonzero(alpha)
        return x + left, y + top, alpha[y, x] * np.float32(1 / 255)


def _plane_depth(corners, x, y):
    """(n,) depth along the rays (x, y, 1) of the plane through the first three corners."""
    normal = np.cross(corners[1] - corners[0], corners[2] - corners[0]).astype(np.float32)
    slope = normal[0] * x + (normal[1] * y + normal[2])
    # A plane seen edge-on has no depth; its polygon then covers next to nothing.
    slope[np.abs(slope) < 1e-9] = 1e-9
    return np.float32(normal @ corners[0]) / slope
