"""Tiny generators as a server is given them: `python tests/served.py exports` writes what the tests of a client need.

Version 1 is labelled `stable`, version 2 `canary`; both are untrained, of different seeds.
"""

import os
import sys

# A program here does not find the project by itself.
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import exporting

from export.serving import folder

NAME = "adversarial_posenet"
VERSIONS = (1, 2)


def estimator(version):
    """The `pose_estimator.PoseEstimator` that is served as a version."""
    return exporting.estimator(seed=version)


def write(output):
    """Writes all versions and the server's folder into `output`."""
    for version in VERSIONS:
        exporting.write_saved_model(estimator(version), output, NAME, version)
        folder.write(output, NAME, version)


if __name__ == "__main__":
    write(sys.argv[1])
