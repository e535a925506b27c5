"""The engines' configuration files, from the templates in `conf/`."""

from pathlib import Path
from string import Template

from infra.cluster.artefacts import CONF


def write(template: str, folder: Path, **values: object) -> Path:
    """Write `conf/<template>` into the folder with `$names` replaced. The file."""
    source = CONF / template
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / source.name
    file.write_text(Template(source.read_text()).substitute(values))
    return file


def copy(template: str, folder: Path) -> Path:
    """Write `conf/<template>` into the folder as it is. The file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / Path(template).name
    file.write_bytes((CONF / template).read_bytes())
    return file
