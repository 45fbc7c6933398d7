"""Importing this, before numpy, keeps numpy's and OpenCV's own threads to one a process.

For programs whose processes share the processors out: threads of small operations only wait for each other, and
OpenBLAS's do so at full speed.
"""

import os

# Before numpy is imported, and for the processes that are started.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import cv2

cv2.setNumThreads(1)
