"""Let the environment that runs this import skybake from this checkout, in any folder.

A line in site-packages makes a finder that is asked after all others. A path there would come before the folder that
Snakemake adds for a script, and a second checkout that shares the environment would silently run the code of this one.
"""

import sysconfig
from pathlib import Path

LINE = (  # executed within a function: the lambda sees no names but builtin ones
    "import sys; sys.meta_path.append(type('Checkout', (), {{'find_spec': staticmethod("
    "lambda name, path=None, target=None: __import__('importlib.machinery').machinery.PathFinder.find_spec("
    "name, [{root!r}]) if name == 'skybake' else None)}}))"
)

if __name__ == "__main__":
    root = str(Path(__file__).resolve().parents[1])
    Path(sysconfig.get_path("purelib"), "skybake.pth").write_text(LINE.format(root=root) + "\n", encoding="utf-8")
