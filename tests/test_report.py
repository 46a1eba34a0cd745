"""The report as a file: what is written, what is escaped, what is said of bad input."""

import json
import re
import shlex
import sys

import pytest
from click.testing import CliRunner
from synthetic_stores import add_match, make_store

from madcore.cli import launcher
from madcore.cli.session import Session
from madcore.errors import InputError
from madcore.report import MetricFacts, command_line, write_bibtex, write_report
from madcore.store import Store, open_results

HOSTILE = "</script><script>document.title='broken'</script>"


def page_of(store, path, **options):
    written = write_report(store, path, **options)
    return written, path.read_text()


def data_in(text):
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def test_all_numbers_are_those_of_the_store(tmp_path):
    store = make_store(tmp_path / "store")
    _, text = page_of(store, tmp_path / "report.html")
    for match in data_in(text)["matches"]:
        record = store.record(match["id"])
        for image, entry in record["images"].items():
            for letter, value in entry["exact"].items():
                assert match["values"][record["made"]["names"][letter]][image] == value
        assert len(match["values"]) == 3  # and what the judge says


def test_small_store_is_all_inside(tmp_path):
    written, text = page_of(make_store(tmp_path / "store"), tmp_path / "report.html")
    assert (written.beside, written.matches) == (None, 6)
    assert text.count("data:image/png") > 6
    assert not (tmp_path / "report_files").exists()


def test_large_store_has_thumbnails_inside_and_pictures_beside(tmp_path):
    store = make_store(tmp_path / "store")
    written, text = page_of(store, tmp_path / "report.html", inside=0)
    assert written.beside == tmp_path / "report_files"
    assert "data:image/webp" in text
    assert "data:image/png" not in text
    images = [image for match in data_in(text)["matches"] for image in match["images"]]
    assert all((tmp_path / image["place"]["path"]).exists() for image in images)
    assert "must stay beside it" in text


def test_exponents_stay_with_their_numbers(tmp_path):
    _, text = page_of(make_store(tmp_path / "store"), tmp_path / "report.html")
    assert 'as PNG within <span class="number">1e-4</span>' in text


def test_nothing_is_fetched(tmp_path):
    _, text = page_of(make_store(tmp_path / "store"), tmp_path / "report.html")
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", text)
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest", text)


def test_names_are_escaped(tmp_path):
    store = Store.create(tmp_path / "store")
    add_match(store, HOSTILE, "mse", f"<img src=x onerror=alert(1)>{HOSTILE}")
    store.fail({"id": "0" * 32, "message": HOSTILE, "names": {"a": HOSTILE}})
    facts = MetricFacts(HOSTILE, source=f"{HOSTILE} (2000), doi:10.1/x")
    _, text = page_of(store, tmp_path / "report.html", title=HOSTILE, describe=lambda _: facts)
    assert "<script>document.title" not in text
    assert "<img src=x" not in text
    assert HOSTILE in data_in(text)["matches"][0]["names"].values()


def test_empty_store(tmp_path):
    _, text = page_of(Store.create(tmp_path / "store"), tmp_path / "report.html")
    assert "There is no finished match here yet." in text
    assert data_in(text)["matches"] == []


def test_half_written_store(tmp_path):
    store = make_store(tmp_path / "store")
    record = store.record(min(store.ids()))
    folder = store.path / "matches" / record["id"][:2] / record["id"]
    (folder / "match.json").write_text("{")
    (store.path / "tmp" / "driver" / "unfinished").mkdir(parents=True)
    store.fail({"id": "f" * 32, "message": "out of memory", "reason": "out of memory", "picture": "camera"})
    written, text = page_of(Store(store.path), tmp_path / "report.html")
    assert written.matches == 5
    assert f"<code>{record['id']}</code>: damaged" in text
    assert "on camera: out of memory: out of memory" in text


def test_missing_pictures(tmp_path):
    store = Store.create(tmp_path / "store")
    add_match(store, "mse", "ssim", "camera", images=False)
    _, text = page_of(store, tmp_path / "report.html")
    places = {image["name"]: image["place"] for image in data_in(text)["matches"][0]["images"]}
    assert places["a_min"] == {}
    assert places["reference"]


@pytest.mark.parametrize("damage", [lambda content: b"no PNG", lambda content: content[: len(content) // 2]])
def test_damaged_pictures_are_as_missing_ones(tmp_path, damage):
    store = make_store(tmp_path / "store", pictures=("camera",))
    match = min(store.ids())
    path = store.path / "matches" / match[:2] / match / "a_min.png"
    path.write_bytes(damage(path.read_bytes()))
    for inside in (10**6, 0):
        _, text = page_of(store, tmp_path / "report.html", inside=inside)
        shown = next(each for each in data_in(text)["matches"] if each["id"] == match)
        assert {image["name"] for image in shown["images"] if not image["place"]} == {"a_min"}


def test_a_foreign_file_is_not_replaced(tmp_path):
    target = tmp_path / "report.html"
    target.write_text("my own notes")
    store = make_store(tmp_path / "store")
    with pytest.raises(InputError, match="choose another name"):
        write_report(store, target)
    target.unlink()
    assert write_report(store, target).size == write_report(store, target).size


def test_without_jinja2_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(InputError, match=r"pip install .madcore\[report\]"):
        write_report(make_store(tmp_path / "store"), tmp_path / "report.html")


def test_command_line_says_all_that_decides_the_images(tmp_path):
    record = add_match(Store.create(tmp_path / "store"), "mse", "ssim", "camera", level="0.05", seed=3)
    key = {**record["key"], "solver": {"name": "penalty", "options": {"max_iter": 9, "optimizer": "Adam"}}}
    key |= {"penalty": {"penalty": "range", "options": {}, "weight": 0.5}, "mask": "sha256:0"}
    words = shlex.split(command_line({**record, "key": key}, "my picture.png"))
    assert words[:5] == ["madcore", "quartet", "mse", "ssim", "my picture.png"]
    options = " ".join(words[5:])
    for expected in ("--level noise:0.05", "--seed 3", "--max-iter 9", "--optimizer Adam", "--mask MASK_FILE"):
        assert expected in options
    assert "--solver penalty --seed 3" in options
    assert "--penalty range,weight=0.5" in options


def test_command_line_of_one_image():
    names = {"a": "mse", "b": "ssim", "c": "mae"}
    key = {"level": {"kind": "values", "value": {"b": "0.1", "c": "0.2"}}, "images": ["a_max"], "seed": 0}
    record = {"key": {**key, "solver": {"name": "level_set"}}, "made": {"names": names}, "images": {}}
    assert command_line(record, "p.png") == (
        "madcore synth mse ssim p.png --minmax max --also-hold mae --level ssim=0.1 --level mae=0.2 -o again"
    )


def test_bibtex_has_what_is_declared():
    sources = (
        "Wang, Bovik, Sheikh & Simoncelli (2004), doi:10.1109/TIP.2003.819861",
        "weights: X et al. (2008), doi:10.1/x",
        "Wang & Simoncelli (2008), doi:10.1167/8.12.8",
    )
    source = "; ".join(sources)
    text = write_bibtex([MetricFacts("ssim", source=source), MetricFacts("mse")])
    assert "author = {Wang and Bovik and Sheikh and Simoncelli}" in text
    assert "doi = {10.1109/TIP.2003.819861}" in text
    assert "author = {X and others}" in text
    assert text.count("@misc") == 2
    assert text.count("10.1167/8.12.8") == 1  # the method's own


def test_launcher_writes_page_and_tables(tmp_path):
    make_store(tmp_path / "store")
    target = tmp_path / "out" / "page.html"
    arguments = ["report", str(tmp_path / "store"), "-o", str(target)]
    result = CliRunner().invoke(launcher, arguments, obj=Session(), catch_exceptions=False)
    assert result.exit_code == 0
    assert "6 matches" in result.output
    assert "Structural similarity" not in target.read_text()
    assert "one minus structural similarity" in target.read_text()


def test_launcher_says_what_is_no_store(tmp_path):
    result = CliRunner().invoke(launcher, ["report", str(tmp_path)], obj=Session())
    assert isinstance(result.exception, InputError)


def test_quartet_folder(demo_folder, tmp_path):
    written, text = page_of(open_results(demo_folder), tmp_path / "report.html")
    assert written.matches == 1
    assert "own unit" in text
    assert "no noise curves" in text


@pytest.fixture(scope="module")
def demo_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quartet")
    arguments = ["quartet", "ssim", "mse", "dead_leaves", "--size", "32", "--max-iter", "3", "-o", str(folder / "mad")]
    assert CliRunner().invoke(launcher, arguments, obj=Session()).exit_code in (0, 1)
    return folder / "mad"


def test_command_line_makes_the_same_match(demo_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, text = page_of(open_results(demo_folder), tmp_path / "report.html")
    match = data_in(text)["matches"][0]
    assert CliRunner().invoke(launcher, shlex.split(match["command"])[1:], obj=Session()).exit_code in (0, 1)
    assert open_results(tmp_path / "again").ids() == {match["id"]}
