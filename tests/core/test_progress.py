from carvanamask.core.progress import Progress, counted
from carvanamask.errors import DataError

BAD = DataError("bad")


def test_progress_tells_a_rate_and_what_is_left() -> None:
    news = Progress(total=10, kept=2, done=4, failures=(("x", BAD),), seconds=2.0)
    assert (news.per_second, news.seconds_left, news.is_through, news.is_complete) == (2.0, 2.0, False, False)
    assert Progress(total=10, kept=2).seconds_left is None
    assert Progress(total=10, kept=2, done=1, failures=(("x", BAD),)).to_dict()["seconds_left"] is None


def test_progress_as_json() -> None:
    assert Progress(total=10, kept=2, done=3, failures=(("x", BAD),), seconds=8.00049).to_dict() == {
        "pictures": 10,
        "kept": 2,
        "done": 3,
        "failed": 1,
        "seconds": 8.0,
        "pictures_per_second": 0.375,
        "seconds_left": 13.3,
    }
    rates = Progress(total=9, done=3, seconds=7.12345).to_dict()
    assert (rates["seconds"], rates["pictures_per_second"], rates["seconds_left"]) == (7.123, 0.421, 14.2)


def test_finished_items_have_results() -> None:
    assert Progress(total=10, kept=2, done=4, failures=(("x", BAD),)).finished == 5
    assert Progress(total=6, kept=2, done=4).is_complete


def test_count_takes_a_plural_but_for_one() -> None:
    assert [counted(count, "picture") for count in (0, 1, 2)] == ["0 pictures", "1 picture", "2 pictures"]
