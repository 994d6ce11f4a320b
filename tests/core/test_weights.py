"""Where weights are looked for, and what is said when they are nowhere."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mdpr import weights
from mdpr.errors import ModelError
from mdpr.weights import cache_folder, candidates, download, find_weights, obtain_weights

VARIANTS = ("net_openvino_model", "net.pt", "net.onnx")


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """The three folders that are looked at, empty."""
    folders = {name: tmp_path / name for name in ("here", "models", "cache")}
    for folder in folders.values():
        folder.mkdir(exist_ok=True)
    monkeypatch.chdir(folders["here"])
    monkeypatch.setenv("MDPR_MODELS", str(folders["models"]))
    monkeypatch.setenv("MDPR_CACHE", str(folders["cache"]))
    return folders


def test_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MDPR_CACHE", "/a")
    monkeypatch.setenv("XDG_CACHE_HOME", "/b")
    assert cache_folder() == Path("/a")
    monkeypatch.delenv("MDPR_CACHE")
    assert cache_folder() == Path("/b/mdpr")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "mdpr"


def test_order_of_places_and_variants(places: dict[str, Path]) -> None:
    assert find_weights("net", VARIANTS) is None
    for place, file in (("cache", "net.onnx"), ("cache", "net.pt"), ("models", "net.onnx"), ("here", "net.onnx")):
        (places[place] / file).touch()
        found = find_weights("net", VARIANTS)
        assert found is not None
        assert found.resolve() == (places[place] / file).resolve()  # each one is found before those made earlier


def test_a_folder_counts_only_with_a_model(places: dict[str, Path]) -> None:
    (places["models"] / "net_openvino_model").mkdir()
    assert find_weights("net", VARIANTS) is None
    (places["models"] / "net_openvino_model" / "net.xml").touch()
    assert find_weights("net", VARIANTS) == places["models"] / "net_openvino_model"


def test_a_suffix_or_a_path_is_literal(places: dict[str, Path]) -> None:
    (places["models"] / "net.onnx").touch()
    assert find_weights("net.pt", VARIANTS) is None
    assert find_weights("sub/net", VARIANTS) is None
    assert find_weights(str(places["models"] / "net"), VARIANTS) is None
    assert find_weights("net.onnx", VARIANTS) == places["models"] / "net.onnx"
    assert candidates("./net.pt") == [Path("net.pt")]


def test_missing_names_every_place_and_the_remedy(places: dict[str, Path]) -> None:
    with pytest.raises(ModelError) as caught:
        obtain_weights("net", VARIANTS, "ReID model", {"net.pt": "https://example.invalid/net.pt"})
    text = str(caught.value)
    assert text.startswith("ReID model 'net' not found")
    for folder in (Path(), places["models"], places["cache"]):
        for variant in VARIANTS:
            assert f"\n  {folder / variant}" in text
    for remedy in ("Put net.pt into", "MDPR_MODELS", "--weights PATH", "MDPR_OFFLINE"):
        assert remedy in text


def test_missing_path_is_not_downloaded(places: dict[str, Path]) -> None:
    with pytest.raises(ModelError, match="Give the path of an existing file") as caught:
        obtain_weights("sub/net.pt", VARIANTS, "YOLO model", {"net.pt": "https://example.invalid/net.pt"})
    assert "example.invalid" not in str(caught.value)


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/gone":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", "9" if self.path == "/whole" else "99")
        self.end_headers()
        self.wfile.write(b"some data")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("MDPR_OFFLINE", "YOLO_OFFLINE", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_download(server: str, places: dict[str, Path], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "mdpr"):
        path = obtain_weights("net", VARIANTS, "model", {"net.pt": f"{server}/whole"})
    assert path == places["cache"] / "net.pt"
    assert path.read_bytes() == b"some data"
    assert [record.message for record in caplog.records] == [f"downloading {server}/whole to {path}"]
    assert list(places["cache"].iterdir()) == [path]


@pytest.mark.parametrize("page", ["gone", "short"])
def test_a_failed_download_leaves_nothing(server: str, page: str, tmp_path: Path) -> None:
    target = tmp_path / "new" / "net.pt"
    with pytest.raises(ModelError, match=f"Download of {server}/{page} failed"):
        download(f"{server}/{page}", target)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("name", ["MDPR_OFFLINE", "YOLO_OFFLINE"])
def test_offline_is_respected(name: str, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "True")
    with pytest.raises(ModelError, match="YOLO_OFFLINE is set"):
        download(f"{server}/whole", tmp_path / "net.pt")


def test_a_resolver_that_hangs_is_given_up(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(weights, "CONNECT_DEADLINE_S", 0.2)
    monkeypatch.setattr(weights.urllib.request, "urlopen", lambda *_, **__: release.wait(30))
    start = time.monotonic()
    with pytest.raises(ModelError, match=r"no connection within 0.2 s"):
        download(f"{server}/whole", tmp_path / "net.pt")
    release.set()
    assert time.monotonic() - start < 2


def test_absent_and_offline_is_said_before_the_slow_imports() -> None:
    """Seconds of CPU time: the clock depends on what else the machine does."""
    code = (
        "import sys\nfrom mdpr.detectors.yolo import Yolo\nfrom mdpr.errors import ModelError\n"
        "try:\n    Yolo(Yolo.Config('yolo11s', device='cpu'))\nexcept ModelError as error:\n    print(error)\n"
        "print([m for m in ('torch', 'ultralytics') if m in sys.modules])"
    )
    before = os.times()
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    after = os.times()
    assert after.children_user + after.children_system - before.children_user - before.children_system < 5
    assert "YOLO model 'yolo11s' not found" in out.stdout
    assert out.stdout.strip().endswith("[]")
