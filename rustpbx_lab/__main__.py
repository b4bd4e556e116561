"""Entry point of the command ``rustpbx-lab`` and of ``python -m rustpbx_lab``."""

import os
import signal


def main() -> None:
    """Run the command line; Ctrl+C while it starts prints nothing and exits 130."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:  # else a parent has it ignored
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    from rustpbx_lab.cli import main as run

    signal.signal(signal.SIGINT, usual)
    run()


if __name__ == "__main__":
    main()
