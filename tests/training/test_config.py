from pathlib import Path

import pytest

from carvanamask.errors import ConfigError
from carvanamask.training.config import Config, LiteUNetConfig, TimmUNetConfig, UNetConfig
from carvanamask.training.recipe import SHIPPED_RECIPES, differing_options, encode_config, load_config, options


@pytest.mark.parametrize("name", SHIPPED_RECIPES)
def test_shipped_recipe_loads_by_name_and_path(name: str) -> None:
    assert load_config(name) == load_config(SHIPPED_RECIPES[name])


def test_main_recipes_are_shipped() -> None:
    assert {"quick", "seed-1024"} <= SHIPPED_RECIPES.keys()


def test_the_default_is_the_original_system() -> None:
    defaults, original = Config(), load_config("seed-1024")
    assert defaults.network == original.network
    assert defaults.loss == original.loss
    assert defaults.augment == original.augment
    assert defaults.optimizer == original.optimizer


@pytest.mark.parametrize("name", ["seed-1344x896", "seed-1280"])
def test_seed_recipes_differ_in_size_and_border(name: str) -> None:
    member, original = load_config(name), load_config("seed-1024")
    assert member.input.size_wh != original.input.size_wh
    assert member.loss.border_weight != original.loss.border_weight
    changed = {"input": member.input, "loss": member.loss, "training": member.training}
    assert member == original.model_copy(update=changed)
    assert member.training.model_copy(update={"cache_gb": original.training.cache_gb}) == original.training


def test_size_must_fit_downsamplings() -> None:
    settings = ["network.name=lite0-unet", "input.size_wh=[480, 300]"]
    with pytest.raises(ConfigError, match="480x300 can't be halved 5 times: use 480x288"):
        load_config(None, settings)
    assert load_config(None, [settings[0], "input.size_wh=[480, 320]"]).input.size_wh == (480, 320)
    with pytest.raises(ConfigError, match="480x300 can't be halved 5 times"):
        load_config(None, ["network.name=timm", settings[1]])


def test_lite0_s_first_layers_can_be_frozen() -> None:
    settings = ["network.name=lite0-unet", "network.frozen_downsamplings=2", "input.size_wh=[64, 32]"]
    assert load_config(None, settings).network == LiteUNetConfig(frozen_downsamplings=2)
    with pytest.raises(ConfigError, match=r"no option network\.frozen_downsamplings for timm"):
        load_config(None, ["network.name=timm", *settings[1:]])
    with pytest.raises(ConfigError, match=r"^frozen_downsamplings keeps what batch normalisation learned: use norm"):
        load_config(None, [*settings, "network.normalisation=renorm"])


def test_network_options_are_its_own(tmp_path: Path) -> None:
    config = load_config(None, ["network.name=timm", "network.encoder=vgg11_bn", "network.convolutions_up=1"])
    assert config.network == TimmUNetConfig(encoder="vgg11_bn", convolutions_up=1)
    assert config.network.summary == "vgg11_bn from timm, decoder filters 96, 64, 32, 24"
    path = tmp_path / "mine.toml"
    path.write_text('[network]\nname = "lite0-unet"\nlevels = 3\n')
    with pytest.raises(ConfigError, match=r"^no option network.levels for lite0-unet \(from .*mine.toml\)"):
        load_config(path)
    path.write_text("network = 3\n")
    with pytest.raises(ConfigError, match=r"^network = 3: must be a valid dictionary"):
        load_config(path)


def test_another_network_drops_options_it_lacks() -> None:
    # quick has levels, filters and convolutions_up
    config = load_config("quick", ["network.name=lite0-unet", "input.size_wh=[64, 32]"])
    assert config.network == LiteUNetConfig(convolutions_up=2)
    with pytest.raises(ConfigError, match=r"no option network\.levels for lite0-unet"):
        load_config("quick", ["network.levels=4", "network.name=lite0-unet"])


def test_gradient_share_is_noted() -> None:
    assert "from 25% of a batch" in LiteUNetConfig().training_note
    assert LiteUNetConfig(depthwise_gradient_share=1).training_note == UNetConfig().training_note == ""


def test_settings_override_the_file() -> None:
    config = load_config("quick", ["loss.border_weight=4", "input.size_wh=[64, 32]", "loss.name=bce-dice"])
    assert config.loss.border_weight == 4
    assert config.input.size_wh == (64, 32)
    assert config.loss.name == "bce-dice"
    assert config.optimizer == load_config("quick").optimizer


def test_a_config_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    config = load_config("quick", ["training.max_minutes=3", 'split.held_out_cars=["a"]'])
    path.write_text(encode_config(config))
    assert load_config(path) == config


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("loss.nam=boundary", "no option loss.nam; did you mean 'loss.name'? (from --set loss.nam=boundary)"),
        ("epochs=3", "--set epochs=3: write it as section.option=value"),
        ("loss.name", "--set loss.name: write it as section.option=value"),
        ("loss.name=iou", "loss.name = 'iou': must be 'boundary', 'bce-dice' or 'bce-log-dice'"),
        ("training.epochs=0", "training.epochs = 0: must be greater than or equal to 1 (from --set training.epochs=0)"),
        ("input.size_wh=[1000, 700]", "input.size_wh 1000x700 can't be halved 6 times: use 1024x704"),
        ("input.size_wh=[10, 10]", "use 64x64"),
        ("input.clahe=-1", "input.clahe = -1: must be greater than or equal to 0"),
        (
            "network.name=lite-unet",
            "network.name = 'lite-unet': must be one of 'unet', 'lite0-unet', 'timm'; did you mean",
        ),
        ("network.name=lite-unet", "did you mean 'lite0-unet'? (from --set network.name=lite-unet)"),
        (
            "network.name=timm:resnet34",
            "network.name = 'timm:resnet34': must be one of 'unet', 'lite0-unet', 'timm';",
        ),
        ("network.name=3", "network.name = 3: must be one of 'unet', 'lite0-unet', 'timm'"),
        ("network.name=[1]", "network.name = [1]: must be one of"),
        ("network.frozen_downsamplings=2", "no option network.frozen_downsamplings for unet (from --set network."),
        ("network.level=2", "no option network.level; did you mean 'network.levels'?"),
        ("network.levels=9", "network.levels = 9: must be less than or equal to 8"),
        ("training.workers=two", "training.workers = 'two': must be a valid integer"),
        ("training.seed=-1", "training.seed = -1: must be greater than or equal to 0"),
        ("training.seed=4294967296", "training.seed = 4294967296: must be less than 4294967296"),
        ("training.epochs_per_pass=0", "training.epochs_per_pass = 0: must be greater than or equal to 1"),
    ],
)
def test_wrong_setting_is_named_with_repair(setting: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_config(None, [setting])
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_wrong_value_in_a_file_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[training]\nepoch = 3\n")
    with pytest.raises(ConfigError, match=r"no option training.epoch; did you mean 'training.epochs'\? \(from .*mine"):
        load_config(path)
    path.write_text("[training\n")
    with pytest.raises(ConfigError, match=r"mine.toml is not a recipe"):
        load_config(path)


def test_unknown_recipe_names_nearest() -> None:
    with pytest.raises(ConfigError, match=r"no recipe 'quik'; did you mean 'quick'\?"):
        load_config("quik")


def test_network_options_name_their_networks() -> None:
    described = {name: (default, description) for name, default, description in options()}
    assert described["network.name"][0] == '"unet"'
    assert all(name in described["network.name"][1] for name in ("unet: ", "lite0-unet: ", "timm: "))
    assert described["network.levels"][1].endswith(" (unet)")
    assert described["network.pretrained"][1].endswith(" (lite0-unet, timm)")
    assert "(" not in described["network.convolutions_up"][1]
    assert len(described) == len(list(options()))


def test_differing_options_of_other_networks() -> None:
    before, now = load_config("quick"), load_config("quick", ["network.name=lite0-unet", "input.size_wh=[64, 32]"])
    found = differing_options(before, now)
    assert {"network.name was unet", "network.levels was 5", "network.pretrained was None"} <= set(found)
    assert differing_options(now, now) == []


def test_every_option_is_described() -> None:
    assert [name for name, _, description in options() if not description] == []


def test_options_page_is_current() -> None:
    table = Path(__file__).parents[2] / "docs" / "options.md"
    for name, default, description in options():
        assert f"| `{name}` | {f'`{default}`' if default else 'none'} | {description} |" in table.read_text()
