"""The limbs that BlazePose finds in crops, by MediaPipe: run by `benchmarks.peers.blazepose` with MediaPipe's Python.

`python benchmarks/peers/blazepose_reference.py CROPS.npz FOUND.npz` reads `crops` [N, S, S, 3] uint8 RGB, `landmarks`
[L] int, and `complexity`, and writes `joints` [N, L, 2] float32, crop pixels, infinite where nobody was found.
MediaPipe is no requirement of the project, and this imports nothing of it.
"""

import sys

import mediapipe
import numpy as np


def main(source: str, target: str) -> None:
    """Reads one file and writes the other."""
    given = np.load(source)
    crops, landmarks = given["crops"], given["landmarks"]
    joints = np.full((len(crops), len(landmarks), 2), np.inf, np.float32)
    with mediapipe.solutions.pose.Pose(static_image_mode=True, model_complexity=int(given["complexity"])) as pose:
        for n, crop in enumerate(crops):
            found = pose.process(crop).pose_landmarks
            if found:
                # Shares of the picture, from its edge; ours are of pixel centres.
                places = [(found.landmark[i].x, found.landmark[i].y) for i in landmarks]
                joints[n] = np.array(places) * crops.shape[1] - 0.5
    np.savez(target, joints=joints)


if __name__ == "__main__":
    main(*sys.argv[1:])
