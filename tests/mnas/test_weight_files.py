"""Files of weights, good and bad; none of them can run anything."""

import io
import pickle
import struct
import zipfile
from collections import OrderedDict

import h5py
import numpy as np
import pytest
import tf_keras

from mnas.errors import SearchError
from mnas.files import write_npz
from mnas.training.torch_files import read_torch
from mnas.training.weight_files import read_weights, save_weights, variables

KERNEL = np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2)


class Named:
    """Pickled as a name of PyTorch's, with what it is called with."""

    def __init__(self, module, name, *arguments):
        self.module, self.name, self.arguments = module, name, arguments


class Pickler(pickle._Pickler):
    """Writes what PyTorch would, without PyTorch."""

    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, Named) and obj.arguments:
            self.save(Named(obj.module, obj.name))
            self.save(obj.arguments)
            self.write(pickle.REDUCE)
        elif isinstance(obj, Named):
            self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
        elif isinstance(obj, tuple) and obj[:1] == ("storage",):
            super().save(obj, save_persistent_id=False)
            self.write(pickle.BINPERSID)
        else:
            super().save(obj, save_persistent_id)


def pickled(value):
    stream = io.BytesIO()
    Pickler(stream, 2).dump(value)
    return stream.getvalue()


def tensor(key, shape, strides, offset=0, kind="FloatStorage"):
    storage = ("storage", Named("torch", kind), key, "cpu", 0)
    return Named("torch._utils", "_rebuild_tensor_v2", storage, offset, shape, strides, False, OrderedDict())


def zipped(state, storages):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("model/data.pkl", pickled(state))
        for key, array in storages.items():
            archive.writestr(f"model/data/{key}", array.tobytes())
    return stream.getvalue()


def streamed(state, storages):
    head = [pickled(one) for one in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, state, list(storages))]
    return b"".join(head + [struct.pack("<q", array.size) + array.tobytes() for array in storages.values()])


STATE = OrderedDict(
    {
        "conv.weight": tensor("a", (2, 3, 2, 2), (12, 4, 2, 1)),
        "deep.weight": tensor("a", (3, 1, 2, 2), (4, 4, 2, 1), offset=12),
        "norm.weight": tensor("b", (2,), (1,)),
        "norm.bias": tensor("b", (2,), (1,), 2),
        "norm.running_mean": tensor("b", (2,), (1,), 4),
        "norm.running_var": tensor("b", (2,), (1,), 6),
        "norm.num_batches_tracked": tensor("c", (), (), kind="LongStorage"),
        "fc.weight": tensor("b", (2, 3), (1, 2)),
        "fc.bias": tensor("b", (2,), (1,)),
    }
)
STORAGES = {"a": KERNEL.ravel(), "b": np.arange(8, dtype=np.float32), "c": np.array([7])}


@pytest.mark.parametrize("layout", [zipped, streamed])
def test_tensors_of_pytorch_become_layers_of_keras(layout, tmp_path):
    (tmp_path / "it.pth").write_bytes(layout(STATE, STORAGES))
    layers = read_weights(tmp_path / "it.pth").layers
    assert list(layers) == ["conv", "deep", "norm", "fc"]
    assert np.array_equal(layers["conv"]["kernel"], KERNEL.transpose(2, 3, 1, 0))
    assert layers["deep"]["kernel"].shape == (2, 2, 3, 1)
    assert list(layers["norm"]) == ["gamma", "beta", "moving_mean", "moving_variance"]
    assert layers["norm"]["moving_mean"].tolist() == [4, 5]
    assert layers["fc"]["kernel"].tolist() == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"a": Named("os", "system", "touch gone")}, "asks for os.system, which no tensor needs"),
        ({"a": Named("torch", "load", "x")}, "asks for torch.load"),
        ({"a": tensor("a", (9, 9), (9, 1))}, r"shape \[9, 9\] lies outside its storage"),
        ({"a": tensor("a", (2, 2), (-1, 1))}, "negative"),
        ({"a": tensor("z", (2, 2), (2, 1))}, "z"),
        ([1, 2], "no dictionary"),
    ],
)
def test_a_pickle_that_asks_for_more_is_refused(state, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "it.pth").write_bytes(zipped(state, STORAGES))
    with pytest.raises(SearchError, match=words) as caught:
        read_torch(tmp_path / "it.pth")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "gone").exists()


def test_what_is_no_file_of_weights_is_said_in_one_line(tmp_path):
    for name, content in {"a.h5": b"no", "b.keras": b"no", "c.pth": b"no", "d.npz": b"no", "e.onnx": b"no"}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(SearchError, match=name) as caught:
            read_weights(tmp_path / name)
        assert "\n" not in str(caught.value)
    with pytest.raises(SearchError, match=r"no file .*gone\.h5"):
        read_weights(tmp_path / "gone.h5")
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    with pytest.raises(SearchError, match=r"empty\.h5 holds no weights"):
        read_weights(tmp_path / "empty.h5")
    write_npz(tmp_path / "bare.npz", {"kernel": KERNEL})
    with pytest.raises(SearchError, match="'kernel' is not named LAYER/VARIABLE"):
        read_weights(tmp_path / "bare.npz")


def test_the_digest_is_of_names_and_numbers_and_not_of_the_file(tmp_path):
    model = tf_keras.Sequential([tf_keras.layers.Dense(2, name="one", input_shape=(3,))])
    save_weights(model, tmp_path / "a.npz", ("cat", "dog"))
    model.save_weights(tmp_path / "b.h5")
    first, second = read_weights(tmp_path / "a.npz"), read_weights(tmp_path / "b.h5")
    assert first.digest == second.digest
    assert first.labels == ("cat", "dog")
    assert list(variables(model)) == list(first.layers)
    model.layers[0].bias.assign([1, 1])
    save_weights(model, tmp_path / "a.npz")
    assert read_weights(tmp_path / "a.npz").digest != first.digest


def test_layers_of_one_class_are_in_the_order_of_their_numbers(tmp_path):
    inputs = made = tf_keras.Input((2,))
    for units in range(1, 13):
        made = tf_keras.layers.Dense(units, name=f"it{units}")(made)
    tf_keras.Model(inputs, made).save_weights(tmp_path / "it.weights.h5")
    widths = [layer["bias"].size for layer in read_weights(tmp_path / "it.weights.h5").layers.values()]
    assert widths == list(range(1, 13))
