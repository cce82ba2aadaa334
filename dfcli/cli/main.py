"""The `dfcli` command: find the command, run it, and turn every refusal into words and an exit code."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from dfcli.cli import func_flags, terminal
from dfcli.cli.catalogue import COMMANDS
from dfcli.cli.errors import say_error
from dfcli.cli.plain_values import use_plain_values
from dfcli.errors import DfError

_USAGE_ERROR = typer.BadParameter.__mro__[1]
_EXCEPTIONS_OF_THE_PARSER = typer.BadParameter.__mro__[2]
_LIBRARY_FAULT = 1
_INTERRUPTED = 130
DEBUG_PORT = "5678"
"""Where debuggers of editors look by default."""
_READER_LEFT = 141
_COMPLETION = "_DFCLI_COMPLETE"
"""Set by the shell when it asks what could come next on the line."""


class LazyGroup(TyperGroup):
    """Commands from the catalogue, imported when they are asked for; the list of them imports nothing."""

    words = ""
    """What stands before the command: empty, or the name of a group and a blank, as in `entity list`."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        names = (name.removeprefix(self.words) for name in COMMANDS if name.startswith(self.words))
        return list(dict.fromkeys(name.partition(" ")[0] for name in names))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        name = self.words + cmd_name
        if name in COMMANDS:
            return load_command(name)
        return _group(name) if cmd_name in self.list_commands(ctx) else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in self.list_commands(ctx) and not args[0].startswith("-"):
            self._refuse(args[0], self.list_commands(ctx))
        return super().resolve_command(ctx, args)

    def _refuse(self, name: str, known: list[str]) -> None:
        from difflib import get_close_matches

        from dfcli.errors import InvalidArgument

        meant = func_flags.COMMANDS.get(name.lower()) if not self.words else None
        close = [meant] if meant else get_close_matches(name.replace("_", "-").lower(), known, n=1)
        raise InvalidArgument(
            f"there is no command {self.words + name!r}",
            hint=f"dfcli {self.words}{close[0]}" if close else f"dfcli {self.words}--help lists them",
        )

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        groups: dict[str, list[tuple[str, str]]] = {}
        shown = {name: entry for name, entry in COMMANDS.items() if name.startswith(self.words)}
        for name, entry in shown.items():
            groups.setdefault(entry.group, []).append((name, entry.help))
        longest = max(map(len, shown))
        for group, rows in groups.items():
            with formatter.section(group):
                formatter.write_dl([(name.ljust(longest), line) for name, line in rows])


def _group(name: str) -> Any:
    """The group of the commands that begin with a word, as `entity` does for `entity list`."""

    def show(ctx: typer.Context) -> None:
        if ctx.invoked_subcommand is None:
            terminal.answer(ctx.get_help())
            raise typer.Exit(0)

    one = typer.Typer(
        cls=type("LazySubgroup", (LazyGroup,), {"words": f"{name} "}),
        add_completion=False,
        rich_markup_mode=None,
        invoke_without_command=True,
        add_help_option=False,
    )
    first = next(known for known in COMMANDS if known.startswith(f"{name} "))
    one.callback(help=f"{COMMANDS[first].group}: dfcli {name} COMMAND --help tells more of each.")(show)
    return _completed(typer.main.get_command(one))


def load_command(name: str) -> Any:
    """The command as the parser's object, with `--debug` and `--help` added to its options."""
    entry = COMMANDS[name]
    function = getattr(importlib.import_module(entry.module), entry.function)
    one = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    one.command(name.rpartition(" ")[2], add_help_option=False)(function)
    return _completed(typer.main.get_command(one))


def _completed(command: Any) -> Any:
    """With the options that every command has. The parser's own help option would load its converters."""

    def holder(
        debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
        help: Annotated[bool, typer.Option("--help", "-h", is_eager=True, help="Show this text.")] = False,
    ) -> None:
        """Only its options are used."""

    one = typer.Typer(add_completion=False, rich_markup_mode=None)
    one.command()(holder)
    debug, help_ = typer.main.get_command(one).params[:2]
    debug.callback = lambda _ctx, _param, value: _switch_on_debug(bool(value))
    help_.callback = _show_help
    has_own = any("--debug" in known.opts for known in command.params)  # `run` waits for a debugger, too
    for option in (help_,) if has_own else (debug, help_):
        option.expose_value = False
        command.params.append(option)
    use_plain_values(command)
    return command


def _show_help(ctx: Any, _param: Any, wanted: Any) -> None:
    if wanted and not ctx.resilient_parsing:
        terminal.answer(ctx.get_help())
        raise typer.Exit(0)


_debug = bool(os.environ.get("DFCLI_DEBUG"))


def _switch_on_debug(wanted: bool) -> None:
    global _debug
    _debug = _debug or wanted


app = typer.Typer(
    name="dfcli",
    cls=LazyGroup,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_help_option=False,
    invoke_without_command=True,
)


@app.callback()
def dfcli(
    ctx: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Durable Functions on one machine.

    An app is a folder with code, by default the current one (-C DIR for another). Its task hub, the folder with the
    state, is `.dfcli/default` inside it. Commands talk to the running host, and work on the files when there is none.
    """
    if version:
        from importlib.metadata import version as version_of

        terminal.answer(f"dfcli {version_of('dfcli')}")
        raise typer.Exit(0)
    if ctx.invoked_subcommand is None:
        terminal.answer(ctx.get_help())
        raise typer.Exit(0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; the process's exit code."""
    terminal.stand_in_for_closed_streams()
    try:
        command = _completed(typer.main.get_command(app))
        if _COMPLETION in os.environ:
            command.main(prog_name="dfcli")
        else:  # not `command.main`: it has words and exit codes of its own for what goes wrong
            given = _with_port(func_flags.translated(sys.argv[1:] if arguments is None else arguments, load_command))
            with command.make_context("dfcli", given) as context:
                command.invoke(context)
        sys.stdout.flush()
        return 0
    except typer.Exit as leaving:
        return _flushed(leaving.exit_code)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        _drop_stdout()
        return _READER_LEFT
    except Exception as error:
        return report(error)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else _LIBRARY_FAULT


def _with_port(arguments: list[str]) -> list[str]:
    """`run --debug` with its port, which may be left out on the line."""
    if arguments[:1] != ["run"] or "--debug" not in arguments:
        return arguments
    _switch_on_debug(True)
    place = arguments.index("--debug") + 1
    has_port = place < len(arguments) and arguments[place].isdigit()
    return arguments if has_port else [*arguments[:place], DEBUG_PORT, *arguments[place:]]


def _flushed(code: int) -> int:
    """The code, unless the last of the result could not be written."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_stdout()
        return _READER_LEFT
    return code


def report(error: Exception) -> int:
    """Say on stderr what went wrong, why and how to go on; the exit code that tells it to scripts."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        _drop_stdout()
    if _debug and not isinstance(error, _EXCEPTIONS_OF_THE_PARSER):
        import traceback

        for line in "".join(traceback.format_exception(error)).rstrip().split("\n"):
            terminal.say(terminal.visible(line))
    if isinstance(error, DfError):
        say_error(error)
        return error.exit_code
    if isinstance(error, typer.Abort):
        terminal.say("interrupted")
        return _INTERRUPTED
    if isinstance(error, _EXCEPTIONS_OF_THE_PARSER):
        say_error(_usage_fault(error))
        return 2
    say_error(_unexpected(error))
    return _LIBRARY_FAULT


def _usage_fault(error: Any) -> DfError:
    text = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "dfcli"
    return DfError(text[:1].lower() + text[1:], hint=f"{path} --help")


def _unexpected(error: Exception) -> DfError:
    if isinstance(error, OSError) and error.strerror:
        subject = f"{error.filename}: " if error.filename else ""
        return DfError(f"{subject}{error.strerror}", why="the system refused it")
    return DfError(
        f"{type(error).__name__}: {error}",
        why="this is a fault of dfcli, not of your app",
        hint="run the command again with --debug and report what it shows",
    )


def _drop_stdout() -> None:
    """Nobody reads any more: what is still buffered goes nowhere, so that the interpreter's last flush is quiet."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        return


if __name__ == "__main__":
    sys.exit(main())
