import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from tiny_graph import chain, tiny_graph
from tiny_model import tiny_model

from device_bench.cli import bench, devices
from device_bench.lease import DeviceBusy, lease
from device_bench.matrix.results import read_results
from device_bench.runners.runner import BenchSpec
from device_bench.timing.protocol import TimingProtocol
from mnas.main import main

_QUICK = ("--runs", "3", "--warmup", "1", "--sessions", "2,3", "--interval", "9", "--no-canary")


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    Path("one.tflite").write_bytes(tiny_model(operators=1))
    Path("two.tflite").write_bytes(tiny_model(operators=2))


def _mnas(*words):
    command = [sys.executable, "-c", "from mnas.main import main; main()", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _bench(*words):
    return CliRunner().invoke(bench, [*words, *_QUICK], catch_exceptions=False)


def test_a_matrix_on_this_machine():
    done = _mnas(
        "bench", "one.tflite", "two.tflite", "--threads", "1,2", "-o", "r.csv", "--figure", "bars.svg", *_QUICK
    )
    assert done.returncode == 0, done.stderr
    frame = read_results(Path("r.csv"))
    assert sorted(zip(frame["model"], frame["threads"], strict=True)) == [
        ("one", 1),
        ("one", 2),
        ("two", 1),
        ("two", 2),
    ]
    assert set(frame["verdict"]) <= {"valid", "noisy"}
    assert "one" in done.stdout
    assert "[4/4]" in done.stderr
    assert Path("bars.svg").exists()
    assert Path("r.csv.raw/host.jsonl").exists()


def test_what_is_not_asked_for_is_measured_as_python_does():
    asked = bench.make_context("bench", ["one.tflite"]).params
    protocol, spec = TimingProtocol(), BenchSpec()
    assert asked["sessions"] == (protocol.min_sessions, protocol.max_sessions)
    assert (asked["interval"], asked["time_limit"]) == (protocol.precision, protocol.time_limit_s)
    assert (asked["warmup"], asked["runs"]) == (spec.warmup_runs, spec.runs)
    assert (asked["threads"], asked["delegates"]) == ((spec.threads,), (spec.delegate,))


def test_sessions_are_a_number_or_a_range():
    done = CliRunner().invoke(bench, ["one.tflite", "--sessions", "1,2,3"])
    assert done.exit_code == 2
    assert "Invalid value for --sessions: it takes MIN,MAX, not 3 numbers" in done.stderr


def test_the_same_command_again_measures_nothing_again():
    assert _bench("one.tflite", "-o", "r.csv").exit_code == 0
    before = Path("r.csv").read_text()
    done = _bench("one.tflite", "-o", "r.csv")
    assert done.exit_code == 0
    assert "1 of 1 cell already in r.csv" in done.stderr
    assert Path("r.csv").read_text() == before
    assert _bench("one.tflite", "two.tflite", "-o", "r.csv", "--again", "valid,noisy").exit_code == 0
    assert Path("r.csv").read_text() != before


def test_a_cell_of_another_shape_or_signature_is_another_cell():
    Path("OPEN.TFLITE").write_bytes(tiny_graph(chain(["FLOAT32"] * 2, shape=(-1, -1, -1, 3))))
    for shape in ("1,4,4,3", "1,8,8,3", "t0=1,8,8,3"):
        done = _bench("OPEN.TFLITE", "--shape", shape, "-o", "r.csv")
        assert done.exit_code == 0
    assert "1 of 1 cell already in r.csv" in done.stderr
    assert list(read_results(Path("r.csv"))["shape"]) == ["t0=1,4,4,3", "t0=1,8,8,3"]
    Path("two.tflite").write_bytes(
        tiny_graph(chain(["FLOAT32"] * 2, key="encode"), chain(["FLOAT32"] * 3, key="decode"))
    )
    for signature in ("encode", "decode"):
        assert _bench("two.tflite", "--signature", signature, "-o", "s.csv").exit_code == 0
    assert list(read_results(Path("s.csv"))["signature"]) == ["encode", "decode"]


def test_a_table_of_an_earlier_version_is_continued():
    assert _bench("one.tflite", "-o", "r.csv").exit_code == 0
    read_results(Path("r.csv")).drop(columns=["shape", "signature"]).to_csv("r.csv", index=False)
    assert "1 of 1 cell already in r.csv" in _bench("one.tflite", "-o", "r.csv").stderr


def test_a_failed_cell_is_exit_code_1():
    done = _bench("one.tflite", "--delegate", "cpu,gpu", "-o", "r.csv")
    assert done.exit_code == 1
    assert "1 cell failed" in done.stderr
    assert "not on gpu" in done.stdout
    assert sorted(read_results(Path("r.csv"))["verdict"])[0] == "failed"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("one.tflite", "--device", "fridge"), "unknown device 'fridge'"),
        (("one.tflite", "--threads", "1,,2"), "empty place between commas"),
        (("one.tflite", "--threads", "many"), "'many' is not a valid integer"),
        (("one.tflite", "--delegate", "cpu,fpga"), "'fpga' is not one of"),
        (("one.tflite", "--cores", "medium"), "unknown cores 'medium'"),
        (("missing.tflite",), "missing.tflite"),
        (("broken.tflite",), "broken.tflite is not a TFLite file"),
        (
            ("open.tflite",),
            "open: inputs of an open shape: 't0' [-1, -1, 3]; say which to time, such as --shape 1,224,3",
        ),
        (("open.tflite", "--shape", "big"), "the shape 'big' cannot be read"),
        (("open.tflite", "--shape", "1,9"), "has 2 sizes"),
        (("open.tflite", "--shape", "1,9,3", "--shape", "images=1,9,3"), "no model has an input 'images'"),
        (("open.tflite", "--shape", "1,9,3", "--shape", "1,8,3"), "give an input two shapes"),
        (("one.tflite", "--signature", "train"), "one has no signature 'train'; it has none"),
        (("one.tflite", "-o", "r.xlsx"), "r.xlsx: results are kept as"),
        (("one.tflite", "-o", "notes.csv"), "notes.csv is not a table of results"),
        (("one.tflite", "--figure", "bars.gif"), "bars.gif: figures end in"),
        (("one.tflite", "--sessions", "5,6,7"), "--sessions"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(words, said, monkeypatch, capsys):
    Path("broken.tflite").write_bytes(b"<html>not found</html>")
    Path("notes.csv").write_text("date,text\n1,milk\n")
    Path("open.tflite").write_bytes(tiny_graph(chain(["FLOAT32"] * 2, shape=(-1, -1, 3))))
    monkeypatch.setattr(sys, "argv", ["mnas", "bench", *words])
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as left:
        main()
    signal.signal(signal.SIGTERM, before)
    assert left.value.code == 2
    assert said in capsys.readouterr().err
    assert Path("notes.csv").read_text() == "date,text\n1,milk\n"


def test_two_models_of_one_name_are_told_apart():
    Path("deep").mkdir()
    Path("deep/one.tflite").write_bytes(tiny_model(operators=3))
    assert _bench("one.tflite", "deep/one.tflite", "one.tflite", "-o", "r.csv").exit_code == 0
    assert sorted(read_results(Path("r.csv"))["model"]) == ["deep/one.tflite", "one.tflite"]


def test_odd_names_reach_table_figure_and_terminal(tmp_path):
    odd = {
        b"caf\xe9.tflite": "caf\\xe9",
        b"$x_\\frac$.tflite": "$x_\\frac$",
        b"\x1b[31m:phone:[b].tflite": "\\x1b[31m:phone:[b]",
    }
    for operators, name in enumerate(odd, 3):
        Path(os.fsdecode(name)).write_bytes(tiny_model(operators=operators))
    words = [*map(os.fsdecode, odd), "-o", os.fsdecode(b"r\xe9.csv"), "--figure", "bars.svg", *_QUICK]
    for known in (False, True):
        done = _mnas("bench", *words)
        assert done.returncode == 0, done.stderr
        assert all(name in done.stdout for name in odd.values())
        assert "\x1b" not in done.stdout + done.stderr
        assert ("3 of 3 cells already in r\\xe9.csv" in done.stderr) == known
    assert sorted(read_results(Path(os.fsdecode(b"r\xe9.csv")))["model"]) == sorted(odd.values())
    assert Path("bars.svg").exists()


def test_a_renamed_model_is_not_measured_again_and_equal_ones_once():
    Path("copy.tflite").write_bytes(Path("one.tflite").read_bytes())
    done = _bench("one.tflite", "copy.tflite", "-o", "r.csv")
    assert "one, copy are one and the same model, which is measured once" in done.stderr
    assert "[1/1]" in done.stderr
    assert all(name in done.stdout for name in ("one", "copy"))
    Path("one.tflite").rename("M.TFLITE")
    before = Path("r.csv.raw/host.jsonl").read_text()
    done = _bench("M.TFLITE", "-o", "r.csv")
    assert "1 of 1 cell already in r.csv" in done.stderr
    assert Path("r.csv.raw/host.jsonl").read_text() == before
    assert sorted(read_results(Path("r.csv"))["model"]) == ["M", "copy", "one"]


def test_ctrl_c_says_how_to_go_on_and_keeps_what_is_done():
    words = [
        "bench",
        "one.tflite",
        "--threads",
        "1,2",
        "-o",
        "r.csv",
        "--runs",
        "3",
        "--sessions",
        "500,500",
        "--no-canary",
    ]
    command = [sys.executable, "-c", "from mnas.main import main; main()", *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for _ in range(200):
        if Path("r.csv.raw/host.jsonl").exists():
            break
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run the same command again to measure only the open cells" in said
    assert "Traceback" not in said


def test_two_runs_do_not_write_one_table():
    with lease(str(Path("r.csv").resolve())), pytest.raises(DeviceBusy, match=r"r\.csv is in use by process"):
        _bench("one.tflite", "-o", "r.csv")
    assert not Path("r.csv").exists()


def test_devices_lists_this_machine():
    done = CliRunner().invoke(devices, ["--device", "host"], catch_exceptions=False)
    assert done.exit_code == 0
    assert "host" in done.output
    assert f"{os.cpu_count()} cores" in done.output or "MHz" in done.output


def test_devices_for_programs():
    done = CliRunner().invoke(devices, ["--device", "host", "--json"], catch_exceptions=False)
    [line] = done.stdout.splitlines()
    told = json.loads(line)
    assert (told["device"], told["problem"]) == ("host", "")
    assert told["info"]["abi"]
    assert told["state"]["load"] >= 0


def test_a_device_that_does_not_answer_is_exit_code_1():
    done = CliRunner().invoke(devices, ["--device", "host,adb:127.0.0.1:9"], catch_exceptions=False)
    assert done.exit_code == 1
    assert "127.0.0.1:9" in done.output
    assert "host" in done.output


@pytest.mark.parametrize("command", ["bench", "devices"])
def test_help_needs_nothing_heavy(command):
    script = (
        "import sys\nfrom mnas.main import mnas\n"
        f"try:\n    mnas.main(['{command}', '--help'])\nexcept SystemExit as leave:\n    assert not leave.code\n"
        "print({'tensorflow', 'pandas', 'matplotlib', 'rich', 'ai_edge_litert'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("set()")
