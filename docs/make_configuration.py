"""Write docs/configuration.md from `seqmap.config`: each key, its default, values and meaning.

python docs/make_configuration.py            # rewrites the page
python docs/make_configuration.py --check    # exit 1 when the page is out of date
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import sys
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from seqmap import config as module
from seqmap.config import Config

PAGE = Path(__file__).resolve().with_name("configuration.md")
SOURCE = ast.parse(inspect.getsource(module))

HEAD = """# Configuration

<!-- Written by docs/make_configuration.py from src/seqmap/config.py: change it there. -->

Every key has a default. Change some in a TOML file, or one at a time on the command line; `--set`
comes after the file and wins:

```sh
cat > small.toml <<'END'
[encoder]
hidden = 32

[train]
epochs = 2
END
seqmap train classify reviews.csv --config small.toml --set head.pooling=max --out small.seqmap
```

In Python, the most used keys are parameters of `Classifier`, and `config` takes any key:

```python
from seqmap import Classifier

Classifier(hidden=32, config={"head.pooling": "attention", "train.learning_rate": 0.001})
```

An unknown key is refused with the nearest one that exists. The configuration that a model was
trained with is inside of it: `seqmap.load("small.seqmap").config`.
"""


def field_notes(section: type[Any]) -> dict[str, str]:
    """Return the docstring under each field of a section."""
    body = next(
        n for n in SOURCE.body if isinstance(n, ast.ClassDef) and n.name == section.__name__
    )
    notes: dict[str, str] = {}
    for field, note in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(note, ast.Expr):
            assert isinstance(field.target, ast.Name) and isinstance(note.value, ast.Constant)
            notes[field.target.id] = " ".join(str(note.value.value).split())
    return notes


def allowed(section: str, key: str, hint: Any) -> str:
    """Return which values a key takes."""
    if get_origin(hint) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(hint))
    low, high = module._RANGES.get((section, key), (None, None))
    if low is None:
        return {bool: "true or false", str: "text"}.get(hint, hint.__name__)
    if high >= 10_000:
        return f"from {low:,}"
    return f"{low:g} to {high:g}"


def page() -> str:
    """Return the whole page."""
    lines = [HEAD]
    default = Config()
    for part in dataclasses.fields(Config):
        section = getattr(default, part.name)
        hints, notes = get_type_hints(type(section)), field_notes(type(section))
        lines += [f"## [{part.name}]", "", inspect.getdoc(type(section)) or "", ""]
        lines += ["| key | default | values | meaning |", "|---|---|---|---|"]
        for field in dataclasses.fields(section):
            value = json.dumps(getattr(section, field.name))
            values = allowed(part.name, field.name, hints[field.name])
            lines.append(f"| `{field.name}` | `{value}` | {values} | {notes[field.name]} |")
        lines.append("")
    return "\n".join(lines)


def main() -> int:
    """Write or check the page."""
    text = page()
    if "--check" in sys.argv[1:]:
        return int(not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text)
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
