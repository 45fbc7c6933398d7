import types

import pytest

from data_pipeline.common.errors import UserError
from export import __main__ as export
from keras_apn.models import shipped


def test_a_run_or_a_model_that_comes_with_the_package_is_exported():
    assert export.workdir_of(types.SimpleNamespace(workdir="run", model=None)) == "run"
    assert export.workdir_of(types.SimpleNamespace(workdir=None, model="apn-mobile")) == shipped.folder("apn-mobile")


@pytest.mark.parametrize(
    ("workdir", "model", "message"),
    [
        (None, None, "Give either --workdir"),
        ("run", "apn-mobile", "Give either --workdir"),
        (None, "apn-huge", "--model must be one of apn-mobile. Received: apn-huge"),
    ],
)
def test_neither_both_or_another_is_one_clear_line(workdir, model, message):
    with pytest.raises(UserError, match=message):
        export.workdir_of(types.SimpleNamespace(workdir=workdir, model=model))
