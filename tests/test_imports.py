"""Imports go one way: each package reads those listed before it, and no two modules wait for each other."""

import ast
import graphlib
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]
# From the lowest up. What is on one line knows nothing of the rest of its line.
LAYERS = (
    ("data_pipeline.common",),
    ("data_pipeline.skeleton_rules",),
    ("data_pipeline.skeleton",),
    ("data_pipeline.geometry", "data_pipeline.heatmaps", "data_pipeline.decode"),
    ("data_pipeline.drawing", "data_pipeline.readers", "data_pipeline.augmentation", "data_pipeline.synthetic.anatomy"),
    ("data_pipeline.synthetic.rendering",),
    ("data_pipeline.synthetic",),
    ("data_pipeline.records",),
    ("data_pipeline.build_tfrecords", "data_pipeline.preview", "data_pipeline.export_coco", "data_pipeline.service"),
    ("keras_apn.setting",),
    ("keras_apn.config", "keras_apn.keras_compat", "keras_apn.replicas"),
    ("keras_apn.config_flags",),
    ("keras_apn.devices", "keras_apn.metrics", "keras_apn.models", "keras_apn.optimization", "keras_apn.sources"),
    ("keras_apn.adversarial", "keras_apn.inference"),
    ("keras_apn.evaluation", "keras_apn.people"),
    ("keras_apn.training",),
    ("keras_apn.report",),
    ("keras_apn.study",),
    ("keras_apn.train", "keras_apn.evaluate", "keras_apn.predict", "keras_apn.apn"),
    ("export.formats", "export.timing"),
    ("export.serving", "export.verification"),
    ("export.__main__", "export.verify", "export.benchmark", "export.client"),
    ("benchmarks",),
)
HEIGHT = {package: height for height, layer in enumerate(LAYERS) for package in layer}
OURS = ("data_pipeline", "keras_apn", "export", "benchmarks")


def modules():
    """Every module's file by its name."""
    paths = (path for package in OURS for path in (ROOT / package).rglob("*.py"))
    return {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in paths}


def imported(tree, known):
    """The modules of the project that a module imports, anywhere in it."""
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [f"{node.module}.{alias.name}" for alias in node.names] + [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (name for name in names if name in known)


def package(module):
    """The entry of `LAYERS` that a module belongs to: the longest that it begins with; None for bare packages."""
    parts = module.split(".")
    return next((name for n in range(len(parts), 0, -1) if (name := ".".join(parts[:n])) in HEIGHT), None)


@pytest.fixture(scope="module")
def graph():
    """By module those that it imports."""
    known = modules()
    return {name: set(imported(ast.parse(path.read_text("utf-8")), known)) for name, path in known.items()}


def test_every_module_has_its_place(graph):
    assert not [name for name in graph if package(name) is None and not name.endswith("__init__")]


def test_packages_import_what_is_below_them(graph):
    wrong = [
        f"{name} imports {other}"
        for name, others in graph.items()
        for other in others
        if package(name) and package(name) != package(other) and HEIGHT[package(name)] <= HEIGHT[package(other)]
    ]
    assert not wrong


def test_modules_do_not_wait_for_each_other(graph):
    list(graphlib.TopologicalSorter(graph).static_order())


def test_no_package_or_module_is_too_large(graph):
    known = modules()
    lines = {name: len(path.read_text("utf-8").splitlines()) for name, path in known.items()}
    assert not {name: count for name, count in lines.items() if count > 250}
    folders = [name.rpartition(".")[0] for name in known if not name.endswith("__init__")]
    assert not {name: folders.count(name) for name in folders if folders.count(name) > 15}


def test_no_function_is_too_long():
    def long(path):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno - node.lineno >= 60:
                yield f"{node.name}, {node.end_lineno - node.lineno + 1} lines"

    assert not {name: found for name, path in modules().items() if (found := list(long(path)))}
