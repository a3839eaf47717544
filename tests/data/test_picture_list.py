from collections.abc import Iterator
from pathlib import Path

import pytest

from carvanamask.data.picture_list import BatchItem, find_pictures
from carvanamask.errors import DataError, PictureError


def put(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def test_folder_keeps_its_structure(tmp_path: Path) -> None:
    put(tmp_path, "b.jpg", "monday/b.jpg", "monday/late/c.PNG")
    tree = find_pictures([tmp_path])
    assert [(item.key, item.output_name) for item in tree.items] == [
        ("b.jpg", "b"),
        ("monday/b.jpg", "monday/b"),
        ("monday/late/c.PNG", "monday/late/c"),
    ]


def test_equal_names_of_several_paths_never_collide(tmp_path: Path) -> None:
    put(tmp_path, "a/x.jpg", "b/x.jpg")
    for paths in (["a/x.jpg", "b/x.jpg"], ["a", "b"]):
        tree = find_pictures([tmp_path / path for path in paths])
        assert [item.output_name for item in tree.items] == ["a/x", "b/x"]


def test_pictures_that_differ_in_ending_keep_it(tmp_path: Path) -> None:
    put(tmp_path, "x.jpg", "x.png", "y.jpg")
    assert [item.output_name for item in find_pictures([tmp_path]).items] == ["x.jpg", "x.png", "y"]


def test_one_file_is_named_by_itself(tmp_path: Path) -> None:
    put(tmp_path, "more/x.jpg")
    assert [item.key for item in find_pictures([tmp_path / "more" / "x.jpg"]).items] == ["x.jpg"]


def test_paths_without_common_folder_are_refused(tmp_path: Path) -> None:
    upath = pytest.importorskip("upath")
    put(tmp_path, "x.jpg")
    stored = upath.UPath("memory://bucket/y.jpg")
    stored.write_bytes(b"x")
    with pytest.raises(DataError, match="the paths have no folder in common: give them one after the other"):
        find_pictures([tmp_path / "x.jpg", stored])


def test_picture_named_twice_is_one_item(tmp_path: Path) -> None:
    put(tmp_path, "x.jpg")
    assert len(find_pictures([tmp_path / "x.jpg", tmp_path / "x.jpg"]).items) == 1


def test_results_folder_is_skipped(tmp_path: Path) -> None:
    put(tmp_path, "x.jpg", "masks/x.png", "more/y.jpg")
    assert [item.key for item in find_pictures([tmp_path], tmp_path / "masks").items] == ["more/y.jpg", "x.jpg"]


def test_results_folder_is_skipped_under_any_name(tmp_path: Path) -> None:
    put(tmp_path, "x.jpg", "masks/x.png")
    (tmp_path / "link").symlink_to(tmp_path / "masks")
    for results in (tmp_path / "masks" / ".." / "masks", tmp_path / "link"):
        assert [item.key for item in find_pictures([tmp_path], results).items] == ["x.jpg"]


def test_other_files_are_counted(tmp_path: Path) -> None:
    put(tmp_path, "x.jpg", "y.cr3", "z.cr3", "notes", ".DS_Store", ".cache/x.jpg")
    tree = find_pictures([tmp_path])
    assert tree.skipped == {".cr3": 2, "notes": 1}
    assert len(tree.items) == 1


def test_folder_named_like_picture(tmp_path: Path) -> None:
    put(tmp_path, "shoot.jpg/x.jpg")
    (tmp_path / "empty.jpg").mkdir()
    put(tmp_path, "text.jpg/note.txt")
    tree = find_pictures([tmp_path])
    assert [item.key for item in tree.items] == ["shoot.jpg/x.jpg"]
    folders = [tmp_path / name for name in ("empty.jpg", "text.jpg")]
    assert list(tree.problems) == [
        (str(folder), PictureError("is a folder", "name a picture in it", folder)) for folder in folders
    ]


def test_linked_folder_named_like_picture(tmp_path: Path) -> None:
    put(tmp_path, "shoot/x.jpg")
    (tmp_path / "again.jpg").symlink_to(tmp_path / "shoot")
    tree = find_pictures([tmp_path])
    assert [item.key for item in tree.items] == ["shoot/x.jpg"]
    link = tmp_path / "again.jpg"
    assert tree.problems == ((str(link), PictureError("is a link to a folder", "name that folder", link)),)


def test_car_and_view_from_names(tmp_path: Path) -> None:
    put(tmp_path, "mon/car7_03.jpg", "tue/car7_03.jpg", "IMG.jpg")
    assert find_pictures([tmp_path]).items == (
        BatchItem("IMG.jpg", 0, tmp_path / "IMG.jpg", None, "IMG.jpg", "IMG"),
        BatchItem("mon/car7", 3, tmp_path / "mon" / "car7_03.jpg", None, "mon/car7_03.jpg", "mon/car7_03"),
        BatchItem("tue/car7", 3, tmp_path / "tue" / "car7_03.jpg", None, "tue/car7_03.jpg", "tue/car7_03"),
    )


def test_item_is_named_by_its_key() -> None:
    item = BatchItem.of(Path("photos/car7_03.jpg"), "mon/car7_03.jpg")
    assert (item.picture, item.output_name) == (Path("photos/car7_03.jpg"), "mon/car7_03")


@pytest.mark.parametrize("name", ["none.jpg", "empty"])
def test_missing_path_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=f"{name} (doesn't exist: check its name|holds no pictures)"):
        find_pictures([tmp_path / name])


def test_folders_without_pictures_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put(tmp_path, "a/notes.txt", "b/notes.txt")
    with pytest.raises(DataError) as error:
        find_pictures([Path("a"), Path("b")])
    endings = ".jpg .jpeg .jpe .jfif .mpo .png .webp .gif .tif .tiff .bmp .jp2 .j2k .avif .heic .heif .hif"
    assert str(error.value) == f"a, b holds no pictures ({endings}): name another folder"


def test_unusual_names_are_kept(tmp_path: Path) -> None:
    names = ["a b.jpg", "été.jpg", "line\nbreak.jpg", "車.png"]
    put(tmp_path, *names)
    assert {item.key for item in find_pictures([tmp_path]).items} == set(names)


def test_outputs_stay_in_results_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "photos/x.png", "work/more/z.jpg")
    monkeypatch.chdir(tmp_path / "work")
    long = str(tmp_path / "photos/../work/more")
    for paths in (["../photos", "more"], ["../photos/x.png", "more"], ["../photos", long]):
        items = find_pictures([Path(path) for path in paths]).items
        assert [item.output_name for item in items] == ["photos/x", "work/more/z"]
    assert [item.output_name for item in find_pictures([Path("../photos")]).items] == ["x"]
    items = find_pictures([Path(".."), Path("more")]).items
    assert [item.output_name for item in items] == ["photos/x", "work/more/z"]


def test_outputs_differ_after_double_endings(tmp_path: Path) -> None:
    put(tmp_path, "x.jpg", "x.png", "x.jpg.jpg")
    assert sorted(item.output_name for item in find_pictures([tmp_path]).items) == ["x.jpg", "x.jpg.jpg", "x.png"]


def test_folder_that_may_only_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "x.jpg", "closed/y.jpg", "closed/z.jpg")
    is_dir = Path.is_dir

    def as_for_others(path: Path, **options: bool) -> bool:
        if path.parent.name == "closed":
            raise PermissionError(13, "Permission denied")
        return is_dir(path, **options)

    monkeypatch.setattr(Path, "is_dir", as_for_others)
    tree = find_pictures([tmp_path])
    assert [item.key for item in tree.items] == ["x.jpg"]
    assert [str(error) for _, error in tree.problems] == [
        f"{tmp_path}/closed/{name}.jpg can't be read (Permission denied): check its permissions" for name in "yz"
    ]
    monkeypatch.setattr(Path, "exists", as_for_others)
    with pytest.raises(DataError, match=r"y\.jpg can't be read \(Permission denied\): check its name and permissions$"):
        find_pictures([tmp_path / "closed" / "y.jpg"])


def test_closed_folder_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "x.jpg", "closed/y.jpg")
    iterdir = Path.iterdir

    def as_for_others(path: Path) -> Iterator[Path]:
        if path.name == "closed":
            raise PermissionError(13, "Permission denied")
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", as_for_others)
    tree, closed = find_pictures([tmp_path]), tmp_path / "closed"
    error = PictureError("can't be read (Permission denied)", "check its permissions", closed)
    assert (len(tree.items), tree.problems) == (1, ((str(closed), error),))


def test_links_and_dots_are_resolved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "photos/x.jpg", "elsewhere/photos/x.jpg", "elsewhere/deep/y.jpg")
    monkeypatch.chdir(tmp_path)
    Path("link").symlink_to("elsewhere/deep")
    assert [item.key for item in find_pictures([Path("link")]).items] == ["y.jpg"]
    items = find_pictures([Path("photos"), Path("link/../photos")]).items
    assert [item.output_name for item in items] == ["elsewhere/photos/x", "photos/x"]
    assert [item.output_name for item in find_pictures([Path(), Path("photos")]).items] == [
        "elsewhere/deep/y",
        "elsewhere/photos/x",
        "photos/x",
    ]


def test_results_of_earlier_batch_are_skipped(tmp_path: Path) -> None:
    put(tmp_path, "x.jpg", "masks/x.png", "masks/.01234567-89abcdef.journal", "kaggle/y.jpg")
    put(tmp_path, "kaggle/.submission.csv.gz.01234567-89abcdef.journal")
    tree = find_pictures([tmp_path])
    assert [item.key for item in tree.items] == ["kaggle/y.jpg", "x.jpg"]
    assert tree.skipped == {f"{tmp_path / 'masks'} (results)": 1}
    assert [item.key for item in find_pictures([tmp_path / "masks"]).items] == ["x.png"]  # asked for by name
