"""Masking of credentials in texts and values."""

import json
import logging
import re
from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, cast
from urllib.parse import quote, unquote

import orjson
from pydantic import BaseModel, SecretStr
from typing_extensions import override

MASK = "***"

SECRET_KEYS = frozenset(
    {
        "secretKey",
        "secretId",
        "apiKey",
        "appId",
        "password",
        "credential",
        "secret_key",
        "secret_id",
        "api_key",
        "app_id",
        "token",
        "accessToken",
        "access_token",
        "authToken",
        "auth_token",
        "clientSecret",
        "client_secret",
        "Authorization",
        "Proxy-Authorization",
        "X-Api-Key",
    }
)
"""JSON keys whose values are secrets; compared without regard to case."""

MIN_LOOSE_CHARACTERS = 4
"""A shorter secret is masked only where it is a whole JSON string: "a" is
everywhere."""

_FOLDED_KEYS = frozenset(key.casefold() for key in SECRET_KEYS)
_URL_NAMES = (
    r"access_?token|auth_?token|token|api_?key|app_?id|key|secret(?:_?key|_?id)?|"
    r"client_?secret|password|passwd|pwd|credential|signature|sig|auth"
)
_URL_PARAMETER = re.compile(
    rf"([?&;](?:{_URL_NAMES})=)([^&\s\"'\\#;<>]+)", re.IGNORECASE
)
_URL_LOGIN = re.compile(r"(://[^\s/:@\"'\\]*):([^\s/@\"'\\]+)@")
_SIP_LOGIN = re.compile(r"(\bsips?:[^\s:@\"'\\]+):([^\s@\"'\\]+)@", re.IGNORECASE)
_SECRET_HEADER = re.compile(r"auth|token|secret|key|password|cookie", re.IGNORECASE)
_SIP_NAME = r"[A-Za-z0-9.!%*_+`'~-]+[ \t]*:"
_SIP_HEADER = re.compile(
    rf"^(?P<name>{_SIP_NAME}[ \t]*)"
    rf"(?P<value>[^\r\n]*+(?:\r?\n(?!{_SIP_NAME})[^\r\n]++)*+)",
    re.MULTILINE,
)
"""A header with the lines that are none: its own, folded or torn off by a server."""
_DIGEST = re.compile(r'\b(response=)"[^"\r\n]*"?', re.IGNORECASE)
_CHALLENGES = frozenset({"www-authenticate", "proxy-authenticate"})
"""What a server asks with is sent to everybody: it holds no credential."""
_SCHEME = re.compile(r"(?:Digest|Basic|Bearer)(?=\s)", re.IGNORECASE)
_SIP_BODY = re.compile(
    r"^(a=crypto:[^\r\n]*?inline:|a=ice-pwd:|a=key-mgmt:|k=|"
    rf"[ \t]*(?:{_URL_NAMES})[ \t]*[=:][ \t]*)[^\r\n]+",
    re.MULTILINE | re.IGNORECASE,
)
"""Keys of a session description (RFC 4568, 8839, 4567, 8866), and of a form."""
_XML_SECRET = re.compile(
    rf"(<(?:\w+:)?(?:{_URL_NAMES})(?:\s[^<>]*)?>)[^<]+(?=</)", re.IGNORECASE
)
_HEADER_IN_URI = re.compile(
    r"([?&][a-z-]*(?:authorization|token|secret|password|cookie)[a-z-]*=)[^&\s\"'<>;]+",
    re.IGNORECASE,
)
"""A header that a URI asks to be sent, as in Refer-To."""


def _letters(place: int) -> str:
    return "".join({c for k in _FOLDED_KEYS for c in (k[place], k[place].upper())})


# The cheap test before the search: a quote and four letters, each of which stands at
# that place in some secret key. Classes of letters are nine times as quick as words.
_HINT = re.compile('"' + "".join(f"[{re.escape(_letters(n))}]" for n in range(4)))
_SECRET_KEY = re.compile(
    r'(?P<slashes>\\*)"(?:'
    + "|".join(re.escape(key) for key in sorted(SECRET_KEYS))
    + r')(?P=slashes)"\s*:\s*',
    re.IGNORECASE,
)
_QUOTE = re.compile(r'\\*"')
_BRACKET = re.compile(r'\\*"|[\[\]{}]')
_BARE = re.compile(r'[^\s,\]}\\"]+')
_KEPT = frozenset({"null", "true", "false"})
# whole runs, possessively: one character at a time takes seconds for a base64 text
_STRING = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"(\s*+:)?', re.DOTALL)
_NAME = re.compile(r"[A-Za-z_.]{1,48}\Z")
_TAGS = frozenset({"event", "command", "note", "type"})


def is_secret_key(key: object) -> bool:
    """Return whether the value under ``key`` is a secret."""
    return isinstance(key, str) and key.casefold() in _FOLDED_KEYS


def mask_text(text: str, values: Iterable[str] = ()) -> str:
    """Mask the secrets of a text, which need not be valid JSON.

    Args:
        text: JSON, JSON inside JSON strings, broken JSON or prose.
        values: Secrets known from elsewhere; each occurrence is masked, as written
            or as JSON or a URL would escape it. One of fewer than four characters
            is masked only where it is a whole JSON string.

    Returns:
        The text with ``***`` for each secret, otherwise unchanged. Valid JSON stays
        valid: names of keys, numbers and names of messages are kept.
    """
    if _HINT.search(text):
        text = _mask_keys(text)
    if ":" in text and ("=" in text or "@" in text):
        text = mask_url(text)
    present = _present(text, values) if values else None
    return _mask_values(text, present) if present else text


def mask_url(url: str) -> str:
    """Mask the passwords and tokens of the URLs in a text."""
    if "://" in url:
        url = _URL_LOGIN.sub(rf"\1:{MASK}@", url)
    if "=" in url:
        url = _URL_PARAMETER.sub(rf"\g<1>{MASK}", url)
    if "@" in url:
        url = _SIP_LOGIN.sub(rf"\1:{MASK}@", url)
    return url


def mask_sip(text: str) -> str:
    """Mask the credentials of a SIP message.

    Masked are headers that carry one (``Authorization``, ``Proxy-Authorization``,
    cookies, tokens), keys of a session description (``a=crypto``, ``a=ice-pwd``,
    ``k=``), and what stands in a body or a URI as a password. A challenge is kept: it
    was sent to whoever asked.

    Args:
        text: One message, as it was on the wire; it need not be a valid one.

    Returns:
        The text with ``***`` for each secret, otherwise unchanged.
    """
    end = re.search(r"\r?\n\r?\n", text)
    cut = len(text) if end is None else end.start()
    head = _DIGEST.sub(rf'\1"{MASK}"', _SIP_HEADER.sub(_mask_header, text[:cut]))
    body = _XML_SECRET.sub(rf"\g<1>{MASK}", text[cut:])
    body = _SIP_BODY.sub(rf"\g<1>{MASK}", body)
    return mask_text(_HEADER_IN_URI.sub(rf"\g<1>{MASK}", head) + body)


def _mask_header(header: re.Match[str]) -> str:
    name, value = header["name"], header["value"]
    is_open = not value or name.rstrip(": \t").casefold() in _CHALLENGES
    if is_open or not _SECRET_HEADER.search(name):
        return header[0]
    scheme = _SCHEME.match(value)
    return f"{name}{MASK}" if scheme is None else f"{name}{scheme[0]} {MASK}"


def url_secrets(url: str) -> set[str]:
    """Collect the passwords and tokens of the URLs in a text, as sent and decoded."""
    if "=" not in url and "@" not in url:
        return set()
    written = {
        found[1]
        for pattern in (_URL_PARAMETER, _URL_LOGIN, _SIP_LOGIN)
        for found in pattern.findall(url)
    }
    return {way for value in written for way in (value, unquote(value))} - {MASK}


def header_secrets(headers: Mapping[str, str]) -> set[str]:
    """Collect the values of the HTTP headers that identify someone.

    Of ``Bearer TOKEN`` the token alone is one too, of ``Basic …`` the password, of
    cookies what each holds.
    """
    found: set[str] = set()
    for name, value in headers.items():
        if _SECRET_HEADER.search(name):
            scheme, _, credential = value.partition(" ")
            found |= {value, credential}
            if "cookie" in name.casefold():
                pairs = (cookie.partition("=") for cookie in value.split(";"))
                found |= {content.strip() for _, _, content in pairs}
            if scheme.casefold() == "basic":
                with suppress(ValueError):  # it is not base64
                    login = b64decode(credential + "==").decode("utf-8", "replace")
                    found.add(login.partition(":")[2])
    found.discard("")
    return found


class UrlMask(logging.Filter):
    """Masks URLs in what a library logs; httpx tells every request at INFO."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = mask_url(record.getMessage()), ()
        return True


URL_MASK = UrlMask()
"""The one that is added to loggers: adding it twice has no effect."""


def mask_value(value: Any) -> Any:
    """Return a JSON value with its secrets masked; the argument is not changed."""
    if isinstance(value, str):
        return mask_url(value) if ":" in value else value
    if isinstance(value, Mapping):
        return {
            key: MASK if _hides(key, item) else mask_value(item)
            for key, item in cast("Mapping[Any, Any]", value).items()
        }
    if isinstance(value, list | tuple):
        return [mask_value(item) for item in cast("Sequence[Any]", value)]
    return value


def secret_values(model: BaseModel) -> set[str]:
    """Collect every secret that a model holds, at any depth."""
    found: set[str] = set()
    _collect(dict(model), found)
    found.discard("")
    found.discard(MASK)
    return found


def _hides(key: object, item: object) -> bool:
    return item is not None and not isinstance(item, bool) and is_secret_key(key)


def _collect(value: Any, found: set[str], secret: bool = False) -> None:
    if isinstance(value, SecretStr):
        found.add(value.get_secret_value())
    elif isinstance(value, str) and not secret:
        found |= url_secrets(value)
    elif isinstance(value, BaseModel):
        # extras too: a model that forbids them when built keeps those it has read
        _collect({**dict(value), **(value.__pydantic_extra__ or {})}, found)
    elif isinstance(value, Mapping):
        for key, item in cast("Mapping[Any, Any]", value).items():
            _collect(item, found, secret or is_secret_key(key))
    elif isinstance(value, list | tuple):
        for item in cast("Sequence[Any]", value):
            _collect(item, found, secret)
    elif secret and isinstance(value, str | int) and not isinstance(value, bool):
        found.add(str(value))


def _mask_keys(text: str) -> str:
    """Mask what stands after a secret key, at any level of escaping."""
    parts: list[str] = []
    done = 0
    while match := _SECRET_KEY.search(text, done):
        start, slashes = match.end(), match["slashes"]
        end = _value_end(text, start, len(slashes))
        parts.append(text[done:start])
        shown = text[start:end]
        kept = not shown or shown in _KEPT
        parts.append(shown if kept else f'{slashes}"{MASK}{slashes}"')
        done = end
    parts.append(text[done:])
    return "".join(parts)


def _value_end(text: str, start: int, slashes: int) -> int:
    """Return where the JSON value that begins at ``start`` ends."""
    opening = _QUOTE.match(text, start)
    if opening:
        level = len(opening[0]) - 1
        # fewer backslashes: the string around it ends here, there is no value
        return _string_end(text, opening.end(), level) if level >= slashes else start
    if text[start : start + 1] in {"{", "["}:
        return _bracket_end(text, start, slashes)
    bare = _BARE.match(text, start)
    return bare.end() if bare else start


def _string_end(text: str, start: int, slashes: int) -> int:
    # At level k a quote is written with 2^k - 1 backslashes, and each backslash of
    # the value with 2^k: an even number of those before it leaves it the end.
    for quote_ in _QUOTE.finditer(text, start):
        if (len(quote_[0]) - 1) % (2 * (slashes + 1)) == slashes:
            return quote_.end()
    return len(text)


def _bracket_end(text: str, start: int, slashes: int) -> int:
    depth, at = 0, start
    while token := _BRACKET.search(text, at):
        at = token.end()
        if token[0].endswith('"'):
            if len(token[0]) - 1 < slashes:  # the enclosing string ends here
                return token.start()
            at = _string_end(text, at, slashes)
        else:
            depth += 1 if token[0] in "{[" else -1
        if depth == 0:
            return at
    return len(text)


@lru_cache(maxsize=1024)
def _spellings(value: str) -> tuple[str, ...]:
    """Return the ways a text may write a secret, the longest first."""
    found = {value, quote(value, safe="", errors="replace")}
    for ascii_only in (False, True):
        written = value
        for _ in range(3):
            written = json.dumps(written, ensure_ascii=ascii_only)[1:-1]
            found.add(written)
    return tuple(sorted(found, key=len, reverse=True))


def _present(text: str, values: Iterable[str]) -> list[str]:
    """Return the secrets that the text shows in any spelling, the longest first."""
    found = {
        value
        for value in values
        if value
        and value != MASK
        and (value in text or any(way in text for way in _spellings(value)))
    }
    return sorted(found, key=len, reverse=True)


def _mask_values(text: str, secrets: list[str]) -> str:
    if text.lstrip()[:1] not in {"{", "["} or not _is_json(text):
        for secret in secrets:
            text = _mask_spellings(text, secret)
        return text
    key = ""

    def masked(token: re.Match[str]) -> str:
        nonlocal key
        body, colon = token[1], token[2] or ""
        holder, key = key, body if colon else ""
        # a secret such as "pass" or "hangup" must not break the message
        if _NAME.match(body) and (colon or holder in _TAGS):
            return token[0]
        value: str = json.loads(f'"{body}"', strict=False) if "\\" in body else body
        shown = MASK if value in secrets else _mask_inner(value, secrets)
        if shown == value:
            return token[0]
        return json.dumps(shown, ensure_ascii=False) + colon

    return _STRING.sub(masked, text)


def _mask_inner(value: str, secrets: list[str]) -> str:
    """Mask secrets inside the value of a JSON string."""
    present = _present(value, secrets)
    return _mask_values(value, present) if present else value


def _mask_spellings(text: str, secret: str) -> str:
    for way in _spellings(secret):
        if len(secret) >= MIN_LOOSE_CHARACTERS:
            text = text.replace(way, MASK)
        elif f'"{way}' in text:
            whole = re.compile(rf'(\\*)"{re.escape(way)}\1"(?!\s*:)')
            text = whole.sub(rf'\1"{MASK}\1"', text)
    return text


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except ValueError:
        return False
    return True
