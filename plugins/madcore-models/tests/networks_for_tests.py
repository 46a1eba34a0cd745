"""Small networks, each with one thing that a distance of features must get right or refuse."""

import torch
from torch import nn
from torch.nn import functional


class Net(nn.Module):
    """Everything that is usual: in-place activations, BatchNorm, dropout, a layer that runs twice."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.drop = nn.Dropout()
        self.second = nn.Conv2d(4, 4, 3, stride=2)
        self.last = nn.Linear(4, 5)

    def forward(self, x):
        features = self.relu(self.norm(self.first(x)))
        features = self.relu(self.second(self.drop(features)))
        return self.last(features.mean((2, 3)))


class Grey(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True), nn.Conv2d(4, 2, 3))


class Head(Net):
    """Breaks after its features: what follows wants another input."""

    def forward(self, x, target=None):
        super().forward(x)
        return target["boxes"]


class WithTuple(Net):
    def forward(self, x):
        return self.first(x), x


class WithDict(Net):
    def forward(self, x):
        return {"out": self.first(x)}


class Random(Net):
    def forward(self, x):
        return functional.dropout(self.first(x))


class Training(Net):
    def forward(self, x):
        self.train()
        return self.first(x)


class Words(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(9, 4)

    def forward(self, x):
        return self.table(x)


class Classes(Net):
    def forward(self, x):
        return super().forward(x).argmax(1)


class Mixing(nn.Sequential):
    """Normalises over the batch even in evaluation mode."""

    def __init__(self):
        super().__init__(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False))


class Needy(nn.Module):
    def __init__(self, width):
        super().__init__()


class Double(nn.Module):
    """Adds a constant of its own type."""

    def forward(self, x):
        return x.float() * 2


def make_net():
    return Net()


def picture_count():
    return 3


fixed = Net()
torch.nn.init.ones_(fixed.last.weight)
