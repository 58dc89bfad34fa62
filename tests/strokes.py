"""Made images in the forms that MNIST comes in: for tests of how it is read, without it."""

import gzip
import hashlib
import json

import numpy as np

SIZE = 28


def drawn(n_images, seed=2011):
    """Return images of a few strokes, uint8 of shape (n_images, 784), sorted by class, and labels.

    A class has its own angle; an image is one thick soft stroke through about the centre.
    """
    rng = np.random.default_rng(seed)
    labels = np.sort(rng.integers(0, 10, n_images)).astype(np.uint8)
    angle = np.pi * labels / 10 + rng.normal(0, 0.05, n_images)
    column, row = np.meshgrid(np.arange(SIZE) - 13.5, np.arange(SIZE) - 13.5)
    offset = rng.normal(0, 1, n_images)
    cos, sin = np.cos(angle), np.sin(angle)
    across = np.multiply.outer(cos, row) + np.multiply.outer(sin, column) - offset[:, None, None]
    along = np.multiply.outer(sin, row) - np.multiply.outer(cos, column)
    ink = np.clip(3 - np.abs(across), 0, 1) * (np.abs(along) < 10)
    return np.round(255 * ink).astype(np.uint8).reshape(n_images, -1), labels


def write_grey(folder, n_train=60, n_test=20):
    """Leave mnist_20k.npz in a folder and return its arrays."""
    arrays = {}
    for part, n_images, seed in (("train", n_train, 2011), ("test", n_test, 2012)):
        arrays[f"{part}_images"], arrays[f"{part}_labels"] = drawn(n_images, seed)
    np.savez_compressed(folder / "mnist_20k.npz", **arrays)
    return arrays


def write_binary(folder, sizes=(6, 3, 2)):
    """Leave binarized_mnist.npz in a folder and return its rows, unpacked."""
    images = drawn(sum(sizes))[0] > 127
    parts = dict(zip(("train", "valid", "test"), np.split(images, np.cumsum(sizes)[:-1])))
    packed = {name: np.packbits(rows, axis=1) for name, rows in parts.items()}
    np.savez_compressed(folder / "binarized_mnist.npz", **packed)
    return parts


def write_openml(data_home, n_images=70):
    """Leave ``mnist_784`` where scikit-learn keeps what it has downloaded; return its arrays."""
    images, labels = drawn(n_images)
    names = [f"pixel{number}" for number in range(1, SIZE**2 + 1)]
    lines = ["@RELATION mnist_784"]
    lines += [f"@ATTRIBUTE {name} real" for name in names]
    lines += ["@ATTRIBUTE class {0,1,2,3,4,5,6,7,8,9}", "@DATA"]
    lines += [",".join(map(str, [*row, label])) for row, label in zip(images, labels)]
    table = ("\n".join(lines) + "\n").encode()

    def feature(index, name, kind):
        return {
            "index": str(index), "name": name, "data_type": kind,
            "is_target": str(name == "class").lower(), "is_ignore": "false",
            "is_row_identifier": "false", "number_of_missing_values": "0",
        }  # fmt: skip

    features = [feature(i, name, "numeric") for i, name in enumerate(names)]
    features.append(feature(SIZE**2, "class", "nominal"))
    path = "data/v1/download/52667/mnist_784.arff"
    known = {
        "list/data_name/mnist_784/limit/2/data_version/1": {
            "data": {"dataset": [{"did": 554, "name": "mnist_784", "version": 1}]}
        },
        "554": {
            "data_set_description": {
                "id": "554", "name": "mnist_784", "version": "1", "status": "active",
                "format": "ARFF", "description": "Made.", "url": f"https://www.openml.org/{path}",
                "md5_checksum": hashlib.md5(table).hexdigest(),
            }
        },
        "features/554": {"data_features": {"feature": features}},
        "qualities/554": {
            "data_qualities": {
                "quality": [{"name": "NumberOfInstances", "value": str(n_images)}]
            }
        },
    }  # fmt: skip
    files = {f"api/v1/json/data/{name}": json.dumps(of).encode() for name, of in known.items()}
    for name, content in {**files, path: table}.items():
        file = data_home / "openml" / "openml.org" / f"{name}.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(gzip.compress(content))
    return images, labels
