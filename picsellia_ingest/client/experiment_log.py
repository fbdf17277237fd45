"""The log of an experiment while it is trained, and the marks by which a training's output is cut into chapters."""

from __future__ import annotations

from ..api import experiments
from ..errors import PicselliaError
from .experiment_core import Core


class Log(Core):
    """Sends lines of a log; ``line_nb`` counts them."""

    line_nb: int
    buffer_length: int

    def send_experiment_logging(
        self, log: str, part: str, final: bool = False, special: bool = False
    ) -> bool:
        """Add a line to the log; whether it arrived. One that cannot be sent is printed and ends no training."""
        line = {
            "experiment_id": self._id(),
            "line_nb": self.line_nb,
            "log": log,
            "final": final,
            "part": part,
            "special": special,
        }
        self.line_nb += 1
        try:
            experiments.send_log(self._connection, line)
        except PicselliaError as error:
            print(f"a line of the log was not sent: {error}")
            return False
        return True

    def start_logging_chapter(self, name: str) -> None:
        """Print the mark that begins a chapter of a training's output."""
        print(f"--#--{name}")

    def start_logging_buffer(self, length: int = 1) -> None:
        """Print the mark that begins a block of ``length`` lines that take each other's place."""
        self.buffer_length = length
        print(f"--{length}--")

    def end_logging_buffer(self) -> None:
        """Print the mark that ends the block."""
        print(f"---{self.buffer_length}---")
