"""Pictures in and out: every format keeps its samples, and what cannot be used is refused in one line."""

import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.numpy import save_file

from madcore.errors import InputError
from madcore.images import (
    draw_dead_leaves,
    encode_png,
    encode_tensors,
    hash_pixels,
    parse_window,
    read_image,
    write_image,
)
from madcore.pictures import PHOTOGRAPHS

RANDOM = np.random.default_rng(5)
GRAY8 = RANDOM.integers(0, 256, (12, 17), dtype=np.uint8)
COLOR8 = RANDOM.integers(0, 256, (12, 17, 3), dtype=np.uint8)
COLOR16 = RANDOM.integers(0, 65536, (12, 17, 3), dtype=np.uint16)


def as_image(array):
    """The (1, C, H, W) tensor that an array (H, W) or (H, W, C) of unsigned integers stands for."""
    scaled = torch.from_numpy(array.astype(np.float64) / np.iinfo(array.dtype).max).float()
    return scaled[None, None] if array.ndim == 2 else scaled.permute(2, 0, 1)[None]


def message(source, **options):
    with pytest.raises(InputError) as caught:
        read_image(source, **options)
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
@pytest.mark.parametrize("array", [GRAY8, COLOR8], ids=["gray", "color"])
def test_eight_bit_files_keep_every_sample(tmp_path, suffix, array):
    Image.fromarray(array).save(tmp_path / f"picture.{suffix}")
    image = read_image(tmp_path / f"picture.{suffix}")
    assert image.dtype is torch.float32
    torch.testing.assert_close(image, as_image(array), rtol=0, atol=1e-7)


def test_jpeg_is_read_as_its_decoder_gives_it(tmp_path):
    Image.fromarray(COLOR8).save(tmp_path / "picture.jpg")
    with Image.open(tmp_path / "picture.jpg") as picture:
        expected = np.array(picture)
    torch.testing.assert_close(read_image(tmp_path / "picture.jpg"), as_image(expected))


def test_sixteen_bit_gray_keeps_every_bit(tmp_path):
    gray = COLOR16[..., 0]
    Image.fromarray(gray).save(tmp_path / "picture.png")
    image = read_image(tmp_path / "picture.png", dtype=torch.float64)
    assert np.array_equal((image[0, 0].numpy() * 65535).round(), gray)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bit_color_keeps_every_bit(tmp_path, suffix):
    imagecodecs = pytest.importorskip("imagecodecs")
    encode = imagecodecs.png_encode if suffix == "png" else imagecodecs.tiff_encode
    (tmp_path / f"picture.{suffix}").write_bytes(encode(COLOR16))
    image = read_image(tmp_path / f"picture.{suffix}", dtype=torch.float64)
    assert np.array_equal((image[0].permute(1, 2, 0).numpy() * 65535).round(), COLOR16)


def test_sixteen_bit_color_stored_in_planes_is_put_together(tmp_path):
    imagecodecs = pytest.importorskip("imagecodecs")
    content = imagecodecs.tiff_encode(COLOR16.transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
    (tmp_path / "picture.tif").write_bytes(content)
    torch.testing.assert_close(read_image(tmp_path / "picture.tif"), as_image(COLOR16), rtol=0, atol=1e-7)


def test_sixteen_bit_color_without_imagecodecs_names_the_extra(tmp_path, monkeypatch):
    imagecodecs = pytest.importorskip("imagecodecs")
    (tmp_path / "picture.png").write_bytes(imagecodecs.png_encode(COLOR16))
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    assert "madcore[images]" in message(tmp_path / "picture.png")
    with pytest.raises(InputError, match=r"madcore\[images\]"):
        encode_png(as_image(COLOR16), bits=16)


@pytest.mark.parametrize("shape", [(12, 17), (12, 17, 1), (12, 17, 3), (3, 12, 17), (1, 3, 12, 17), (1, 12, 17, 3)])
def test_arrays_are_arranged_by_their_shape(tmp_path, shape):
    array = RANDOM.random(shape, dtype=np.float32)
    np.save(tmp_path / "picture.npy", array)
    image = read_image(tmp_path / "picture.npy")
    assert image.shape == (1, 3 if 3 in shape else 1, 12, 17)
    assert image.sum().item() == pytest.approx(array.sum(), rel=1e-5)


def test_layout_decides_where_the_shape_does_not(tmp_path):
    array = RANDOM.random((3, 5, 3), dtype=np.float32)
    np.save(tmp_path / "picture.npy", array)
    assert "--layout" in message(tmp_path / "picture.npy")
    rows = read_image(tmp_path / "picture.npy", layout="HWC")
    planes = read_image(tmp_path / "picture.npy", layout="CHW")
    assert torch.equal(rows[0], torch.from_numpy(array).permute(2, 0, 1))
    assert torch.equal(planes[0], torch.from_numpy(array))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint32, bool])
def test_unsigned_integers_are_divided_by_their_largest(tmp_path, dtype):
    largest = 1 if dtype is bool else np.iinfo(dtype).max
    np.save(tmp_path / "picture.npy", np.array([[0, largest]], dtype=dtype))
    assert read_image(tmp_path / "picture.npy").tolist() == [[[[0.0, 1.0]]]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.uint8])
def test_torch_files_of_every_type_are_read(tmp_path, dtype):
    torch.save(torch.ones(1, 3, 6, 7, dtype=dtype), tmp_path / "picture.pt")
    expected = 1 / 255 if dtype is torch.uint8 else 1.0
    assert torch.equal(read_image(tmp_path / "picture.pt"), torch.full((1, 3, 6, 7), expected))


def test_one_of_several_tensors_is_taken_by_name(tmp_path):
    one, two = RANDOM.random((6, 7)), RANDOM.random((6, 7))
    save_file({"a_min": one, "a_max": two}, tmp_path / "exact.safetensors")
    assert "a_max, a_min" in message(tmp_path / "exact.safetensors") or "a_min, a_max" in message(
        tmp_path / "exact.safetensors"
    )
    image = read_image(f"{tmp_path}/exact.safetensors:a_max", dtype=torch.float64)
    assert np.array_equal(image[0, 0], two)
    assert "no tensor 'b'" in message(f"{tmp_path}/exact.safetensors:b")


def test_code_in_a_torch_file_is_not_run(tmp_path):
    torch.save({"image": pytest.raises}, tmp_path / "picture.pt")
    said = message(tmp_path / "picture.pt")
    assert "objects other than tensors" in said
    assert "weights_only" not in said


def test_opaque_alpha_is_dropped_and_transparency_refused(tmp_path):
    alpha = np.full((12, 17, 1), 255, np.uint8)
    Image.fromarray(np.concatenate([COLOR8, alpha], 2)).save(tmp_path / "opaque.png")
    torch.testing.assert_close(read_image(tmp_path / "opaque.png"), as_image(COLOR8))
    alpha[3, 4] = 254
    Image.fromarray(np.concatenate([COLOR8, alpha], 2)).save(tmp_path / "clear.png")
    assert "background" in message(tmp_path / "clear.png")


def test_palette_bilevel_and_cmyk_become_color_or_gray(tmp_path):
    picture = Image.fromarray(COLOR8)
    palette, bilevel, cmyk = picture.quantize(16), picture.convert("1"), picture.convert("CMYK")
    palette.save(tmp_path / "palette.png")
    bilevel.save(tmp_path / "bilevel.png")
    cmyk.save(tmp_path / "cmyk.tif")
    assert torch.equal(read_image(tmp_path / "palette.png"), as_image(np.array(palette.convert("RGB"))))
    assert torch.equal(read_image(tmp_path / "bilevel.png")[0, 0], torch.from_numpy(np.array(bilevel)).float())
    assert torch.equal(read_image(tmp_path / "cmyk.tif"), as_image(np.array(cmyk.convert("RGB"))))


def test_camera_orientation_is_obeyed(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to see it upright
    Image.fromarray(GRAY8).save(tmp_path / "picture.png", exif=exif)
    assert torch.equal(read_image(tmp_path / "picture.png"), as_image(np.ascontiguousarray(np.rot90(GRAY8, -1))))


def test_missing_folder_and_empty_files_are_refused(tmp_path):
    (tmp_path / "empty.png").touch()
    assert "does not exist" in message(tmp_path / "missing.png")
    assert "folder" in message(tmp_path)
    assert "empty" in message(tmp_path / "empty.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "npy", "pt", "safetensors"])
def test_truncated_files_are_refused(tmp_path, suffix):
    path = tmp_path / f"picture.{suffix}"
    if suffix == "pt":
        torch.save(torch.rand(40, 40), path)
    elif suffix in ("npy", "safetensors"):
        write_image(path, torch.rand(1, 1, 40, 40))
    else:
        Image.fromarray(RANDOM.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert "truncated" in message(path)


def test_what_is_no_picture_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing to see")
    assert "known are PNG" in message(tmp_path / "notes.txt")


def test_animations_are_refused(tmp_path):
    frames = [Image.fromarray(GRAY8), Image.fromarray(255 - GRAY8)]
    frames[0].save(tmp_path / "pages.tif", save_all=True, append_images=frames[1:])
    assert "2 pictures" in message(tmp_path / "pages.tif")


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.full((5, 5), np.nan), "NaN"),
        (np.full((5, 5), np.inf), "infinite"),
        (np.full((5, 5), 1.5), "from 1.5 to 1.5"),
        (np.full((5, 5), -0.1), "[0, 1]"),
        (np.zeros((5, 5), np.int16), "int16"),
        (np.zeros((5, 5), complex), "complex128"),
        (np.zeros(5), "shape (5,)"),
        (np.zeros((7, 8, 9)), "shape (7, 8, 9)"),
        (np.zeros((2, 3, 8, 9)), "2 images"),
        (np.zeros((0, 5)), "0 x 5 pixels"),
    ],
)
def test_arrays_that_are_no_image_are_refused(tmp_path, array, said):
    np.save(tmp_path / "picture.npy", array)
    assert said in message(tmp_path / "picture.npy")


def test_a_layout_that_does_not_fit_is_refused(tmp_path):
    np.save(tmp_path / "picture.npy", np.zeros((5, 6)))
    assert "not CHW" in message(tmp_path / "picture.npy", layout="CHW")
    assert "allowed are HW" in message(tmp_path / "picture.npy", layout="WHC")


def test_misspelt_builtin_is_guessed():
    assert "did you mean astronaut?" in message("astronut")
    assert "dead_leaves" in message("zebra")


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_photographs_are_in_the_installed_scikit_image(name):
    pytest.importorskip("skimage")
    image = read_image(name)
    assert image.shape[1] in (1, 3)
    assert min(image.shape[-2:]) >= 190
    assert image.std() > 0.05


def test_dead_leaves_repeat_their_seed_and_cover_the_picture():
    image = read_image("dead_leaves:3")
    assert image.shape == (1, 1, 512, 512)
    assert torch.equal(image, draw_dead_leaves(3))
    assert not torch.equal(image, draw_dead_leaves(4))
    assert 0.2 < image.std() < 0.35
    assert "seed" in message("dead_leaves:x")


def test_dead_leaves_look_alike_at_every_scale():
    contrast = []
    image = torch.cat([draw_dead_leaves(seed, side=256) for seed in range(8)])
    for block in (4, 8, 16):  # neighbouring blocks of scale-invariant pictures differ alike at all block sizes
        means = torch.nn.functional.avg_pool2d(image, block)
        contrast.append(means.diff(dim=-1).square().mean().item())
    assert max(contrast) / min(contrast) < 1.5


def test_gray_is_the_luma_of_bt601():
    image = read_image("dead_leaves_color")
    expected = 0.299 * image[:, 0] + 0.587 * image[:, 1] + 0.114 * image[:, 2]
    torch.testing.assert_close(read_image("dead_leaves_color", gray=True)[:, 0], expected)


def test_size_and_crop():
    assert read_image("dead_leaves", size=64).shape == (1, 1, 64, 64)
    assert read_image("dead_leaves", size=(40, 50)).shape == (1, 1, 40, 50)
    assert read_image("dead_leaves", size=(40, 50), crop=16).shape == (1, 1, 16, 16)
    window = read_image("dead_leaves", crop=(8, 9, 100, 200))
    assert torch.equal(window, read_image("dead_leaves")[..., 100:108, 200:209])
    assert "make it smaller" in message("dead_leaves", crop=513)
    assert "at least 1" in message("dead_leaves", size=0)


@pytest.mark.parametrize(
    "options",
    [{"size": 2.5}, {"size": "64"}, {"size": (8, 8, 8)}, {"crop": (8, 9, 1)}, {"crop": 1.5}],
)
def test_sizes_that_are_none_are_named(options):
    (name, given), *_ = options.items()
    told = message("dead_leaves", **options)
    assert told.startswith(f"{name} must be the ")
    assert told.endswith(f"in whole pixels; got {given!r}")


def test_a_size_that_no_memory_holds_is_named():
    assert message("dead_leaves", size=10**6) == "size 1000000 x 1000000 does not fit into memory; make it smaller"


@pytest.mark.parametrize("source", ["", "https://example.org/a.png"])
def test_what_cannot_name_a_file_is_named_as_it_was_given(source):
    assert message(source).startswith(f"{source!r} is no picture: give a file")


def test_resizing_keeps_the_mean_and_the_range():
    image = read_image("dead_leaves", size=32)
    assert image.mean().item() == pytest.approx(read_image("dead_leaves").mean().item(), abs=2e-3)
    assert image.min() >= 0
    assert image.max() <= 1


@pytest.mark.parametrize(
    ("text", "window"), [("64", 64), ("30x40", (30, 40)), ("30x40+1+2", (30, 40, 1, 2)), ("30+1+2", (30, 30, 1, 2))]
)
def test_windows_are_parsed(text, window):
    assert parse_window(text, offsets=True) == window


@pytest.mark.parametrize("text", ["", "big", "-4", "3x", "30x40+1", "1.5"])
def test_other_windows_are_refused(text):
    with pytest.raises(InputError, match="allowed are SIDE"):
        parse_window(text, offsets=True)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [1, 3])
def test_written_pngs_are_the_nearest_values(tmp_path, bits, channels):
    image = torch.rand(1, channels, 9, 11, dtype=torch.float64)
    write_image(tmp_path / "picture.png", image, bits=bits)
    largest = (read_image(tmp_path / "picture.png", dtype=torch.float64) - image).abs().max()
    assert largest <= 0.5 / (2**bits - 1) + 1e-12


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 5), st.integers(1, 5), st.sampled_from([1, 3]), st.sampled_from([torch.float32, torch.float64]))
def test_float_files_are_read_back_exactly(tmp_path_factory, height, width, channels, dtype):
    folder = tmp_path_factory.mktemp("floats")
    image = torch.rand(1, channels, height, width, dtype=dtype)
    for name in ("picture.npy", "picture.safetensors"):
        write_image(folder / name, image)
        assert torch.equal(read_image(folder / name, layout="HWC", dtype=dtype), image)


@pytest.mark.parametrize("image", [torch.zeros(2, 3, 4, 4), torch.zeros(4, 4), torch.zeros(1, 3, 4, 4).byte()])
def test_only_single_float_images_are_written(tmp_path, image):
    with pytest.raises(InputError, match="one float image"):
        write_image(tmp_path / "picture.png", image)


def test_what_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(InputError, match="clip"):
        write_image(tmp_path / "picture.png", torch.full((1, 1, 4, 4), 1.01))
    with pytest.raises(InputError, match="8 or 16"):
        write_image(tmp_path / "picture.png", torch.zeros(1, 1, 4, 4), bits=12)
    with pytest.raises(InputError, match=r"picture.jpg cannot be written: its name must end with \.png"):
        write_image(tmp_path / "picture.jpg", torch.zeros(1, 1, 4, 4))
    with pytest.raises(InputError, match="choose another place"):
        write_image(tmp_path / "nowhere" / "picture.png", torch.zeros(1, 1, 4, 4))


def test_tensors_are_stored_as_height_width_channels():
    from safetensors.torch import load

    image = torch.rand(1, 3, 4, 5)
    stored = load(encode_tensors({"a_min": image}))
    assert torch.equal(stored["a_min"], image[0].permute(1, 2, 0))


def test_pixel_hash_depends_on_pixels_and_shape_only():
    image = torch.rand(1, 3, 4, 6)
    assert hash_pixels(image) == hash_pixels(image[0].double())
    assert hash_pixels(image) != hash_pixels(image.flip(-1))
    assert hash_pixels(image) != hash_pixels(image.reshape(1, 3, 6, 4))


def test_photographs_without_scikit_image_name_the_extra(monkeypatch):
    monkeypatch.setattr("madcore.pictures.find_spec", lambda name: None)
    assert "madcore[images]" in message("camera")
    assert read_image("dead_leaves", size=16).shape == (1, 1, 16, 16)
