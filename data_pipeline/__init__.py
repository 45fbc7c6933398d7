"""From annotated photographs, or none, to batches of patches and joints. Knows no network."""
