import os
from dataclasses import astuple, replace

import pandas as pd
import pytest

from device_bench.cells import Cell
from device_bench.errors import BadRequest, BenchError
from device_bench.results import COLUMNS, Results, read_results
from device_bench.timing import Timing

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
    with pytest.raises(BadRequest, match="no table of results"):
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
