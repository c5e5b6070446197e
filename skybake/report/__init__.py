"""The comparison page and tables of a bake-off."""

from skybake.report.comparison import compare
from skybake.report.overview import Page, join
from skybake.report.rows import Row

__all__ = ["Page", "Row", "compare", "join"]
