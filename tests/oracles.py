"""MAD problems whose extremes are known in closed form or by a small exact computation."""

import math

import torch


def quadratic(matrix):
    """d'Md of the difference d of two images, as a metric."""

    def distance(image, mad_image):
        difference = (mad_image - image).flatten(1)
        return ((difference @ matrix) * difference).sum(1)

    return distance


def rayleigh(side, condition, seed=0):
    """Two quadratic metrics in random bases and the extreme ratios of the first to the second."""
    generator = torch.Generator().manual_seed(seed)
    count = side * side
    bases = [torch.linalg.qr(torch.randn(count, count, generator=generator, dtype=torch.float64))[0] for _ in range(2)]
    spectra = (torch.logspace(0, math.log10(condition), count).double(), torch.logspace(0, 1, count).double())
    a, b = ((basis * spectrum) @ basis.T for basis, spectrum in zip(bases, spectra, strict=True))
    lower = torch.linalg.cholesky(b)
    inner = torch.linalg.solve(lower, torch.linalg.solve(lower, a).T)
    ratios = torch.linalg.eigvalsh((inner + inner.T) / 2)
    return quadratic((a + a.T) / 2), quadratic((b + b.T) / 2), ratios[0].item(), ratios[-1].item()


def fourier_weighted(height, width):
    """Two metrics that weigh the spectrum of the difference, and the extreme ratios of the first to the second."""
    squared = torch.fft.fftfreq(height)[:, None] ** 2 + torch.fft.rfftfreq(width)[None] ** 2
    first, second = 1 / (squared.double() + 0.01), 1 + 10 * squared.double()
    twice = torch.full((width // 2 + 1,), 2.0, dtype=torch.float64)
    twice[0] = 1
    if width % 2 == 0:
        twice[-1] = 1

    def metric(weights):
        def distance(image, mad_image):
            return (weights * twice * torch.fft.rfft2(mad_image - image).abs().square()).sum((-3, -2, -1))

        return distance

    ratio = first / second
    return metric(first), metric(second), ratio.min().item(), ratio.max().item()


def knapsack(values, costs, rooms, level, largest):
    """Extreme of sum values * s subject to sum costs * s = level and 0 <= s <= rooms: fill the best ratios first."""
    order = (values / costs).argsort(descending=largest)
    left, total = level, 0.0
    for index in order.tolist():
        share = min(rooms[index].item(), left / costs[index].item())
        total += share * values[index].item()
        left -= share * costs[index].item()
        if left <= 0:
            break
    return total


def largest_l2_given_l1(rooms, level):
    """Fill the largest rooms first."""
    left, total = level, 0.0
    for room in rooms.sort(descending=True).values.tolist():
        step = min(room, left)
        total += step**2
        left -= step
    return math.sqrt(total)


def smallest_l1_given_l2(rooms, level):
    """Fill the largest rooms first, too."""
    left, total = level**2, 0.0
    for room in rooms.sort(descending=True).values.tolist():
        step = min(room, math.sqrt(max(left, 0.0)))
        total += step
        left -= step**2
    return total


def equalised(rooms, power, level):
    """The steps min(room, tau) for which the sum of their powers is `level`."""
    low, high = 0.0, rooms.max().item()
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if rooms.clamp(max=middle).pow(power).sum() < level else (low, middle)
    return rooms.clamp(max=high)


def global_ssim(image, mad_image, c1=1e-4, c2=9e-4):
    """One minus SSIM with one window, the whole image."""
    first, second = image.flatten(1), mad_image.flatten(1)
    mean_1, mean_2 = first.mean(1), second.mean(1)
    variance_1, variance_2 = first.var(1, correction=0), second.var(1, correction=0)
    covariance = ((first - mean_1[:, None]) * (second - mean_2[:, None])).mean(1)
    luminance = (2 * mean_1 * mean_2 + c1) / (mean_1**2 + mean_2**2 + c1)
    return 1 - luminance * (2 * covariance + c2) / (variance_1 + variance_2 + c2)


def global_ssim_extremes(image, level, steps=1501, c1=1e-4, c2=9e-4):
    """Extremes of `global_ssim` on the sphere of mean squared error `level`, by a fine search over two numbers.

    The difference is a + b (r - mu) / sigma + e, with e of mean square q = level - a^2 - b^2 and free of both.
    """
    mean, deviation = image.mean(), image.std(correction=0)
    low_a, high_a, low_b, high_b = (-math.sqrt(level), math.sqrt(level)) * 2
    best = {}
    for pick in ("min", "max"):
        box = [low_a, high_a, low_b, high_b]
        for _ in range(6):
            a = torch.linspace(box[0], box[1], steps, dtype=torch.float64)[:, None]
            b = torch.linspace(box[2], box[3], steps, dtype=torch.float64)
            rest = level - a**2 - b**2
            luminance = (2 * mean * (mean + a) + c1) / (mean**2 + (mean + a) ** 2 + c1)
            contrast = (2 * deviation * (deviation + b) + c2) / (deviation**2 + (deviation + b) ** 2 + rest + c2)
            value = torch.where(rest >= 0, 1 - luminance * contrast, torch.nan)
            filled = value.nan_to_num(torch.inf if pick == "min" else -torch.inf)
            at = (filled.argmin() if pick == "min" else filled.argmax()).item()
            best[pick] = filled.flatten()[at].item()
            centre_a, centre_b = a[at // steps].item(), b[at % steps].item()
            reach_a, reach_b = (box[1] - box[0]) / 40, (box[3] - box[2]) / 40
            box = [centre_a - reach_a, centre_a + reach_a, centre_b - reach_b, centre_b + reach_b]
    return best["min"], best["max"]
