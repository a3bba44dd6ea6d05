import pytest

from device_bench.runners import native_build
from device_bench.runners.native_build import BuildError, build_runner


def test_the_same_program_is_built_once(tmp_path):
    first = build_runner(folder=tmp_path)
    built = first.stat().st_mtime_ns
    assert build_runner(folder=tmp_path) == first
    assert first.stat().st_mtime_ns == built
    assert [one.name for one in tmp_path.iterdir()] == [first.name]


def test_a_changed_source_is_built_anew(tmp_path, monkeypatch):
    first = build_runner(folder=tmp_path)
    changed = tmp_path / "sources"
    changed.mkdir()
    for source in native_build._SOURCES.glob("litert_bench.*"):
        (changed / source.name).write_bytes(source.read_bytes() + b"\n")
    monkeypatch.setattr(native_build, "_SOURCES", changed)
    assert build_runner(folder=tmp_path) != first


def test_a_missing_compiler_is_named(tmp_path):
    with pytest.raises(BuildError, match="no C compiler 'no-such-cc'"):
        build_runner("no-such-cc", tmp_path)


def test_the_compilers_own_words_are_told(tmp_path, monkeypatch):
    broken = tmp_path / "sources"
    broken.mkdir()
    (broken / "litert_bench.c").write_text("int main(void) { return nothing; }")
    monkeypatch.setattr(native_build, "_SOURCES", broken)
    with pytest.raises(BuildError, match=r"error: .nothing. undeclared"):
        build_runner(folder=tmp_path)
    assert [one for one in tmp_path.iterdir() if one != broken] == []
