"""The one kind of refusal that services raise and the API renders as problem+json."""

from typing import ClassVar


class Problem(Exception):
    """A request that cannot be done, with a stable upper-case code.

    Subclasses stand beside the service that raises them and set status, code and title;
    the message given to the constructor says what to do about it.
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "BAD_REQUEST"
    title: ClassVar[str] = "The request cannot be done"

    def __init__(self, detail: str = "", *, pointer: str = "") -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.pointer = pointer
