import h5py
import numpy as np
import pytest
import scipy.io

from data_pipeline.common.errors import UserError
from keras_apn.evaluation import array_file

VALUES = np.arange(24.0).reshape(2, 3, 4)


def write_matlab_73(path, **arrays):
    """As MATLAB does with -v7.3: a header before the HDF5 part, axes the other way round."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in arrays.items():
            file[name] = value.T
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


def write_hdf5(path, **arrays):
    with h5py.File(path, "w") as file:
        file.update(arrays)


WRITERS = {
    "matlab 5": scipy.io.savemat,
    "matlab 5 compressed": lambda path, values: scipy.io.savemat(path, values, do_compression=True),
    "matlab 7.3": lambda path, values: write_matlab_73(path, **values),
    "hdf5": lambda path, values: write_hdf5(path, **values),
    "npz": lambda path, values: np.savez(open(path, "wb"), **values),  # noqa: SIM115
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_every_kind_gives_the_axes_in_their_order_whatever_its_name(write, tmp_path):
    write(str(tmp_path / "file.dat"), {"preds": VALUES})
    found = array_file.load(str(tmp_path / "file.dat"))
    assert list(found) == ["preds"]
    np.testing.assert_array_equal(found["preds"], VALUES)


def test_what_is_no_array_of_numbers_is_left_out(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"preds": VALUES, "names": np.array(["rank"], object)})
    assert list(array_file.load(str(tmp_path / "a.mat"))) == ["preds"]


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_a_file_that_is_cut_short_is_the_users_mistake(write, tmp_path):
    path = tmp_path / "file"
    write(str(path), {"preds": np.random.default_rng(0).normal(size=(50, 16, 2))})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(UserError, match="is not a whole file of its kind"):
        array_file.load(str(path))


@pytest.mark.parametrize("content", [b"", b"x", b"not an array " * 100], ids=["empty", "byte", "text"])
def test_another_kind_of_file_is_the_users_mistake(content, tmp_path):
    (tmp_path / "file.mat").write_bytes(content)
    with pytest.raises(UserError, match="is not a whole file of its kind"):
        array_file.load(str(tmp_path / "file.mat"))


def test_python_objects_are_not_loaded(tmp_path):
    np.savez(tmp_path / "a.npz", preds=np.array([{"run": "this"}], object))
    with pytest.raises(UserError, match="is not a whole file"):
        array_file.load(str(tmp_path / "a.npz"))


@pytest.mark.parametrize("name", ["nowhere.mat", "."], ids=["missing", "folder"])
def test_a_file_that_is_not_there_is_the_users_mistake(name, tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        array_file.load(str(tmp_path / name))


def test_a_missing_array_is_told_with_what_there_is():
    with pytest.raises(UserError, match=r"file must hold `preds`. Received: joints \(2, 3, 4\)"):
        array_file.take({"joints": VALUES}, "preds", "file")


def test_a_file_that_declares_too_much_is_one_line(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("preds", shape=(50_000_000, 16, 2), dtype="f8", chunks=(1000, 16, 2))
    assert (tmp_path / "a.h5").stat().st_size < 10_000
    with pytest.raises(UserError, match="needs more than 2 GiB of memory"):
        array_file.load(str(tmp_path / "a.h5"))
