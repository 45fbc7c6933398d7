"""The report: several runs on one self-contained page."""
