"""The comparison page and tables of a bake-off."""

from skybake.report.choosing import choose
from skybake.report.comparison import compare
from skybake.report.overview import Page, join, pages_of
from skybake.report.rows import Row, rows_of

__all__ = ["Page", "Row", "choose", "compare", "join", "pages_of", "rows_of"]
