import os
from dataclasses import astuple, replace

import pandas as pd
import pytest

from device_bench.errors import BadRequest, BenchError
from device_bench.matrix.cells import Cell
from device_bench.matrix.results import COLUMNS, Results, read_results
from device_bench.timing.timing import Timing

_CELL = Cell("adb:10.0.0.1:5555", 1, 4, "cpu", "f0", 'net, "quoted"\nnäme', "ab" * 32, "int8")
_TIMING = Timing(
    median_ms=4.2,
    low_ms=4.1,
    high_ms=4.4,
    runs=250,
    sessions=5,
    device=_CELL.device,
    runtime="LiteRT 2.3.0",
    precision="int8",
    threads=4,
    conditions={"model": "Pixel 7", "cores": "f0", "governors": ["schedutil", "powersave"], "battery_c": 30.5},
    init_ms=5.0,
    peak_mb=12.5,
)
_FAILED = replace(_TIMING, median_ms=None, low_ms=None, high_ms=None, verdict="failed", reason="exit code 134, =1+1")


@pytest.fixture(params=[".csv", ".parquet"])
def path(request, tmp_path):
    return tmp_path / "deep" / f"results{request.param}"


def _other(**changes):
    return replace(_CELL, **changes)


def test_a_table_comes_back_as_it_was(path):
    results = Results(path)
    results.add([(_CELL, _TIMING), (_other(repeat=2), _FAILED)])
    frame = read_results(path)
    assert list(frame.columns) == list(COLUMNS)
    row = frame.iloc[0]
    assert tuple(row[name] for name in COLUMNS[: len(astuple(_CELL))]) == astuple(_CELL)
    assert (row["median_ms"], row["low_ms"], row["high_ms"]) == (4.2, 4.1, 4.4)
    assert (row["device_model"], row["mask"], row["governors"]) == ("Pixel 7", "f0", "schedutil powersave")
    assert (row["battery_c"], row["init_ms"], row["peak_mb"]) == (30.5, 5.0, 12.5)
    assert frame["reason"].tolist() == ["", "exit code 134, =1+1"]
    assert frame["median_ms"].isna().tolist() == [False, True]


def test_what_is_there_is_not_open(path):
    cells = [_other(repeat=number) for number in range(1, 5)]
    Results(path).add([(cells[0], _TIMING), (cells[1], _FAILED), (cells[2], replace(_TIMING, verdict="noisy"))])
    again = Results(path)
    assert again.open(cells) == [cells[3]]
    assert again.open(cells, ("failed",)) == [cells[1], cells[3]]
    assert again.open(cells, ("failed", "noisy")) == cells[1:]
    assert [again.verdict(cell) for cell in cells] == ["valid", "failed", "noisy", None]


def test_a_second_measurement_takes_the_place_of_the_first(path):
    results = Results(path)
    results.add([(_CELL, _FAILED)])
    results = Results(path)
    results.add([(_CELL, _TIMING)])
    assert len(read_results(path)) == 1
    assert results.verdict(_CELL) == "valid"


@pytest.mark.parametrize("cores", ["", "10", "1e3", "f0", "all"])
def test_core_masks_stay_text(path, cores):
    cell = _other(cores=cores)
    Results(path).add([(cell, replace(_TIMING, conditions={"cores": cores or None}))])
    assert Results(path).open([cell]) == []


@pytest.mark.parametrize("model", ["NA", "nan", "1", "true", "01"])
def test_names_that_look_like_values_stay_names(path, model):
    cell = _other(model=model)
    Results(path).add([(cell, _TIMING)])
    assert Results(path).open([cell]) == []


def test_without_a_file_it_stays_in_memory():
    results = Results()
    assert results.frame().empty
    results.add([(_CELL, _TIMING)])
    assert results.open([_CELL]) == []


def test_another_ending_is_refused(tmp_path):
    with pytest.raises(BadRequest, match=r"\.csv or \.parquet"):
        Results(tmp_path / "results.xlsx")


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\x00\xff\xfe garbage", b"PAR1"])
def test_a_file_of_somebody_else_is_not_overwritten(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(BadRequest, match="not a table of results"):
        Results(path)
    assert path.read_bytes() == content


def test_a_write_that_fails_leaves_the_old_table(path, monkeypatch):
    results = Results(path)
    results.add([(_CELL, _TIMING)])
    before = path.read_bytes()

    def refuse(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(BenchError, match="cannot be written: No space left"):
        results.add([(_other(repeat=2), _TIMING)])
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_is_told_at_once(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadRequest, match=r"file/r\.csv cannot be written"):
        Results(tmp_path / "file" / "r.csv")


def test_parquet_without_its_package_is_told_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BadRequest, match="pyarrow"):
        Results(tmp_path / "r.parquet")


def test_pandas_reads_it_without_us(path):
    Results(path).add([(_CELL, _TIMING)])
    frame = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    assert frame["median_ms"].tolist() == [4.2]


_RENAMED = _other(model="another name")


def test_a_renamed_model_is_known_and_both_names_are_kept(path):
    Results(path).add([(_CELL, _TIMING)])
    results = Results(path)
    assert results.open([_RENAMED]) == []
    results.name([_RENAMED])
    results.name([_RENAMED])
    frame = read_results(path)
    assert frame["model"].tolist() == [_CELL.model, _RENAMED.model]
    assert frame["median_ms"].tolist() == [4.2, 4.2]
    assert results.frame([_RENAMED])["model"].tolist() == [_RENAMED.model]


def test_equal_models_are_measured_once_and_a_new_measurement_is_that_of_all_names(path):
    results = Results(path)
    assert results.open([_CELL, _RENAMED]) == [_CELL]
    results.add([(_CELL, _FAILED)])
    results.name([_CELL, _RENAMED])
    results = Results(path)
    assert results.open([_RENAMED, _CELL], ("failed",)) == [_RENAMED]
    results.add([(_RENAMED, _TIMING)])
    assert read_results(path)["verdict"].tolist() == ["valid", "valid"]


def test_a_precision_under_another_name_is_the_same_measurement(path):
    Results(path).add([(_CELL, _TIMING)])
    assert Results(path).open([_other(precision="dynamic")]) == []


def _rewritten(path, change):
    """The table after others have changed it and a further cell was measured."""
    Results(path).add([(_CELL, _TIMING), (_other(repeat=2), _FAILED)])
    frame = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    frame = change(frame)
    frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path, index=False)
    Results(path).add([(_other(repeat=3), _TIMING)])
    return pd.read_csv(path, dtype=str) if path.suffix == ".csv" else pd.read_parquet(path)


def test_columns_of_others_stay_as_and_where_they_are(path):
    def change(frame):
        frame.insert(0, "my note", ["01", "=1+1, \n"])
        return frame.assign(rank=[2, 1])

    frame = _rewritten(path, change)
    assert frame.columns[0] == "my note"
    assert frame["my note"].tolist()[:2] == ["01", "=1+1, \n"]
    assert frame["rank"].astype(object).tolist()[:2] == (["2", "1"] if path.suffix == ".csv" else [2, 1])
    assert frame["rank"].isna().tolist() == [False, False, True]


def test_rows_of_others_stay(path):
    def change(frame):
        mean = frame.iloc[:1].assign(model="mean of all", sha256=None, threads=None, verdict=None)
        return pd.concat([frame, mean, mean], ignore_index=True)

    assert _rewritten(path, change)["model"].tolist().count("mean of all") == 2


def test_a_table_that_is_written_again_is_the_same(path):
    cells = [(_other(repeat=number), replace(_TIMING, median_ms=4.1 + 0.1 / number)) for number in range(1, 40)]
    Results(path).add(cells)
    before = path.read_bytes()
    results = Results(path)
    results.add([])
    assert path.read_bytes() == before


def test_a_column_that_is_empty_has_its_type_all_the_same(tmp_path):
    path = tmp_path / "r.parquet"
    Results(path).add([(_CELL, replace(_FAILED, conditions={}, init_ms=None, peak_mb=None))])
    assert [name for name, kind in pd.read_parquet(path).dtypes.items() if kind == "object"] == []
    assert read_results(path)["battery_percent"].dtype == "Int64"


def test_a_table_of_an_older_version_is_read(path):
    Results(path).add([(_CELL, _TIMING)])
    frame = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    frame = frame.drop(columns=["note", "load", "soc"])
    frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path, index=False)
    assert Results(path).open([_CELL]) == []


def test_names_and_reasons_that_no_file_can_hold_are_escaped(path):
    odd = _other(model="caf\udce9", device="adb:\udcff")
    Results(path).add([(odd, replace(_FAILED, reason="\x1b[2J\x00 gone\n\udce9"))])
    assert Results(path).open([odd]) == []
    assert read_results(path)["reason"].tolist() == ["\\x1b[2J\\x00 gone\\n\\xe9"]
