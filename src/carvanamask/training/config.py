"""Every option of a training run, declared once: TOML, --set, help, checks and docs/options.md derive from it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator


class Section(BaseModel):
    """A group of options: frozen, and an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SplitConfig(Section):
    """Which cars are held out, and which pictures train besides the folder's."""

    validation_share: float = Field(0.15, gt=0, lt=1, description="share of the cars that are held out")
    folds: int | None = Field(None, ge=2, description="hold out one of this many equal parts instead; none: the share")
    fold: int = Field(0, ge=0, description="which fold is held out, counted from 0")
    seed: int = Field(0, description="seed of the choice of held-out cars")
    held_out_cars: tuple[str, ...] = Field((), description="ids of cars that are held out in any case")
    extra_folders: tuple[str, ...] = Field((), description="folders of more labelled cars, all of which train")
    extra_labels: tuple[str, ...] = Field((), description="lists of pseudo-labels, all of which train")


class InputConfig(Section):
    """How a picture becomes the network's input."""

    size_wh: tuple[int, int] = Field((1024, 1024), description="width and height to which pictures are shrunk")
    mean: float = Field(0.5, description="subtracted from each channel, which lies in [0, 1]")
    std: float = Field(0.5, gt=0, description="each channel is divided by this after the mean is subtracted")
    clahe: float = Field(0, ge=0, description="clip limit of CLAHE, adaptive histogram equalisation; 0: off")
    coarse_model: str = Field(
        "", description="model that finds the car, so that this network only sees the crop around it"
    )

    @property
    def sees_crop(self) -> bool:
        """Whether this is a refinement network, which only sees the crop around the car."""
        return bool(self.coarse_model)


class NetworkBase(Section, ABC):
    """The options that every network has."""

    name: str
    convolutions_up: int = Field(3, ge=1, description="3x3 convolutions per level of the decoder")
    normalisation: Literal["batch", "renorm"] = Field("batch", description="renorm: batch renormalisation")
    renorm_warm_up: int = Field(
        5000,
        ge=1,
        description="renorm: steps of plain batch normalisation; its limits are fully open after 8 times as many",
    )

    @property
    @abstractmethod
    def downsamplings(self) -> int:
        """How often the encoder halves the picture, whose sides must be divisible by 2 to this power."""

    @property
    @abstractmethod
    def summary(self) -> str:
        """The network in words, for a model's card."""

    @property
    def training_note(self) -> str:
        """What a model's card must say about how this network's gradients are computed; '' for exact ones."""
        return ""

    def without_pretraining(self) -> Self:
        """Return the options of the same network for weights that are loaded afterwards."""
        return self


class UNetConfig(NetworkBase):
    """The original's network: a U-Net whose encoder and decoder are plain convolutions."""

    name: Literal["unet"] = Field("unet", description="the original's U-Net")
    levels: int = Field(6, ge=1, le=8, description="how often the encoder halves the picture")
    filters: int = Field(16, ge=1, description="filters of the first level; each level doubles them")
    convolutions_down: int = Field(2, ge=1, description="3x3 convolutions per level of the encoder")

    @property
    def downsamplings(self) -> int:
        return self.levels

    @property
    def summary(self) -> str:
        return f"{self.name}, {self.levels} levels from {self.filters} filters"


Positive = Annotated[int, Field(ge=1)]


class EncoderUNetConfig(NetworkBase):
    """The options of a U-Net whose encoder is a ready-made network with five downsamplings."""

    decoder_filters: tuple[Positive, Positive, Positive, Positive] = Field(
        (96, 64, 32, 24), description="filters of the decoder's levels, the smallest map first"
    )
    pretrained: bool = Field(False, description="start with the weights that the encoder learned on ImageNet")

    @property
    def downsamplings(self) -> int:
        return 5

    @property
    def summary(self) -> str:
        return f"{self.name}, decoder filters {', '.join(map(str, self.decoder_filters))}"

    def without_pretraining(self) -> Self:
        return self.model_copy(update={"pretrained": False})


class LiteUNetConfig(EncoderUNetConfig):
    """A U-Net with EfficientNet-Lite0 as its encoder."""

    name: Literal["lite0-unet"] = Field("lite0-unet", description="a U-Net with EfficientNet-Lite0 as its encoder")
    frozen_downsamplings: int = Field(
        0, ge=0, le=5, description="the encoder's layers up to this downsampling keep their initial weights"
    )
    depthwise_gradient_share: float = Field(
        0.25,
        gt=0,
        le=1,
        description="share of a batch from which a CPU with bf16 computes the gradient of depthwise weights; 1: exact",
    )

    @model_validator(mode="after")
    def _frozen_layers_use_batch_normalisation(self) -> Self:
        if self.frozen_downsamplings and self.normalisation == "renorm":
            raise ValueError("frozen_downsamplings keeps what batch normalisation learned: use normalisation = 'batch'")
        return self

    @property
    def training_note(self) -> str:
        if self.depthwise_gradient_share == 1:
            return ""
        return f"depthwise weight gradients from {self.depthwise_gradient_share:.0%} of a batch on a CPU with bf16"


class TimmUNetConfig(EncoderUNetConfig):
    """A U-Net with an encoder from the package timm."""

    name: Literal["timm"] = Field("timm", description="a U-Net with an encoder from the package timm")
    encoder: str = Field("resnet34", min_length=1, description="name of a model in timm")

    @property
    def summary(self) -> str:
        return f"{self.encoder} from {super().summary}"


NetworkConfig = Annotated[UNetConfig | LiteUNetConfig | TimmUNetConfig, Field(discriminator="name")]
"""The network's options; `name` decides which there are."""

NETWORKS: dict[str, type[NetworkBase]] = {
    kind.model_fields["name"].default: kind for kind in get_args(get_args(NetworkConfig)[0])
}
"""Name of a network → the class of its options."""


class LossConfig(Section):
    """The loss function."""

    name: Literal["boundary", "bce-dice", "bce-log-dice"] = Field(
        "boundary", description="boundary: BCE and Dice, weighted near the edge"
    )
    border_weight: float = Field(2.0, ge=0, description="boundary: extra weight of a pixel near the edge")


class AugmentConfig(Section):
    """How training pictures are varied."""

    flip: float = Field(0.5, ge=0, le=1, description="probability of a mirrored picture")
    shift: float = Field(0.0625, ge=0, le=0.5, description="largest shift, as a fraction of the side")
    scale: float = Field(0.1, ge=0, lt=1, description="largest change of scale, as a fraction")
    hue: float = Field(50, ge=0, le=90, description="largest rotation of the hue, in OpenCV's units of 2 degrees")
    saturation: float = Field(5, ge=0, le=255, description="largest change of saturation, of 255")
    value: float = Field(15, ge=0, le=255, description="largest change of brightness, of 255")
    blur: float = Field(0, ge=0, le=20, description="largest sigma of the blur of every other picture, in input pixels")
    noise: float = Field(0, ge=0, le=255, description="largest sigma of the noise of every other picture, of 255")
    background: float = Field(0, ge=0, le=1, description="probability of another background behind the car")
    background_folder: str = Field("", description="folder of photographs as backgrounds, besides drawn ones")


class OptimizerConfig(Section):
    """The optimizer and its learning rate."""

    name: Literal["rmsprop", "adamw"] = Field("rmsprop", description="which optimizer")
    learning_rate: float = Field(1e-4, gt=0, description="initial learning rate, or the peak of a one-cycle schedule")
    weight_decay: float = Field(0.0, ge=0, description="decoupled for adamw, an L2 penalty for rmsprop")
    schedule: Literal["plateau", "one-cycle"] = Field("plateau", description="how the learning rate changes")
    plateau_factor: float = Field(0.1, gt=0, lt=1, description="plateau: factor of the learning rate")
    plateau_patience: int = Field(
        4, ge=0, description="plateau: the rate falls after more than this many epochs without a gain of 0.01 % in Dice"
    )


class TrainingConfig(Section):
    """How long to train, in which batches, and on which hardware."""

    epochs: int = Field(50, ge=1, description="number of epochs; each ends in a validation and a checkpoint")
    epochs_per_pass: int = Field(
        1, ge=1, description="epochs that together show every picture once; more lose less in an interruption"
    )
    max_minutes: float | None = Field(
        None, gt=0, description="stop after the epoch that exceeds this, within a one-cycle schedule; none: no limit"
    )
    batch_size: int = Field(2, ge=1, description="pictures per step and device")
    accumulate: int = Field(1, ge=1, description="steps whose gradients are accumulated before an update")
    extra_share: float | None = Field(
        None, gt=0, lt=1, description="pseudo-labelled share of an epoch; none: every picture once"
    )
    early_stop_patience: int = Field(10, ge=1, description="epochs without a better Dice after which training stops")
    seed: int = Field(0, ge=0, lt=2**32, description="seed of initial weights, picture order and augmentation")
    precision: Literal["auto", "bf16", "fp32"] = Field("auto", description="auto: bf16 where the hardware has it")
    workers: int | None = Field(None, ge=0, description="processes that read pictures; none: chosen for the machine")
    cache_gb: float = Field(4.0, ge=0, description="shrunken pictures are cached in memory if they fit into this")
    devices: int | None = Field(None, ge=1, description="number of GPUs; none: all")
    nodes: int = Field(1, ge=1, description="number of machines that train together")

    def pseudo_count(self, real: int, pseudo: int) -> int:
        """Return how many of the `pseudo` pictures with pseudo-labels an epoch shows besides all `real` ones."""
        if self.extra_share is None or not pseudo:
            return pseudo
        return round(real * self.extra_share / (1 - self.extra_share))


class Config(Section):
    """All options of a training run."""

    split: SplitConfig = SplitConfig()
    input: InputConfig = InputConfig()
    network: NetworkConfig = UNetConfig()
    loss: LossConfig = LossConfig()
    augment: AugmentConfig = AugmentConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    training: TrainingConfig = TrainingConfig()

    @field_validator("network", mode="before")
    @classmethod
    def _add_network_name(cls, options: object) -> object:
        """Let a recipe leave the name of the default network out."""
        default: UNetConfig = cls.model_fields["network"].default
        return {"name": default.name, **options} if isinstance(options, dict) else options

    @model_validator(mode="after")
    def _fold_exists(self) -> Config:
        folds, fold = self.split.folds, self.split.fold
        if folds is None and fold:
            raise ValueError(f"split.fold = {fold} needs split.folds: set it, too")
        if folds is not None and fold >= folds:
            raise ValueError(f"split.fold = {fold} is not one of {folds} folds: use 0 to {folds - 1}")
        return self

    @model_validator(mode="after")
    def _size_fits_network(self) -> Config:
        step = 2**self.network.downsamplings
        if any(side % step or side < step for side in self.input.size_wh):
            good = "x".join(str(max(step, round(side / step) * step)) for side in self.input.size_wh)
            wrong = "x".join(map(str, self.input.size_wh))
            raise ValueError(f"input.size_wh {wrong} can't be halved {self.network.downsamplings} times: use {good}")
        return self
