"""Nose, eyes and ears of a drawn head, where `figure` paints them."""

import numpy as np

# In lengths of the skull, neck to head top: to the person's left, up from the neck, to the front. The eyes and the
# nose's tip lie on the surface, the ears at the sides.
PLACES = {
    "nose": (0.0, 0.36, 0.52),
    "left_eye": (0.108, 0.53, 0.47),
    "right_eye": (-0.108, 0.53, 0.47),
    "left_ear": (0.3, 0.47, 0.09),
    "right_ear": (-0.3, 0.47, 0.09),
}


def points(upper_neck: np.ndarray, head_top: np.ndarray, frame: np.ndarray) -> dict[str, np.ndarray]:
    """Points of a face.

    Args:
        upper_neck, head_top: (3,) metres.
        frame: (3, 3) of the head, columns left, up, front, in the same frame.

    Returns:
        (3,) metres by the names of `PLACES`.
    """
    skull = np.linalg.norm(head_top - upper_neck)
    return {name: upper_neck + frame @ np.array(place) * skull for name, place in PLACES.items()}
