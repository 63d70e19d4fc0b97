"""Full-text search in the videos of one user.

The index on `videos.words` contains the words of title, prompt and tags, `#tag` for each tag, and the owner as `@id`.
The owner is a part of every query, so a search reads the entries of one owner only. A search is always combined with
`owner_id`: the entries are for speed.
"""

import re
from typing import Final
from uuid import UUID

from sqlalchemy import TextClause, text

# The last word, unless it is quoted or excluded. A prefix of one or two letters would match too many words.
_INCOMPLETE_WORD: Final = re.compile(r"(?:^|\s)\w{3,}$")
_WORDS: Final = "websearch_to_tsquery('simple', :words)"
# The text of a query that ends with a word ends with its quote.
_WORDS_AND_PREFIX: Final = f"""CASE right(CAST({_WORDS} AS text), 1)
    WHEN '''' THEN CAST(CAST({_WORDS} AS text) || ':*' AS tsquery) ELSE {_WORDS} END"""

_MATCHES: Final = f"(videos.words @@ (CAST(:entries AS tsquery) && {_WORDS}) AND numnode({_WORDS}) > 0)"
# The planner assumes that any prefix is frequent, and would read the videos one by one. OFFSET 0 makes it read the
# index.
_PREFIX_MATCHES: Final = f"""(videos.id IN (
        SELECT id FROM videos AS found WHERE found.words @@ (CAST(:entries AS tsquery) && {_WORDS_AND_PREFIX}) OFFSET 0
    ) AND numnode({_WORDS}) > 0)"""  # noqa: S608  (composed of constants)


def matches(owner_id: UUID, *, words: str | None, tag: str | None) -> TextClause:
    """Videos of this owner with these words and this tag.

    `words` has the syntax of web search engines: all words, "a phrase", or, -without. The last word may be incomplete.
    Text without a word finds nothing.
    """
    entries = _quoted(f"@{owner_id}") + (f" & {_quoted(f'#{tag}')}" if tag is not None else "")
    if words is None:
        return text("videos.words @@ CAST(:entries AS tsquery)").bindparams(entries=entries)
    condition = _PREFIX_MATCHES if _INCOMPLETE_WORD.search(words) else _MATCHES
    return text(condition).bindparams(entries=entries, words=words)


def _quoted(entry: str) -> str:
    """An entry of the index as a part of a query."""
    escaped = entry.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
