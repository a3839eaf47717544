"""Where files are: on this machine's disks, or in cloud storage that fsspec reaches (s3://, gs://, memory://…)."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from carvanamask.errors import ConfigError, MissingPackageError


def to_path(text: str | Path) -> Path:
    """Return a Path for a local path, a UPath for a URL; a UPath has every method of Path that this package calls.

    Raises ConfigError for a URL that can't be reached or of an unknown kind, MissingPackageError for one whose package
    isn't installed.
    """
    if "://" not in str(text):
        return Path(text)
    kind, _, rest = str(text).partition("://")
    if kind == "file":
        return Path(rest)
    try:
        from upath import UPath

        path = UPath(str(text))
        _ = path.fs  # imports the package for this kind of storage
        return cast(Path, path)
    except ModuleNotFoundError as missing:
        package = "'carvanamask[cloud]'" if missing.name == "upath" else missing.name
        raise MissingPackageError(f"needs {missing.name}", f"pip install {package}", text) from None
    except ImportError as missing:  # fsspec names the package
        raise MissingPackageError(f"can't be reached ({missing})", "pip install it", text) from None
    except OSError as error:
        raise ConfigError(f"can't be reached ({error})", "check its name and the network", text) from None
    except ValueError as error:
        raise ConfigError(f"can't be reached ({error})", "use a folder, s3:// or gs://", text) from None


def resolved(path: Path) -> Path:
    """Return a local path without links and `..`, so that one folder has one name; a URL as it is."""
    return path.resolve() if is_local(path) else path


def is_local(path: Path) -> bool:
    """Return whether the operating system's own calls work on the path."""
    return type(path).__module__.partition(".")[0] == "pathlib"
