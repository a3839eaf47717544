import sys
from pathlib import Path

import pytest

from carvanamask.errors import ConfigError, MissingPackageError
from carvanamask.io.storage import is_local, resolved, to_path


def test_local_paths(tmp_path: Path) -> None:
    assert to_path("a/b.jpg") == Path("a/b.jpg")
    assert to_path("file:///a/b.jpg") == Path("/a/b.jpg")
    assert is_local(tmp_path)
    assert resolved(tmp_path / "a" / ".." / "b") == tmp_path.resolve() / "b"


def test_url() -> None:
    pytest.importorskip("upath")
    path = to_path("memory://bucket/a/../b.jpg")
    assert not is_local(path)
    assert resolved(path) is path


def test_url_of_unknown_kind() -> None:
    pytest.importorskip("upath")
    with pytest.raises(ConfigError, match=r"nowhere://bucket can't be reached \(.*\): use a folder, s3:// or gs://"):
        to_path("nowhere://bucket")


def test_url_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "upath", None)
    with pytest.raises(MissingPackageError, match=r"s3://bucket needs upath: pip install 'carvanamask\[cloud\]'"):
        to_path("s3://bucket")
