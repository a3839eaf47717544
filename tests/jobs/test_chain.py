import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from carvanamask.core.errors import ConfigError, DataError
from carvanamask.jobs.chain import Chain, load_chain, run_chain

THREE_STEPS = """
[settings]
epochs = 2
more = "--set a.b=1 --fast"
[[step]]
name = "train"
run = "train --epochs {epochs} {more} --name {name}-a"
[[step]]
name = "score"
run = "eval {runs}/{name}-a"
[[step]]
name = "submit"
run = "submit {data}"
"""

Load = Callable[..., Chain]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """A chain from its text, whose commands are taken as they are written."""

    def load_text(text: str = THREE_STEPS, data: Path = Path("photos"), **options: object) -> Chain:
        (tmp_path / "three.toml").write_text(text)
        return load_chain(str(tmp_path / "three.toml"), list, data, tmp_path / "runs", **options)  # type: ignore[arg-type]

    return load_text


class Hands:
    """Carries steps out by writing them down; fails or is interrupted at the verb it is told."""

    def __init__(self, fails_at: str = "", stops_at: str = "") -> None:
        self.fails_at, self.stops_at = fails_at, stops_at
        self.verbs: list[str] = []

    def __call__(self, words: Sequence[str]) -> int:
        self.verbs.append(words[0])
        if words[0] == self.stops_at:
            raise KeyboardInterrupt
        return 2 if words[0] == self.fails_at else 0


def test_placeholders_become_settings_of_several_words_and_folders_of_one(load: Load, tmp_path: Path) -> None:
    chain = load(data=Path("my photos"), settings=["epochs=7"])
    assert [step.words for step in chain.steps] == [
        ("train", "--epochs", "7", "--set", "a.b=1", "--fast", "--name", "three-a"),
        ("eval", f"{tmp_path}/runs/three-a"),
        ("submit", "my photos"),
    ]


def test_an_interrupted_chain_goes_on_with_the_step_it_was_at(load: Load) -> None:
    stopped, again, once_more = Hands(stops_at="eval"), Hands(), Hands()
    with pytest.raises(KeyboardInterrupt):
        run_chain(load(), stopped)
    heard: list[str] = []
    report = run_chain(load(), again, heard.append)
    assert (stopped.verbs, again.verbs) == (["train", "eval"], ["eval", "submit"])
    assert heard[:2] == ["step 1 of 3, train: done before", f"step 2 of 3, score: {load().steps[1].command}"]
    assert (report.kept, len(report.finished), report.failure) == (1, 3, "")
    assert run_chain(load(), once_more).kept == 3
    assert once_more.verbs == []


def test_a_failing_step_stops_the_chain_and_says_how_to_go_on(load: Load) -> None:
    hands, again = Hands(fails_at="eval"), Hands()
    report = run_chain(load(), hands)
    assert hands.verbs == ["train", "eval"]
    assert report.failure.startswith(f"step 2 of 3, score, failed (exit code 2): {load().steps[1].command}: ")
    assert report.failure.endswith("the same command again goes on here")
    assert "\n" not in report.failure
    run_chain(load(), again)
    assert again.verbs == ["eval", "submit"]


def test_a_changed_step_runs_again_and_so_does_what_follows(load: Load) -> None:
    run_chain(load(), Hands())
    changed = THREE_STEPS.replace("eval ", "eval --size 3 ")
    again, heard = Hands(), list[str]()
    run_chain(load(changed), again, heard.append)
    assert again.verbs == ["eval", "submit"]
    assert heard[1].startswith("step 2 of 3, score has changed: from here on steps run again")


def test_a_changed_setting_counts_as_a_changed_step_and_a_changed_name_does_not(load: Load) -> None:
    run_chain(load(), Hands())
    renamed, other_epochs = Hands(), Hands()
    run_chain(load(THREE_STEPS.replace('"score"', '"judge"')), renamed)
    run_chain(load(settings=["epochs=3"]), other_epochs)
    assert renamed.verbs == []
    assert other_epochs.verbs == ["train", "eval", "submit"]


def test_a_step_that_changes_back_after_the_new_one_began_runs_again(load: Load) -> None:
    run_chain(load(), Hands())
    run_chain(load(THREE_STEPS.replace("eval ", "eval --size 3 ")), Hands(fails_at="eval"))
    again = Hands()
    run_chain(load(), again)
    assert again.verbs == ["eval", "submit"]


def test_another_name_is_another_chain(load: Load, tmp_path: Path) -> None:
    run_chain(load(), Hands())
    trial = load(name="trial")
    assert trial.steps[0].words[-1] == "trial-a"
    assert run_chain(trial, Hands()).kept == 0
    assert (tmp_path / "runs" / "trial" / "chain.json").exists()


def test_the_list_of_steps_says_which_are_done(load: Load) -> None:
    run_chain(load(), Hands(fails_at="submit"))
    assert [step["done"] for step in load().to_dict()["steps"]] == [True, True, False]
    report = run_chain(load(), Hands())
    assert json.loads(json.dumps(report.to_dict()))["done_before"] == 2


def test_a_damaged_record_is_named(load: Load, tmp_path: Path) -> None:
    (tmp_path / "runs" / "three").mkdir(parents=True)
    (tmp_path / "runs" / "three" / "chain.json").write_text('[{"name": "train"')
    with pytest.raises(DataError, match=r"chain\.json isn't what a chain wrote: delete it"):
        run_chain(load(), Hands())


def test_a_chain_takes_the_steps_of_another_with_its_own_settings(load: Load, tmp_path: Path) -> None:
    load()
    (tmp_path / "small.toml").write_text('steps_of = "three"\n[settings]\nmore = ""\n')
    chain = load_chain(str(tmp_path / "small.toml"), list, Path("data"), tmp_path)
    assert chain.steps[0].command == "train --epochs 2 --name small-a"
    (tmp_path / "small.toml").write_text('steps_of = "three"\n[settings]\nmoer = ""\n')
    with pytest.raises(ConfigError, match="no setting 'moer': did you mean 'more'"):
        load_chain(str(tmp_path / "small.toml"), list, Path("data"), tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[step]\n", "is not a chain: "),
        ("", r"needs either \[\[step\]\]s of its own or steps_of"),
        ('[[step]]\nname = "a"\nrum = "train"\n', "run: Field required|no key step.1.rum: did you mean 'run'"),
        ('[seting]\na = 1\n[[step]]\nname = "a"\nrun = "train"\n', "no key seting: did you mean 'settings'"),
        ('[[step]]\nname = "a"\nrun = "x"\n' * 2, "two steps are called 'a', rename one"),
        (
            '[settings]\nepochs = 1\n[[step]]\nname = "a"\nrun = "train {epoch}"\n',
            "'a': nothing is called {epoch}.*'epochs'",
        ),
        ('[[step]]\nname = "a"\nrun = "train \'b"\n', "step 'a': train 'b: No closing quotation"),
        ('steps_of = "three"\n', "has no steps of its own"),
        (
            '[settings]\nruns = 1\n[[step]]\nname = "a"\nrun = "x"\n',
            "runs is set by --runs, call ",
        ),
    ],
)
def test_a_bad_file_is_answered_in_one_line(text: str, message: str, load: Load) -> None:
    with pytest.raises(ConfigError, match=message) as raised:
        load(text)
    assert "\n" not in str(raised.value)


def test_unknown_settings_chains_and_names_are_answered_with_what_there_is(load: Load, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no setting 'epoch': did you mean 'epochs'\? \(settings: epochs, more\)"):
        load(settings=["epoch=3"])
    with pytest.raises(ConfigError, match="write it as NAME=VALUE"):
        load(settings=["epochs"])
    with pytest.raises(ConfigError, match="no chain 'carvanna': did you mean 'carvana'"):
        load_chain("carvanna", list, Path("data"), tmp_path)
    with pytest.raises(ConfigError, match="can't be called 'a/b'"):
        load(name="a/b")
