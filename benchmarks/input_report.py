"""What `benchmarks.input_pipeline` measured: medians, ratios and a table."""

import statistics
from collections.abc import Iterable
from typing import Any


def summary(measured: dict[str, list[tuple[float, float]]], whole: dict[str, Any]) -> dict[str, Any]:
    """The report of `by_turns`'s and `unpinned`'s measurements, as the JSON file holds it."""
    core = {name: statistics.median(pair[0] for pair in pairs) for name, pairs in measured.items()}
    return {
        **core,
        "pipeline_share_of_decode": core["pipeline"] / core["decode_only"],
        "pipeline_over_conventional": core["pipeline"] / core["conventional"],
        "pipeline_over_conventional_uint8": core["pipeline"] / core["conventional_uint8"],
        **whole,
        "device_ms_per_batch": statistics.median(whole["device_ms_per_batch"]),
        "repeats": {
            **{name: [pair[0] for pair in pairs] for name, pairs in measured.items()},
            "device_ms_per_batch": whole["device_ms_per_batch"],
        },
        "repeats_wall": {name: [pair[1] for pair in pairs] for name, pairs in measured.items()},
    }


def table(report: dict[str, Any], stages: Iterable[str]) -> str:
    """The report as text, these stages a line each."""
    lines = [f"{'images/s a core':<20} {'median':>8} {'least':>8} {'most':>8}   of decode_only"]
    for name in stages:
        least, most = min(report["repeats"][name]), max(report["repeats"][name])
        share = report[name] / report["decode_only"]
        lines.append(f"{name:<20} {report[name]:8.1f} {least:8.1f} {most:8.1f}   {share:.3f}")
    each = report["device_ms_per_batch"]
    return "\n".join(
        [
            *lines,
            f"pipeline over conventional: {report['pipeline_over_conventional']:.1f} times, "
            f"over conventional_uint8: {report['pipeline_over_conventional_uint8']:.1f} times",
            f"pipeline on {report['cores']} cores: {report['pipeline_all_cores']:.0f} images/s by the clock",
            f"device part on {report['device']}: {each:.1f} ms a batch of {report['batch_size']}, "
            f"{1000 * report['batch_size'] / each:.0f} images/s",
            f"mean size: photographs {report['photograph_kb']:.0f} KB, patches {report['patch_kb']:.0f} KB",
        ]
    )
