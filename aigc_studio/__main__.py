"""`python -m aigc_studio` and the `aigc-studio` command. Standard library only until the environment is entered."""

import sys

from aigc_studio.bootstrap import enter

__all__ = ["main"]


def main():
    """Run the command line in its environment; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # absent where a program replaced the stream
        if reconfigure is not None:
            reconfigure(errors="replace")  # Chinese on a console with another code page
    code = enter(sys.argv[1:])
    if code is None:
        from aigc_studio.cli import program

        code = program(sys.argv[1:])
    return code


if __name__ == "__main__":
    sys.exit(main())
