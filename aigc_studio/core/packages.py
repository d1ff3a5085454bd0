"""The environment the program runs in and what is installed there by uv: groups, stamps, the user's pip settings.

Standard library only: the bootstrap reads it before anything is installed. A *group* is a list of requirements:
"window" (the project's dependencies), "engine" and "test" (its extras). When a group is installed whole, a *stamp* is
written, last, so that an environment without a fitting stamp is known to be stale or partial. Every start reads this
module before the program proper, so that what a ready environment does not need is imported where it is used.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "PACKAGE",
    "PipSettings",
    "checkout_of",
    "clean_environment",
    "find_uv",
    "fingerprint",
    "python_of",
    "read_pip_settings",
    "read_stamp",
    "remove_stamp",
    "requirements",
    "state_folder",
    "write_stamp",
]

PACKAGE = "aigc-studio"
"""Our name as a distribution."""

_INTERPRETER_VARIABLES = ("PYTHONHOME", "PYTHONPATH", "PYTHONSAFEPATH", "__PYVENV_LAUNCHER__", "PYTHONEXECUTABLE")


def checkout_of(package: Path) -> Path | None:
    """The source checkout that holds this package folder; None for an installed copy."""
    project = package.resolve().parent / "pyproject.toml"
    try:
        text = project.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return project.parent if re.search(rf'^name = "{PACKAGE}"$', text, re.MULTILINE) else None


def requirements(group: str, checkout: Path | None) -> tuple[str, ...]:
    """The requirement lines of a group: from the checkout's pyproject.toml, or of the installed copy."""
    if checkout is not None:
        import tomllib

        project = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return tuple(project["dependencies"] if group == "window" else project["optional-dependencies"][group])
    from importlib import metadata

    lines = metadata.requires(PACKAGE) or []
    marker = re.compile(r"""\s*;\s*extra\s*==\s*['"]([^'"]+)['"]\s*$""")
    found = []
    for line in lines:
        extra = marker.search(line)
        if (extra is None and group == "window") or (extra is not None and extra[1] == group):
            found.append(marker.sub("", line))
    return tuple(found)


# The environment ----------------------------------------------------------------------------------------------------


def python_of(environment: Path) -> Path:
    """The interpreter of a virtual environment."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def state_folder(environment: Path) -> Path:
    """Where an environment keeps our stamps and marks."""
    return environment / ".aigc-studio"


def fingerprint(environment: Path, lines: Sequence[str]) -> str:
    """What a stamp must say: the requirements and the interpreter they were installed for."""
    try:
        config = (environment / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace")
    except OSError:
        config = ""
    version = re.search(r"^version(?:_info)?\s*=\s*(\d+\.\d+)", config, re.MULTILINE)
    parts = (*sorted(lines), os.path.realpath(python_of(environment)), version[1] if version else "")
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def read_stamp(environment: Path, group: str) -> dict[str, str]:
    """The stamp of a group; {} when there is none or it cannot be read."""
    try:
        data = json.loads((state_folder(environment) / f"{group}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def write_stamp(environment: Path, group: str, **values: str) -> None:
    """Say that a group is installed whole: the last step of an installation."""
    folder = state_folder(environment)
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f"{group}.json.{os.getpid()}"
    beside.write_text(json.dumps(values, indent=1), encoding="utf-8")
    beside.replace(folder / f"{group}.json")


def remove_stamp(environment: Path, group: str) -> None:
    """Say that a group is not whole: the first step of an installation."""
    (state_folder(environment) / f"{group}.json").unlink(missing_ok=True)


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables for another interpreter: without those that would lead it to this one's modules."""
    dropped = (*_INTERPRETER_VARIABLES, "VIRTUAL_ENV", "VIRTUAL_ENV_PROMPT", "CONDA_PREFIX", "UV_PROJECT_ENVIRONMENT")
    return {name: value for name, value in environ.items() if name not in dropped}


def find_uv(environment: Path) -> Path | None:
    """The uv program: the environment's own, else one on the PATH."""
    own = python_of(environment).with_name("uv.exe" if os.name == "nt" else "uv")
    if own.is_file():
        return own
    found = shutil.which("uv")
    return Path(found) if found else None


# What the user told pip -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PipSettings:
    """The user's pip settings that say where packages come from. uv does not read them; we hand them on."""

    index_url: str = ""
    extra_index_urls: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    cert: str = ""
    client_cert: str = ""
    trusted_hosts: tuple[str, ...] = ()
    proxy: str = ""
    timeout: int = 0

    @classmethod
    def parse(cls, listing: str) -> PipSettings:
        """From the output of `pip config list`: lines of `section.option='value'`.

        As in pip, "install" overrides "global" and a PIP_ variable (section ":env:") overrides both.
        """
        from ast import literal_eval

        values: dict[str, str] = {}
        sections: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
        for line in listing.splitlines():
            name, separator, quoted = line.partition("=")
            section, _, option = name.strip().rpartition(".")
            if not separator or section not in sections:
                continue
            try:
                value = literal_eval(quoted.strip())
            except (SyntaxError, ValueError):
                value = quoted.strip()
            sections[section][option.replace("_", "-")] = str(value)
        for section in sections.values():
            values.update(section)

        def many(option: str) -> tuple[str, ...]:
            return tuple(values.get(option, "").split())

        timeout = values.get("timeout") or values.get("default-timeout") or ""
        return cls(
            index_url=values.get("index-url", "").strip(),
            extra_index_urls=many("extra-index-url"),
            find_links=many("find-links"),
            no_index=values.get("no-index", "").strip().lower() in ("1", "true", "yes", "on"),
            cert=values.get("cert", "").strip(),
            client_cert=values.get("client-cert", "").strip(),
            trusted_hosts=many("trusted-host"),
            proxy=values.get("proxy", "").strip(),
            timeout=int(timeout) if timeout.strip().isdigit() else 0,
        )

    def uv_options(self) -> list[str]:
        """Options of `uv pip install` and `uv pip compile`. pip warns of a missing local folder, uv would stop."""
        options = []
        for place in self.find_links:
            if "://" in place or Path(place).expanduser().exists():
                options += ["--find-links", place if "://" in place else str(Path(place).expanduser())]
        if self.no_index:
            options.append("--no-index")
        elif self.extra_index_urls:
            options += ["--index-strategy", "unsafe-best-match"]  # pip takes the best of all its indexes
        for host in self.trusted_hosts:
            options += ["--allow-insecure-host", host]
        return options

    def uv_environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The variables for uv: ours to start from, then pip's settings where the user has not set uv's own."""
        variables = clean_environment(environ)
        wanted = {"UV_HTTP_TIMEOUT": str(max(self.timeout, 120)), "UV_NO_PROGRESS": "" if _terminal() else "1"}
        if not self.no_index and not any(name in variables for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL")):
            wanted["UV_DEFAULT_INDEX"] = self.index_url  # in a variable: it may hold a password
        if not self.no_index and not any(name in variables for name in ("UV_INDEX", "UV_EXTRA_INDEX_URL")):
            wanted["UV_INDEX"] = " ".join(self.extra_index_urls)
        wanted["SSL_CERT_FILE"] = self.cert if self.cert and Path(self.cert).is_file() else ""
        wanted["SSL_CLIENT_CERT"] = self.client_cert
        if not wanted["SSL_CERT_FILE"] and _system_certificates():
            wanted["UV_SYSTEM_CERTS"] = "1"  # companies add their own authorities there
        if self.proxy:
            wanted.update(HTTP_PROXY=self.proxy, HTTPS_PROXY=self.proxy, ALL_PROXY=self.proxy)
        for name, value in wanted.items():
            if value:
                variables.setdefault(name, value)
        return variables

    def offers_torch(self) -> bool:
        """Whether a local folder of the user's holds a torch wheel for this Python, which then decides the build."""
        tag = f"cp{sys.version_info[0]}{sys.version_info[1]}"
        for place in self.find_links:
            folder = Path(place.removeprefix("file://")).expanduser()
            if folder.is_dir() and any(tag in wheel.name.split("-") for wheel in folder.glob("torch-*.whl")):
                return True
        return False


def _terminal() -> bool:
    return bool(sys.stderr and sys.stderr.isatty())


def _system_certificates() -> bool:
    if os.name == "nt" or sys.platform == "darwin":
        return True
    import ssl

    paths = ssl.get_default_verify_paths()
    return bool(paths.cafile or (paths.capath and any(Path(paths.capath).iterdir())))


def read_pip_settings(*pythons: Path | str) -> PipSettings:
    """What `pip config list` says, asked of the first interpreter that has pip; PIP_ variables are part of it."""
    for python in pythons:
        try:
            answer = subprocess.run(
                [str(python), "-m", "pip", "config", "list"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env={**clean_environment(os.environ), "PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1"},
                timeout=60,
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if answer.returncode == 0:
            return PipSettings.parse(answer.stdout.decode("utf-8", "replace"))
    variables = (
        f":env:.{name[4:].lower().replace('_', '-')}={value!r}"
        for name, value in os.environ.items()
        if name.startswith("PIP_")
    )
    return PipSettings.parse("\n".join(variables))
