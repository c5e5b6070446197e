"""Judges runs: metrics with intervals, paired comparison, the choice in a sweep."""
