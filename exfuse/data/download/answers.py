"""What a server's answer says beside its body, and what is said when there is none."""

import email.utils
import re
import time

import requests

_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")


def content_range(response: requests.Response) -> tuple[int | None, int | None]:
    """First byte and total of ``Content-Range``; none for what it does not say."""
    found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    start, total = found.groups() if found else (None, None)
    return (int(start) if start else None), (int(total) if total and total != "*" else None)


def retry_after(value: str | None) -> float | None:
    """Seconds that ``Retry-After`` asks for, given as a number or a date."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def in_words(error: requests.RequestException) -> str:
    """What went wrong on the way, without the library's nested texts."""
    if isinstance(error, requests.exceptions.ProxyError):
        return "the proxy does not answer"
    if isinstance(error, requests.exceptions.Timeout) or "timed out" in str(error).lower():
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection was cut"
    if "NameResolutionError" in str(error):
        return "the host's name is not known here (no network?)"
    return "no connection"
