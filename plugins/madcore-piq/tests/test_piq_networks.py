"""DISTS and PieAPP with random weights: what is tested is everything but their judgement."""

import urllib.error
import warnings
from unittest.mock import patch

import piq
import pytest
import torch
from madcore_piq import oracles
from madcore_piq.networks import Dists, PieApp
from piq_networks import offline
from piq_pictures import noisy, picture

import madcore


def of_piq(kind, **options):
    with offline(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return kind(reduction="none", **options)


@pytest.fixture(scope="module")
def dists():
    with offline():
        return Dists()


@pytest.fixture(scope="module")
def pieapp():
    with offline():
        return PieApp()


@pytest.mark.parametrize("side", [32, 260])
def test_dists_is_that_of_piq(dists, side):
    image = picture(side, dtype=torch.float32)
    torch.testing.assert_close(dists(image, noisy(image)), of_piq(piq.DISTS)(noisy(image), image), rtol=1e-4, atol=1e-6)


def test_pieapp_is_that_of_piq_less_its_constant(pieapp):
    image = picture(100, count=2)
    with offline(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        expected = oracles.pieapp(stride=27)(image, noisy(image))
    torch.testing.assert_close(pieapp(image, noisy(image)), expected)


@pytest.mark.parametrize("name", ["dists", "pieapp"])
def test_zero_at_identity_and_a_gradient_elsewhere(request, name):
    metric = madcore.Metric(request.getfixturevalue(name), name)
    image = picture(64, dtype=torch.float32)
    prepared = metric.prepare(image)
    values, gradient = prepared.value_and_gradient(image.clone())
    assert values.abs() < 1e-6
    assert torch.isfinite(gradient).all()
    values, gradient = prepared.value_and_gradient(noisy(image))
    assert gradient.any()
    assert values.dtype == torch.float32


@pytest.mark.parametrize("name", ["dists", "pieapp"])
def test_one_type_after_another(request, name):
    measure, image = request.getfixturevalue(name), picture(64)
    values = [measure(image.to(dtype), noisy(image).to(dtype)) for dtype in (torch.float32, torch.float64)]
    assert values[1].dtype == torch.float64
    torch.testing.assert_close(values[0].double(), values[1], rtol=1e-3, atol=1e-6)


def test_grey_is_as_three_equal_channels(dists):
    image = picture(32, channels=1, dtype=torch.float32)
    color = image.expand(-1, 3, -1, -1)
    torch.testing.assert_close(dists(image, noisy(image)), dists(color, noisy(image).expand(-1, 3, -1, -1)))


def test_wrong_range_is_refused(dists):
    image = picture(32, dtype=torch.float32)
    with pytest.raises(madcore.InputError, match=r"piq.dists needs pixels from 0 to 1; got .* to 2"):
        dists(255 * image, 255 * image)


@pytest.mark.parametrize("name", ["piq.dists", "piq.pieapp"])
def test_no_network(name):
    with (
        patch.object(torch.hub, "load_state_dict_from_url", side_effect=urllib.error.URLError("no route")),
        pytest.raises(madcore.PluginError, match=rf"weights of {name} \(no route\); run `madcore fetch {name}` "),
    ):
        madcore.create_metric(name)


def test_files_that_decide_the_values(dists, pieapp):
    assert [path.name for path in dists.weight_files] == ["vgg16-397923af.pth", "dists_weights.pt"]
    assert [path.name for path in pieapp.weight_files] == ["PieAPPv0.1.pth"]


def test_building_is_quiet(capsys):
    with offline():
        Dists()
    assert capsys.readouterr().out == ""
