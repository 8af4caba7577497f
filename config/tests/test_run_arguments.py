"""What run.py says of its own commands."""

import pytest

from run import read_arguments


@pytest.mark.parametrize("words", [["bench", "--help"], ["bench", "nothing of the kind"]])
def test_bench_names_the_benchmarks_there_are(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        read_arguments(words)

    told = "".join(capsys.readouterr())
    assert "chaos" in told
    assert "_work" not in told


def test_what_follows_the_name_is_the_benchmark_s_own() -> None:
    assert read_arguments(["bench", "send", "--rounds", "2"]).arguments == ["--rounds", "2"]
