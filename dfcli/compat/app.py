"""An app made of Azure's decorators: `func.FunctionApp` or `df.DFApp`, with its blueprints."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

from dfcli.authoring.app import Blueprint
from dfcli.authoring.triggers import FunctionDefinition
from dfcli.compat.bindings import definition
from dfcli.compat.builders import unwrapped
from dfcli.errors import AppLoadError
from dfcli.model.history import AZURE_RULES
from dfcli.registry.registry import Registry


def azure_apps(module: ModuleType) -> dict[str, Any]:
    """The apps of Azure's kind that stand at module level, by the name of the variable, each once."""
    import sys

    functions = sys.modules.get("azure.functions")
    register = getattr(functions, "FunctionRegister", None)
    if register is None:
        return {}
    found = {id(value): (name, value) for name, value in vars(module).items() if isinstance(value, register)}
    return dict(found.values())


def functions_of(app: Any) -> Registry:
    """The functions of an app, whichever library it was written with. Raises AppLoadError, and TypeError for what is
    no app."""
    if isinstance(app, Blueprint):
        return Registry.from_app(app)
    if not hasattr(app, "_function_builders") or not hasattr(app, "auth_level"):
        raise TypeError(f"an app is a df.DFApp of dfcli or of Azure's packages, not {type(app).__name__}")
    return Registry(definitions(app), AZURE_RULES)


def definitions(app: Any) -> list[FunctionDefinition]:
    """The functions of an app. Raises AppLoadError for what Azure's packages refuse."""
    found = []
    for builder in app._function_builders:
        raw = builder._function
        try:
            function = builder.build(app.auth_level)
        except ValueError as error:
            code = getattr(unwrapped(raw._func), "__code__", None)
            place = f"{code.co_filename}:{code.co_firstlineno}: " if code is not None else ""
            raise AppLoadError(
                f"function {raw.get_function_name()!r} cannot be used",
                why=f"{place}{error}",
                hint="Azure Functions refuses it as well; the durable client's decorator stands below the trigger's",
            ) from error
        described = json.loads(function.get_function_json())
        found.append(
            definition(
                function.get_function_name(),
                unwrapped(function.get_user_function()),
                described["bindings"],
                auth_level=str(getattr(app.auth_level, "value", app.auth_level)),
                input_type=getattr(function.get_user_function(), "_df_input_type", None),
            )
        )
    return found
