"""A model's card: everything that prediction needs to know about a model, and where the model comes from."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator


class _CardPart(BaseModel):
    # JSON keeps the field names of 0.2.0 where they differ from the attribute's name
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_by_name=True, serialize_by_alias=True
    )


class Member(_CardPart):
    """One of the models that another model uses; it is stored in that model's folder."""

    name: str
    weight: float = Field(1.0, ge=0, description="weight in the ensemble's mean; only the proportions count")
    sha256: str = Field(description="SHA-256 of its card, which in turn names its network's")


class ModelCard(_CardPart):
    """Everything that prediction needs to know about a model, and where the model comes from."""

    name: str
    network: str = Field(description="the network in words")
    input_size_wh: tuple[PositiveInt, PositiveInt] = Field(description="width and height of the network's input")
    mean: float = Field(0.5, description="subtracted from each RGB channel, which lies in [0, 1]")
    std: float = Field(0.5, gt=0, description="each channel is divided by this after the mean is subtracted")
    clahe: float = Field(0, ge=0, description="clip limit of adaptive histogram equalisation; 0: off")
    threshold: float = Field(0.5, gt=0, lt=1, description="a pixel belongs to the car above this probability")
    max_uncertain_ratio: float = Field(
        0, ge=0, alias="most_undecided", description="uncertain share of a car above which it needs review; 0: unknown"
    )
    training_cars: tuple[str, ...] = ()
    validation_cars: tuple[str, ...] = ()
    scores: dict[str, float] = Field(
        {}, description="full-size scores on the validation cars; of a crop model, on crops"
    )
    provenance: str = Field("", description="the data, its terms, and how the network was trained")
    flip: bool = Field(False, description="average the probabilities with those of the mirrored picture")
    clean_up: tuple[str, ...] = Field((), description="post-processing steps that run after the threshold")
    members: tuple[Member, ...] = Field(
        (), description="the members of an ensemble, or the coarse model of a crop model"
    )
    sees_crop: bool = Field(False, alias="zooms", description="the network sees the crop that a coarse model finds")
    sha256: str = Field("", description="SHA-256 of the ONNX file; '' for an ensemble, which has none of its own")

    @model_validator(mode="before")
    @classmethod
    def _drop_stage(cls, tree: Any) -> Any:
        """Accept cards of 0.2.0, whose networks could take the empty stage as an input."""
        if isinstance(tree, dict) and "sees_stage" in tree:
            if tree["sees_stage"]:
                raise ValueError("its network takes the empty stage as an input, which ended with version 0.2.0")
            tree = {name: value for name, value in tree.items() if name != "sees_stage"}
        return tree

    @property
    def has_network(self) -> bool:
        """Whether the model has an ONNX file of its own; an ensemble has none."""
        return self.sees_crop or not self.members
