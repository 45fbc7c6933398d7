"""Public functions say what they take; ruff asks what they return, and mypy whether both agree with the code."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[1]


def public(tree):
    """The public functions of a module and the methods of its public classes, special ones too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public(node)
        elif isinstance(node, ast.FunctionDef) and (not node.name.startswith("_") or node.name.startswith("__")):
            yield node


@pytest.mark.parametrize("package", ["keras_apn", "data_pipeline", "export", "benchmarks"])
def test_every_parameter_of_a_public_function_has_a_type(package):
    bare = []
    for path in sorted((ROOT / package).rglob("*.py")):
        for function in public(ast.parse(path.read_text("utf-8"))):
            arguments = function.args
            each = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
            names = [a.arg for a in each if a is not None and a.annotation is None and a.arg not in ("self", "cls")]
            bare += [f"{path.relative_to(ROOT)}:{function.lineno} {function.name}({name})" for name in names]
    assert not bare
