"""Where files are: on this machine's disks, or in a store that fsspec reaches (s3://, gs://, memory://…)."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from carvanamask.errors import ConfigError


def to_path(text: str | Path) -> Path:
    """A path as the command line names it: a Path, or for a URL a UPath, which is one in all that we ask of it.

    Raises ConfigError for a URL without the packages it needs, or of an unknown kind.
    """
    if "://" not in str(text):
        return Path(text)
    kind, _, rest = str(text).partition("://")
    if kind == "file":
        return Path(rest)
    try:
        from upath import UPath

        path = UPath(str(text))
        _ = path.fs  # imports the store's own package
        return cast(Path, path)
    except ModuleNotFoundError as missing:
        package = "'carvanamask[cloud]'" if missing.name == "upath" else missing.name
        raise ConfigError(f"{text}: {kind}:// needs {missing.name}: pip install {package}") from None
    except ImportError as missing:  # fsspec says which
        raise ConfigError(f"{text}: {missing}: pip install it") from None
    except OSError as error:
        raise ConfigError(f"{text} can't be reached ({error}): check its name and the network") from None
    except ValueError as error:
        raise ConfigError(f"{text}: {error}: use a folder, s3:// or gs://") from None


def resolved(path: Path) -> Path:
    """Without links and `..`, so that one folder has one name; a path in a store as it is."""
    return path.resolve() if is_local(path) else path


def is_local(path: Path) -> bool:
    """Whether the operating system's own calls work on it."""
    return type(path).__module__.partition(".")[0] == "pathlib"
