import sys
from types import SimpleNamespace

import pytest

from madcore.discovery import find_candidates
from madcore.errors import Expired, PluginError, UnknownNameError
from madcore.hookspecs import hookimpl
from madcore.loading import Candidate, Failure, Plugin
from madcore.registry import Registry, default_registry, list_metrics
from madcore.requirements import allows
from madcore.specs import MetricSpec, PenaltySpec


def metric_spec(name="blur", build=lambda: max, **fields):
    return MetricSpec(name, build, "a summary", **{"higher_is_better": False, "perfect": 0.0, **fields})


def plugin_of(*specs, penalties=()):
    """Make what an entry point of a plugin loads."""
    metrics = hookimpl(specname="madcore_metrics")(lambda: list(specs))
    others = hookimpl(specname="madcore_penalties")(lambda: list(penalties))
    return SimpleNamespace(metrics=metrics, penalties=others)


def candidate(implementation, name="good", distribution="madcore-good"):
    return Candidate(name, distribution, "1.2", lambda: implementation)


def registry_of(*candidates, blocked=()):
    return Registry(lambda: candidates, blocked)


def failure_of(implementation):
    found = registry_of(candidate(implementation)).plugin("good")
    assert isinstance(found, Failure)
    return found


def raising(error):
    def load():
        raise error

    return Candidate("bad", "madcore-bad", "0.1", load)


def test_core_is_loaded_like_a_plugin_and_listed_first():
    names = [entry.name for entry in registry_of(candidate(plugin_of(metric_spec()))).metrics()]
    assert names[0] == "mse"
    assert names[-1] == "good.blur"


def test_full_name_finds_the_spec_and_its_plugin():
    spec = metric_spec()
    entry = registry_of(candidate(plugin_of(spec))).metric("good.blur")
    assert entry.spec is spec
    assert (entry.plugin.distribution, entry.plugin.version) == ("madcore-good", "1.2")


def test_penalty_of_a_plugin():
    spec = PenaltySpec("smooth", lambda: max)
    assert registry_of(candidate(plugin_of(penalties=[spec]))).penalty("good.smooth").spec is spec


def test_bare_name_does_not_even_look_for_plugins():
    def find():
        raise AssertionError("looked")

    assert Registry(find).metric("ssim").name == "ssim"


def test_prefix_decides_which_plugin_is_loaded():
    registry = registry_of(candidate(plugin_of(metric_spec())), raising(AssertionError("loaded")))
    assert registry.metric("good.blur").name == "good.blur"


def test_plugin_is_loaded_once():
    loads = []
    found = Candidate("good", "d", "1", lambda: loads.append(1) or plugin_of(metric_spec()))
    registry = registry_of(found)
    registry.metrics()
    registry.metric("good.blur")
    assert loads == [1]


@pytest.mark.parametrize("error", [ImportError("no x"), SystemExit(3), RuntimeError("two\nlines"), BaseException()])
def test_whatever_importing_raises_is_a_value(error):
    registry = registry_of(raising(error), candidate(plugin_of(metric_spec())))
    (failure,) = registry.failures()
    assert (failure.plugin, failure.stage, failure.error) == ("bad", "import", error)
    assert "\n" not in str(failure)
    assert "good.blur" in [entry.name for entry in registry.metrics()]


def test_interrupt_escapes():
    with pytest.raises(KeyboardInterrupt):
        registry_of(raising(KeyboardInterrupt())).plugins()


def test_a_plugin_that_outlasted_a_limit_is_loaded_again():
    ends = [Expired("took longer than 1 s")]

    def load():
        if ends:
            raise ends.pop()
        return plugin_of(metric_spec())

    registry = registry_of(Candidate("good", "madcore-good", "1.2", load))
    with pytest.raises(Expired):
        registry.metric("good.blur")
    assert registry.metric("good.blur").name == "good.blur"


def test_naming_a_failed_plugin_raises_with_its_reason():
    with pytest.raises(
        PluginError, match=r"plugin bad \(madcore-bad 0.1\) failed at import: ImportError: no x"
    ) as caught:
        registry_of(raising(ImportError("no x"))).metric("bad.vif")
    assert isinstance(caught.value.__cause__, ImportError)


def test_misspelt_hook():
    implementation = SimpleNamespace(metrics=hookimpl(specname="madcore_metrisc")(lambda: []))
    failure = failure_of(implementation)
    assert failure.stage == "hooks"
    assert "did you mean madcore_metrics?" in failure.reason


def test_hook_with_an_argument_that_is_not_passed():
    implementation = SimpleNamespace(metrics=hookimpl(specname="madcore_metrics")(lambda config: []))
    failure = failure_of(implementation)
    assert failure.stage == "hooks"
    assert "config" in failure.reason


def test_plugin_without_hooks():
    assert "hookimpl" in failure_of(SimpleNamespace(madcore_metrics=list)).reason


def test_hook_that_raises():
    def metrics():
        return [1 / 0]

    failure = failure_of(SimpleNamespace(metrics=hookimpl(specname="madcore_metrics")(metrics)))
    assert (failure.stage, failure.reason) == ("declaration", "ZeroDivisionError: division by zero")


@pytest.mark.parametrize("answer", [{"blur": 1}, [metric_spec(), "blur"], "blur", metric_spec(), 3])
def test_hook_that_returns_something_else(answer):
    failure = failure_of(SimpleNamespace(metrics=hookimpl(specname="madcore_metrics")(lambda: answer)))
    assert failure.stage == "declaration"
    assert "must return a list of MetricSpec; it returned" in failure.reason


def test_metric_twice_in_one_plugin():
    assert "'blur' twice" in failure_of(plugin_of(metric_spec(), metric_spec())).reason


def test_build_with_a_parameter_without_default():
    assert "has no default" in failure_of(plugin_of(metric_spec(build=lambda size: max))).reason


def test_two_distributions_with_one_name_load_neither():
    loaded = []
    twins = [Candidate("twin", f"madcore-{each}", "1", lambda: loaded.append(1)) for each in "ab"]
    (failure,) = registry_of(*twins).failures()
    assert not loaded
    assert "madcore-a 1 and madcore-b 1" in failure.reason


@pytest.mark.parametrize("name", ["all", "madcore", "Upper", "with.dot", "a-b", "1st"])
def test_plugin_name_that_no_metric_could_have(name):
    (failure,) = registry_of(candidate(plugin_of(metric_spec()), name)).failures()
    assert failure.stage == "discovery"


def test_what_a_plugin_prints_goes_to_the_standard_error(capsys):
    def load():
        print("hello")
        return plugin_of(metric_spec())

    found = registry_of(Candidate("loud", "madcore-loud", "1", load)).plugin("loud")
    assert capsys.readouterr() == ("", "hello\n")
    assert "prints when it is loaded" in found.notes[0]


def test_plugin_that_imports_torch_works_and_is_noted(monkeypatch):
    def load():
        sys.modules["torch"] = torch
        return plugin_of(metric_spec())

    torch = sys.modules["torch"]
    monkeypatch.delitem(sys.modules, "torch")
    found = registry_of(Candidate("heavy", "madcore-heavy", "1", load)).plugin("heavy")
    assert isinstance(found, Plugin)
    assert "imports torch when it is loaded" in found.notes[0]


def test_blocked_plugin_is_not_loaded_and_says_why():
    registry = registry_of(raising(AssertionError("loaded")), blocked=["bad"])
    assert registry.failures() == ()
    with pytest.raises(UnknownNameError, match="plugin bad is blocked"):
        registry.metric("bad.vif")


def test_all_blocks_all():
    registry = registry_of(raising(AssertionError("loaded")), blocked=["all"])
    assert [plugin.label for plugin in registry.plugins()] == ["madcore"]


def test_unknown_blocked_names():
    assert registry_of(raising(OSError()), blocked=["bad", "bda", "all"]).unknown_blocked == ["bda"]


def test_environment_blocks(monkeypatch):
    monkeypatch.setenv("MADCORE_NO_PLUGIN", "one, two,")
    assert Registry.discover(["three"]).blocked == {"one", "two", "three"}


def test_default_registry_warns_of_unknown_names(monkeypatch):
    monkeypatch.setenv("MADCORE_NO_PLUGIN", "nobody")
    default_registry.cache_clear()
    with pytest.warns(UserWarning, match="'nobody', which is no installed plugin"):
        default_registry()
    default_registry.cache_clear()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("msee", r"'msee' is no metric \(did you mean mse\?\)"),
        ("goood.blur", r"'goood' is no installed plugin \(did you mean good\?\)"),
        ("good.blurr", r"'good.blurr' is no metric \(did you mean good.blur\?\)"),
        ("good.more.blur", "is no installed plugin"),
        ("good", "'good' is a plugin and no metric: it brings good.blur$"),
    ],
)
def test_unknown_metric(name, message):
    with pytest.raises(UnknownNameError, match=message):
        registry_of(candidate(plugin_of(metric_spec()))).metric(name)


def test_a_plugin_is_no_penalty_either():
    with pytest.raises(UnknownNameError, match="'good' is a plugin and no penalty: it brings no penalties"):
        registry_of(candidate(plugin_of(metric_spec()))).penalty("good")


def test_requirement_that_is_not_installed():
    spec = metric_spec(requires=("torch>=2", "no-such-distribution>=1"))
    assert registry_of(candidate(plugin_of(spec))).metric("good.blur").missing == ("no-such-distribution>=1",)


def test_requirement_of_another_version():
    spec = metric_spec(requires=("torch<2", "torch>=2"))
    assert registry_of(candidate(plugin_of(spec))).metric("good.blur").missing == ("torch<2",)


@pytest.mark.parametrize(
    ("line", "version", "allowed"),
    [
        ("madcore>=0.1,<0.2", "0.1.7", True),
        ("madcore>=0.1,<0.2", "0.2.0", False),
        ("madcore (>=0.3)", "0.2.0", False),
        ("madcore[plot]>=0.3", "0.2.0", False),
        ("madcore", "0.2.0", True),
        ("madcore>=0.3; extra == 'new'", "0.2.0", True),
        ("madcore-piq>=0.3", "0.2.0", True),
        ("torch>=99", "0.2.0", True),
        ("madcore of the future", "0.2.0", True),
    ],
)
def test_which_versions_a_requirement_allows(line, version, allowed):
    assert allows(line, version, "madcore") is allowed


def test_listing_names():
    assert list_metrics(registry=registry_of(candidate(plugin_of(metric_spec()))))[-1] == "good.blur"


def write_distribution(folder, name, entry_points):
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: madcore>=0.1\n")
    (info / "entry_points.txt").write_text(entry_points)


def test_entry_points_are_found(tmp_path, monkeypatch):
    write_distribution(tmp_path, "somebody", "[madcore]\nthing = somebody.plugin\n[other]\nelse = x\n")
    monkeypatch.syspath_prepend(tmp_path)
    found = [each for each in find_candidates() if each.distribution == "somebody"]
    assert [(each.name, each.version, each.requires) for each in found] == [("thing", "1.0", ("madcore>=0.1",))]


def test_shadowed_distribution_is_passed_over(tmp_path, monkeypatch):
    for folder in ("later", "earlier"):
        write_distribution(tmp_path / folder, "somebody", f"[madcore]\n{folder} = x\n")
        monkeypatch.syspath_prepend(tmp_path / folder)
    assert [each.name for each in find_candidates() if each.distribution == "somebody"] == ["earlier"]


def test_unreadable_entry_points_of_others_do_no_harm(tmp_path, monkeypatch):
    write_distribution(tmp_path, "odd", "[madcore]\nno equals sign\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert "odd" not in [each.distribution for each in find_candidates()]


@pytest.mark.parametrize(
    "fields",
    [{"name": "Blur"}, {"name": "a.b"}, {"build": 3}, {"perfect": float("nan")}, {"channels": 3}, {"caveats": "text"}],
)
def test_slips_of_an_author_are_found_when_declaring(fields):
    with pytest.raises(ValueError, match="must be"):
        metric_spec(**fields)
