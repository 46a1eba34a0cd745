"""Saved competitions: go on after loading, every check, safe files."""

import functools
import io
import os
import warnings

import plenoptic
import pytest
import torch
from torch.optim import LBFGS, SGD, Adam, lr_scheduler

import madcore
from madcore.errors import InputError, LoadWarning

IMAGE = torch.linspace(0.2, 0.8, 144).reshape(1, 1, 12, 12)


def mse(image, mad_image):
    return (image - mad_image).square().mean()


def mae(image, mad_image):
    return (image - mad_image).abs().mean()


def twice_mse(image, mad_image):
    return 2 * mse(image, mad_image)


def brightness(mad_image):
    return mad_image.square().mean()


def make(image=IMAGE, optimized=mse, reference=mae, minmax="max", tradeoff=10.0, **options):
    return madcore.MADCompetition(image, optimized, reference, minmax, tradeoff, **options)


@pytest.fixture
def saved(tmp_path):
    made = make()
    made.synthesize(4, store_progress=2)
    made.save(tmp_path / "mad.pt")
    return tmp_path / "mad.pt"


def assert_same(one, other):
    names = (
        "losses",
        "penalties",
        "optimized_metric_loss",
        "reference_metric_loss",
        "gradient_norm",
        "pixel_change_norm",
    )
    for name in (*names, "initial_image", "mad_image", "saved_mad_image"):
        torch.testing.assert_close(getattr(one, name), getattr(other, name), rtol=0, atol=0)


CASES = [
    {},
    {"optimizer": SGD, "optimizer_kwargs": {"momentum": 0.9}},
    {"optimizer": LBFGS, "optimizer_kwargs": {"max_iter": 3}},
    {"scheduler": lr_scheduler.StepLR, "scheduler_kwargs": {"step_size": 2}},
    {"scheduler": lr_scheduler.MultiStepLR, "scheduler_kwargs": {"milestones": [2, 5]}},
    {"scheduler": lr_scheduler.ReduceLROnPlateau, "scheduler_kwargs": {"patience": 0, "threshold": 0.5}},
    {"optimizer": Adam, "scheduler": functools.partial(lr_scheduler.LambdaLR, lr_lambda=lambda epoch: 0.5**epoch)},
]


@pytest.mark.parametrize("setup", CASES, ids=["Adam", "SGD", "LBFGS", "StepLR", "MultiStepLR", "Plateau", "LambdaLR"])
def test_goes_on_after_loading_as_if_it_had_not_stopped(tmp_path, setup):
    whole = make()
    whole.setup(**setup)
    whole.synthesize(4, store_progress=2)
    whole.save(tmp_path / "mad.pt")
    whole.synthesize(4, store_progress=2)
    resumed = make()
    classes = {name: setup[name] for name in ("optimizer", "scheduler") if name in setup}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        resumed.load(tmp_path / "mad.pt")
    assert bool(caught) == bool(classes.keys() - {"optimizer"} or classes.get("optimizer", Adam) is not Adam)
    if caught:
        resumed.setup(**classes)
    resumed.synthesize(4, store_progress=2)
    assert_same(whole, resumed)


def test_loads_what_was_saved_between_load_and_setup(saved, tmp_path):
    first = make()
    first.load(saved)
    first.save(tmp_path / "again.pt")
    second = make()
    second.load(tmp_path / "again.pt")
    assert_same(first, second)
    assert second.mad_image.requires_grad


def test_holds_nothing_but_tensors_and_builtins(saved):
    contents = torch.load(saved, weights_only=True)
    assert contents["versions"].keys() == {"madcore", "torch"}
    assert [contents["callables"][role]["name"] for role in contents["callables"]] == ["mse", "mae", "penalize_range"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image": IMAGE + 1e-3}, "image differs"),
        ({"image": IMAGE[..., :11, :]}, "image has shape"),
        ({"minmax": "min"}, "minmax is min, but max was saved"),
        ({"tradeoff": 11.0}, "metric_tradeoff_lambda is 11.0, but 10.0"),
        ({"penalty_lambda": 0.2}, "penalty_lambda is 0.2, but 0.1"),
        ({"optimized": twice_mse}, "value of optimized_metric twice_mse differs"),
        ({"reference": twice_mse}, "value of reference_metric twice_mse differs"),
        ({"penalty_function": brightness}, "value of penalty_function brightness differs"),
        (
            {"optimized": functools.wraps(mae)(lambda image, mad_image: mse(image, mad_image))},
            "optimized_metric is mae, but mse",
        ),
    ],
)
def test_each_check_raises_or_warns(saved, arguments, message):
    with pytest.raises(ValueError, match=message) as caught:
        make(**arguments).load(saved)
    assert "raise_on_checks=False" in str(caught.value)
    made = make(**arguments)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        made.load(saved, raise_on_checks=False)
    assert {warning.category for warning in caught} == {LoadWarning}
    assert message in str(caught[0].message)
    assert (made.minmax, made.metric_tradeoff_lambda, made.penalty_lambda) == ("max", 10.0, 0.1)
    torch.testing.assert_close(made.image, IMAGE)
    made.synthesize(1, store_progress=2)


def test_a_check_that_failed_changes_nothing(saved):
    made = make(minmax="min")
    with pytest.raises(InputError):
        made.load(saved)
    assert made.mad_image.numel() == 0


def test_tolerances_decide_what_is_equal(saved):
    made = make(IMAGE + 1e-3)
    with pytest.raises(InputError):
        made.load(saved, tensor_equality_atol=1e-4)
    made.load(saved, tensor_equality_atol=1e-2)
    other = make(IMAGE * 1.001)
    other.load(saved, tensor_equality_rtol=1e-2)
    assert len(other.losses) == 5


def test_another_dtype_is_always_an_error(saved):
    made = make().to(torch.float64)
    with pytest.raises(ValueError, match="use the to method"):
        made.load(saved, raise_on_checks=False)
    made.to(torch.float32).load(saved)


def test_another_device_is_an_error_only_if_asked_for(saved):
    with pytest.raises(ValueError, match="device cpu, but meta"):
        make().load(saved, map_location="meta", raise_on_checks=False)
    made = make()
    made.load(saved, map_location="cpu")
    assert made.mad_image.device.type == "cpu"


def test_load_needs_a_new_object(saved):
    made = make()
    made.setup()
    with pytest.raises(ValueError, match="new object"):
        made.load(saved)


def test_save_needs_an_image(tmp_path):
    with pytest.raises(InputError, match="nothing to save"):
        make().save(tmp_path / "mad.pt")


@pytest.mark.parametrize("argument", [{"initial_noise": 0.1}, {"optimizer_kwargs": {}}, {"scheduler_kwargs": {}}])
def test_setup_after_load_takes_classes_only(saved, argument):
    made = make()
    made.load(saved)
    with pytest.raises(ValueError, match="must be None after load"):
        made.setup(**argument)


@pytest.mark.parametrize("classes", [{"optimizer": SGD}, {"scheduler": lr_scheduler.StepLR}])
def test_setup_after_load_takes_the_saved_classes(saved, classes):
    made = make()
    made.load(saved)
    with pytest.raises(ValueError, match="the saved"):
        made.setup(**classes)
    made.setup()


def test_synthesize_asks_for_the_classes_that_it_cannot_find(tmp_path):
    made = make()
    made.setup(optimizer=SGD)
    made.save(tmp_path / "mad.pt")
    loaded = make()
    with pytest.warns(UserWarning, match="call setup with optimizer"):
        loaded.load(tmp_path / "mad.pt")
    with pytest.raises(ValueError, match=r"optimizer=torch\.optim\.sgd\.SGD"):
        loaded.synthesize(1)


def test_says_what_a_scheduler_needs(tmp_path):
    made = make()
    made.setup(scheduler=lr_scheduler.LambdaLR, scheduler_kwargs={"lr_lambda": lambda epoch: 1.0})
    made.save(tmp_path / "mad.pt")
    loaded = make()
    with pytest.warns(UserWarning, match="scheduler"):
        loaded.load(tmp_path / "mad.pt")
    with pytest.raises(InputError, match=r"functools\.partial\(LambdaLR, lr_lambda"):
        loaded.setup(scheduler=lr_scheduler.LambdaLR)


def test_refuses_to_save_functions(tmp_path):
    class Odd(lr_scheduler.StepLR):
        def state_dict(self):
            return {"function": mse}

    made = make()
    made.setup(scheduler=Odd, scheduler_kwargs={"step_size": 1})
    with pytest.raises(InputError, match=r"steps\.scheduler\.state\.function"):
        made.save(tmp_path / "mad.pt")
    assert not (tmp_path / "mad.pt").exists()


def test_refuses_other_files(tmp_path):
    torch.save([1], tmp_path / "list.pt")
    (tmp_path / "text.pt").write_text("not a torch file")
    theirs = plenoptic.MADCompetition(IMAGE, mse, mae, "max", 10.0)
    theirs.synthesize(1)
    theirs.save(tmp_path / "plenoptic.pt")
    for name, holds in (("list", "a list"), ("text", "no torch file"), ("plenoptic", r"plenoptic\.MADCompetition")):
        with pytest.raises(InputError, match=holds):
            make().load(tmp_path / f"{name}.pt")


LOADING = [lambda path: make().load(path), madcore.examine]
BAD_PATHS = [
    ("missing.pt", "No such file or directory", FileNotFoundError),
    ("missing/mad.pt", "No such file or directory", FileNotFoundError),
    ("", "Is a directory", OSError),
    ("mad.pt/mad.pt", "Not a directory", OSError),
    ("nul\0.pt", "embedded null byte", OSError),
]


def refuse(action, error, message):
    """See that an action raises an error of ours, of a builtin's type too, in one line; return the line."""
    with pytest.raises(error, match=message) as caught:
        action()
    assert isinstance(caught.value, InputError)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("read", LOADING, ids=["load", "examine"])
@pytest.mark.parametrize(("name", "reason", "error"), BAD_PATHS)
def test_a_file_that_cannot_be_read_is_named_with_what_to_do(saved, read, name, reason, error):
    path = saved.parent / name
    said = refuse(lambda: read(path), error, "give a file that MADCompetition.save has written")
    assert said.startswith(f"{path} cannot be read ({reason})")


@pytest.mark.parametrize(("name", "reason", "error"), BAD_PATHS[1:])
def test_a_file_that_cannot_be_written_is_named_with_what_to_do(saved, name, reason, error):
    made, path = make(), saved.parent / name
    made.setup()
    said = refuse(lambda: made.save(path), error, "name a file in a folder that is there and can be written")
    assert said.startswith(f"{path} cannot be written ({reason})")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="nothing is forbidden to this user")
def test_a_file_without_permission_is_named(saved):
    saved.chmod(0)
    saved.parent.chmod(0o500)
    try:
        refuse(lambda: make().load(saved), OSError, "cannot be read .Permission denied.")
        made = make()
        made.setup()
        refuse(lambda: made.save(saved.parent / "other.pt"), OSError, "cannot be written .Permission denied.")
    finally:
        saved.parent.chmod(0o700)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a disk that is always full")
def test_a_full_disk_is_said():
    made = make()
    made.setup()
    refuse(lambda: made.save("/dev/full"), OSError, "cannot be written .No space left on device.")


@pytest.mark.parametrize("read", LOADING, ids=["load", "examine"])
@pytest.mark.parametrize("left", [0, 500, -400])
def test_a_file_that_was_cut_off_is_damaged(saved, read, left):
    saved.write_bytes(saved.read_bytes()[:left])
    refuse(lambda: read(saved), InputError, rf"{saved.name} is not a saved MADCompetition: it is damaged, or no torch")


@pytest.mark.parametrize("path", [None, 3, b"mad.pt", ["mad.pt"]], ids=repr)
def test_what_is_no_path_is_an_error_of_type(path):
    made = make()
    made.setup()
    for action in (made.save, *LOADING):
        refuse(lambda action=action: action(path), TypeError, "file_path must be a path or an open file; got")


@pytest.mark.parametrize("device", ["cuda:99", "nowhere"])
def test_a_device_that_is_not_there_is_not_blamed_on_the_file(saved, device):
    refuse(lambda: make().load(saved, map_location=device), InputError, f"^map_location must be .*; got '{device}'")


def test_an_open_file_will_do():
    made, stream = make(), io.BytesIO()
    made.synthesize(2)
    made.save(stream)
    stream.seek(0)
    loaded = make()
    loaded.load(stream)
    assert len(loaded.losses) == 3


def test_refuses_files_of_a_newer_schema(saved):
    contents = torch.load(saved)
    torch.save({**contents, "schema": 99}, saved)
    with pytest.raises(InputError, match="upgrade madcore"):
        make().load(saved)


def test_examine_shows_versions_names_shapes_and_lengths(saved, capsys):
    madcore.examine(saved)
    shown = capsys.readouterr().out
    for line in (
        f"madcore  {madcore.__version__}",
        "penalize_range",
        "float32 (1, 1, 12, 12) on cpu",
        "4 values",
        "Adam",
    ):
        assert line in shown


@pytest.mark.gpu
def test_loads_on_another_device(tmp_path):
    made = make().to("cuda")
    made.synthesize(4, store_progress=2)
    made.save(tmp_path / "mad.pt")
    loaded = make()
    loaded.load(tmp_path / "mad.pt", tensor_equality_rtol=1e-4)
    loaded.synthesize(2, store_progress=2)
    assert not loaded.mad_image.is_cuda
    loaded.save(tmp_path / "mad.pt")
    back = make().to("cuda")
    back.load(tmp_path / "mad.pt", tensor_equality_rtol=1e-4)
    back.synthesize(2, store_progress=2)
    assert back.mad_image.is_cuda
    assert not back.saved_mad_image.is_cuda


@pytest.mark.parametrize("letter", list("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ]}).(0123"))
def test_any_text_is_said_to_be_no_competition(tmp_path, letter):
    path = tmp_path / "losses.csv"
    path.write_text(f"{letter}ime,loss\n0,1\n")
    refuse(lambda: madcore.competition.examine(path), InputError, r"losses.csv is not a saved MADCompetition")
