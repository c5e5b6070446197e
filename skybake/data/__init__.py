"""Datasets: what a file holds, its writer and reader, splits, and a first look at light and noise."""
