"""Loading an app: `function_app.py` of its folder, with everything it imports from there, fresh each time.

A load either gives a checked app or changes nothing: when the new code does not load, the modules of the app that
ran before are back in `sys.modules` and `sys.path` is as it was. One load at a time; call it from one thread.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
import traceback
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import ModuleType

from dfcli.authoring.app import DFApp
from dfcli.compat import function_json
from dfcli.compat.app import azure_apps, definitions
from dfcli.compat.sdk import check_host_json, check_versions, hushed, uses_durable
from dfcli.errors import AppLoadError
from dfcli.model.history import AZURE_RULES, REPLAY_RULES
from dfcli.project import imports, virtual_env
from dfcli.project.code_id import code_id_of
from dfcli.project.folder import ENTRY_FILE, belongs_to_app, source_files
from dfcli.registry.registry import Registry


@dataclass(frozen=True, slots=True)
class LoadedApp:
    """One version of an app's code, checked."""

    folder: str
    registry: Registry
    code_id: str
    """What `ExecutionStarted` records: see `code_id_of`."""
    files: list[str]
    """The app's code, relative to the folder."""


def load_app(folder: str, *, disabled: Collection[str] = ()) -> LoadedApp:
    """The app in `folder`, imported anew, without the functions whose case-folded names are `disabled`.

    Raises AppLoadError naming file and line of what is wrong."""
    folder = imports.real_folder(folder)
    imports.check_entry(folder)
    files = source_files(folder)
    code_id = code_id_of(folder, files)
    virtual_env.use(folder)
    if uses_durable(os.path.join(folder, file) for file in files):
        check_versions()
        check_host_json(folder)
    with _fresh_modules(folder), hushed():
        registry = import_app(folder, disabled=disabled)
    return LoadedApp(folder, registry, code_id, files)


def import_app(folder: str, scope: str = "", disabled: Collection[str] = ()) -> Registry:
    """The functions of the app in `folder`, whose modules are imported below the package `scope`, without those whose
    case-folded names are `disabled`. Raises AppLoadError."""
    entry = imports.check_entry(folder)
    if entry:
        name = imports.entry_module()
        return registry_of(import_module(folder, f"{scope}.{name}" if scope else name), entry, disabled)
    functions = function_json.definitions(folder, partial(import_module, folder), scope or function_json.PACKAGE)
    return Registry((f for f in functions if f.name.casefold() not in disabled), AZURE_RULES)


@contextmanager
def _fresh_modules(folder: str) -> Iterator[None]:
    """Without the modules of any app loaded before; they come back when the body raises."""
    path_before = list(sys.path)
    before = {name: module for name, module in sys.modules.items() if imports.is_app_module(name, module, folder)}
    for name in before:
        del sys.modules[name]
    imports.prefer(folder)
    try:
        yield
    except BaseException:
        for name in [n for n, m in sys.modules.items() if imports.is_app_module(n, m, folder)]:
            del sys.modules[name]
        sys.modules.update(before)
        sys.path[:] = path_before
        raise


def import_module(folder: str, name: str) -> ModuleType:
    """A module of the app. Raises AppLoadError with the line of the app that is at fault."""
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except AppLoadError as error:  # raised by a decorator: it does not know where it stands
        place = _place_in_app(folder, error)
        raise AppLoadError(error.what, why=f"{place}: {error.why}" if place else error.why, hint=error.hint) from None
    except SyntaxError as error:
        raise _syntax_error(error) from error
    except ImportError as error:
        raise _import_error(folder, error) from error
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread():
            raise  # Ctrl-C; in the thread that reloads only the code itself can have raised it
        place = _place_in_app(folder, error) or ENTRY_FILE
        kind = type(error).__name__
        if isinstance(error, AttributeError) and "'FunctionBuilder'" in str(error):
            raise AppLoadError(
                "the app's decorators stand in an order that Azure's packages cannot take",
                why=f"{place}: {kind}: {error}",
                hint="put the orchestration or entity trigger nearest to the function, below @app.function_name(...)",
            ) from error
        if "`azure-functions-durable` SDK package" in str(error):
            raise AppLoadError(
                "the app cannot be loaded: a package is missing",
                why=f"{place}: {error}",
                hint=f"{sys.executable} -m pip install 'dfcli[azure]'",
            ) from error
        raise AppLoadError(
            "the app cannot be loaded: its code raised an error while it was imported",
            why=f"{place}: {kind}: {error}" if str(error) else f"{place}: {kind}",
            hint="code at module level runs at each load; move work into functions",
        ) from error


def registry_of(module: ModuleType, entry: str, disabled: Collection[str] = ()) -> Registry:
    """The functions of the one app that stands at module level, this library's or Azure's, without those whose
    case-folded names are `disabled`. Raises AppLoadError when there is none, or more than one."""
    apps = {id(value): (name, value) for name, value in vars(module).items() if isinstance(value, DFApp)}
    azure = azure_apps(module)
    if len(apps) + len(azure) > 1:
        names = sorted([*azure, *(name for name, _ in apps.values())])
        raise AppLoadError(
            f"the app has {len(names)} apps",
            why=f"{entry} holds {', '.join(names)}",
            hint="keep one, and make the others df.Blueprint() with app.register_functions(...)",
        )
    if azure:
        (azure_app,) = azure.values()
        functions, rules = definitions(azure_app), AZURE_RULES
    elif apps:
        ((_, app),) = apps.values()
        functions, rules = app.functions, REPLAY_RULES
    else:
        raise AppLoadError("the app has no DFApp", why=f"{entry} makes none at module level", hint="app = df.DFApp()")
    return Registry((f for f in functions if f.name.casefold() not in disabled), rules)


def _syntax_error(error: SyntaxError) -> AppLoadError:
    place = f"{error.filename or ENTRY_FILE}:{error.lineno}" if error.lineno else (error.filename or ENTRY_FILE)
    line = (error.text or "").strip()
    return AppLoadError(
        "the app cannot be loaded: its code is not valid Python",
        why=f"{place}: {error.msg}" + (f": {line}" if line else ""),
        hint="correct the line; a running host loads the app again when the file is saved",
    )


def _import_error(folder: str, error: ImportError) -> AppLoadError:
    place = _place_in_app(folder, error) or ENTRY_FILE
    name = error.name or ""
    missing = name.partition(".")[0]
    hint = "check the name and that the module's file is in the app's folder"
    if name in ("azure", "azure.functions", "azure.durable_functions"):
        hint = f"install Azure's packages beside dfcli: `{sys.executable} -m pip install 'dfcli[azure]'`"
    elif isinstance(error, ModuleNotFoundError) and missing:
        hint = f"install it into the environment of dfcli: `{sys.executable} -m pip install ...`"
    return AppLoadError(
        "the app cannot be loaded: an import failed", why=f"{place}: {type(error).__name__}: {error}", hint=hint
    )


def _place_in_app(folder: str, error: BaseException) -> str:
    """File and line of the app's code nearest to where `error` was raised; empty when none took part."""
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        file = frame.f_code.co_filename
        if belongs_to_app(folder, file):
            return f"{file}:{line}"
    return ""
