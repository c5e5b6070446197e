"""Survey ``cutouts``: images that are cut already, of any survey, and a catalogue.

Raw files: ``images`` is a folder with a file an object, or one an object and band (FITS of any HDU, also
tile-compressed, with scaled or blank pixels; PNG and JPEG of 8 or 16 bits; .npy), or one file with all of them: .npy,
.npz or an array of HDF5. ``catalogue`` is a table with a row an object: CSV with any delimiter, FITS, ECSV, VOTable,
parquet, feather, or columns of HDF5; without it, columns stand beside the images in their own file. Images of one file
are in the order of the catalogue's rows.

What columns are called is said by options; see ``docs/data.md``. What may be guessed is guessed only where one answer
is possible, and then stands among the dataset's warnings.

*Pixels.* Masked ones, that are not finite or beyond 1e30 as placeholders are, become the median of their image and
band, and the scalar ``n_masked`` counts them. Images of another size than the option ``size`` are padded, with that
median, or cut about their centre; ``padded_fraction`` says how much of each is padding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from skybake.data.columns import CHUNK_OBJECTS, Schema
from skybake.data.rejections import Rejection
from skybake.raw import Batch, RawError, Reading, formats
from skybake.raw.batches import batch_of, in_blocks, rejections_of, schema_of
from skybake.raw.catalogue import Catalogue, Objects, describe
from skybake.raw.cutouts.arrays import KINDS, Cube, names_beside, open_cube
from skybake.raw.cutouts.files import called_by, check_padded, chosen_pattern, files_of, fitting
from skybake.raw.cutouts.options import Options
from skybake.raw.masked import check_marks, fill_masked
from skybake.raw.named import check_file
from skybake.raw.pixels import ImageError, contents_of, decoded, to_size

TASK = "regression"  # unless the options say otherwise
INPUTS = ()
RAW = {
    "images": "folder of FITS, PNG, JPEG or .npy files; or one file with all images: .npy, .npz or HDF5",
    "catalogue": "table with a row for each object: CSV, FITS, ECSV, VOTable, parquet, feather or columns of HDF5",
}
RAW_FORMS = (("images", "catalogue"), ("images",))


def label_name(options: Options) -> str:
    """Return the label's name in the dataset."""
    return options.name


def task_name(options: Options) -> str:
    """Return ``"classification"`` where the options say so or name classes."""
    return "classification" if options.classifies else TASK


def check(raw: Mapping[str, Path], options: Options) -> list[str]:
    """Return the names of the scalars, of the catalogue and of images.

    Raises:
        RawError: The catalogue is no table, or lacks a column that the options name.
    """
    return [*check_file(Path(raw.get("catalogue", raw["images"])), options), "n_masked", "padded_fraction"]


def read(raw: Mapping[str, Path], options: Options, threads: int) -> Reading:
    """Read the images: (N, H, W, C), the label, and scalars that the options name.

    Raises:
        RawError: The files cannot be read or do not belong together.
    """
    images = Path(raw["images"])
    if not images.exists():
        raise RawError(f"{images}: no such file or folder of images")
    if images.is_dir() and "catalogue" not in raw:
        raise RawError(
            f"{images}: a folder of images without a catalogue. Hint: raw: {{catalogue: ...}} is a table of them"
        )
    catalogue = Catalogue(Path(raw.get("catalogue", images)), options.table, missing_values=options.missing_values)
    return _of_folder(images, catalogue, options, threads) if images.is_dir() else _of_array(images, catalogue, options)


def _of_array(path: Path, catalogue: Catalogue, options: Options) -> Reading:
    kind = formats.kind_of(path)
    if kind not in KINDS:
        raise RawError(
            f"{path}: {kind or 'a file of unknown kind'} found; expected a folder of images, or one file with all of"
            " them: .npy, .npz or HDF5"
        )
    cube = open_cube(path, options)
    objects = describe(catalogue, options)
    if len(objects.ids) != cube.shape[0]:
        raise RawError(
            f"{catalogue.path}: {len(objects.ids)} rows for {cube.shape[0]} images of {path.name}; expected as many, in"
            " the same order"
        )
    if catalogue.path != path:
        _check_order(path, cube, catalogue, objects)
    schema = _schema(objects, options, cube.image_shape[-1], path)
    return Reading(
        schema,
        rows=len(objects.ids),
        batches=_array_batches(cube, objects, options),
        rejections=rejections_of(objects),
        warnings=catalogue.warnings,
        counted=_counted(options),
    )


def _counted(options: Options) -> dict[str, str]:
    """Return what is said of images that are not of the wanted size."""
    return {
        "cut_images": f"larger than the option size, {options.size} pixels a side, and cut about their centre",
        "padded_images": f"smaller than the option size, {options.size} pixels a side, and padded with their median",
    }


def _check_order(path: Path, cube: Cube, catalogue: Catalogue, objects: Objects) -> None:
    """Raise RawError if names in the images' file say that the catalogue's rows are in another order."""
    told = False
    for name, beside in names_beside(path, cube).items():
        column = next((known for known in catalogue.names if known.lower() == name.rpartition("/")[2].lower()), "")
        named = {"the objects' names": list(objects.ids)}
        if column:
            named[f"column {column}"] = catalogue.texts(column, "id").tolist()
        for said, texts in named.items():
            same = sum(one == other for one, other in zip(beside, texts, strict=True))
            if same == len(texts):
                told = True
            elif len(set(beside)) > len(beside) / 2 and 2 * len({*beside} & {*texts}) > len({*texts}):
                row = next(row for row, (one, other) in enumerate(zip(beside, texts, strict=True)) if one != other)
                raise RawError(
                    f"{path}: {name} names image {row} {beside[row]!r}, and row {row} of {catalogue.path.name} is"
                    f" {texts[row]!r} ({said}): {same} of {len(texts)} agree, so images and rows are not in one order."
                    " Hint: sort the catalogue as the images"
                )
    if not told:
        catalogue.warnings.append(
            f"{path.name}: images are taken to be in the order of the rows of {catalogue.path.name}"
        )


def _array_batches(cube: Cube, objects: Objects, options: Options) -> Iterator[Batch]:
    height, width, _ = cube.image_shape
    size = (options.size or height, options.size or width)
    with cube.opened() as array:
        for rows in in_blocks(objects.usable, CHUNK_OBJECTS):
            yield _batch(rows, list(cube.images(array, rows)), {}, objects, options, size, cube.path)


def _of_folder(folder: Path, catalogue: Catalogue, options: Options, threads: int) -> Reading:
    if "{band}" in options.pattern and not options.bands:
        raise RawError(
            f"{folder}: pattern {options.pattern!r} has bands. Hint: name them, options: {{bands: [g, r, i]}}"
        )
    names = files_of(folder)
    of_ids = None if options.file else lambda texts: fitting(names, options.pattern, options.bands, texts)
    objects = describe(catalogue, options, of_ids)
    files = _files(folder, names, catalogue, objects, options)
    there = set(names)
    for row in objects.usable.tolist():
        missing = [name for name in files[row] if name not in there and not (folder / name).is_file()]
        if missing:
            objects.reasons[row] = ("no image", f"no file {', '.join(missing)}")
    shape = _first_shape(folder, files, objects, options)
    return Reading(
        _schema(objects, options, shape[-1], folder),
        rows=len(objects.ids),
        batches=_folder_batches(folder, files, objects, options, shape, threads),
        rejections=rejections_of(objects),
        files={} if catalogue.path == folder else {catalogue.path.name: catalogue.path},
        warnings=catalogue.warnings,
        counted=_counted(options),
    )


def _files(
    folder: Path, names: Sequence[str], catalogue: Catalogue, objects: Objects, options: Options
) -> list[list[str]]:
    """Return the files of every row."""
    if options.file:
        texts = catalogue.texts(options.file, "file")
        for row in (row for row, text in enumerate(texts) if text is None):
            objects.reasons.setdefault(row, ("no image", f"column {options.file} is empty"))
        return [[] if text is None else [text] for text in texts]
    pattern = options.pattern
    if not pattern:
        pattern = chosen_pattern(folder, names, objects.ids)
        check_padded(folder, names, pattern, objects.ids)
        catalogue.warnings.append(f'{folder.name}: files are taken to be called `pattern: "{pattern}"`')
        _check_file_columns(names, catalogue, objects, pattern)
    return [called_by(pattern, name, options.bands) for name in objects.ids]


def _check_file_columns(names: Sequence[str], catalogue: Catalogue, objects: Objects, pattern: str) -> None:
    """Raise RawError if a column of the catalogue names files, and others than the objects' names do."""
    there = set(names)
    for column in catalogue.names:
        texts = catalogue.texts(column, "file")
        if 2 * sum(text in there for text in texts) <= len(texts):
            continue
        for name, text in zip(objects.ids, texts, strict=True):
            if text in there and called_by(pattern, name, ()) != [text]:
                raise RawError(
                    f"{catalogue.path}: column {column} names the file {text} for object {name}, whose name says"
                    f" {called_by(pattern, name, ())[0]}. Hint: say which is right, options: `file: {column}` or"
                    f" `pattern: {pattern!r}`"
                )


def _image(folder: Path, names: Sequence[str], options: Options) -> tuple[np.ndarray, dict[str, str]]:
    """Return the image (H, W, C) of an object, and the digests of its files.

    Raises:
        ImageError: One of them cannot be read, or they do not fit.
    """
    planes, digests = [], {}
    for name in names:
        contents, digests[name] = contents_of(folder / name)
        planes.append(decoded(contents, folder / name, options.hdu, options.layout))
    shapes = [plane.shape for plane in planes]
    if len({shape[:2] for shape in shapes}) > 1:
        if options.size is None:
            raise _mixed(folder / names[-1], shapes[-1], shapes[0], names[0])
        planes = [to_size(plane, options.size, options.size)[0] for plane in planes]
    return np.concatenate(planes, axis=-1), digests


def _mixed(path: Path, found: Sequence[int], expected: Sequence[int], other: str) -> RawError:
    return RawError(
        f"{path}: an image of {found[0]} x {found[1]} pixels; expected {expected[0]} x {expected[1]}, as {other}. Hint:"
        f" options: {{size: {min(expected[:2])}}} pads or cuts all of them about their centre"
    )


def _first_shape(
    folder: Path, files: Sequence[Sequence[str]], objects: Objects, options: Options
) -> tuple[int, int, int]:
    """Return the shape of the first image that can be read, which all others have; of none (1, 1, number of bands)."""
    for row in objects.usable.tolist():
        try:
            return _image(folder, files[row], options)[0].shape
        except ImageError:
            continue
    return 1, 1, max(1, len(options.bands))


def _folder_batches(
    folder: Path,
    files: Sequence[Sequence[str]],
    objects: Objects,
    options: Options,
    shape: tuple[int, int, int],
    threads: int,
) -> Iterator[Batch]:
    from joblib import Parallel, delayed

    size = (options.size or shape[0], options.size or shape[1])
    chunks = list(in_blocks(objects.usable, CHUNK_OBJECTS))
    parallel = Parallel(n_jobs=threads, return_as="generator", batch_size=1, pre_dispatch="2*n_jobs")
    results = parallel(
        delayed(_read_files)(folder, {row: files[row] for row in rows.tolist()}, options, shape) for rows in chunks
    )
    for rows, (images, against, digests) in zip(chunks, results, strict=True):
        rejections = [Rejection(row, objects.ids[row], *against[row]) for row in rows.tolist() if row in against]
        kept = np.array([row for row in rows.tolist() if row not in against], dtype=int)
        batch = _batch(kept, images, {"images": digests}, objects, options, size, folder)
        yield replace(batch, rejections=[*batch.rejections, *rejections])


def _read_files(
    folder: Path, files: Mapping[int, Sequence[str]], options: Options, shape: tuple[int, int, int]
) -> tuple[list[np.ndarray], dict[int, tuple[str, str]], dict[str, str]]:
    """Return the images of some rows, row -> what is said against it, and file -> digest."""
    images: list[np.ndarray] = []
    against: dict[int, tuple[str, str]] = {}
    digests: dict[str, str] = {}
    for row, names in files.items():
        try:
            image, found = _image(folder, names, options)
        except ImageError as error:
            against[row] = (error.reason, error.detail)
            continue
        digests |= found
        if image.shape[-1] != shape[-1]:
            against[row] = ("other bands", f"{names[0]} has {image.shape[-1]} bands; expected {shape[-1]}")
        elif options.size is None and image.shape != shape:
            raise _mixed(folder / names[0], image.shape, shape, "the first")
        else:
            images.append(image)
    return images, against, digests


def _batch(
    rows: np.ndarray,
    images: Sequence[np.ndarray],
    digests: Mapping[str, Mapping[str, str]],
    objects: Objects,
    options: Options,
    size: tuple[int, int],
    place: Path,
) -> Batch:
    """Return a batch of images (H, W, C) of any size, made of one; those with too many masked pixels are rejected."""
    made, padded, masked, shares, cut = [], [], [], [], 0
    for row, image in zip(rows.tolist(), images, strict=True):
        filled = image[None].copy()
        check_marks(filled, [objects.ids[row]], options.missing_pixels, place)
        number, share = fill_masked(filled, options.missing_pixels)
        fitted, fraction = (filled[0], 0.0) if image.shape[:2] == size else to_size(filled[0], *size)
        cut += image.shape[0] > size[0] or image.shape[1] > size[1]
        made.append(fitted)
        padded.append(fraction)
        masked.append(number[0])
        shares.append(share[0])
    scalars = {"n_masked": np.array(masked), "padded_fraction": np.array(padded)}
    counts = {"padded_images": int(np.count_nonzero(padded)), "cut_images": int(cut)}
    stack = np.stack(made) if made else np.empty((0, *size, 1), dtype=np.float32)
    return batch_of(rows, stack, np.array(shares), scalars, counts, digests, objects, options)


def _schema(objects: Objects, options: Options, number: int, place: Path) -> Schema:
    if options.bands and len(options.bands) != number:
        raise RawError(f"{place}: option bands: {len(options.bands)} names found; the images have {number} bands")
    colours = ("red", "green", "blue") if number == 3 and not options.bands else ()
    unnamed = ("image",) if number == 1 else tuple(f"band {k}" for k in range(1, number + 1))
    return schema_of(objects, options, options.bands or colours or unnamed, "images as they are")
