"""Commands whose help shows no type where there is nothing to give."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

from vlm_core.cli.report import use_options

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

    def invoke(self, ctx: Any) -> Any:
        """Run the command; what it says then shows its own options."""
        use_options({option.name: _name_of(option) for option in self.params if option.opts[0][:2] == "--"})
        return super().invoke(ctx)


def _name_of(option: Any) -> str:
    """An option as a message shows it; of a secret the variable too, which no list of processes shows."""
    variable, name = option.envvar, str(option.opts[0])
    return f"{variable} or {name}" if variable else name
