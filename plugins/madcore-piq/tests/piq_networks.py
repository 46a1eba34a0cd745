"""piq's networks with random weights of a seed, since there is no network in a test: values mean nothing."""

import contextlib
from unittest.mock import patch

import piq.perceptual
import torch
import torchvision
from piq.pieapp import PieAPPModel


def _random(url, **_):
    """Make what piq would download: of the same names and shapes, the weights of DISTS summing to 1."""
    if "PieAPP" in url:
        state = PieAPPModel().state_dict()
        return {**state, "ref_score_subtract.weight": state["ref_score_subtract.weight"].squeeze(1)}
    alpha, beta = torch.rand(2, 1, 1475, 1, 1)
    total = alpha.sum() + beta.sum()
    return {"alpha": alpha / total, "beta": beta / total}


class _Vgg16:
    """The layers of VGG16 before its classifier, whose random weights would take seconds."""

    def __init__(self, pretrained, progress):
        configuration = torchvision.models.vgg.cfgs["D"]
        self.features = torchvision.models.vgg.make_layers(configuration)


@contextlib.contextmanager
def offline(seed=0):
    """Build piq's networks without a network."""
    with (
        torch.random.fork_rng(devices=[]),
        patch.object(piq.perceptual, "vgg16", _Vgg16),
        patch.object(torch.hub, "load_state_dict_from_url", _random),
    ):
        torch.manual_seed(seed)
        yield
