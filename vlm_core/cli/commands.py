"""Commands whose help shows no type where there is nothing to give."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

OUTPUT = "Output"
PAGES = "Pages"
MODEL = "Model"
LONG_JOBS = "Long jobs"


class Command(TyperCommand):
    """A command; its switches, --help too, are shown without `<bool>`."""

    def get_params(self, ctx: Any) -> Any:
        """The parameters, as typer has them."""
        parameters = super().get_params(ctx)
        for parameter in parameters:
            if getattr(parameter, "is_flag", False) and parameter.metavar is None:
                parameter.metavar = ""
        return parameters
