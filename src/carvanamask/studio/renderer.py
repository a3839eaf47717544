"""Path tracing with Mitsuba 3, denoised with Open Image Denoise where it is installed.

This module alone needs the `studio` extra, and imports Mitsuba when it first renders.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from carvanamask.errors import MissingPackageError
from carvanamask.studio.camera import Camera
from carvanamask.studio.mesh import Surface
from carvanamask.studio.paint import FINISHES, Finish, Livery
from carvanamask.studio.stage import WALL_RADIUS, WALL_TOP, Stage, floor_surfaces, table_albedo, wall_radiance

VARIANTS = ("llvm_ad_rgb", "scalar_rgb")
# LLVM 14 to 16 crash in Dr.Jit's generated code; 19 is the one that was tried
_LLVM_PATTERNS = (
    "/usr/lib/*/libLLVM.so.19*",
    "/usr/lib/*/libLLVM-19*.so*",
    "/usr/lib/llvm-19/lib/libLLVM*.so*",
    "/usr/lib64/libLLVM.so.19*",
    "/opt/homebrew/opt/llvm@19/lib/libLLVM*.dylib",
)

Image = NDArray[np.float32]


def find_llvm() -> Path | None:
    """Return the path of a libLLVM that Mitsuba can use, or None."""
    named = os.environ.get("DRJIT_LIBLLVM_PATH")
    if named:
        return Path(named)
    found = (path for pattern in _LLVM_PATTERNS for path in sorted(Path("/").glob(pattern.lstrip("/"))))
    return next(found, None)


def load_mitsuba(variant: str | None = None) -> Any:
    """Return the Mitsuba module, set to the variant or this machine's fastest one. Raises MissingPackageError."""
    llvm = find_llvm()
    if llvm is not None:
        os.environ["DRJIT_LIBLLVM_PATH"] = str(llvm)
    try:
        import mitsuba
    except ImportError:
        raise MissingPackageError("the studio needs Mitsuba", "pip install 'carvanamask[studio]'") from None
    mitsuba.set_variant(variant or VARIANTS[llvm is None])
    return mitsuba


def engine(variant: str) -> str:
    """Return a line that names the renderer, and how to get a faster one."""
    if variant == "scalar_rgb":
        return f"Mitsuba, {variant}: with LLVM 19 it is five times as fast (Debian: apt-get install libllvm19)"
    return f"Mitsuba, {variant}, on all cores"


class PhotoSet:
    """A car on a stage, ready to be photographed view by view."""

    def __init__(
        self, livery: Livery, sheets: dict[str, Image], stage: Stage, rng: np.random.Generator, variant: str | None
    ) -> None:
        self.mi = load_mitsuba(variant)
        self.variant, self.stage = self.mi.variant(), stage
        self.wall = self._texture(wall_radiance(stage, rng))
        plain = {name: _principled(finish) for name, finish in FINISHES.items()}
        plain["paint"] = _principled(livery.paint)
        plain["trim"] = _principled(livery.finish("trim"))
        plain["floor"] = _principled(Finish(stage.floor, 0.42))
        plain["ring"] = _principled(Finish((0.16, 0.16, 0.16), 0.9))
        table = self._texture(table_albedo(stage, rng))
        plain["table"] = _principled(Finish(stage.table, 0.36)) | {"base_color": table}
        self.materials = {name: self.mi.load_dict({"type": "twosided", "inside": bsdf}) for name, bsdf in plain.items()}
        for name, sheet in sheets.items():
            self.materials[f"skin {name}"] = self.mi.load_dict(self._skin(sheet))

    def _texture(self, values: Image) -> Any:
        bitmap = self.mi.Bitmap(np.ascontiguousarray(values))  # row 0 is v = 0
        return self.mi.load_dict({"type": "bitmap", "bitmap": bitmap, "raw": True, "wrap_mode": "clamp"})

    def _skin(self, sheet: Image) -> dict[str, Any]:
        names = {"roughness": 3, "metallic": 4, "clearcoat": 5}
        channels = {name: self._texture(sheet[..., k : k + 1]) for name, k in names.items()}
        ink = _principled(Finish((0, 0, 0))) | {"base_color": self._texture(sheet[..., :3])} | channels
        return {"type": "mask", "opacity": self._texture(sheet[..., 6:7]), "ink": {"type": "twosided", "inside": ink}}

    def _mesh(self, name: str, surfaces: list[Surface]) -> Any:
        mi = self.mi
        starts = np.cumsum([0, *(len(each.vertices) for each in surfaces)])
        faces = np.concatenate([each.faces + start for each, start in zip(surfaces, starts[:-1], strict=True)])
        props = mi.Properties()
        props["mesh_bsdf"] = self.materials[name]
        counts, has = (int(starts[-1]), len(faces)), {"has_vertex_normals": True, "has_vertex_texcoords": True}
        mesh = mi.Mesh(name.replace(" ", "_"), *counts, props=props, **has)
        params = mi.traverse(mesh)
        for key, field in (("vertex_positions", "vertices"), ("vertex_normals", "normals"), ("vertex_texcoords", "uv")):
            params[key] = np.concatenate([getattr(each, field) for each in surfaces]).astype(np.float32).ravel()
        params["faces"] = faces.astype(np.uint32).ravel()
        params.update()
        return mesh

    def _sensor(self, camera: Camera, samples: int) -> dict[str, Any]:
        (width, height), box_filter = camera.size_wh, {"type": "box"}
        eye = np.array([camera.distance, 0.0, camera.height])
        aim = eye - np.array([np.cos(camera.pitch), 0.0, np.sin(camera.pitch)])
        return {
            "type": "perspective",
            "fov_axis": "x",
            "fov": float(np.degrees(2 * np.arctan(0.5 / camera.focal))),
            "principal_point_offset_y": -camera.shift * width / height,
            "to_world": self.mi.ScalarTransform4f().look_at(origin=eye.tolist(), target=aim.tolist(), up=[0, 0, 1]),
            "film": {"type": "hdrfilm", "width": width, "height": height, "pixel_format": "rgb", "rfilter": box_filter},
            "sampler": {"type": "independent", "sample_count": samples},
        }

    def scene(self, camera: Camera, car: list[Surface], angle: float, samples: int) -> Any:
        """Return the Mitsuba scene of the car's surfaces where they stand; `angle` is the turntable's."""
        self.mi.set_variant(self.variant)  # another set may have changed it
        transform, stage = self.mi.ScalarTransform4f(), self.stage
        by_material: dict[str, list[Surface]] = {}
        for each in [*car, *floor_surfaces(stage, angle)]:
            by_material.setdefault(each.material, []).append(each)
        parts = {name.replace(" ", "_"): self._mesh(name, surfaces) for name, surfaces in by_material.items()}
        wall = {"type": "cylinder", "radius": WALL_RADIUS, "p0": [0, 0, stage.seam_z], "p1": [0, 0, WALL_TOP]}
        wall |= {"flip_normals": True, "emitter": {"type": "area", "radiance": self.wall}}
        light = {"type": "area", "radiance": {"type": "rgb", "value": stage.box_radiance}}
        boxes = {}
        for k, (x, y, length, width) in enumerate(stage.soft_boxes):
            to_world = transform.translate([x, y, WALL_TOP - 0.1]).rotate([1, 0, 0], 180).scale([length, width, 1])
            boxes[f"soft_box_{k}"] = {"type": "rectangle", "to_world": to_world, "emitter": light}
        sky = {"type": "constant", "radiance": {"type": "rgb", "value": stage.fill}}
        scene = {"type": "scene", "sensor": self._sensor(camera, samples), "wall": wall, "sky": sky}
        return self.mi.load_dict(scene | boxes | parts)

    def photograph(self, camera: Camera, car: list[Surface], angle: float, samples: int, seed: int) -> Image:
        """Return a linear RGB picture, float32 (height, width, 3)."""
        mi, scene = self.mi, self.scene(camera, car, angle, samples)
        tracer = mi.load_dict({"type": "path", "max_depth": 7, "rr_depth": 2})
        light = np.array(mi.render(scene, integrator=tracer, spp=samples, seed=seed), dtype=np.float32)
        # the denoiser's guides need no light, so few samples are enough
        guide = mi.load_dict({"type": "aov", "aovs": "albedo:albedo,normal:sh_normal"})
        guides = np.array(mi.render(scene, integrator=guide, spp=4, seed=seed), dtype=np.float32)[..., -6:]
        return denoise(light, guides[..., :3], guides[..., 3:])


def denoise(picture: Image, albedo: Image, normals: Image) -> Image:
    """Return the picture without path tracing's grain (Open Image Denoise); without pyoidn, as it is."""
    try:
        import pyoidn  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        return picture
    clean = pyoidn.denoise(picture, np.clip(albedo, 0, 1), np.clip(normals, -1, 1), hdr=True)
    return np.asarray(clean, dtype=np.float32)


def _principled(finish: Finish) -> dict[str, Any]:
    channels = {"roughness": finish.roughness, "metallic": finish.metallic, "clearcoat": finish.clearcoat}
    fixed = {"type": "principled", "clearcoat_gloss": 0.97, "specular": 0.5}
    return {**fixed, **channels, "base_color": {"type": "rgb", "value": list(finish.rgb)}}
