"""The annotation files that can be read, by the name of their data set."""

from data_pipeline.common.files import StrPath
from data_pipeline.readers import lsp, mat_file, mpii

READERS = {"mpii": mpii.read, "lsp": lsp.read_lsp, "lspet": lsp.read_lspet}

# The metric that results on each are published in.
METRICS = {"mpii": "pckh", "lsp": "pck", "lspet": "pck"}


def recognise(path: StrPath) -> str:
    """The name of the data set whose annotations a file holds; raises AnnotationError where it is none of them."""
    return "mpii" if str(path).endswith((".json", ".json.gz")) else mat_file.recognise(path)
