"""Pictures in and out: files and built-in references to tensors (1, C, H, W) in [0, 1], and tensors to files."""

from madcore.images.dead_leaves import draw_dead_leaves as draw_dead_leaves
from madcore.images.encoding import encode_png as encode_png
from madcore.images.encoding import encode_tensors as encode_tensors
from madcore.images.encoding import hash_pixels as hash_pixels
from madcore.images.encoding import write_image as write_image
from madcore.images.reading import decode_image as decode_image
from madcore.images.reading import read_image as read_image
from madcore.pictures import parse_window as parse_window

__all__ = [
    "decode_image",
    "draw_dead_leaves",
    "encode_png",
    "encode_tensors",
    "hash_pixels",
    "parse_window",
    "read_image",
    "write_image",
]
