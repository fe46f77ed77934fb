"""From a model to the files of its C."""

from __future__ import annotations

from seqmap.errors import UserError
from seqmap.export.c.classify import classify_program
from seqmap.export.c.program import Program, part_of, prefix_of
from seqmap.export.c.tag import tag_program
from seqmap.runtime.classify import ClassifySession
from seqmap.runtime.session import Session
from seqmap.runtime.tag import TagSession

Files = dict[str, str]

# Names of an export that are not the model's: `example.c`, the `check.c` that it is compiled with,
# and `sm_…`, what the runtime's own functions are called.
_TAKEN = ("example", "check", "sm")


def model_prefix(name: str) -> str:
    """Return what the files and the public names of a model begin with.

    Args:
        name: What it is called, such as the folder of the export.
    """
    found = prefix_of(name)
    return f"{found}_model" if found in _TAKEN else found


def program_of(session: Session, prefix: str) -> tuple[Program, str]:
    """Return a model as C, and which of the templates of `source/` it takes.

    Raises:
        UserError: Its task, or a part of it, is not one that the C runtime has.
    """
    if isinstance(session, ClassifySession):
        return classify_program(session, prefix), "classify"
    if isinstance(session, TagSession):
        return tag_program(session, prefix), "tag"
    raise UserError(
        "a model of this task cannot be exported to C",
        given=session.task.name,
        allowed="classify (texts), tag",
    )


def files_of(program: Program, kind: str) -> Files:
    """Return the files of an export by name."""
    return {
        f"{program.prefix}.h": program.header(f"{kind}.h"),
        f"{program.prefix}.c": program.source(),
        f"{program.prefix}_weights.h": program.weights(),
        "example.c": program.filled(part_of(f"example_{kind}.c")),
    }
