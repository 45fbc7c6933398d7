"""A program's flags as the arguments of a function: the same names, defaults and rules."""

import contextlib
import functools
import os
import sys
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from absl import flags

from data_pipeline.common.errors import UserError
from data_pipeline.common.files import StrPath

DEFINERS = ("bool", "enum", "float", "integer", "list", "multi_string", "string")
# Programs define their flags by absl's functions, which a thread replaces for as long as it asks one for them.
ASKING = threading.Lock()


def values(
    define_flags: Callable[[], None], given: dict[str, Any], flagfile: StrPath | None = None
) -> flags.FlagValues:
    """What a program would be given: flags of its own, apart from the process's.

    Args:
        define_flags: the program's.
        given: values by flag; a list for a flag of several, None for the default.
        flagfile: a file of flags, which `given` overrides.

    Raises:
        UserError: there is no such flag or file, or a value breaks its rule.
    """
    own = flags.FlagValues()
    with _defined_in(own):
        define_flags()
    unknown = sorted(set(given) - set(own))
    if unknown:
        raise UserError(f"There is no `{unknown[0]}` to set here. It can be {', '.join(sorted(own))}")
    arguments = [f"--flagfile={os.fspath(flagfile)}"] if flagfile else []
    arguments += [word for name, value in given.items() if value is not None for word in _words(name, value, own)]
    try:
        own(["", *arguments])
    except (OSError, UnicodeDecodeError, flags.CantOpenFlagFileError) as error:
        raise UserError(f"{flagfile} cannot be read as a file of flags; give one that exists") from error
    except flags.Error as error:
        raise UserError(str(error).splitlines()[0]) from error
    return own


def make_callable(module: str, function: Callable) -> None:
    """Lets a module be called as a function is: `keras_apn.train` is a program, and trains where it is called."""

    class Called(types.ModuleType):
        __call__ = staticmethod(function)

    Called.__doc__ = function.__doc__
    sys.modules[module].__class__ = Called


@contextlib.contextmanager
def _defined_in(own: flags.FlagValues) -> Iterator[None]:
    with ASKING, contextlib.ExitStack() as replaced:
        for name in DEFINERS:
            definer = getattr(flags, f"DEFINE_{name}")
            replaced.enter_context(
                mock.patch.object(flags, f"DEFINE_{name}", functools.partial(definer, flag_values=own))
            )
        yield


def _words(name, value, own):
    """A value as a command line has it."""
    if isinstance(value, bool):
        if not own[name].boolean:
            raise UserError(f"`{name}` is no yes or no. Received: {value}")
        return [f"--{name}" if value else f"--no{name}"]
    if isinstance(value, list | tuple):
        several = isinstance(own[name], flags.MultiFlag)
        return [f"--{name}={one}" for one in value] if several else [f"--{name}={','.join(map(str, value))}"]
    return [f"--{name}={value}"]
