"""A program that lacks a package says so in one line.

The packages of the project call `watch` first of all: a program has begun nothing when it misses an import.
"""

import sys
import traceback

PROJECT = ("benchmarks", "data_pipeline", "export", "keras_apn")
# What pyproject.toml brings by an extra's name; all else is of `train`.
EXTRAS = {
    "": ("absl", "av", "cv2", "msgspec", "numpy", "onnxruntime", "PIL", "tqdm"),
    "export": ("ai_edge_litert", "onnx", "tf2onnx"),
    "serve": ("grpc", "tensorflow_serving"),
}


def watch() -> None:
    """`install`, where a program of the project is about to start; in a notebook nothing happens."""
    # What Python says of `python -m` while it imports the module's packages.
    if sys.argv[:1] == ["-m"]:
        install()


def install() -> None:
    """From here on, a package that a program of the project misses ends it with one line and exit code 2."""
    others = sys.excepthook
    if getattr(others, "__module__", "") == __name__:
        return

    def told(kind, error, trace):
        program, package = _program(trace), (getattr(error, "name", None) or "").partition(".")[0]
        if isinstance(error, ModuleNotFoundError) and program and package not in ("", *PROJECT):
            print(f"error: {_line(program, package)}", file=sys.stderr)
            sys.exit(2)
        others(kind, error, trace)

    sys.excepthook = told


def _program(trace):
    """The project's module that was running, as `python -m` has it; "" where it was none."""
    for frame, _ in traceback.walk_tb(trace):
        spec = frame.f_globals.get("__spec__")
        if frame.f_globals["__name__"] == "__main__" and spec and spec.name.partition(".")[0] in PROJECT:
            return spec.name.removesuffix(".__main__")
    return ""


def _line(program, package):
    extra = next((name for name, packages in EXTRAS.items() if package in packages), "train")
    wanted = f"'.[{extra}]'" if extra else "."
    return f"{program} needs the package {package}; beside the sources, pip install {wanted} or make setup brings it"
