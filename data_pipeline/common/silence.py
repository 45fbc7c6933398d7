"""Holding back what libraries write to standard error without being asked."""

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator

STANDARD_ERROR = 2


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Holds standard error back, C++'s too; what was written there is lost unless an exception passes."""
    sys.stderr.flush()
    kept = os.dup(STANDARD_ERROR)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), STANDARD_ERROR)
        try:
            yield
        except BaseException:
            held.seek(0)
            with open(kept, "wb", closefd=False) as stream:
                shutil.copyfileobj(held, stream)
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, STANDARD_ERROR)
            os.close(kept)
