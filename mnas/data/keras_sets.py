"""The small public image sets that tf_keras downloads once and keeps under ~/.keras/datasets."""

from mnas.data.arrays import from_arrays
from mnas.data.source import Source
from mnas.errors import SearchError

NAMES = ("cifar10", "cifar100", "fashion_mnist", "mnist")


def keras_set(name: str, image_size: int, channels: int) -> Source:
    """`cifar10`, `cifar100`, `fashion_mnist` or `mnist`, with its own test split.

    Raises:
        SearchError: An unknown name, or the set is not there and cannot be downloaded.
    """
    if name not in NAMES:
        raise SearchError(f"no data set keras:{name}: one of {', '.join('keras:' + known for known in NAMES)}")
    import tf_keras

    try:
        (x_train, y_train), (x_test, y_test) = getattr(tf_keras.datasets, name).load_data()
    except Exception as error:  # tf_keras raises a bare Exception when the download fails
        reason = " ".join(str(error).split())
        raise SearchError(
            f"keras:{name} is not in ~/.keras/datasets and its download failed ({reason}):"
            " run once with a network, or use digits, folder:DIR or npz:FILE"
        ) from error
    arrays = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    return from_arrays(arrays, f"keras:{name}", image_size, channels)
