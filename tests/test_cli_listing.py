import json
import os
import signal
import subprocess
import sys
import warnings
from types import SimpleNamespace

import click
import pytest

import madcore
from madcore import cli, registry
from madcore.cli.tables import write_table
from madcore.errors import PluginError
from madcore.hookspecs import hookimpl
from madcore.loading import Candidate
from madcore.specs import MetricSpec


def build_blur(*, weights: tuple[float, ...] = ()):
    return max


FUNCTIONS = {"code": lambda **_: (), "fetches": lambda **_: (), "oracle": lambda **_: max}
BLUR = MetricSpec(
    "blur", build_blur, "blurriness", higher_is_better=True, perfect=1.0, requires=("nowhere-to-be-found",), **FUNCTIONS
)
WORKS = SimpleNamespace(metrics=hookimpl(specname="madcore_metrics")(lambda: [BLUR]))


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    """One plugin that works and one that cannot be imported."""
    candidates = [
        Candidate("good", "madcore-good", "1.2", lambda: WORKS),
        Candidate("bad", "madcore-bad", "0.1", lambda: __import__("nothing_of_this_name")),
    ]
    monkeypatch.setattr(registry, "find_candidates", lambda: candidates)


@pytest.fixture
def launch(capsys):
    def run(*arguments):
        code = cli.run(arguments)
        output = capsys.readouterr()
        return code, output.out, output.err

    return run


def failing_command(error):
    def command():
        raise error

    return click.Command("env", callback=command)


def test_overview_names_every_command(launch):
    code, out, _ = launch("--help")
    assert code == 0
    assert all(f"  {name}" in out for name in cli.COMMANDS)
    assert launch() == (0, out, "")


@pytest.mark.parametrize("command", ["metrics", "penalties", "show", "plugins", "env"])
def test_each_command_has_help_with_the_shared_options(launch, command):
    code, out, _ = launch(command, "--help")
    assert code == 0
    assert "--no-plugin" in out
    assert "--json" in out


def test_overview_and_commands_agree():
    context = click.Context(cli.launcher)
    for name, command in cli.COMMANDS.items():
        if command.module != "synthesis":
            assert cli.launcher.get_command(context, name).name == name


def test_version(launch):
    assert launch("--version") == (0, f"madcore {madcore.__version__}\n", "")


def test_metrics_are_listed_and_failures_told(launch):
    code, out, err = launch("metrics")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()][::6] == ["NAME", "nlpd"]
    assert "good.blur  1 or 3    1         blurriness  needs: pip install 'nowhere-to-be-found'" in out
    assert err.startswith("madcore: warning: plugin bad (madcore-bad 0.1) failed at import: ModuleNotFoundError")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("pattern", "names"), [("structural", ["ssim", "ms_ssim"]), ("*.*", ["good.blur"]), ("LP", ["lp", "nlpd"])]
)
def test_metrics_by_pattern(launch, pattern, names):
    assert [each["name"] for each in json.loads(launch("metrics", pattern, "--json")[1])] == names


def test_pattern_that_matches_nothing(launch):
    assert launch("metrics", "nothing", "--no-plugin", "bad") == (0, "", "madcore: no metric matches 'nothing'\n")
    assert launch("metrics", "nothing", "--json", "--no-plugin", "bad")[1] == "[]\n"


def test_json_of_a_metric_has_all_that_is_declared(launch):
    (record,) = json.loads(launch("metrics", "good.blur", "--json")[1])
    assert (record["higher_is_better"], record["perfect"], record["channels"]) == (True, 1.0, [1, 3])
    assert record["missing"] == ["nowhere-to-be-found"]
    assert record["plugin"] == {"name": "good", "distribution": "madcore-good", "version": "1.2"}


def test_penalties(launch):
    assert [line.split()[0] for line in launch("penalties")[1].splitlines()] == [
        "NAME",
        "range",
        "total_variation",
        "none",
    ]
    assert len(json.loads(launch("penalties", "--json")[1])) == 3


def test_show_metric(launch):
    out = launch("show", "ssim")[1]
    assert "gaussian|uniform  gaussian" in out
    assert "11 or more pixels a side" in out
    assert "doi:10.1109/TIP.2003.819861" in out
    assert "data_range" not in out


def test_show_with_options_shows_their_values(launch):
    assert "gaussian|uniform  uniform" in launch("show", "ssim,window=uniform")[1]
    assert json.loads(launch("show", "ssim,size=7", "--json")[1])["values"]["size"] == 7


def test_show_says_of_an_empty_value_that_it_is_empty(launch):
    out = launch("show", "good.blur")[1]
    assert "float+float+...  (empty)" in out


def test_show_similarity_penalty_and_what_is_missing(launch):
    assert "1 - value" in launch("show", "good.blur")[1]
    assert "pip install 'nowhere-to-be-found'" in launch("show", "good.blur")[1]
    assert "float+float" in launch("show", "range")[1]


def test_plugins_say_what_is_wrong(launch):
    code, out, err = launch("plugins")
    assert (code, err) == (0, "")
    (line,) = [line for line in out.splitlines() if line.startswith("bad ")]
    assert line.split()[:7] == ["bad", "madcore-bad", "0.1", "-", "-", "-", "-"]
    assert "failed at import: ModuleNotFoundError" in line


def test_plugins_build_says_what_cannot_be_built(launch):
    good = next(each for each in json.loads(launch("plugins", "--build", "--json")[1]) if each["name"] == "good")
    assert good["status"] == "failed"
    assert good["problems"][0]["stage"] == "build"
    assert "nowhere-to-be-found" in good["problems"][0]["error"]


def test_plugins_shows_what_is_blocked(launch):
    assert "blocked" in launch("plugins", "--no-plugin", "bad")[1]


def test_requirement_lines(launch):
    lines = launch("plugins", "--requirements")[1].splitlines()
    assert lines[0] == f"madcore=={madcore.__version__}"
    assert "madcore-good==1.2" in lines
    assert any(line.startswith("# madcore-bad==0.1  # plugin bad: failed at import") for line in lines)


@pytest.mark.parametrize("command", [["metrics"], ["plugins"], ["penalties"], ["show", "ssim"]])
def test_strict_gives_an_exit_code_before_or_after_the_command(launch, command):
    assert launch(*command, "--strict")[0] == 3
    assert launch("--strict", *command)[0] == 3
    assert launch(*command, "--strict", "--no-plugin", "bad")[0] == 0
    assert launch("--no-plugin", "all", *command, "--strict")[0] == 0


def test_unknown_blocked_name_is_a_warning(launch):
    code, _, err = launch("plugins", "--no-plugin", "bda")
    assert code == 0
    assert err.startswith(
        "madcore: warning: --no-plugin or MADCORE_NO_PLUGIN names 'bda', which is no installed plugin"
    )
    assert err.endswith("installed: bad, good\n")


def test_blocked_by_the_environment(launch, monkeypatch):
    monkeypatch.setenv("MADCORE_NO_PLUGIN", "bad,good")
    assert "good.blur" not in launch("metrics", "--strict")[1]


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["metrcs"], "'metrcs' is no command (did you mean metrics?)", 2),
        (["metrics", "--jsom"], "No such option", 2),
        (["show"], "Missing argument 'NAME'", 2),
        (["metrics", "a", "b"], "unexpected extra argument", 2),
        (["show", "ssmi"], "'ssmi' is no metric, penalty, engine or observer (did you mean ssim?)", 2),
        (["show", "proc"], "'proc' is no metric, penalty, engine or observer (did you mean procs?)", 2),
        (["show", "good"], "'good' is a plugin and no metric: it brings good.", 2),
        (["show", "goood.blur"], "did you mean good?", 2),
        (["show", "good.blr"], "did you mean good.blur?", 2),
        (["show", "ssim,windw=uniform"], "did you mean window?", 2),
        (["show", "ssim,size=7,size=9"], "given twice", 2),
        (["show", "ssim,size=big"], "must be int; got 'big'", 2),
        (["show", "./mine.py:metric"], "is code, which declares nothing", 2),
        (["show", "bad.vif"], "failed at import", 3),
        (["show", "good.blur", "--no-plugin", "good"], "plugin good is blocked", 2),
    ],
)
def test_error_is_one_line_and_an_exit_code(launch, arguments, message, code):
    result, out, err = launch(*arguments)
    assert (result, out) == (code, "")
    assert err.startswith("madcore: error: ")
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [(PluginError("two\nlines"), 3), (KeyboardInterrupt(), 130), (click.Abort(), 130), (click.exceptions.Exit(1), 1)],
)
def test_what_commands_raise(launch, monkeypatch, error, code):
    monkeypatch.setitem(cli.launcher.commands, "env", failing_command(error))
    assert launch("env")[0] == code


def test_bug_keeps_its_traceback(monkeypatch):
    monkeypatch.setitem(cli.launcher.commands, "env", failing_command(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        cli.run(["env"])


def test_sigterm_is_an_interrupt(launch, monkeypatch):
    before = signal.getsignal(signal.SIGTERM)
    command = click.Command("env", callback=lambda: os.kill(os.getpid(), signal.SIGTERM))
    monkeypatch.setitem(cli.launcher.commands, "env", command)
    assert launch("env")[0] == 130
    assert signal.getsignal(signal.SIGTERM) is before


def test_warning_is_one_line(launch, monkeypatch):
    monkeypatch.setitem(cli.launcher.commands, "env", click.Command("env", callback=warn))
    assert launch("env") == (0, "", "madcore: warning: two lines\n")


def warn():
    warnings.simplefilter("always")
    warnings.warn("two\nlines", stacklevel=1)


def test_closed_pipe_is_quiet():
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "madcore", "metrics", "--json", "--no-plugin", "all"]
    result = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (result.returncode, result.stderr) == (1, "")


def test_env(launch):
    facts = json.loads(launch("env", "--json")[1])
    assert facts["system"]["madcore"] == madcore.__version__
    assert facts["packages"]["torch"].startswith("2.")
    assert facts["plugins"]["good"] == "madcore-good 1.2, ok"
    assert "bad.vif" not in str(facts)
    assert "madcore-bad 0.1, failed" in launch("env")[1]


def test_env_counts_threads_and_tells_that_there_is_no_device(launch, monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    devices = json.loads(launch("env", "--json")[1])["devices"]
    assert devices == {"cpu": "1 thread", "cuda": "torch is for 13.0, but there is no such device"}


def test_narrow_terminal_wraps_the_last_column(monkeypatch, launch):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("madcore.cli.tables._is_terminal", lambda: True)
    lines = launch("show", "ssim")[1].splitlines()
    assert max(map(len, lines)) <= 60
    (wrapped,) = [line for line in lines if "information weights" in line]
    assert wrapped.startswith(" " * len("revision  "))


def test_a_terminal_that_is_too_narrow_for_all_other_columns_wraps_them(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "50")
    monkeypatch.setattr("madcore.cli.tables._is_terminal", lambda: True)
    row = ("models.features,layers=features.3,seed=1", "models.features,seed=2", 3, "2 converged, 1 budget")
    write_table([row], ("OPTIMIZED", "HELD", "LARGEST ERROR", "ENDED"))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 50
    assert [line.split() for line in lines[:2]] == [["OPTIMIZED", "HELD", "LARGEST", "ENDED"], ["ERROR"]]
    second = lines[0].index("HELD")
    assert "".join(line[:second].strip() for line in lines[2:]) == row[0]


def test_where_numbers_would_be_broken_rows_are_lists(monkeypatch, capsys):
    monkeypatch.setattr("madcore.cli.tables._is_terminal", lambda: True)
    header = ("IMAGE", "WHAT", "a: ssim", "HELD ERROR", "ENDED")
    rows = [
        ("start", "start image", "0.252048", "", ""),
        ("a_min", "ssim minimised, mse held", "0.0344319", "6e-10", "settled"),
    ]
    monkeypatch.setenv("COLUMNS", "60")
    write_table(rows, header)
    assert "0.0344319  6e-10" in capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "40")
    write_table(rows, header)
    assert capsys.readouterr().out.splitlines() == [
        "IMAGE    start",
        "WHAT     start image",
        "a: ssim  0.252048",
        "",
        "IMAGE       a_min",
        "WHAT        ssim minimised, mse held",
        "a: ssim     0.0344319",
        "HELD ERROR  6e-10",
        "ENDED       settled",
    ]


def test_names_are_broken_after_their_hyphens(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "24")
    monkeypatch.setattr("madcore.cli.tables._is_terminal", lambda: True)
    write_table([("madcore-penalties", "1e-10", "ok")], ("NAME", "ERROR", "STATE"))
    assert capsys.readouterr().out.splitlines()[1:] == ["madcore-    1e-10  ok", "penalties"]


def test_letters_that_take_two_columns_leave_the_next_where_it_belongs(capsys):
    write_table([("日本 photo.jpg", "mse"), ("cafe\u0301.jpg", "mse")], ("PICTURE", "HELD"))
    assert capsys.readouterr().out.splitlines() == [
        "PICTURE         HELD",
        "日本 photo.jpg  mse",
        "cafe\u0301.jpg        mse",
    ]


def test_rows_stay_on_a_line_elsewhere(capsys):
    write_table([("a" * 90, "b c " * 10)], ("NAME", "MANY WORDS"))
    assert len(capsys.readouterr().out.splitlines()) == 3
