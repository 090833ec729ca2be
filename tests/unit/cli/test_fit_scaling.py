from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ladderscope.cli import run
from ladderscope.cli.numbers import positive, share
from ladderscope.errors import UsageError
from ladderscope.ledger import Ledger
from ladderscope.records import Cell, Flops, Memory, Record
from ladderscope.scaling.results.serial import fit_from_values, read_fit

fits = pytest.mark.skipif(
    importlib.util.find_spec("ladderscope.scaling.terminal") is None, reason="there is nothing yet that fits"
)
QUICK = ["--resamples", "20", "--starts", "2", "--no-profiles"]
Write = Callable[[str], Path]


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """Runs of two methods, two lengths each, whose loss is 1 + C^-0.5 with C in teraFLOPs."""
    path = tmp_path / "runs.jsonl"
    with Ledger(path) as opened:
        for method in ("qlora", "ladder"):
            for length in (128, 256, 512):
                opened.append(
                    Record(
                        cell=Cell(model="smollm2-135m", method=method, steps=20, seq_len=length),
                        meter="cpu",
                        status="ok",
                        weights="pretrained",
                        memory=Memory(
                            peak_allocated_bytes=10**8 + 10**6 * length,
                            peak_reserved_bytes=None,
                            peak_rss_bytes=None,
                            breakdown_bytes={},
                        ),
                        flops=Flops(per_step=length * 10**10, per_token=1.0, by_component={"head": length * 10**10}),
                        loss=[1 + (length * step / 100) ** -0.5 for step in range(1, 21)],
                        tokens_per_step=length,
                    )
                )
    return path


@pytest.fixture
def table(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        path = tmp_path / "runs.csv"
        path.write_text(text)
        return path

    return write


GOOD = "run,method,D,loss\n" + "".join(
    f"{method}{i},{method},{10**i},{1 + 10 ** (-i / 2)}\n" for method in ("lora", "qlora") for i in range(1, 7)
)


def only_line(text: str) -> str:
    (line,) = text.splitlines()
    return line


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("run,D\na,1\nb,2\n", [], "the table has no column for loss: name it with --columns loss=COLUMN"),
        ("run,D,loss\na,1,3\nb,2,-2\n", [], "loss is negative in row 2"),
        ("run,D,loss\na,1,3\nb,2,0\n", [], "loss is zero in row 2"),
        ("run,D,loss\na,1,3\n", [], "there is only one point"),
        ("run,D,loss\na,1,3\nb,1,2\n", [], "D (training tokens) is constant (1)"),
        ("run,D,loss\na,1,3\nb,2,nan\n", [], "loss is missing (NaN) in row 2"),
        ("run,D,loss\na,1,3\nb,2,inf\n", [], "loss is infinite in row 2"),
        ("run,D,loss\na,1,3\na,1,3\nb,2,2\n", [], "the run 'a' stands twice at the same D, in rows 1 and 2"),
        ("D,loss\n1,3\n1,3\n2,2\n", [], "rows 1 and 2 are the same in every column"),
        ("run,method,D,loss\na,p,1,3\na,q,2,2\n", [], "the run 'a' stands under p and q"),
        ("run,D,loss\na,1,3\nb,2,three\n", [], "column 'loss' is not a number in row 2 ('three')"),
        ("", [], "is empty"),
        ("run,D,loss\n", [], "has no rows"),
        (GOOD, ["--x", "compute"], "the table has no column for C (compute)"),
        (GOOD, ["--x", "widht"], "unknown predictor 'widht'"),
        (GOOD, ["--by", "metod"], "unknown column 'metod': did you mean 'method'?"),
        (GOOD, ["--columns", "N=parms"], "unknown column 'parms'"),
        (GOOD, ["--columns", "tokns=D"], "unknown role in --columns 'tokns': did you mean 'tokens'?"),
        (GOOD, ["--columns", "D"], "write ROLE=COLUMN"),
        (GOOD, ["--weights", "w"], "unknown column 'w'"),
        (GOOD, ["--cluster", "trial"], "unknown column 'trial'"),
        (GOOD, ["--where", "D > 1e9"], "leaves none of 12 points"),
        (GOOD, ["--where", "__import__('os').system('true')"], "is not allowed"),
        (GOOD, ["--where", "@D > 1"], "cannot understand the expression"),
        (GOOD, ["--where", "D.values > 1"], "is not allowed"),
        (GOOD, ["--where", "D > 'lora'"], "cannot be compared"),
        (GOOD, ["--margin", "-5%"], "--margin '-5%' is not a share: give one above 0% and below 100%"),
        (GOOD, ["--margin", "0"], "--margin '0' is not a share"),
        (GOOD, ["--margin", "150%"], "--margin '150%' is not a share"),
        (GOOD, ["--margin", "10"], "--margin '10' is not a share"),
        (
            GOOD,
            ["--confidence", "95"],
            "--confidence '95' is not a share: give one above 0% and below 100%, such as 95%.",
        ),
        (GOOD, ["--confidence", "much"], "--confidence 'much' is not a share"),
        (GOOD, ["--confidence", "nan"], "--confidence 'nan' is not a share"),
        (GOOD, ["--resamples", "-1"], "--resamples '-1' is not a whole number of at least 0"),
        (GOOD, ["--starts", "0"], "--starts '0' is not a whole number of at least 1"),
        (GOOD, ["--seed", "x"], "--seed 'x' is not a whole number"),
        (GOOD, ["--huber-delta", "0"], "--huber-delta '0' is not a positive number"),
        (
            GOOD,
            ["--huber-delta", "1e-3", "--objective", "ols"],
            "--huber-delta belongs to --objective huber, and ols has none",
        ),
        (GOOD, ["--objective", "hubr"], "unknown objective 'hubr': did you mean 'huber'?"),
        (GOOD, ["--compare", "lora"], "--compare 'lora' is not two methods: write one such as ladder:qlora"),
        (GOOD, ["--compare", "lora:lora"], "is not two methods"),
        (GOOD, ["--allocate", "isoflops"], "unknown approach to --allocate 'isoflops': did you mean 'isoflop'?"),
        (GOOD, ["--budget", "1e21"], "say how with --allocate"),
        (GOOD, ["--budget", "-1", "--allocate", "isoflop"], "--budget '-1' is not a positive number"),
        (GOOD, ["--out", "."], "Choose another --out."),
        (GOOD, ["--out", "runs.csv/fit.json"], "Choose another --out."),
        (GOOD, ["--figures", "runs.csv"], "Choose another --figures."),
    ],
)
def test_what_cannot_be_done_ends_with_one_sentence(
    text: str,
    arguments: list[str],
    message: str,
    table: Write,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = table(text)
    monkeypatch.chdir(path.parent)

    assert run(["fit-scaling", str(path), *arguments]) == 2

    captured = capsys.readouterr()
    assert message in only_line(captured.err)
    assert captured.out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--x", "time"], "unknown predictor of a ledger 'time'"),
        (["--y", "los"], "unknown response of a ledger 'los': did you mean 'loss'?"),
        (["--by", "metod"], "unknown setting to group by 'metod': did you mean 'method'?"),
        (["--y", "peak-reserved"], "6 because it has no reserved memory"),
        (["--columns", "N=params"], "--columns names columns of tables"),
    ],
)
def test_what_a_ledger_does_not_have_ends_with_one_sentence(
    arguments: list[str], message: str, ledger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["fit-scaling", str(ledger), *arguments]) == 2
    assert message in only_line(capsys.readouterr().err)


@pytest.mark.parametrize("option", ["--out", "--figures"])
def test_a_place_that_cannot_be_written_is_refused_before_anything_is_read(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)  # root may write anywhere

    assert run(["fit-scaling", str(tmp_path / "none.csv"), option, str(tmp_path / "new" / "fit.json")]) == 2
    message = only_line(capsys.readouterr().err)
    assert f"{tmp_path} is not writable. Choose another {option}." in message


@pytest.mark.parametrize("name", ["none.jsonl", "none.csv"])
def test_a_missing_file_ends_with_one_sentence(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fit-scaling", str(tmp_path / name)]) == 2
    assert "No such file" in only_line(capsys.readouterr().err)


@pytest.mark.parametrize(("text", "value"), [("10%", 0.1), ("0.1", 0.1), (" 95 %", 0.95), ("2.5%", 0.025)])
def test_shares_are_percent_or_fractions(text: str, value: float) -> None:
    assert share(text, "--margin") == pytest.approx(value)


@pytest.mark.parametrize("text", ["0", "100%", "1", "-0.1", "ten", "", "%", "nan", "inf", "10%%"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a share"):
        share(text, "--margin")


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "many"])
def test_what_is_no_positive_number_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a positive number"):
        positive(text, "--budget")


def test_help_needs_no_heavy_import() -> None:
    code = (
        "import sys\nfrom ladderscope.cli import run\nrun(['fit-scaling', '--help'])\n"
        "print(sorted({'torch', 'pandas', 'numpy', 'scipy'} & set(sys.modules)), file=sys.stderr)"
    )

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "--compare" in ended.stdout
    assert ended.stderr.strip() == "[]"


@fits
def test_the_table_goes_to_stderr_and_the_fit_to_the_file(
    ledger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "fit.json"

    arguments = ["--x", "compute", "--y", "loss", "--law", "power-offset", "--out", str(out), *QUICK]
    assert run(["fit-scaling", str(ledger), *arguments]) == 0

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "ladder" in captured.err
    assert f"Wrote {out}" in captured.err
    fit = read_fit(out)
    assert [group.name for group in fit.groups] == ["qlora", "ladder"]
    assert fit.groups[0].fit.parameters["lambda"].value == pytest.approx(0.5, rel=1e-3)


@fits
def test_json_is_all_that_stands_on_stdout(ledger: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["fit-scaling", str(ledger), "--x", "tokens", "--law", "power", "--json", *QUICK]) == 0

    captured = capsys.readouterr()
    assert captured.err == ""
    assert fit_from_values(json.loads(captured.out)).x[0].name == "D"


@fits
def test_memory_grows_with_length(ledger: Path, tmp_path: Path) -> None:
    out = tmp_path / "fit.json"

    arguments = ["--x", "seq-len", "--y", "peak-allocated", "--out", str(out), *QUICK]
    assert run(["fit-scaling", str(ledger), *arguments]) == 0
    assert (read_fit(out).y.name, read_fit(out).x[0].name) == ("peak-allocated", "S")


@fits
def test_a_table_is_fitted_and_its_methods_compared(table: Write, tmp_path: Path) -> None:
    out = tmp_path / "fit.json"

    arguments = ["--compare", "lora:qlora", "--margin", "20%", "--law", "power", "--out", str(out), *QUICK]
    assert run(["fit-scaling", str(table(GOOD)), *arguments]) == 0

    (comparison,) = read_fit(out).comparisons
    assert (comparison.first, comparison.second, comparison.margin) == ("lora", "qlora", 0.2)


@fits
def test_a_script_reads_parameters_of_an_only_group_from_the_top(
    table: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    only = ["--where", "method == 'lora'", "--law", "power-offset", "--json", *QUICK]
    assert run(["fit-scaling", str(table(GOOD)), *only]) == 0

    values = json.loads(capsys.readouterr().out)
    assert values["parameters"]["lambda"]["value"] == pytest.approx(0.5, rel=1e-3)
    assert {"standard_error", "interval"} <= set(values["parameters"]["lambda"])
    assert isinstance(values["certificate"]["passed"], bool)


@fits
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--law", "powr"], "unknown law 'powr'"),
        (["--law", "nowhere:law"], "nowhere"),
        (["--compare", "lora:full"], "unknown group to compare 'full'"),
        (["--law", "chinchilla"], "--columns N=COLUMN"),
        (["--law", "rank"], "--columns R=COLUMN"),
        (["--compare", "all", "--where", "method == 'lora'"], "--by COLUMN or --columns method=COLUMN"),
        (["--allocate", "parametric"], "keep one, as with --where \"method == 'lora'\""),
    ],
)
def test_laws_and_methods_that_are_not_there_end_with_one_sentence(
    arguments: list[str], message: str, table: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["fit-scaling", str(table(GOOD)), *arguments, *QUICK]) == 2
    assert message in only_line(capsys.readouterr().err)


@fits
def test_ctrl_c_ends_cleanly_and_leaves_no_file(
    table: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "fit.json"
    path = table(GOOD)
    from ladderscope.scaling.uncertainty import describe

    original = describe.describe

    def interrupted(*arguments: object, **settings: object) -> object:
        os.kill(os.getpid(), signal.SIGINT)
        return original(*arguments, **settings)  # type: ignore[arg-type]

    monkeypatch.setattr("ladderscope.scaling.fit.describe", interrupted)

    assert run(["fit-scaling", str(path), "--law", "power", "--out", str(out), *QUICK]) == 130

    assert capsys.readouterr().err.splitlines()[-1] == "Interrupted."
    assert not out.exists()
