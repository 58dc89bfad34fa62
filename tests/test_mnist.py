"""MNIST and its relatives: read from files, from scikit-learn's folder, split, drawn, refused."""

import io
import os
import urllib.error

import numpy as np
import pytest
import strokes

from layerwise import cli
from layerwise.compare import candidates, command, families, sources
from layerwise.datasets import fetch_binarized_mnist, fetch_cmnist, fetch_mnist
from layerwise.datasets.splits import states

SMALL = {"n_train": 30, "n_valid": 20, "n_test": 15}
PARTS = ("train", "valid", "test")
REAL = os.environ.get("LAYERWISE_MNIST")
needs_mnist = pytest.mark.skipif(not REAL, reason="LAYERWISE_MNIST names no folder with MNIST")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder that LAYERWISE_MNIST names; scikit-learn's is another, and there is no network."""

    def no_network(request, *args, **kwargs):
        raise urllib.error.URLError("no network in tests")

    monkeypatch.setattr("sklearn.datasets._openml.urlopen", no_network)
    monkeypatch.setattr("sklearn.datasets._openml.time.sleep", lambda seconds: None)
    made = tmp_path / "made"
    made.mkdir()
    monkeypatch.setenv("LAYERWISE_MNIST", str(made))
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "sklearn"))
    return made


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Scikit-learn's own folder, where LAYERWISE_MNIST is not set."""
    monkeypatch.delenv("LAYERWISE_MNIST")
    (tmp_path / "sklearn").mkdir()
    return tmp_path / "sklearn"


@pytest.fixture
def real(monkeypatch):
    monkeypatch.setenv("LAYERWISE_MNIST", REAL)


def positions(rows, images):
    """Return where each row of grey values stands among images."""
    at = {image.tobytes(): number for number, image in enumerate(images)}
    return [at[np.round(255 * row).astype(np.uint8).tobytes()] for row in rows]


def same(one, other):
    return all(np.array_equal(one[part], other[part]) for part in PARTS)


def test_grey_values_and_labels_are_those_of_the_file(folder):
    arrays = strokes.write_grey(folder)
    assert len(np.unique(arrays["train_images"], axis=0)) == 60  # or positions say nothing
    mnist = fetch_mnist(**SMALL)
    found = []
    for part, n_rows in zip(PARTS, (30, 20, 15)):
        assert mnist[part].shape == (n_rows, 784)
        assert mnist[part].dtype == np.float64
        assert mnist[f"{part}_target"].dtype == np.int64
        source = "test" if part == "test" else "train"
        at = positions(mnist[part], arrays[f"{source}_images"])
        np.testing.assert_array_equal(mnist[part], arrays[f"{source}_images"][at] / 255)
        np.testing.assert_array_equal(mnist[f"{part}_target"], arrays[f"{source}_labels"][at])
        found.append(at)
    assert len({*found[0], *found[1]}) == 50  # no image for training is one for validation
    order = np.random.RandomState(1212).permutation(60)
    assert [*found[0], *found[1]] == list(order[:50])
    assert found[2] == sorted(set(found[2]))


def test_all_images_by_default_a_sixth_of_the_training_images_for_validation(folder):
    strokes.write_grey(folder)
    mnist = fetch_mnist()
    assert [len(mnist[part]) for part in PARTS] == [50, 10, 20]
    assert mnist.image_shape == (28, 28)
    assert len(mnist.feature_names) == 784
    assert mnist.feature_names[31] == "pixel_1_3"
    assert "handwritten" in mnist.DESCR
    whole = fetch_mnist(n_valid=0, n_test=0)
    assert [whole[part].shape for part in PARTS] == [(60, 784), (0, 784), (0, 784)]


@pytest.mark.parametrize("fetch", [fetch_mnist, fetch_cmnist])
def test_a_seed_gives_the_same_rows_and_another_seed_others(fetch, folder):
    strokes.write_grey(folder)
    one, again, other = (fetch(values="binary", random_state=s, **SMALL) for s in (17, 17, 18))
    assert same(one, again)
    assert not same(one, other)


@pytest.mark.parametrize("fetch", [fetch_mnist, fetch_cmnist])
def test_states_are_drawn_from_the_grey_values_of_the_same_images(fetch, folder):
    strokes.write_grey(folder)
    grey, binary = (fetch(values=values, **SMALL) for values in ("grey", "binary"))
    for part in PARTS:
        np.testing.assert_array_equal(grey[f"{part}_target"], binary[f"{part}_target"])
        assert set(np.unique(binary[part])) == {0.0, 1.0}
        certain = (grey[part] == 0) | (grey[part] == 1)
        assert 0 < certain.mean() < 1
        np.testing.assert_array_equal(binary[part][certain], grey[part][certain])


@pytest.mark.parametrize("value", [0, 1, 64, 254, 255])
def test_a_state_is_1_as_often_as_its_grey_value_says(value, seed):
    drawn = states(np.full(100_000, value, dtype=np.uint8), np.random.RandomState(seed))
    p = value / 255
    # Five standard deviations of a mean of 100,000 draws: one seed in two million fails.
    assert drawn.mean() == pytest.approx(p, abs=5 * np.sqrt(p * (1 - p) / 100_000))


def test_cmnist_is_the_centre_of_the_images_that_mnist_chooses(folder):
    strokes.write_grey(folder)
    cmnist, mnist = fetch_cmnist(values="grey", **SMALL), fetch_mnist(**SMALL)
    for part in PARTS:
        images = mnist[part].reshape(-1, 28, 28)
        np.testing.assert_array_equal(cmnist[part].reshape(-1, 10, 10), images[:, 9:19, 9:19])
        np.testing.assert_array_equal(cmnist[f"{part}_target"], mnist[f"{part}_target"])
    assert cmnist.image_shape == (10, 10)
    assert [cmnist.feature_names[i] for i in (0, 99)] == ["pixel_9_9", "pixel_18_18"]
    assert "rows and columns 9 to 18" in cmnist.DESCR


def test_the_fixed_binarisation_is_unpacked(folder):
    made = strokes.write_binary(folder)
    mnist = fetch_binarized_mnist()
    for part in PARTS:
        np.testing.assert_array_equal(mnist[part], made[part])
        assert mnist[part].dtype == np.float64
    assert mnist.image_shape == (28, 28)


@pytest.mark.parametrize("parser", ["pandas", "liac-arff"])
def test_openml_is_read_as_scikit_learn_keeps_it(parser, home, monkeypatch):
    if parser == "pandas":
        pytest.importorskip("pandas")
    else:
        monkeypatch.setattr("layerwise.datasets.mnist_files.find_spec", lambda name: None)
    images, labels = strokes.write_openml(home)
    mnist = fetch_mnist(download_if_missing=False)
    assert [len(mnist[part]) for part in PARTS] == [50, 10, 10]
    np.testing.assert_array_equal(mnist.test, images[60:] / 255)  # the last seventh
    np.testing.assert_array_equal(mnist.test_target, labels[60:])
    at = positions(mnist.train, images[:60])
    np.testing.assert_array_equal(mnist.train_target, labels[:60][at])


def test_data_home_goes_before_the_variable(folder, tmp_path):
    strokes.write_grey(folder)
    with pytest.raises(OSError, match=r"is not in .*elsewhere"):
        fetch_mnist(data_home=tmp_path / "elsewhere", download_if_missing=False)
    strokes.write_grey(tmp_path / "elsewhere", n_train=24)
    assert len(fetch_mnist(data_home=str(tmp_path / "elsewhere")).train) == 20
    assert len(fetch_mnist().train) == 50


def test_files_in_scikit_learns_folder_are_read(home):
    strokes.write_grey(home)
    strokes.write_binary(home)
    assert len(fetch_mnist().train) == 50
    assert len(fetch_binarized_mnist().train) == 6


@pytest.mark.parametrize("fetch", [fetch_mnist, fetch_cmnist])
def test_without_a_network_one_sentence_names_the_way_out(fetch, home):
    with pytest.raises(OSError, match=r"no network in tests.*LAYERWISE_MNIST name a folder with"):
        fetch()
    with pytest.raises(OSError, match=r"download_if_missing=False\. Allow the download, or let"):
        fetch(download_if_missing=False)


def test_a_broken_download_is_not_taken(home):
    """scikit-learn deletes it and downloads again, for which there is no network here."""
    strokes.write_openml(home)
    (path,) = home.rglob("mnist_784.arff.gz")
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(OSError, match="could not be had from OpenML"):
        fetch_mnist()


def test_another_table_of_openml_is_refused(home, monkeypatch):
    made = type("Found", (), {"data": np.zeros((70, 3)), "target": np.zeros(70)})
    monkeypatch.setattr("sklearn.datasets.fetch_openml", lambda *args, **kwargs: made)
    with pytest.raises(ValueError, match=r"has shape \(70, 3\)"):
        fetch_mnist()


@pytest.mark.parametrize(
    ("fetch", "name"),
    [
        (fetch_mnist, "mnist_20k.npz"),
        (fetch_cmnist, "mnist_20k.npz"),
        (fetch_binarized_mnist, "binarized_mnist.npz"),
    ],
)
def test_a_folder_without_the_file_is_refused_and_not_passed_over(fetch, name, folder):
    with pytest.raises(OSError, match=f"there is no file {name}. Put it there"):
        fetch()


def test_the_fixed_binarisation_cannot_be_downloaded(home):
    with pytest.raises(OSError, match=r"OpenML does not have it.*LAYERWISE_MNIST"):
        fetch_binarized_mnist()


def changed(**arrays):
    def write(path):
        held = dict(np.load(path))
        held.update(arrays)
        np.savez(path, **{name: array for name, array in held.items() if array is not None})

    return write


def single(path):
    buffer = io.BytesIO()
    np.save(buffer, np.zeros((3, 784), dtype=np.uint8))
    path.write_bytes(buffer.getvalue())


def broken(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


BAD_GREY = {
    "empty": (lambda path: path.write_bytes(b""), "is no file of numpy.savez"),
    "text": (lambda path: path.write_text("0,1\n"), "is no file of numpy.savez"),
    "single": (single, "is no file of numpy.savez"),
    "half": (lambda path: path.write_bytes(path.read_bytes()[:900]), "is no file of numpy.savez"),
    "broken": (broken, "cannot be read as numpy arrays"),
    "missing": (changed(test_labels=None), "it has no array test_labels"),
    "width": (changed(train_images=np.zeros((60, 783), np.uint8)), r"has shape \(60, 783\)"),
    "type": (changed(test_images=np.zeros((20, 784))), "type float64, and 784 columns of uint8"),
    "none": (changed(test_images=np.zeros((0, 784), np.uint8)), r"has shape \(0, 784\)"),
    "objects": (changed(train_images=np.array([None])), "cannot be read as numpy arrays"),
    "labels": (changed(train_labels=np.zeros(59, np.uint8)), "are not 60 whole numbers"),
    "classes": (changed(test_labels=np.full(20, 10)), "are not 20 whole numbers from 0 to 9"),
    "letters": (changed(test_labels=np.full(20, "a")), "are not 20 whole numbers from 0 to 9"),
}


@pytest.mark.parametrize("case", BAD_GREY)
def test_bad_files_of_grey_values_are_refused(case, folder):
    spoil, words = BAD_GREY[case]
    strokes.write_grey(folder)
    spoil(folder / "mnist_20k.npz")
    with pytest.raises(ValueError, match=words) as refusal:
        fetch_mnist()
    assert "mnist_20k.npz" in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (changed(train=np.zeros((6, 784), np.uint8)), "98 columns of uint8 are needed"),
        (changed(valid=np.zeros((3, 98))), "type float64"),
        (changed(test=None), "it has no array test.*numpy.packbits"),
    ],
)
def test_bad_files_of_the_fixed_binarisation_are_refused(spoil, words, folder):
    strokes.write_binary(folder)
    spoil(folder / "binarized_mnist.npz")
    with pytest.raises(ValueError, match=words):
        fetch_binarized_mnist()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_train": 50, "n_valid": 11}, "ask for 61 training images of MNIST, and there are 60"),
        ({"n_test": 21}, "n_test=21 asks for more test images of MNIST than there are, 20"),
        ({"n_train": 0}, "'n_train' parameter of fetch_mnist must be an int"),
        ({"values": "gray"}, "'values' parameter of fetch_mnist must be a str among"),
        ({"random_state": "a"}, "'random_state' parameter of fetch_mnist"),
        ({"data_home": 5}, "'data_home' parameter of fetch_mnist"),
    ],
)
def test_bad_parameters_get_one_sentence(options, words, folder):
    strokes.write_grey(folder)
    with pytest.raises(ValueError, match=words):
        fetch_mnist(**options)


def test_a_data_home_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"cannot be made: .*Give another data_home"):
        fetch_mnist(data_home=tmp_path / "file")


def test_cmnist_is_compared(folder, tmp_path, capsys, monkeypatch):
    strokes.write_grey(folder, n_train=8000, n_test=4000)
    source, cmnist = sources.load("cmnist", 17), fetch_cmnist(random_state=17)
    assert same(vars(source), cmnist)
    assert source.image_shape == (10, 10)
    assert source.perfect is None
    monkeypatch.setattr(families, "RBM_STEPS", 1)
    monkeypatch.setattr(command, "_draw", lambda *results: [])
    options = ["--families", "rbm", "--candidates", "1", "--jobs", "1"]
    output = tmp_path / "out"
    assert cli.main(["compare", "--data", "cmnist", *options, "--output", str(output)]) == 0
    out = capsys.readouterr().out
    assert "Log-likelihood on cmnist" in out
    assert "4000, 4000, 4000 rows" in out


@pytest.mark.parametrize(
    ("n_train", "words"), [(None, "there is no file mnist_20k.npz"), (60, "there are 60")]
)
def test_cmnist_that_is_not_to_be_had_is_refused(n_train, words, folder, tmp_path, capsys):
    if n_train:
        strokes.write_grey(folder, n_train=n_train)
    assert cli.main(["compare", "--data", "cmnist", "--output", str(tmp_path / "out")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@needs_mnist
def test_independent_pixels_of_cmnist_reach_what_is_known_of_them(real, seed):
    """-66.35 nats: not the paper's -67.38, whose crop and images are not known."""
    source = sources.load("cmnist", seed)
    assert [part.shape for part in (source.train, source.valid, source.test)] == [(4000, 100)] * 3
    values = candidates.baselines(source)
    assert values["uniform"][1] == pytest.approx(-69.31, abs=0.005)
    # Over seeds, which choose and draw other rows, the standard deviation is 0.07; four of them.
    assert values["independent Bernoulli"][1] == pytest.approx(-66.35, abs=0.28)


@needs_mnist
def test_every_digit_is_in_every_part_of_mnist(real):
    mnist = fetch_mnist(n_train=8000, n_valid=2000)
    assert mnist.test.shape == (10000, 784)
    assert mnist.train.min() == 0
    assert mnist.train.max() == 1
    for part in PARTS:
        shares = np.bincount(mnist[f"{part}_target"]) / len(mnist[part])
        assert len(shares) == 10
        assert shares.min() > 0.07  # the rarest, 5, is 0.09 of MNIST


@needs_mnist
def test_the_fixed_binarisation_is_of_the_published_sizes(real):
    mnist = fetch_binarized_mnist()
    assert [mnist[part].shape for part in PARTS] == [(50000, 784), (10000, 784), (10000, 784)]
    # MNIST's mean grey value is 0.1307; of the 39 million draws of states, this is the mean.
    assert mnist.train.mean() == pytest.approx(0.1307, abs=0.001)
    # The rows for test are draws of the images for test, but go by digit.
    data = fetch_mnist()
    grey = data.test[np.argsort(data.test_target, kind="stable")]
    certain = (grey == 0) | (grey == 1)
    np.testing.assert_array_equal(mnist.test[certain], grey[certain])
