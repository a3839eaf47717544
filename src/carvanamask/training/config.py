"""Every option of a training run, declared once: TOML, --set, help, checks and the docs table come from here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from carvanamask.errors import nearest


class Section(BaseModel):
    """A group of options: frozen, and an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SplitConfig(Section):
    """Which cars a run never trains on."""

    validation_share: float = Field(0.15, gt=0, lt=1, description="share of the cars held out, whole cars at a time")
    folds: int | None = Field(None, ge=2, description="hold out one of so many parts instead; none: the share")
    fold: int = Field(0, ge=0, description="which of the folds is held out, counted from 0")
    seed: int = Field(0, description="another seed holds out other cars")
    held_out_cars: tuple[str, ...] = Field((), description="ids of cars held out whatever the seed says")
    extra_folders: tuple[str, ...] = Field((), description="folders whose labelled cars train and never validate")
    extra_labels: tuple[str, ...] = Field((), description="lists of pseudo-labels, which train and never validate")


class InputConfig(Section):
    """What the network sees of a picture."""

    size_wh: tuple[int, int] = Field((1024, 1024), description="width and height that pictures are shrunk to")
    mean: float = Field(0.5, description="taken from each channel in [0, 1]")
    std: float = Field(0.5, gt=0, description="each channel is divided by this after the mean is taken off")
    clahe: float = Field(0, ge=0, description="clip limit of an adaptive equalisation of the lightness; 0: none")
    coarse_model: str = Field(
        "", description="model that finds the car, so that this network sees only the crop around it"
    )

    @property
    def sees_crop(self) -> bool:
        """Whether the network is a refinement network, which sees only the crop around the car."""
        return bool(self.coarse_model)


Positive = Annotated[int, Field(ge=1)]

TIMM = "timm:"
"""Before the name of a model of timm's that is a network's way down."""


def _network_name(name: str) -> str:
    known = ("unet", "lite0-unet")
    if name in known or name.removeprefix(TIMM) not in ("", name):
        return name
    raise ValueError(f"must be 'unet', 'lite0-unet' or '{TIMM}' and a timm model's name{nearest(name, known)}")


class NetworkConfig(Section):
    """The network's shape."""

    name: Annotated[str, AfterValidator(_network_name)] = Field(
        "unet", description="unet, lite0-unet, or timm: and the name of a timm model, such as timm:resnet34"
    )
    levels: int = Field(6, ge=1, le=8, description="unet: how often the picture is halved")
    filters: int = Field(16, ge=1, description="unet: filters at the first level; each level doubles them")
    convolutions_down: int = Field(2, ge=1, description="unet: 3x3 convolutions a level on the way down")
    convolutions_up: int = Field(3, ge=1, description="3x3 convolutions a level on the way up")
    decoder_filters: tuple[Positive, Positive, Positive, Positive] = Field(
        (96, 64, 32, 24), description="but for unet: filters of the levels on the way up, the smallest map first"
    )
    pretrained: bool = Field(False, description="but for unet: begin with what the encoder learned on ImageNet")
    frozen_downsamplings: int = Field(
        0, ge=0, le=5, description="lite0-unet: its layers up to this halving keep the weights they begin with"
    )
    normalisation: Literal["batch", "renorm"] = Field("batch", description="renorm: batch renormalisation")
    renorm_warm_up: int = Field(
        5000,
        ge=1,
        description="renorm: steps of plain batch normalisation; its limits are wide open after 8 times that",
    )

    @model_validator(mode="after")
    def _frozen_is_known(self) -> NetworkConfig:
        if self.frozen_downsamplings and self.name != "lite0-unet":
            raise ValueError(
                f"frozen_downsamplings = {self.frozen_downsamplings} is for lite0-unet, not for {self.name}: use 0"
            )
        if self.frozen_downsamplings and self.normalisation == "renorm":
            raise ValueError("frozen_downsamplings keeps what batch normalisation learned: use normalisation = 'batch'")
        return self

    @property
    def downsamplings(self) -> int:
        """How often the picture is halved on the way down; its sides have to be divisible by 2 to this power."""
        return self.levels if self.name == "unet" else len(self.decoder_filters) + 1

    @property
    def summary(self) -> str:
        """As a model's card names it."""
        if self.name == "unet":
            return f"{self.name}, {self.levels} levels from {self.filters} filters"
        return f"{self.name}, {', '.join(map(str, self.decoder_filters))} filters on the way up"


class LossConfig(Section):
    """What a training step minimises."""

    name: Literal["boundary", "bce-dice", "bce-log-dice"] = Field("boundary", description="which loss")
    border_weight: float = Field(2.0, ge=0, description="extra weight of a boundary pixel; 0 weighs all alike")


class AugmentConfig(Section):
    """How a training picture is varied."""

    flip: float = Field(0.5, ge=0, le=1, description="chance of a mirrored picture")
    shift: float = Field(0.0625, ge=0, le=0.5, description="largest shift, as a share of the side")
    scale: float = Field(0.1, ge=0, lt=1, description="largest change of scale, as a share")
    hue: float = Field(50, ge=0, le=90, description="largest turn of the hue, in OpenCV's half degrees")
    saturation: float = Field(5, ge=0, le=255, description="largest change of saturation, of 255")
    value: float = Field(15, ge=0, le=255, description="largest change of brightness, of 255")
    blur: float = Field(
        0, ge=0, le=20, description="largest blur of every other picture, sigma in the network's pixels"
    )
    noise: float = Field(0, ge=0, le=255, description="largest grain of every other picture, sigma in levels of 255")
    background: float = Field(0, ge=0, le=1, description="chance of another background behind the car")
    background_folder: str = Field("", description="photographs to stand before, besides drawn backgrounds")


class OptimizerConfig(Section):
    """How the weights move."""

    name: Literal["rmsprop", "adamw"] = Field("rmsprop", description="which optimizer")
    learning_rate: float = Field(1e-4, gt=0, description="at the start, or at the top of a one-cycle schedule")
    weight_decay: float = Field(0.0, ge=0, description="decoupled for adamw, as L2 for rmsprop")
    schedule: Literal["plateau", "one-cycle"] = Field("plateau", description="when the learning rate falls")
    plateau_factor: float = Field(0.1, gt=0, lt=1, description="what a plateau multiplies the learning rate by")
    plateau_patience: int = Field(
        4,
        ge=0,
        description="the rate falls after one more epoch than this without a gain of a ten-thousandth of the Dice",
    )


class TrainingConfig(Section):
    """How long, how much at a time, and on what."""

    epochs: int = Field(50, ge=1, description="how long to train; each epoch ends in a validation and a checkpoint")
    epochs_per_pass: int = Field(
        1, ge=1, description="epochs that show every picture once between them; more lose less when interrupted"
    )
    max_minutes: float | None = Field(
        None,
        gt=0,
        description="stop after the epoch that passes this, which cuts a one-cycle schedule off before its end; "
        "none: no limit",
    )
    batch_size: int = Field(2, ge=1, description="pictures a step and device")
    accumulate: int = Field(1, ge=1, description="steps whose gradients are added up before the weights move")
    extra_share: float | None = Field(
        None, gt=0, lt=1, description="share of an epoch that is pseudo-labelled; none: every picture once"
    )
    early_stop_patience: int = Field(10, ge=1, description="epochs without a better Dice that end the run")
    seed: int = Field(0, ge=0, lt=2**32, description="of the first weights, the order of pictures and their variation")
    precision: Literal["auto", "bf16", "fp32"] = Field("auto", description="auto: bf16 where the machine has it")
    workers: int | None = Field(None, ge=0, description="processes that read pictures; none: as the machine allows")
    cache_gb: float = Field(4.0, ge=0, description="shrunken pictures are kept in memory if they fit in this")
    devices: int | None = Field(None, ge=1, description="how many GPUs; none: all there are")
    nodes: int = Field(1, ge=1, description="how many machines train together")

    def pseudo_count(self, real: int, pseudo: int) -> int:
        """How many pseudo-labelled pictures an epoch shows beside all `real` ones, where there are `pseudo`."""
        if self.extra_share is None or not pseudo:
            return pseudo
        return round(real * self.extra_share / (1 - self.extra_share))


class Config(Section):
    """The one tree of options."""

    split: SplitConfig = SplitConfig()
    input: InputConfig = InputConfig()
    network: NetworkConfig = NetworkConfig()
    loss: LossConfig = LossConfig()
    augment: AugmentConfig = AugmentConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    training: TrainingConfig = TrainingConfig()

    @model_validator(mode="after")
    def _fold_is_one_of_the_folds(self) -> Config:
        folds, fold = self.split.folds, self.split.fold
        if folds is None and fold:
            raise ValueError(f"split.fold = {fold} is a fold of none: set split.folds, too")
        if folds is not None and fold >= folds:
            raise ValueError(f"split.fold = {fold} is none of {folds} folds: use 0 to {folds - 1}")
        return self

    @model_validator(mode="after")
    def _size_fits_levels(self) -> Config:
        step = 2**self.network.downsamplings
        if any(side % step or side < step for side in self.input.size_wh):
            good = "x".join(str(max(step, round(side / step) * step)) for side in self.input.size_wh)
            wrong = "x".join(map(str, self.input.size_wh))
            raise ValueError(f"input.size_wh {wrong} can't be halved {self.network.downsamplings} times: use {good}")
        return self
