import pathlib

import pytest

SHARED_DATA = pathlib.Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data():
    """A function from a path inside the folder of real annotations to the whole path; skips where it is absent."""

    def locate(relative):
        path = SHARED_DATA / relative
        if not path.exists():
            pytest.skip(f"needs the real data {path}")
        return path

    return locate
