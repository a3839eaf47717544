from carvanamask.core.progress import Progress
from carvanamask.errors import DataError

BAD = DataError("bad")


def test_progress_tells_a_rate_and_what_is_left() -> None:
    news = Progress(total=10, kept=2, done=4, failures=(("x", BAD),), seconds=2.0)
    assert (news.per_second, news.seconds_left, news.is_through, news.is_complete) == (2.0, 2.0, False, False)
    assert Progress(total=10, kept=2).seconds_left is None
    assert Progress(total=10, kept=2, done=1, failures=(("x", BAD),)).to_dict()["seconds_left"] is None
