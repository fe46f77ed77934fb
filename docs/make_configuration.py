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
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from seqmap.config import Config

PAGE = Path(__file__).resolve().with_name("configuration.md")

HEAD = """# Configuration

<!-- Written by docs/make_configuration.py from src/seqmap/config: change it there. -->

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
    body = ast.parse(inspect.getsource(section)).body[0]
    assert isinstance(body, ast.ClassDef)
    notes: dict[str, str] = {}
    for field, note in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(note, ast.Expr):
            assert isinstance(field.target, ast.Name) and isinstance(note.value, ast.Constant)
            notes[field.target.id] = " ".join(str(note.value.value).split())
    return notes


def allowed(hint: Any) -> str:
    """Return which values a key takes."""
    if get_origin(hint) is Literal:
        return ", ".join(f"`{value}`" for value in get_args(hint))
    if get_origin(hint) is not Annotated:
        return {bool: "true or false", str: "text"}.get(hint, hint.__name__)
    bounds = get_args(hint)[1]
    return f"from {bounds.least:,}" if bounds.most >= 10_000 else str(bounds)


def page() -> str:
    """Return the whole page."""
    lines = [HEAD]
    default = Config()
    for part in dataclasses.fields(Config):
        section = getattr(default, part.name)
        kind = type(section)
        hints, notes = get_type_hints(kind, include_extras=True), field_notes(kind)
        lines += [f"## [{part.name}]", "", inspect.getdoc(kind) or "", ""]
        lines += ["| key | default | values | meaning |", "|---|---|---|---|"]
        for field in dataclasses.fields(section):
            value = json.dumps(getattr(section, field.name))
            values = allowed(hints[field.name])
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
