"""MAD images as 8-bit and 16-bit pictures that still hold the level."""

from madcore.quantization.rounding import TOLERANCES, Quantized, quantize

__all__ = ["TOLERANCES", "Quantized", "quantize"]
